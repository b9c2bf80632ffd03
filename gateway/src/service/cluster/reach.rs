//! How each member is found: at the URL it advertises, or where that is of no use through the
//! configured endpoint that is this member.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use http::Uri;
use shared::Code;

use super::ClusterService;
use crate::caller::Caller;
use crate::etcd::{Etcd, MemberFact, StatusFact};
use crate::failure::{Failure, Result};

/// How long a member may take to be dialled before the next way to it is tried.
pub(super) const DIAL: Duration = Duration::from_secs(2);

/// A member's status, and the URL that it came from.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    pub(super) url: String,
    pub(super) status: StatusFact,
}

/// A listed member and what came of asking it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) fact: MemberFact,
    pub(super) reached: std::result::Result<Reached, Unreached>,
    /// What is wrong with URLs that it advertises.
    pub(super) misadvertised: Vec<String>,
}

/// Why a member's status is not known.
#[derive(Clone, Debug)]
pub(super) enum Unreached {
    /// It has no name yet.
    NotStarted,
    /// It answers, but not to this caller.
    Denied(String),
    /// Nothing that answers is this member.
    Silent,
}

impl Found {
    pub(super) fn status(&self) -> Option<&StatusFact> {
        self.reached.as_ref().ok().map(|reached| &reached.status)
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        if self.fact.name.is_empty() {
            self.fact.id.to_string()
        } else {
            self.fact.name.clone()
        }
    }

    /// Why it is not healthy.
    pub(super) fn error(&self) -> Option<String> {
        match &self.reached {
            Err(Unreached::NotStarted) => Some("it has not started yet".to_owned()),
            Err(Unreached::Denied(detail)) => Some(format!("its status is not shown: {detail}")),
            Err(Unreached::Silent) if self.misadvertised.is_empty() => {
                Some("it cannot be reached".to_owned())
            }
            Err(Unreached::Silent) => Some(format!(
                "it cannot be reached: {}, and no configured endpoint is this member",
                self.misadvertised.join(", ")
            )),
            Ok(reached) if reached.status.leader == 0 => Some("it knows no leader".to_owned()),
            Ok(reached) => {
                let errors = &reached.status.errors;
                (!errors.is_empty()).then(|| errors.join("; "))
            }
        }
    }

    /// The member's own connection, or why there is none.
    pub(super) fn require(&self) -> Result<&Reached> {
        self.reached.as_ref().map_err(|unreached| {
            let why = self.error().unwrap_or_default();
            let detail = format!("member {}: {why}", self.name());
            let code = match unreached {
                Unreached::Denied(_) => Code::Forbidden,
                Unreached::NotStarted => Code::Conflict,
                Unreached::Silent => Code::Unavailable,
            };
            Failure::new(code, detail)
        })
    }
}

/// What the configured endpoints answered.
pub(super) struct Survey<'a> {
    answers: Vec<(&'a String, Result<StatusFact>)>,
    /// A connection to one that answers, so that one that hangs holds nothing else up; the ordinary
    /// one where none does.
    pub(super) etcd: Etcd,
}

