//! Alarms, compaction, defragmentation, hashes, snapshots, leadership transfer.
//!
//! Most of these apply to the one member that serves the request: see [`Etcd::at`].

use bytes::Bytes;
use etcd_client as ec;
use etcd_client::{AlarmAction, AlarmType};
use shared::{AlarmKind, DowngradeAction, Header, MemberId};

use super::Caller;
use super::kv::header;
use super::{Effect, Etcd, error};
use crate::failure::Result;

/// An alarm raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmFact {
    /// The member that raised it.
    pub member_id: MemberId,
    /// etcd's number: 1 NOSPACE, 2 CORRUPT.
    pub alarm: i32,
}

/// The hash of a member's keys with their history.
#[derive(Clone, Copy, Debug)]
pub struct HashFact {
    /// CRC-32C of everything between the two revisions.
    pub hash: u32,
    /// The compact revision; −1 if nothing was compacted.
    pub compact_revision: i64,
    /// The revision hashed up to; 0 before etcd 3.6.
    pub hash_revision: i64,
}

/// A member's database as a stream.
#[derive(Debug)]
pub struct SnapshotStream(ec::SnapshotStreaming);

/// A chunk of a snapshot, 32 KiB at most.
#[derive(Clone, Debug)]
pub struct SnapshotPiece {
    /// The bytes; the last 32 of the whole stream are the SHA-256 of all before them.
    pub bytes: Bytes,
    /// Remaining bytes of the database, without the checksum.
    pub remaining: u64,
}

impl SnapshotStream {
    /// The next chunk; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<SnapshotPiece>> {
        let response = self.0.message().await;
        let response = response.map_err(|error| error::failure(Effect::Read, error))?;
        Ok(response.map(|response| SnapshotPiece {
            bytes: response.0.blob.into(),
            remaining: response.0.remaining_bytes,
        }))
    }
}

impl AlarmFact {
    /// etcd's number for an alarm.
    pub fn number(kind: AlarmKind) -> i32 {
        match kind {
            AlarmKind::NoSpace => AlarmType::Nospace as i32,
            AlarmKind::Corrupt => AlarmType::Corrupt as i32,
        }
    }

    /// The alarm type of etcd's client library, if it has one.
    fn client_type(self) -> Option<AlarmType> {
        [AlarmType::Nospace, AlarmType::Corrupt]
            .into_iter()
            .find(|known| *known as i32 == self.alarm)
    }
}

impl Etcd {
    /// The alarms raised.
    pub async fn alarms(&self, caller: &Caller) -> Result<(Header, Vec<AlarmFact>)> {
        let mut client = self.unary(caller).maintenance_client();
        let call = client.alarm(AlarmAction::Get, AlarmType::None, None);
        let response = self.call(caller, Effect::Read, call).await?.0;
        // Read from the message itself: the client's own accessor is undefined for new alarms.
        let alarms = response.alarms.into_iter().map(|alarm| AlarmFact {
            member_id: MemberId(alarm.member_id),
            alarm: alarm.alarm,
        });
        Ok((header(response.header), alarms.collect()))
    }

    /// The header of the member that responds, by the RPC that most accounts may use.
    pub async fn header_here(&self, caller: &Caller) -> Result<Header> {
        let (header, _) = self.alarms(caller).await?;
        if header.revision > 0 {
            return Ok(header);
        }
        // Before 3.5 the alarm response has no header.
        Ok(self.status(caller).await?.header)
    }

    /// Raises or disarms an alarm. Returns whether there was anything to do; always false for an alarm
    /// that the client library does not know.
    pub async fn set_alarm(
        &self,
        caller: &Caller,
        alarm: AlarmFact,
        raised: bool,
    ) -> Result<Option<Header>> {
        let Some(kind) = alarm.client_type() else {
            return Ok(None);
        };
        let action = if raised {
            AlarmAction::Activate
        } else {
            AlarmAction::Deactivate
        };
        let mut options = ec::AlarmOptions::new();
        options.with_member(alarm.member_id.0);
        let mut client = self.unary(caller).maintenance_client();
        let call = client.alarm(action, kind, Some(options));
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok((!response.alarms.is_empty()).then(|| header(response.header)))
    }

    /// Discards the history before a revision; `physical` waits until the space is freed in the
    /// database.
    pub async fn compact(&self, caller: &Caller, revision: i64, physical: bool) -> Result<Header> {
        let mut client = self.unary(caller).kv_client();
        let options = physical.then(|| ec::CompactionOptions::new().with_physical());
        let call = client.compact(revision, options);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// Defragments the database of the member that responds; it serves nothing else meanwhile.
    pub async fn defragment(&self, caller: &Caller) -> Result<()> {
        let mut client = self.unary(caller).maintenance_client();
        // No data changes, so after a lost response only the time of completion is unknown.
        self.call(caller, Effect::Read, client.defragment()).await?;
        Ok(())
    }

    /// The hash of the member that responds, up to a revision.
    pub async fn hash_kv(&self, caller: &Caller, revision: i64) -> Result<HashFact> {
        let mut client = self.unary(caller).maintenance_client();
        let call = client.hash_kv(revision);
        let response = self.call(caller, Effect::Read, call).await?.0;
        Ok(HashFact {
            hash: response.hash,
            compact_revision: response.compact_revision,
            hash_revision: response.hash_revision,
        })
    }

    /// Starts a snapshot of the member that responds.
    pub async fn snapshot(&self, caller: &Caller) -> Result<SnapshotStream> {
        let mut client = self.unary(caller).maintenance_client();
        let stream = self.call(caller, Effect::Read, client.snapshot()).await?;
        Ok(SnapshotStream(stream))
    }

    /// Transfers the leadership; the member that responds must be the leader.
    pub async fn move_leader(&self, caller: &Caller, to: MemberId) -> Result<()> {
        let mut client = self.unary(caller).maintenance_client();
        let call = client.move_leader(to.0);
        self.call(caller, Effect::Write, call).await?;
        Ok(())
    }

    /// Validates, starts or cancels a downgrade; returns the cluster's current version.
    pub async fn downgrade(
        &self,
        caller: &Caller,
        action: DowngradeAction,
        version: String,
    ) -> Result<(Header, String)> {
        let (options, effect) = match action {
            DowngradeAction::Validate => (ec::DowngradeOptions::Validate(version), Effect::Read),
            DowngradeAction::Enable => (ec::DowngradeOptions::Enable(version), Effect::Write),
            DowngradeAction::Cancel => (ec::DowngradeOptions::Cancel, Effect::Write),
        };
        let mut client = self.unary(caller).maintenance_client();
        let response = self
            .call(caller, effect, client.downgrade(options))
            .await?
            .0;
        Ok((header(response.header), response.version))
    }
}
