//! The operations of the Cluster page.

use shared::{AlarmKind, DowngradeAction, Member, MemberId};

/// A member, as it is named on screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) id: MemberId,
    /// Empty before it has started.
    pub(crate) name: String,
    /// The URL at which clients reach it, if known.
    pub(crate) url: Option<String>,
}

impl Who {
    /// The name, or the id of a member that has none.
    pub(crate) fn label(&self) -> String {
        if self.name.is_empty() {
            self.id.to_string()
        } else {
            self.name.clone()
        }
    }
}

impl From<&Member> for Who {
    fn from(member: &Member) -> Self {
        let advertised = member.client_urls.first();
        Self {
            id: member.id,
            name: member.name.clone(),
            url: member.reached_by.as_ref().or(advertised).cloned(),
        }
    }
}

/// An operation on the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Transfers the leadership; etcdctl must send this to the leader.
    MoveLeader { to: Who, leader: Option<Who> },
    /// Gives a learner a vote.
    Promote(Who),
    /// Removes a member permanently.
    Remove(Who),
    /// Replaces a member's peer URLs.
    Update { member: Who, peer_urls: Vec<String> },
    /// Adds a member.
    Add {
        peer_urls: Vec<String>,
        learner: bool,
    },
    /// Disarms an alarm; `only` if no other alarm is raised.
    Disarm {
        member: Who,
        alarm: String,
        only: bool,
    },
    /// Raises an alarm.
    Raise { member: Who, alarm: AlarmKind },
    /// Discards the history before a revision.
    Compact { revision: i64, physical: bool },
    /// Defragments these members in this order; `all` if the request names none.
    Defragment { members: Vec<Who>, all: bool },
    /// Validates, enables or cancels a downgrade.
    Downgrade {
        action: DowngradeAction,
        version: Option<String>,
    },
    /// Downloads a snapshot of a member, or of the first that responds.
    Snapshot(Option<Who>),
    /// Compares the members' data.
    CompareHashes,
}

/// An alarm's name in etcd.
pub(crate) fn alarm_name(alarm: AlarmKind) -> &'static str {
    match alarm {
        AlarmKind::NoSpace => "NOSPACE",
        AlarmKind::Corrupt => "CORRUPT",
    }
}

/// The members that a defragmentation without a choice includes, the leader last.
pub(crate) fn defragmentation_order(members: &[Member], leader: Option<MemberId>) -> Vec<Who> {
    let mut voters: Vec<&Member> = members.iter().filter(|member| !member.learner).collect();
    voters.sort_by_key(|member| Some(member.id) == leader);
    voters.into_iter().map(Who::from).collect()
}