impl ClusterService {
    /// Asks every configured endpoint for its status.
    pub(super) async fn survey(&self, caller: &Caller) -> Survey<'_> {
        let endpoints = self.etcd.endpoints();
        let answers = join_all(endpoints.iter().map(|url| self.ask(caller, url))).await;
        let answers: Vec<_> = endpoints.iter().zip(answers).collect();
        let well = answers.iter().find(|(_, answer)| answer.is_ok());
        let etcd = match well {
            Some((url, _)) if endpoints.len() > 1 => self.connect(url).await.ok(),
            _ => None,
        };
        Survey {
            answers,
            etcd: etcd.unwrap_or_else(|| self.etcd.clone()),
        }
    }

    /// Asks every member for its status.
    pub(super) async fn reach(
        &self,
        caller: &Caller,
        facts: Vec<MemberFact>,
        survey: &Survey<'_>,
    ) -> Vec<Found> {
        let found = facts
            .into_iter()
            .map(|fact| self.find(caller, fact, &survey.answers));
        join_all(found).await
    }

    /// Every member with its status, for work on them.
    pub(super) async fn everyone(&self, caller: &Caller) -> Result<Vec<Found>> {
        let survey = self.survey(caller).await;
        let (_, facts) = survey.etcd.members(caller).await?;
        let mut found = self.reach(caller, facts, &survey).await;
        found.sort_by_key(|found| found.fact.id);
        Ok(found)
    }

    /// A connection to the member behind one URL.
    pub(super) async fn connect(&self, url: &str) -> Result<Etcd> {
        self.etcd.at(url, DIAL).await
    }

    async fn ask(&self, caller: &Caller, url: &str) -> Result<StatusFact> {
        let asking = async { self.connect(url).await?.status(caller).await };
        let answer = tokio::time::timeout(DIAL * 2, asking).await;
        answer.unwrap_or_else(|_| {
            let detail = format!("{url} did not answer in time");
            Err(Failure::new(Code::Unavailable, detail))
        })
    }

    async fn find(
        &self,
        caller: &Caller,
        fact: MemberFact,
        configured: &[(&String, Result<StatusFact>)],
    ) -> Found {
        let answered = configured
            .iter()
            .filter_map(|(url, answer)| Some((*url, answer.as_ref().ok()?)));
        let known = answered
            .filter(|(_, status)| status.header.member_id == fact.id)
            .map(|(url, status)| Reached {
                url: url.clone(),
                status: status.clone(),
            });
        // The one that is advertised as well, before one that only leads to it.
        let known = known.max_by_key(|known| advertises(&fact, &known.url));
        let secure = configured
            .iter()
            .all(|(url, _)| url.starts_with("https://"));
        let mut misadvertised = unusable(&fact, secure);
        if let Some(known) = &known
            && advertises(&fact, &known.url)
        {
            return Found {
                reached: Ok(known.clone()),
                fact,
                misadvertised,
            };
        }
        let mut denied = None;
        for url in &fact.client_urls {
            if flaw(url, secure).is_some() {
                continue;
            }
            // Who was asked already and kept silent is not waited for again.
            let asked = configured.iter().find(|(known, _)| *known == url);
            let answer = match asked {
                Some((_, answer)) => answer.clone(),
                None => self.ask(caller, url).await,
            };
            match answer {
                Ok(status) if status.header.member_id == fact.id => {
                    return Found {
                        fact: fact.clone(),
                        reached: Ok(Reached {
                            url: url.clone(),
                            status,
                        }),
                        misadvertised,
                    };
                }
                Ok(status) => misadvertised.push(format!(
                    "{url} is answered by another member, {}",
                    status.header.member_id
                )),
                Err(failure) if refused(&failure) => denied = Some(failure.detail),
                Err(_) => misadvertised.push(format!("{url} cannot be reached from here")),
            }
        }
        let denied = denied.or_else(|| {
            // Nobody may ask anybody: what the configured endpoints say holds for this member too.
            let mut answers = configured.iter();
            answers.find_map(|(_, answer)| match answer {
                Err(failure) if refused(failure) => Some(failure.detail.clone()),
                _ => None,
            })
        });
        let reached = match (known, denied) {
            (Some(known), _) => Ok(known),
            (None, _) if fact.name.is_empty() => Err(Unreached::NotStarted),
            (None, Some(detail)) => Err(Unreached::Denied(detail)),
            (None, None) => Err(Unreached::Silent),
        };
        Found {
            fact,
            reached,
            misadvertised,
        }
    }
}

/// Whether etcd answered that this caller may not ask.
fn refused(failure: &Failure) -> bool {
    matches!(failure.code, Code::Forbidden | Code::Unauthenticated)
}

fn advertises(fact: &MemberFact, url: &str) -> bool {
    let plain = |url: &str| url.trim_end_matches('/').to_owned();
    fact.client_urls
        .iter()
        .any(|advertised| plain(advertised) == plain(url))
}

/// What is wrong with a URL before anybody has dialled it.
fn flaw(url: &str, secure: bool) -> Option<String> {
    if unspecified(url) {
        return Some(format!("{url} is no address that can be dialled"));
    }
    if secure && url.starts_with("http://") {
        // A caller's token is not sent in the clear where it was not so configured.
        return Some(format!(
            "{url} is not https, as the configured endpoints are"
        ));
    }
    None
}

fn unusable(fact: &MemberFact, secure: bool) -> Vec<String> {
    let urls = fact.client_urls.iter();
    urls.filter_map(|url| flaw(url, secure)).collect()
}

/// Whether a URL names no address: a server may listen on it, nobody can dial it.
fn unspecified(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use shared::MemberId;

    use super::*;

    #[test]
    fn nobody_can_dial_an_unspecified_address() {
        for url in ["http://0.0.0.0:2379", "https://[::]:2379", "http://[::0]"] {
            assert!(unspecified(url), "{url}");
        }
        for url in [
            "http://127.0.0.1:2379",
            "http://0.0.0.0.example.com:2379",
            "http://[::1]:2379",
            "http://etcd-0:2379",
            "",
        ] {
            assert!(!unspecified(url), "{url}");
        }
    }

    #[test]
    fn a_token_is_not_sent_in_the_clear_where_all_was_encrypted() {
        assert!(flaw("http://10.0.0.1:2379", true).is_some());
        assert!(flaw("http://10.0.0.1:2379", false).is_none());
        assert!(flaw("https://10.0.0.1:2379", true).is_none());
    }

    #[test]
    fn a_slash_at_the_end_makes_no_other_url() {
        let fact = MemberFact {
            id: MemberId(1),
            name: "m1".to_owned(),
            learner: false,
            client_urls: vec!["http://a:2379/".to_owned()],
            peer_urls: Vec::new(),
        };
        assert!(advertises(&fact, "http://a:2379") && !advertises(&fact, "http://b:2379"));
    }
}
