//! The status of the configured endpoints, and the choice of the one for all further requests.

use std::time::Duration;

use futures_util::future::join_all;
use shared::{Code, Header, MemberId};
use tokio::time::Instant;

use super::ClusterService;
use crate::etcd::{Etcd, MemberFact, StatusFact};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Time limit for connecting to an endpoint, and again for its response.
pub(super) const DIAL: Duration = Duration::from_secs(2);
/// How long a majority may take to confirm the member list.
const AGREEMENT: Duration = Duration::from_secs(3);

/// The responses of the configured endpoints.
pub(super) struct Survey<'a> {
    pub(super) responses: Vec<(&'a String, Result<StatusFact>)>,
    /// A connection to an endpoint that serves, so that one that hangs, or a learner, delays nothing
    /// else; the ordinary connection if none serves.
    pub(super) etcd: Etcd,
    /// The endpoint that is used knows no leader, so no majority can confirm anything.
    leaderless: bool,
}

/// The member list.
pub(super) struct MemberList {
    pub(super) header: Header,
    pub(super) members: Vec<MemberFact>,
    /// No majority has confirmed the list: one member's local view.
    pub(super) stale: bool,
}

impl ClusterService {
    /// Asks every configured endpoint for its status.
    pub(super) async fn survey(&self, caller: &Caller) -> Survey<'_> {
        let endpoints = self.etcd.endpoints();
        let responses =
            join_all(endpoints.iter().map(|url| self.request_status(caller, url))).await;
        let responses: Vec<_> = endpoints.iter().zip(responses).collect();
        let serving = responses
            .iter()
            .filter_map(|(url, response)| Some((fitness(response)?, url)));
        let best = serving.min_by_key(|(fitness, _)| *fitness);
        let etcd = match best {
            Some((_, url)) if endpoints.len() > 1 => self.connect(url).ok(),
            _ => None,
        };
        Survey {
            leaderless: best.is_some_and(|(fitness, _)| fitness == Fitness::Leaderless),
            responses,
            etcd: etcd.unwrap_or_else(|| self.etcd.clone()),
        }
    }

    /// A connection to the member at one URL.
    pub(super) fn connect(&self, url: &str) -> Result<Etcd> {
        self.etcd.at(url, DIAL)
    }

    /// The status of the member at a URL, or an error after a short time.
    pub(super) async fn request_status(&self, caller: &Caller, url: &str) -> Result<StatusFact> {
        soon(url, async { self.connect(url)?.status(caller).await }).await
    }

    /// The status of the member at a URL, requested without a token.
    pub(super) async fn request_status_anonymously(
        &self,
        caller: &Caller,
        url: &str,
    ) -> Result<StatusFact> {
        let request = async { self.connect(url)?.status_anonymously(caller).await };
        soon(url, request).await
    }
}

impl Survey<'_> {
    /// The members as a majority confirms them, or, when none does in time, as one member knows them.
    pub(super) async fn members(&self, caller: &Caller) -> Result<MemberList> {
        if !self.leaderless {
            let left = caller
                .deadline()
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // Leave half of a short timeout for the second request.
            let limit = left.map_or(AGREEMENT, |left| AGREEMENT.min(left / 2));
            match self.etcd.members(&caller.with_timeout(limit)).await {
                Ok((header, members)) => {
                    return Ok(MemberList {
                        header,
                        members,
                        stale: false,
                    });
                }
                Err(failure) if is_refusal(&failure) => return Err(failure),
                Err(_) => {}
            }
        }
        let (header, members) = self.etcd.members_here(caller).await?;
        Ok(MemberList {
            header,
            members,
            stale: true,
        })
    }

    /// The endpoint that is this member of this cluster; one that it advertises is preferred.
    pub(super) fn endpoint_of(
        &self,
        cluster: MemberId,
        fact: &MemberFact,
    ) -> Option<(&String, &StatusFact)> {
        let available = self
            .responses
            .iter()
            .filter_map(|(url, response)| Some((*url, response.as_ref().ok()?)));
        available
            .filter(|(_, status)| is_member(status, cluster, fact.id))
            .max_by_key(|(url, _)| advertises(fact, url))
    }

    /// The response of an endpoint; `None` if the URL is not a configured endpoint.
    pub(super) fn response_of(&self, url: &str) -> Option<&Result<StatusFact>> {
        let found = self.responses.iter().find(|(known, _)| same(known, url));
        found.map(|(_, response)| response)
    }

    /// The refusal that this caller got, if no endpoint showed its status and at least one refused.
    pub(super) fn refusal(&self) -> Option<&str> {
        let mut responses = self.responses.iter().map(|(_, response)| response);
        if responses.clone().any(Result::is_ok) {
            return None;
        }
        let refusal =
            responses.find_map(|response| response.as_ref().err().filter(|it| is_refusal(it)));
        refusal.map(|failure| failure.detail.as_str())
    }
}

/// How suitable an endpoint is for further requests, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fitness {
    Leads,
    Leaderless,
    /// The endpoint responds, but refuses this caller's request.
    Refuses,
}

/// `None` for an endpoint that does not respond, and for a learner, which serves no member list.
fn fitness(response: &Result<StatusFact>) -> Option<Fitness> {
    match response {
        Ok(status) if status.learner => None,
        Ok(status) if status.leader == 0 => Some(Fitness::Leaderless),
        Ok(_) => Some(Fitness::Leads),
        Err(failure) if is_refusal(failure) => Some(Fitness::Refuses),
        Err(_) => None,
    }
}

async fn soon(url: &str, request: impl Future<Output = Result<StatusFact>>) -> Result<StatusFact> {
    let response = tokio::time::timeout(DIAL * 2, request).await;
    response.unwrap_or_else(|_| {
        let detail = format!("{url} did not respond in time");
        Err(Failure::new(Code::Unavailable, detail))
    })
}

/// Whether etcd refused the request for lack of permission.
pub(super) fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.code, Code::Forbidden | Code::Unauthenticated)
}

/// Whether a status is this member's. Member ids are derived from peer URLs, so two clusters can
/// have members with the same id.
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
    fn a_trailing_slash_does_not_change_a_url() {
        assert!(same("http://a:2379/", "http://a:2379"));
        assert!(!same("http://a:2379", "http://b:2379"));
    }

    #[test]
    fn learners_and_unresponsive_endpoints_are_not_chosen() {
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
            raft_applied: 0,
            downgrade_to: None,
            errors: Vec::new(),
            learner,
        };
        let failed = |code| Err(Failure::new(code, "no"));
        for (response, expected) in [
            (Ok(status(2, false)), Some(Fitness::Leads)),
            (Ok(status(0, false)), Some(Fitness::Leaderless)),
            (Ok(status(2, true)), None),
            (failed(Code::Forbidden), Some(Fitness::Refuses)),
            (failed(Code::Unauthenticated), Some(Fitness::Refuses)),
            (failed(Code::Unavailable), None),
        ] {
            assert_eq!(fitness(&response), expected, "{response:?}");
        }
    }
}
