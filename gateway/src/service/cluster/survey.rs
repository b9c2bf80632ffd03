//! What the configured endpoints say of themselves, and which of them is asked about the rest.

use std::time::Duration;

use futures_util::future::join_all;
use shared::{Code, Header, MemberId};
use tokio::time::Instant;

use super::ClusterService;
use crate::caller::Caller;
use crate::etcd::{Etcd, MemberFact, StatusFact};
use crate::failure::{Failure, Result};

/// How long an endpoint may take to be dialled, and then to answer.
pub(super) const DIAL: Duration = Duration::from_secs(2);
/// How long a majority may take to agree on the members.
const AGREEMENT: Duration = Duration::from_secs(3);

/// What the configured endpoints answered.
pub(super) struct Survey<'a> {
    pub(super) answers: Vec<(&'a String, Result<StatusFact>)>,
    /// A connection to one that serves, so that one that hangs, or a learner, holds nothing else up;
    /// the ordinary one where none does.
    pub(super) etcd: Etcd,
    /// Whoever is asked knows no leader: nothing can be agreed on.
    leaderless: bool,
}

/// The members as they are listed.
pub(super) struct Roll {
    pub(super) header: Header,
    pub(super) members: Vec<MemberFact>,
    /// No majority has confirmed it: it is what one member knows.
    pub(super) stale: bool,
}

impl ClusterService {
    /// Asks every configured endpoint for its status.
    pub(super) async fn survey(&self, caller: &Caller) -> Survey<'_> {
        let endpoints = self.etcd.endpoints();
        let answers = join_all(endpoints.iter().map(|url| self.ask(caller, url))).await;
        let answers: Vec<_> = endpoints.iter().zip(answers).collect();
        let serving = answers
            .iter()
            .filter_map(|(url, answer)| Some((fitness(answer)?, url)));
        let best = serving.min_by_key(|(fitness, _)| *fitness);
        let etcd = match best {
            Some((_, url)) if endpoints.len() > 1 => self.connect(url).ok(),
            _ => None,
        };
        Survey {
            leaderless: best.is_some_and(|(fitness, _)| fitness == Fitness::Leaderless),
            answers,
            etcd: etcd.unwrap_or_else(|| self.etcd.clone()),
        }
    }

    /// A connection to the member behind one URL.
    pub(super) fn connect(&self, url: &str) -> Result<Etcd> {
        self.etcd.at(url, DIAL)
    }

    /// The status of whoever is at a URL, soon or not at all.
    pub(super) async fn ask(&self, caller: &Caller, url: &str) -> Result<StatusFact> {
        soon(url, async { self.connect(url)?.status(caller).await }).await
    }

    /// The same, asked without a token.
    pub(super) async fn ask_as_nobody(&self, caller: &Caller, url: &str) -> Result<StatusFact> {
        let asking = async { self.connect(url)?.status_as_nobody(caller).await };
        soon(url, asking).await
    }
}

