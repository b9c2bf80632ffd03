//! The cluster as its members see it.

use std::time::Duration;

use futures_util::future::join_all;
use shared::{Alarm, ClusterAnswer, Code, Header, Member, MemberId, Warning};

use crate::caller::Caller;
use crate::etcd::{AlarmFact, Etcd, MemberFact, StatusFact};
use crate::failure::{Failure, Result};

/// How long a member may take to be dialled before the next way to it is tried.
const DIAL: Duration = Duration::from_secs(2);

/// Members, leader, health of one cluster.
#[derive(Clone, Debug)]
pub struct ClusterService {
    name: String,
    etcd: Etcd,
}

/// A member's status and the URL it was reached at.
type Reached = Option<(String, StatusFact)>;

impl ClusterService {
    /// The service over one cluster.
    pub fn new(name: String, etcd: Etcd) -> Self {
        Self { name, etcd }
    }

    /// The version of the member that answers, for the gateway itself and within a short time.
    pub async fn version_here(&self) -> Result<String> {
        Ok(self.status_here().await?.version)
    }

    /// Whether the cluster can do its work: the member that answers knows a leader. What it complains
    /// of, such as alarms.
    pub async fn ready_here(&self) -> Result<Vec<String>> {
        let status = self.status_here().await?;
        if status.leader == 0 {
            let detail = "the member that answers knows no leader";
            return Err(Failure::new(Code::NoLeader, detail));
        }
        Ok(status.errors)
    }

    async fn status_here(&self) -> Result<StatusFact> {
        let caller = Caller::gateway(self.etcd.dial_timeout());
        self.etcd.status(&caller).await
    }

    /// Members with their status, leader, alarms.
    pub async fn cluster(&self, caller: &Caller) -> Result<ClusterAnswer> {
        let (header, facts) = self.etcd.members(caller).await?;
        let configured = join_all(
            self.etcd
                .endpoints()
                .iter()
                .map(|url| self.ask(caller, url)),
        );
        let (configured, alarms) = tokio::join!(configured, self.etcd.alarms(caller));
        let configured: Vec<(String, StatusFact)> = configured.into_iter().flatten().collect();

        let mut warnings = Vec::new();
        let reached = join_all(
            facts
                .iter()
                .map(|fact| self.reach(caller, fact, &configured)),
        )
        .await;
        let leader = reached
            .iter()
            .flatten()
            .map(|(_, status)| status.leader)
            .find(|id| *id != 0);
        let version = reached
            .iter()
            .flatten()
            .find(|(_, status)| status.header.member_id == header.member_id)
            .or_else(|| reached.iter().flatten().next())
            .map_or_else(String::new, |(_, status)| status.version.clone());
        let reached_headers: Vec<_> = reached
            .iter()
            .flatten()
            .map(|(_, status)| status.header)
            .collect();
        let voters = facts.iter().filter(|fact| !fact.learner).count();
        let quorum = voters / 2 + 1;
        let mut members = Vec::with_capacity(facts.len());
        for (fact, reached) in facts.into_iter().zip(reached) {
            warnings.extend(misadvertised(&fact, reached.as_ref()));
            members.push(member(fact, reached));
        }
        members.sort_by_key(|member| member.id);
        let alarms = match alarms {
            Ok(alarms) => alarms.into_iter().map(alarm).collect(),
            Err(failure) => {
                warnings.push(warning(
                    "alarms_unknown",
                    format!("alarms: {}", failure.detail),
                ));
                Vec::new()
            }
        };
        // A member list has no revision of its own; the status of the member that answered does.
        let status = members_header(&reached_headers, header);
        Ok(ClusterAnswer {
            header: status,
            name: self.name.clone(),
            version,
            leader: leader.map(MemberId),
            quorum,
            tolerates: voters.saturating_sub(quorum),
            members,
            alarms,
            warnings,
        })
    }

    async fn ask(&self, caller: &Caller, url: &str) -> Reached {
        let asking = self.etcd.status_at(caller, url, DIAL);
        let status = tokio::time::timeout(DIAL * 2, asking).await.ok()?.ok()?;
        Some((url.to_owned(), status))
    }

    /// At the member's own URL; where that is unspecified, unreachable, or somebody else's, through
    /// the configured endpoint that is this member.
    async fn reach(
        &self,
        caller: &Caller,
        fact: &MemberFact,
        configured: &[(String, StatusFact)],
    ) -> Reached {
        let known = configured
            .iter()
            .find(|(_, status)| status.header.member_id == fact.id);
        if let Some((url, _)) = known
            && fact.client_urls.contains(url)
        {
            return known.cloned();
        }
        for url in fact.client_urls.iter().filter(|url| !unspecified(url)) {
            if let Some((url, status)) = self.ask(caller, url).await
                && status.header.member_id == fact.id
            {
                return Some((url, status));
            }
        }
        known.cloned()
    }
}

/// The status header of the member that answered, or of any other.
fn members_header(headers: &[Header], answered: Header) -> Header {
    let same = headers
        .iter()
        .find(|header| header.member_id == answered.member_id);
    same.or(headers.first()).copied().unwrap_or(answered)
}

/// Whether a URL names no address: a server may listen on it, nobody can dial it.
fn unspecified(url: &str) -> bool {
    url.contains("//0.0.0.0") || url.contains("//[::]")
}

fn misadvertised(fact: &MemberFact, reached: Option<&(String, StatusFact)>) -> Option<Warning> {
    let (by, _) = reached?;
    if fact.client_urls.contains(by) {
        return None;
    }
    let advertised = fact.client_urls.join(", ");
    let detail = format!(
        "member {} advertises {advertised}, where it cannot be reached; it answers at {by}",
        fact.name
    );
    Some(warning("advertised_url", detail))
}

fn warning(code: &str, detail: String) -> Warning {
    Warning {
        code: code.to_owned(),
        detail,
    }
}

fn alarm(fact: AlarmFact) -> Alarm {
    let alarm = match fact.alarm {
        1 => "NOSPACE".to_owned(),
        2 => "CORRUPT".to_owned(),
        other => other.to_string(),
    };
    Alarm {
        member_id: fact.member_id,
        alarm,
    }
}

fn member(fact: MemberFact, reached: Reached) -> Member {
    let (reached_by, status) = reached.unzip();
    let error = match &status {
        None if fact.name.is_empty() => Some("it has not started yet".to_owned()),
        None => Some("it cannot be reached".to_owned()),
        Some(status) if status.leader == 0 => Some("it knows no leader".to_owned()),
        Some(status) => (!status.errors.is_empty()).then(|| status.errors.join("; ")),
    };
    Member {
        id: fact.id,
        name: fact.name,
        learner: fact.learner,
        healthy: error.is_none(),
        client_urls: fact.client_urls,
        peer_urls: fact.peer_urls,
        reached_by,
        version: status.as_ref().map(|status| status.version.clone()),
        db_size: status.as_ref().map(|status| status.db_size),
        db_size_in_use: status.as_ref().map(|status| status.db_size_in_use),
        db_quota: status
            .as_ref()
            .map(|status| status.db_quota)
            .filter(|quota| *quota > 0),
        raft_index: status.as_ref().map(|status| status.raft_index),
        error,
    }
}
