//! Follows the leader of an election through its history: no leader's last value is skipped.
//!
//! Like etcd's own recipe, it reads the oldest key of the election, follows that key until it is
//! deleted, then reads again. The recipe reads the present state; this reads the state at the deletion,
//! so that a leader who won and resigned meanwhile is reported too. Only a compaction loses history: then
//! it starts again at the present, as it does after the data was wiped or restored.
//!
//! etcd checks a permission only when a watch is created, so it is checked again periodically.

use std::time::Duration;

use shared::{Candidate, Code, Entry, Event, LeaseId, MemberId, ServerMessage};
use tokio::time::{Instant, sleep, sleep_until};

use crate::etcd::{Etcd, Get, Order, Range, Sort, Update, WatchOptions, WatchStream, entry};
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::service::lock::names::{queue_of, queue_prefix};
use crate::service::lock::wait::{access_lost, is_transient};

/// Timeout of one etcd call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Delay between two attempts while etcd is unavailable.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// How often the account's permission is checked again.
const RECHECK: Duration = Duration::from_secs(3);

/// The observer's position in history.
#[derive(Debug)]
enum Position {
    /// The present state is to be read.
    Present,
    /// The state at this revision is to be read.
    Past(i64),
    /// This key, as created at `created`, is the oldest; everything before `from` is known.
    Following {
        key: Vec<u8>,
        created: i64,
        from: i64,
    },
    /// There was no key; everything before `from` is known.
    NoKey { from: i64 },
}

/// An observer of one election. Created by [`super::ElectionService::observe`].
#[derive(Debug)]
pub struct Observer {
    etcd: Etcd,
    identity: Identity,
    name: Vec<u8>,
    prefix: Range,
    position: Position,
    watch: Option<WatchStream>,
    /// Changes received but not applied yet.
    batch: std::vec::IntoIter<Event>,
    /// Key and revision of the value reported last.
    reported: Option<(Vec<u8>, i64)>,
    /// The cluster, and its last known revision.
    known: Option<(MemberId, i64)>,
    /// The client has received the error that etcd cannot be watched.
    error_sent: bool,
    /// When to check the permission again.
    recheck: Instant,
    /// The account has lost access.
    ended: bool,
}

impl Observer {
    /// Refuses an account that may not read the election's keys. Opens even while etcd is unavailable.
    pub(super) async fn open(etcd: Etcd, caller: &Caller, name: Vec<u8>) -> Result<Self> {
        let prefix = Range::prefix(&queue_prefix(&name));
        match etcd
            .may_read(&caller.with_timeout(CALL_TIMEOUT), &prefix)
            .await
        {
            Err(failure) if !is_transient(&failure) => return Err(failure),
            _ => {}
        }
        Ok(Self {
            etcd,
            identity: caller.identity.clone(),
            prefix,
            name,
            position: Position::Present,
            watch: None,
            batch: Vec::new().into_iter(),
            reported: None,
            known: None,
            error_sent: false,
            recheck: Instant::now() + RECHECK,
            ended: false,
        })
    }

