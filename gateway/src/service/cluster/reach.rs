//! How each member is found: at the configured endpoint that is this member, or else at the URL it
//! advertises.
//!
//! An advertised URL is only a claim: `http://localhost:2379` may be another etcd on this machine,
//! and every single-member etcd that was set up with the defaults has the same member id and cluster
//! id. So the configured endpoints take precedence, loopback addresses that a member on another
//! machine advertises are not dialled, and a token is sent to an advertised URL only if the server
//! there requires one.

use std::net::IpAddr;

use futures_util::future::join_all;
use http::Uri;
use shared::{Code, MemberId};

use super::ClusterService;
use super::survey::{MemberList, Survey, advertises, is_member, is_refusal, same};
use crate::etcd::{MemberFact, StatusFact};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// A member's status, and the URL it was read from.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    pub(super) url: String,
    pub(super) status: StatusFact,
}

/// A listed member and the result of the request for its status.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) fact: MemberFact,
    pub(super) reached: std::result::Result<Reached, Unreached>,
    /// What is wrong with the URLs it advertises.
    pub(super) misadvertised: Vec<String>,
}

/// Why a member's status is not known.
#[derive(Clone, Debug)]
pub(super) enum Unreached {
    /// The member has no name yet, so it has not started.
    NotStarted,
    /// The member responds, but refuses this caller.
    Denied(String),
    /// No server that responds is this member.
    Silent,
}

impl Found {
    pub(super) fn status(&self) -> Option<&StatusFact> {
        self.reached.as_ref().ok().map(|reached| &reached.status)
    }

    /// Its name, or its id while it has no name.
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
            Err(Unreached::NotStarted) => Some("not started yet".to_owned()),
            Err(Unreached::Denied(detail)) => Some(format!("status is not shown: {detail}")),
            Err(Unreached::Silent) if self.misadvertised.is_empty() => {
                Some("it cannot be reached".to_owned())
            }
            Err(Unreached::Silent) => Some(format!(
                "it cannot be reached: {}, and no configured endpoint is this member",
                self.misadvertised.join(", ")
            )),
            Ok(reached) if reached.status.leader == 0 => {
                Some("no leader is known to this member".to_owned())
            }
            Ok(reached) => {
                let errors = &reached.status.errors;
                (!errors.is_empty()).then(|| errors.join("; "))
            }
        }
    }

    /// The member's status and URL, or why there is none.
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

impl ClusterService {
    /// Asks every member for its status; sorted by id.
    pub(super) async fn reach(
        &self,
        caller: &Caller,
        list: MemberList,
        survey: &Survey<'_>,
    ) -> Vec<Found> {
        let cluster = list.header.cluster_id;
        let members = list.members.into_iter();
        let found = members.map(|fact| self.find(caller, cluster, fact, survey));
        let mut found = join_all(found).await;
        found.sort_by_key(|found| found.fact.id);
        found
    }

    /// Every member with its status, for maintenance.
    pub(super) async fn all_members(&self, caller: &Caller) -> Result<Vec<Found>> {
        let survey = self.survey(caller).await;
        let list = survey.members(caller).await?;
        Ok(self.reach(caller, list, &survey).await)
    }

