//! How a change of members changes the majority.

use shared::{Member, MemberId};

/// The voting members of a cluster, of which a majority must work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Votes {
    pub(crate) voters: usize,
    /// How many of them respond. An alarm makes every member unhealthy, and none of them fail.
    pub(crate) working: usize,
}

/// Whether a member responds.
pub(crate) fn is_working(member: &Member) -> bool {
    member.raft_index.is_some()
}

impl Votes {
    /// The present ones.
    pub(crate) fn of(members: &[Member]) -> Self {
        let voters = members.iter().filter(|member| !member.learner);
        Self {
            voters: voters.clone().count(),
            working: voters.filter(|member| is_working(member)).count(),
        }
    }

    /// After a member was added or promoted, which works or is not started yet.
    pub(crate) fn with_another(self, working: bool) -> Self {
        Self {
            voters: self.voters + 1,
            working: self.working + usize::from(working),
        }
    }

    /// After a member was removed.
    pub(crate) fn without(self, members: &[Member], id: MemberId) -> Self {
        let removed = members.iter().find(|member| member.id == id);
        let Some(removed) = removed.filter(|member| !member.learner) else {
            return self;
        };
        Self {
            voters: self.voters.saturating_sub(1),
            working: self
                .working
                .saturating_sub(usize::from(is_working(removed))),
        }
    }

    /// How many must work.
    pub(crate) fn majority(self) -> usize {
        self.voters / 2 + 1
    }

    /// How many of those that work may fail.
    pub(crate) fn spare(self) -> usize {
        self.working.saturating_sub(self.majority())
    }

    /// Whether too few work: the cluster then accepts no writes.
    pub(crate) fn is_lost(self) -> bool {
        self.working < self.majority()
    }
}