    /// The next `leader`, or one `error` while etcd cannot be watched: it resumes when etcd is available
    /// again. An account that has lost access gets an `error`, then `None`.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        while !self.ended {
            match self.step().await {
                Ok(None) => self.error_sent = false,
                Ok(Some(message)) => {
                    self.error_sent = false;
                    return Some(message);
                }
                Err(failure) => {
                    self.watch = None;
                    self.batch = Vec::new().into_iter();
                    // The revision is compacted, or belongs to a former store.
                    if matches!(failure.code, Code::Compacted | Code::FutureRevision) {
                        self.position = Position::Present;
                        continue;
                    }
                    tracing::debug!(cause = failure.chain(), "an election cannot be watched");
                    self.ended = access_lost(&self.caller(), &failure);
                    if !std::mem::replace(&mut self.error_sent, true) || self.ended {
                        return Some(ServerMessage::Error {
                            id: None,
                            code: failure.code,
                            detail: failure.detail,
                        });
                    }
                    sleep(RETRY_DELAY).await;
                }
            }
        }
        None
    }

    fn caller(&self) -> Caller {
        Caller::new(self.identity.clone(), Some(CALL_TIMEOUT))
    }

    /// Advances by one step through history.
    async fn step(&mut self) -> Result<Option<ServerMessage>> {
        match self.position {
            Position::Present => self.read_oldest(0).await,
            Position::Past(revision) => self.read_oldest(revision).await,
            Position::Following { .. } | Position::NoKey { .. } => match self.change().await? {
                Some(event) => Ok(self.apply(event)),
                None => Ok(None),
            },
        }
    }

    /// Reads the oldest key, now (0) or at a revision.
    async fn read_oldest(&mut self, revision: i64) -> Result<Option<ServerMessage>> {
        let caller = self.caller();
        let oldest = Get {
            limit: 1,
            sort: Some((Sort::CreateRevision, Order::Asc)),
            revision,
            ..Get::default()
        };
        let response = self.etcd.range(&caller, &self.prefix, &oldest).await?;
        let header = response.header;
        self.known = Some((header.cluster_id, header.revision));
        let at = if revision == 0 {
            header.revision
        } else {
            revision
        };
        self.watch = None;
        self.batch = Vec::new().into_iter();
        let Some(oldest) = response.kvs.into_iter().next() else {
            self.position = Position::NoKey { from: at + 1 };
            return Ok(None);
        };
        self.position = Position::Following {
            key: oldest.key.clone(),
            created: oldest.create_revision,
            from: at + 1,
        };
        Ok(self.report(entry(oldest, false)))
    }

    /// The next change of the followed key or prefix; `None` if the state must be read again.
    async fn change(&mut self) -> Result<Option<Event>> {
        if let Some(event) = self.batch.next() {
            return Ok(Some(event));
        }
        let (range, from) = match &self.position {
            Position::Following { key, from, .. } => (Range::single(&key[..]), *from),
            Position::NoKey { from } => (self.prefix.clone(), *from),
            Position::Present | Position::Past(_) => return Ok(None),
        };
        let watch = if let Some(watch) = &mut self.watch {
            watch
        } else {
            if self.store_was_replaced().await? {
                self.position = Position::Present;
                return Ok(None);
            }
            let caller = Caller::new(self.identity.clone(), None);
            let options = WatchOptions {
                start_revision: from,
                ..WatchOptions::default()
            };
            let opened = self.etcd.watch(&caller, &range, options).await?;
            self.watch.insert(opened)
        };
        let update = tokio::select! {
            update = watch.next() => update?,
            () = sleep_until(self.recheck) => {
                self.check_permission().await?;
                return Ok(None);
            }
        };
        match update {
            Update::Batch { events, .. } => {
                // Events before the requested revision are known already, even if the server sends them again.
                let fresh = events
                    .into_iter()
                    .filter(|event| event.mod_revision() >= from);
                self.batch = fresh.collect::<Vec<_>>().into_iter();
                Ok(self.batch.next())
            }
            Update::Created(_) | Update::Progress(_) => Ok(None),
            Update::Compacted(_) => Err(Failure::new(Code::Compacted, "the history was compacted")),
            Update::Cancelled(failure) => Err(failure),
        }
    }

    /// Fails if the account may no longer read the election's keys.
    async fn check_permission(&mut self) -> Result<()> {
        let response = self.etcd.may_read(&self.caller(), &self.prefix).await;
        self.recheck = Instant::now() + RECHECK;
        match response {
            Err(failure) if access_lost(&self.caller(), &failure) => Err(failure),
            // etcd is unavailable: the watch detects that itself.
            _ => Ok(()),
        }
    }

    /// Whether the store was replaced: by another cluster, or by older data.
    async fn store_was_replaced(&mut self) -> Result<bool> {
        let caller = self.caller();
        let now = self.etcd.current_header(&caller, &self.prefix).await?;
        let before = self.known.replace((now.cluster_id, now.revision));
        Ok(before.is_some_and(|(cluster, revision)| {
            cluster != now.cluster_id || now.revision < revision
        }))
    }

    /// Applies a change; returns the message if it changes the leader.
    fn apply(&mut self, event: Event) -> Option<ServerMessage> {
        let at = event.mod_revision();
        match (&mut self.position, event) {
            (Position::Following { created, from, .. }, Event::Put { entry, .. }) => {
                *from = at + 1;
                if entry.create_revision != *created {
                    // Deleted and put again unseen: the key is not the oldest any more.
                    self.position = Position::Past(at);
                    return None;
                }
                self.report(entry)
            }
            // The leader's key was deleted, or the first keys of an empty election were put,
            // perhaps several in one revision: read which is the oldest now.
            (Position::Following { .. }, Event::Delete { .. })
            | (Position::NoKey { .. }, Event::Put { .. }) => {
                self.position = Position::Past(at);
                None
            }
            (Position::NoKey { from }, Event::Delete { .. }) => {
                *from = at + 1;
                None
            }
            (Position::Present | Position::Past(_), _) => None,
        }
    }

    /// Reports the value of the oldest key, unless it was reported already, or the key does not belong to a candidate:
    /// such a key only blocks the election.
    fn report(&mut self, entry: Entry) -> Option<ServerMessage> {
        let lease = entry.lease?;
        if queue_of(&entry.key.0, lease.0) != Some(&self.name[..]) {
            return None;
        }
        let reported = (entry.key.0.clone(), entry.mod_revision);
        if self.reported.as_ref() == Some(&reported) {
            return None;
        }
        self.reported = Some(reported);
        Some(leader(entry, lease))
    }
}

fn leader(entry: Entry, lease: LeaseId) -> ServerMessage {
    ServerMessage::Leader {
        leader: Candidate {
            key: entry.key,
            value: entry.value.unwrap_or_default(),
            lease,
            revision: entry.create_revision,
            ttl: None,
        },
        mod_revision: entry.mod_revision,
    }
}
