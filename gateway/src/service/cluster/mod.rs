//! The cluster as its members report it, and its maintenance.

mod defragment;
mod downloads;
mod glance;
mod hash;
mod known_bugs;
mod maintenance;
mod members;
mod reach;
mod samples;
mod snapshot;
mod survey;
mod warnings;

pub use self::defragment::Progress;
pub use self::glance::Glance;
pub use self::snapshot::Download;

use shared::{Alarm, ClusterResponse, Code, Header, Member, MemberId};

use self::downloads::Downloads;
use self::reach::{Found, Reached};
use self::samples::Sampler;
use crate::etcd::{AlarmFact, Etcd, StatusFact};
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::tasks::Tasks;

/// Members, leader and health of one cluster.
#[derive(Clone, Debug)]
pub struct ClusterService {
    name: String,
    etcd: Etcd,
    tasks: Tasks,
    sampler: Sampler,
    downloads: Downloads,
}

/// Whether etcd responded and would have served another user.
pub fn is_for_users(failure: &Failure) -> bool {
    matches!(failure.code, Code::Unauthenticated | Code::Forbidden)
}

impl ClusterService {
    /// The service over one cluster; snapshots in flight and the sampler are `tasks`.
    pub fn new(name: String, etcd: Etcd, tasks: Tasks) -> Self {
        Self {
            name,
            etcd,
            tasks,
            sampler: Sampler::default(),
            downloads: Downloads::default(),
        }
    }

    /// The version of the member that responds, requested with the gateway's own account and a short
    /// timeout.
    pub async fn version_here(&self) -> Result<String> {
        Ok(self.status_here().await?.version)
    }

    /// Whether the cluster is ready: the member that responds knows a leader. Returns what that member
    /// reports as errors, such as alarms. Where etcd shows its status to users only and the gateway has
    /// no account, a response is all that can be checked.
    pub async fn ready_here(&self) -> Result<Vec<String>> {
        let status = match self.status_here().await {
            Ok(status) => status,
            Err(failure) if is_for_users(&failure) => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        if status.leader == 0 {
            let detail = "the responding member knows no leader";
            return Err(Failure::new(Code::NoLeader, detail));
        }
        Ok(status.errors)
    }

    async fn status_here(&self) -> Result<StatusFact> {
        let caller = Caller::gateway(self.etcd.dial_timeout());
        self.etcd.status(&caller).await
    }

    /// Members with their status, the leader, alarms and warnings. Parts that the caller may not see
    /// are omitted, each with a warning; the request fails only when nothing at all can be seen.
    pub async fn cluster(&self, caller: &Caller) -> Result<ClusterResponse> {
        let survey = self.survey(caller).await;
        // The members are fetched alongside the rest: alarms wait for a majority until the request
        // times out.
        let all_members = async {
            let list = survey.members(caller).await?;
            let (header, stale) = (list.header, list.stale);
            let found = self.reach(caller, list, &survey).await;
            Ok::<_, Failure>((header, stale, found))
        };
        let (all_members, alarms, auth) = tokio::join!(
            all_members,
            survey.etcd.alarms(caller),
            survey.etcd.auth_status(caller),
        );
        let mut warnings = Vec::new();
        let (listed_header, found) = match (all_members, &alarms) {
            (Ok((header, stale, found)), _) => {
                warnings.extend(stale.then(warnings::stale));
                (header, found)
            }
            (Err(failure), Ok((header, _))) if failure.code == Code::Forbidden => {
                warnings.push(warnings::hidden("members_unknown", "the members", &failure));
                (*header, Vec::new())
            }
            (Err(failure), _) => return Err(failure),
        };
        let alarm_header = alarms.as_ref().ok().map(|(header, _)| *header);
        let alarms = match alarms {
            Ok((_, alarms)) => alarms.into_iter().map(alarm).collect(),
            Err(failure) => {
                warnings.push(warnings::hidden("alarms_unknown", "the alarms", &failure));
                Vec::new()
            }
        };
        // A caller that may not read this is treated as if authentication were on.
        let auth = auth.map_or(true, |auth| auth.enabled);
        let voters = found.iter().filter(|found| !found.fact.learner).count();
        let quorum = if voters == 0 { 0 } else { voters / 2 + 1 };
        warnings.extend(warnings::all(&found, &alarms, quorum, auth));

        let statuses = || found.iter().filter_map(Found::status);
        let leader = statuses().map(|status| status.leader).find(|id| *id != 0);
        let status = statuses()
            .find(|status| status.header.member_id == listed_header.member_id)
            .or_else(|| statuses().next());
        let committed = statuses().map(|status| status.raft_index).max();
        // A member list carries no revision; a status does, and so do the alarms.
        let header = status.map(|status| status.header).or(alarm_header);
        Ok(ClusterResponse {
            header: header.unwrap_or(listed_header),
            name: self.name.clone(),
            version: status.map_or_else(String::new, |status| status.version.clone()),
            leader: leader.map(MemberId),
            quorum,
            tolerates: voters.saturating_sub(quorum),
            downgrade_to: statuses().find_map(|status| status.downgrade_to.clone()),
            members: found
                .into_iter()
                .map(|found| member(found, committed))
                .collect(),
            alarms,
            warnings,
        })
    }

    /// The header with the store's revision, which etcd omits from responses about members and
    /// leaders.
    async fn dated(&self, caller: &Caller, header: Header) -> Header {
        let here = self.etcd.header_here(caller).await;
        let revision = here.map_or(header.revision, |here| here.revision);
        Header { revision, ..header }
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

/// `committed` is the highest committed index of any member.
fn member(found: Found, committed: Option<u64>) -> Member {
    let error = found.error();
    let Found { fact, reached, .. } = found;
    let (reached_by, status) = reached
        .ok()
        .map(|Reached { url, status }| (url, status))
        .unzip();
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
        raft_lag: status
            .as_ref()
            .and_then(|status| Some(committed?.saturating_sub(status.raft_applied))),
        error,
    }
}