    async fn find(
        &self,
        caller: &Caller,
        cluster: MemberId,
        fact: MemberFact,
        survey: &Survey<'_>,
    ) -> Found {
        let known = survey.endpoint_of(cluster, &fact);
        let mut reached = known.map(|(url, status)| Reached {
            url: url.clone(),
            status: status.clone(),
        });
        let endpoints = Endpoints::of(self.etcd.endpoints());
        let flaws = fact.client_urls.iter();
        let mut misadvertised: Vec<_> = flaws.filter_map(|url| endpoints.flaw(url)).collect();
        let mut denied = None;
        // After the first match the other URLs are not tried.
        let right = known.is_some_and(|(url, _)| advertises(&fact, url));
        let urls: &[String] = if right { &[] } else { &fact.client_urls };
        for url in urls {
            if endpoints.flaw(url).is_some() {
                continue;
            }
            // Already found, or hidden from this caller: the response matters for the warning only.
            let wanted = reached.is_none() && survey.refusal().is_none();
            // An endpoint that did not respond before is not waited for again.
            let response = match survey.response_of(url) {
                Some(response) => response.clone(),
                None => self.request_unverified_status(caller, url, wanted).await,
            };
            match response {
                Ok(status) if is_member(&status, cluster, fact.id) => {
                    if wanted {
                        let url = url.clone();
                        reached = Some(Reached { url, status });
                    }
                    break;
                }
                Ok(status) => misadvertised.push(mismatch(url, &status, cluster)),
                Err(failure) if is_refusal(&failure) => denied = wanted.then_some(failure.detail),
                // A configured endpoint is not wrongly advertised: it is unreachable.
                Err(_) if self.etcd.endpoints().iter().any(|known| same(known, url)) => {}
                Err(_) => misadvertised.push(format!("{url} cannot be reached from the gateway")),
            }
        }
        // No endpoint shows its status to this caller: the refusal applies to this member too.
        let denied = denied.or_else(|| survey.refusal().map(str::to_owned));
        let reached = match (reached, denied) {
            (Some(reached), _) => Ok(reached),
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

    /// The status of the server at an advertised URL. An etcd that shows its status to every client needs
    /// no token to turn out to be another member; `signed` sends the token if the server requires one.
    async fn request_unverified_status(
        &self,
        caller: &Caller,
        url: &str,
        signed: bool,
    ) -> Result<StatusFact> {
        match self.request_status_anonymously(caller, url).await {
            Err(failure) if signed && is_refusal(&failure) => {
                self.request_status(caller, url).await
            }
            response => response,
        }
    }
}

fn mismatch(url: &str, status: &StatusFact, cluster: MemberId) -> String {
    let header = &status.header;
    if header.cluster_id == cluster {
        format!("{url} is another member, {}", header.member_id)
    } else {
        let other = header.cluster_id;
        format!("{url} is a member of another cluster, {other}")
    }
}

/// The properties that all configured endpoints share.
#[derive(Clone, Copy, Debug)]
struct Endpoints {
    /// All of them use https.
    secure: bool,
    /// All of them are on this machine, or appear to be through a tunnel.
    local: bool,
}

impl Endpoints {
    fn of(urls: &[String]) -> Self {
        Self {
            secure: urls.iter().all(|url| url.starts_with("https://")),
            local: urls.iter().all(|url| is_loopback(url)),
        }
    }

    /// What is wrong with an advertised URL, before it is dialled.
    fn flaw(self, url: &str) -> Option<String> {
        if unspecified(url) {
            return Some(format!("{url} is not an address that can be dialled"));
        }
        if !self.local && is_loopback(url) {
            return Some(format!("{url} is valid on the member's own machine only"));
        }
        if self.secure && url.starts_with("http://") {
            // A caller's token is not sent in clear text unless an endpoint is configured so.
            return Some(format!(
                "{url} is not https, as the configured endpoints are"
            ));
        }
        None
    }
}

/// Whether a URL has the unspecified address: a server can listen on it, but no client can dial it.
fn unspecified(url: &str) -> bool {
    let host = host(url);
    host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

/// Whether a URL means the machine of the client that dials it.
fn is_loopback(url: &str) -> bool {
    let host = host(url).to_ascii_lowercase();
    let name = host.trim_end_matches('.');
    name == "localhost"
        || name.ends_with(".localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The host as written; an IPv6 address without its brackets.
fn host(url: &str) -> String {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unspecified_addresses_are_recognised() {
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

    fn flaw(endpoints: &[&str], url: &str) -> Option<String> {
        let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
        Endpoints::of(&endpoints).flaw(url)
    }

    #[test]
    fn no_http_url_is_dialled_when_all_endpoints_use_https() {
        let url = "http://10.0.0.1:2379";
        assert!(flaw(&["https://a:2379"], url).is_some());
        assert!(flaw(&["https://a:2379", "http://b:2379"], url).is_none());
        assert!(flaw(&["https://a:2379"], "https://10.0.0.1:2379").is_none());
    }

    #[test]
    fn loopback_urls_are_refused_unless_all_endpoints_are_loopback() {
        for url in [
            "http://localhost:2379",
            "http://LOCALHOST.:2379",
            "http://etcd.localhost:2379",
            "http://127.0.0.1:2379",
            "http://127.1.2.3",
            "http://[::1]:2379",
        ] {
            let flaw_of_url = flaw(&["http://10.0.0.1:2379"], url);
            let detail = flaw_of_url.unwrap_or_else(|| panic!("{url} may be any machine"));
            assert!(detail.contains("own machine"), "{detail}");
            // With loopback endpoints the members may be on this machine too.
            assert_eq!(flaw(&["http://127.0.0.1:12379"], url), None, "{url}");
            let one_is_not = ["http://localhost:2379", "http://10.0.0.1:2379"];
            assert!(flaw(&one_is_not, url).is_some(), "{url}");
        }
        for url in ["http://10.0.0.2:2379", "http://localhost.example.com:2379"] {
            assert_eq!(flaw(&["http://10.0.0.1:2379"], url), None, "{url}");
        }
    }
}
