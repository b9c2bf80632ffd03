//! Who leads an election, by its history: nothing a leader said last is ever skipped.
//!
//! As etcd's own recipe: read the oldest key of the election, follow that key until it is deleted,
//! then read again. Where that reads the present, this reads the store as it was at the deletion, so
//! that a leader who came and went meanwhile is seen too. Only a compaction loses history; then it
//! begins at the present again, as after the data was wiped or restored.
//!
//! etcd checks a permission only when a watch is created, so it is asked about again and again.

use std::time::Duration;

use shared::{Candidate, Code, Entry, Event, LeaseId, MemberId, ServerMessage};
use tokio::time::{Instant, sleep, sleep_until};

use crate::caller::{Caller, Identity};
use crate::etcd::{
    Etcd, Get, KeyValue, Order, Range, Sort, Update, WatchOptions, WatchStream, entry,
};
use crate::failure::{Failure, Result};
use crate::service::lock::names::{queue_of, queue_prefix};
use crate::service::lock::wait::{passing, refused};

/// How long etcd may take for one question.
const ANSWER: Duration = Duration::from_secs(10);
/// Between two attempts while etcd is away.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is asked whether the account may still read what it follows.
const RECHECK: Duration = Duration::from_secs(3);

/// Where the observer is in history.
#[derive(Debug)]
enum Place {
    /// To look at the present.
    Present,
    /// To look at the store as it was at this revision.
    Past(i64),
    /// This key, as created then, is the oldest; everything before the revision is known.
    Behind {
        key: Vec<u8>,
        created: i64,
        from: i64,
    },
    /// There was no key; everything before the revision is known.
    Nobody { from: i64 },
}

/// See the module. Made by [`super::ElectionService::observe`].
#[derive(Debug)]
pub struct Observer {
    etcd: Etcd,
    identity: Identity,
    name: Vec<u8>,
    prefix: Range,
    place: Place,
    watch: Option<WatchStream>,
    /// Changes that have been read and not been looked at.
    batch: std::vec::IntoIter<Event>,
    /// Key and revision of what was said last.
    said: Option<(Vec<u8>, i64)>,
    /// The cluster, and the last revision known of it.
    known: Option<(MemberId, i64)>,
    /// The client has been told that etcd cannot be followed.
    told: bool,
    /// When to ask about the permission.
    recheck: Instant,
    /// The account may not follow any longer.
    ended: bool,
}

impl Observer {
    /// Refuses an account that may not read the election's keys. Opens also while etcd is away.
    pub(super) async fn open(etcd: Etcd, caller: &Caller, name: Vec<u8>) -> Result<Self> {
        let prefix = Range::prefix(&queue_prefix(&name));
        match etcd.may_read(&caller.within(ANSWER), &prefix).await {
            Err(failure) if !passing(&failure) => return Err(failure),
            _ => {}
        }
        Ok(Self {
            etcd,
            identity: caller.identity.clone(),
            prefix,
            name,
            place: Place::Present,
            watch: None,
            batch: Vec::new().into_iter(),
            said: None,
            known: None,
            told: false,
            recheck: Instant::now() + RECHECK,
            ended: false,
        })
    }