impl Survey<'_> {
    /// The members, as a majority knows them; without one, in time, as the member asked does.
    pub(super) async fn members(&self, caller: &Caller) -> Result<Roll> {
        if !self.leaderless {
            let left = caller
                .deadline()
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // Half of a short time is left for asking again.
            let patience = left.map_or(AGREEMENT, |left| AGREEMENT.min(left / 2));
            match self.etcd.members(&caller.within(patience)).await {
                Ok((header, members)) => {
                    return Ok(Roll {
                        header,
                        members,
                        stale: false,
                    });
                }
                Err(failure) if refused(&failure) => return Err(failure),
                Err(_) => {}
            }
        }
        let (header, members) = self.etcd.members_here(caller).await?;
        Ok(Roll {
            header,
            members,
            stale: true,
        })
    }

    /// The endpoint that is this member of this cluster; rather one that it advertises.
    pub(super) fn endpoint_of(
        &self,
        cluster: MemberId,
        fact: &MemberFact,
    ) -> Option<(&String, &StatusFact)> {
        let answered = self
            .answers
            .iter()
            .filter_map(|(url, answer)| Some((*url, answer.as_ref().ok()?)));
        answered
            .filter(|(_, status)| is_member(status, cluster, fact.id))
            .max_by_key(|(url, _)| advertises(fact, url))
    }

    /// What an endpoint answered; none where the URL is not one.
    pub(super) fn answer_of(&self, url: &str) -> Option<&Result<StatusFact>> {
        let found = self.answers.iter().find(|(known, _)| same(known, url));
        found.map(|(_, answer)| answer)
    }

    /// Why this caller may ask nobody, where an endpoint says so and none answers.
    pub(super) fn refusal(&self) -> Option<&str> {
        let mut answers = self.answers.iter().map(|(_, answer)| answer);
        if answers.clone().any(Result::is_ok) {
            return None;
        }
        let refusal = answers.find_map(|answer| answer.as_ref().err().filter(|it| refused(it)));
        refusal.map(|failure| failure.detail.as_str())
    }
}

/// How well an endpoint can be asked about the rest, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fitness {
    Leads,
    Leaderless,
    /// It answers, though not this question of this caller's.
    Refuses,
}

/// None for who keeps silent, and for learners, which list no members.
fn fitness(answer: &Result<StatusFact>) -> Option<Fitness> {
    match answer {
        Ok(status) if status.learner => None,
        Ok(status) if status.leader == 0 => Some(Fitness::Leaderless),
        Ok(_) => Some(Fitness::Leads),
        Err(failure) if refused(failure) => Some(Fitness::Refuses),
        Err(_) => None,
    }
}

async fn soon(url: &str, asking: impl Future<Output = Result<StatusFact>>) -> Result<StatusFact> {
    let answer = tokio::time::timeout(DIAL * 2, asking).await;
    answer.unwrap_or_else(|_| {
        let detail = format!("{url} did not answer in time");
        Err(Failure::new(Code::Unavailable, detail))
    })
}

/// Whether etcd answered that this caller may not ask.
pub(super) fn refused(failure: &Failure) -> bool {
    matches!(failure.code, Code::Forbidden | Code::Unauthenticated)
}

/// Whether a status is this member's. Ids of members are made of their peer URLs, so that two
/// clusters can have the same.
pub(super) fn is_member(status: &StatusFact, cluster: MemberId, id: MemberId) -> bool {
    status.header.member_id == id && status.header.cluster_id == cluster
}

/// Whether a member advertises a URL.
pub(super) fn advertises(fact: &MemberFact, url: &str) -> bool {
    let mut urls = fact.client_urls.iter();
    urls.any(|advertised| same(advertised, url))
}

pub(super) fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_makes_no_other_url() {
        assert!(same("http://a:2379/", "http://a:2379"));
        assert!(!same("http://a:2379", "http://b:2379"));
    }

    #[test]
    fn learners_and_who_keeps_silent_are_not_asked_about_the_rest() {
        let status = |leader, learner| StatusFact {
            header: Header {
                cluster_id: MemberId(1),
                member_id: MemberId(2),
                revision: 3,
                raft_term: 4,
            },
            version: "3.7.3".to_owned(),
            db_size: 0,
            db_size_in_use: 0,
            db_quota: 0,
            leader,
            raft_index: 0,
            errors: Vec::new(),
            learner,
        };
        let failed = |code| Err(Failure::new(code, "no"));
        for (answer, expected) in [
            (Ok(status(2, false)), Some(Fitness::Leads)),
            (Ok(status(0, false)), Some(Fitness::Leaderless)),
            (Ok(status(2, true)), None),
            (failed(Code::Forbidden), Some(Fitness::Refuses)),
            (failed(Code::Unauthenticated), Some(Fitness::Refuses)),
            (failed(Code::Unavailable), None),
        ] {
            assert_eq!(fitness(&answer), expected, "{answer:?}");
        }
    }
}
