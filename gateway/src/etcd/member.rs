//! Members, their status, alarms.

use std::time::Duration;

use shared::{Header, MemberId};

use super::channel::{self, Settings};
use super::kv::header;
use super::{Effect, Etcd};
use crate::caller::Caller;
use crate::failure::{Failure, Result};
use etcd_client::{AlarmAction, AlarmType};
use shared::Code;

/// A member as the cluster lists it.
#[derive(Clone, Debug)]
pub struct MemberFact {
    /// The member.
    pub id: MemberId,
    /// Empty before it has started.
    pub name: String,
    /// Without a vote.
    pub learner: bool,
    /// Advertised client URLs.
    pub client_urls: Vec<String>,
    /// Advertised peer URLs.
    pub peer_urls: Vec<String>,
}

/// What the member that was asked says of itself.
#[derive(Clone, Debug)]
pub struct StatusFact {
    /// Its header; `member_id` says who answered.
    pub header: Header,
    /// Its version.
    pub version: String,
    /// Backend size in bytes.
    pub db_size: i64,
    /// Bytes in use.
    pub db_size_in_use: i64,
    /// Quota in bytes; 0 before etcd 3.6.
    pub db_quota: i64,
    /// The leader it knows; 0 is none.
    pub leader: u64,
    /// Raft index committed.
    pub raft_index: u64,
    /// What it complains of.
    pub errors: Vec<String>,
}

/// An alarm raised.
#[derive(Clone, Debug)]
pub struct AlarmFact {
    /// Who raised it.
    pub member_id: MemberId,
    /// etcd's number: 1 NOSPACE, 2 CORRUPT.
    pub alarm: i32,
}

impl Etcd {
    /// The members, as the member asked knows them.
    pub async fn members(&self, caller: &Caller) -> Result<(Header, Vec<MemberFact>)> {
        let mut client = self.unary(caller).cluster_client();
        let answer = self
            .call(caller, Effect::Read, client.member_list())
            .await?
            .0;
        let members = answer
            .members
            .into_iter()
            .map(|member| MemberFact {
                id: MemberId(member.id),
                name: member.name,
                learner: member.is_learner,
                client_urls: member.client_ur_ls,
                peer_urls: member.peer_ur_ls,
            })
            .collect();
        Ok((header(answer.header), members))
    }

    /// The status of whichever member answers.
    pub async fn status(&self, caller: &Caller) -> Result<StatusFact> {
        self.status_of(caller, self.unary(caller)).await
    }

    /// The status of the member behind one URL, over a connection of its own.
    pub async fn status_at(
        &self,
        caller: &Caller,
        url: &str,
        dial: Duration,
    ) -> Result<StatusFact> {
        let settings = Settings {
            endpoints: vec![url.to_owned()],
            dial_timeout: dial,
            ..self.settings().clone()
        };
        let client = channel::client(&settings, channel::Use::Unary)
            .await
            .map_err(|error| Failure::new(Code::Unavailable, error.to_string()).source(error))?;
        self.status_of(caller, &client).await
    }

    async fn status_of(&self, caller: &Caller, client: &etcd_client::Client) -> Result<StatusFact> {
        let mut client = client.maintenance_client();
        let answer = self.call(caller, Effect::Read, client.status()).await?.0;
        Ok(StatusFact {
            header: header(answer.header),
            version: answer.version,
            db_size: answer.db_size,
            db_size_in_use: answer.db_size_in_use,
            db_quota: answer.db_size_quota,
            leader: answer.leader,
            raft_index: answer.raft_index,
            errors: answer.errors,
        })
    }

    /// The alarms raised.
    pub async fn alarms(&self, caller: &Caller) -> Result<Vec<AlarmFact>> {
        let mut client = self.unary(caller).maintenance_client();
        let call = client.alarm(AlarmAction::Get, AlarmType::None, None);
        let answer = self.call(caller, Effect::Read, call).await?.0;
        // Read from the message itself: the client's own accessor is undefined for new alarms.
        let alarms = answer.alarms.into_iter().map(|alarm| AlarmFact {
            member_id: MemberId(alarm.member_id),
            alarm: alarm.alarm,
        });
        Ok(alarms.collect())
    }
}