    /// The next `leader`; once, where etcd cannot be followed, `error`: it goes on when etcd is back. An
    /// account that may not follow any longer gets its `error` and then nothing more.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        while !self.ended {
            match self.step().await {
                Ok(None) => self.told = false,
                Ok(Some(message)) => {
                    self.told = false;
                    return Some(message);
                }
                Err(failure) => {
                    self.watch = None;
                    self.batch = Vec::new().into_iter();
                    // The revision to look at is gone, or of a store that was there before.
                    if matches!(failure.code, Code::Compacted | Code::FutureRevision) {
                        self.place = Place::Present;
                        continue;
                    }
                    tracing::debug!(cause = failure.chain(), "an election cannot be followed");
                    self.ended = refused(&self.caller(), &failure);
                    if !std::mem::replace(&mut self.told, true) || self.ended {
                        return Some(ServerMessage::Error {
                            id: None,
                            code: failure.code,
                            detail: failure.detail,
                        });
                    }
                    sleep(PAUSE).await;
                }
            }
        }
        None
    }

    fn caller(&self) -> Caller {
        Caller::new(self.identity.clone(), Some(ANSWER))
    }

    /// One step through history.
    async fn step(&mut self) -> Result<Option<ServerMessage>> {
        match self.place {
            Place::Present => self.look(0).await,
            Place::Past(revision) => self.look(revision).await,
            Place::Behind { .. } | Place::Nobody { .. } => match self.change().await? {
                Some(event) => Ok(self.apply(event)),
                None => Ok(None),
            },
        }
    }

    /// Reads who is the oldest, now or as it was at a revision.
    async fn look(&mut self, revision: i64) -> Result<Option<ServerMessage>> {
        let caller = self.caller();
        let oldest = Get {
            limit: 1,
            sort: Some((Sort::CreateRevision, Order::Asc)),
            revision,
            ..Get::default()
        };
        let answer = self.etcd.range(&caller, &self.prefix, &oldest).await?;
        let header = answer.header;
        self.known = Some((header.cluster_id, header.revision));
        let at = if revision == 0 {
            header.revision
        } else {
            revision
        };
        self.watch = None;
        self.batch = Vec::new().into_iter();
        let Some(oldest) = answer.kvs.into_iter().next() else {
            self.place = Place::Nobody { from: at + 1 };
            return Ok(None);
        };
        self.place = Place::Behind {
            key: oldest.key.clone(),
            created: oldest.create_revision,
            from: at + 1,
        };
        Ok(self.say(oldest))
    }

    /// The next change of what is followed; `None` where it has to be looked at anew.
    async fn change(&mut self) -> Result<Option<Event>> {
        if let Some(event) = self.batch.next() {
            return Ok(Some(event));
        }
        let (range, from) = match &self.place {
            Place::Behind { key, from, .. } => (Range::one(&key[..]), *from),
            Place::Nobody { from } => (self.prefix.clone(), *from),
            Place::Present | Place::Past(_) => return Ok(None),
        };
        let watch = if let Some(watch) = &mut self.watch {
            watch
        } else {
            if self.is_another().await? {
                self.place = Place::Present;
                return Ok(None);
            }
            let endless = Caller::new(self.identity.clone(), None);
            let options = WatchOptions {
                start_revision: from,
                ..WatchOptions::default()
            };
            let opened = self.etcd.watch(&endless, &range, options).await?;
            self.watch.insert(opened)
        };
        let update = tokio::select! {
            update = watch.next() => update?,
            () = sleep_until(self.recheck) => {
                self.still_permitted().await?;
                return Ok(None);
            }
        };
        match update {
            Update::Batch { events, .. } => {
                // What lies before the place asked for is known, whatever the server sends.
                let fresh = events
                    .into_iter()
                    .filter(|event| event.mod_revision() >= from);
                self.batch = fresh.collect::<Vec<_>>().into_iter();
                Ok(self.batch.next())
            }
            Update::Created(_) | Update::Progress(_) => Ok(None),
            Update::Compacted(_) => Err(Failure::new(Code::Compacted, "history is gone")),
            Update::Cancelled(failure) => Err(failure),
        }
    }

    /// Fails where the account may not read the election's keys any more.
    async fn still_permitted(&mut self) -> Result<()> {
        let answer = self.etcd.may_read(&self.caller(), &self.prefix).await;
        self.recheck = Instant::now() + RECHECK;
        match answer {
            Err(failure) if refused(&self.caller(), &failure) => Err(failure),
            // etcd is away: the watch notices by itself.
            _ => Ok(()),
        }
    }

    /// Whether the store is no longer the one that was followed: another cluster, or older data.
    async fn is_another(&mut self) -> Result<bool> {
        let caller = self.caller();
        let now = self.etcd.current_header(&caller, &self.prefix).await?;
        let before = self.known.replace((now.cluster_id, now.revision));
        Ok(before.is_some_and(|(cluster, revision)| {
            cluster != now.cluster_id || now.revision < revision
        }))
    }

    /// What a change means to who leads.
    fn apply(&mut self, event: Event) -> Option<ServerMessage> {
        let at = event.mod_revision();
        match (&mut self.place, event) {
            (Place::Behind { created, from, .. }, Event::Put { entry, .. }) => {
                *from = at + 1;
                if entry.create_revision != *created {
                    // Deleted and put again unseen: it is not the oldest any more.
                    self.place = Place::Past(at);
                    return None;
                }
                self.say_entry(entry)
            }
            // The leader went; or the first key of an empty election came, or several of one
            // revision: which is the oldest now is to be looked at.
            (Place::Behind { .. }, Event::Delete { .. })
            | (Place::Nobody { .. }, Event::Put { .. }) => {
                self.place = Place::Past(at);
                None
            }
            (Place::Nobody { from }, Event::Delete { .. }) => {
                *from = at + 1;
                None
            }
            (Place::Present | Place::Past(_), _) => None,
        }
    }

    fn say(&mut self, kv: KeyValue) -> Option<ServerMessage> {
        self.say_entry(entry(kv, false))
    }

    /// Says what the oldest key proclaims, unless that has been said, or the key is no candidate's:
    /// then it only stands in the way.
    fn say_entry(&mut self, entry: Entry) -> Option<ServerMessage> {
        let lease = entry.lease?;
        if queue_of(&entry.key.0, lease.0) != Some(&self.name[..]) {
            return None;
        }
        let said = (entry.key.0.clone(), entry.mod_revision);
        if self.said.as_ref() == Some(&said) {
            return None;
        }
        self.said = Some(said);
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
