//! A key's stored revisions, newest first: each read just below the one before.

mod fair;
mod replay;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::{Bytes, Code, Entry, Header, History, HistoryEnd};

use self::fair::FairSlots;
use self::replay::Deletions;
use super::cursor;
use crate::caller::{Caller, Identity};
use crate::etcd::{Etcd, Get, KeyValue, Range, entry};
use crate::failure::{Failure, Result};

/// Replays at the same time, one per identity: each makes etcd read a part of its log.
const REPLAYS: usize = 2;

/// Histories of one cluster's keys.
#[derive(Clone, Debug)]
pub struct HistoryService {
    etcd: Etcd,
    replays: Arc<FairSlots<Identity>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// Tells the listings' cursors apart.
    history: u8,
    key: Bytes,
    revision: i64,
    limit: usize,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    deleted: bool,
}

/// Entries on a page without a limit.
const LIMIT: usize = 100;
/// Entries on a page at most.
pub const LIMIT_AT_MOST: usize = 1000;

/// Where a history begins.
#[derive(Clone, Debug)]
pub enum HistoryRequest {
    /// A first page.
    At {
        /// The key.
        key: Vec<u8>,
        /// Back from here; 0 is now.
        revision: i64,
        /// Earlier lives too.
        deleted: bool,
    },
    /// `next` of the page before, which is of this key where one is named again.
    Next(String, Option<Vec<u8>>),
}

/// A page as it is asked for.
struct Asked {
    key: Vec<u8>,
    /// 0 is now.
    revision: i64,
    deleted: bool,
    first: bool,
    limit: usize,
}

impl Asked {
    fn read(request: HistoryRequest, limit: Option<usize>) -> Result<Self> {
        Ok(match request {
            HistoryRequest::At {
                key,
                revision,
                deleted,
            } => Self {
                key,
                revision,
                deleted,
                first: true,
                limit: limit.unwrap_or(LIMIT),
            },
            HistoryRequest::Next(text, named) => {
                let cursor: Cursor = cursor::decode_if(&text, |cursor: &Cursor| {
                    cursor.revision > 0
                        && (1..=LIMIT_AT_MOST).contains(&cursor.limit)
                        && named.as_ref().is_none_or(|key| *key == cursor.key.0)
                })?;
                Self {
                    key: cursor.key.0,
                    revision: cursor.revision,
                    deleted: cursor.deleted,
                    first: false,
                    limit: limit.unwrap_or(cursor.limit),
                }
            }
        })
    }
}

/// A page as it is found.
struct Found {
    header: Header,
    entries: Vec<Entry>,
    ended_by: HistoryEnd,
    /// Where the next page begins.
    revision: i64,
}

fn absent(key: &[u8], store_revision: i64) -> Failure {
    let detail = format!("there is no key {}", String::from_utf8_lossy(key));
    let failure = Failure::new(Code::KeyNotFound, detail);
    failure.with(|facts| facts.store_revision = Some(store_revision))
}

impl HistoryService {
    /// The service over one cluster.
    pub fn new(etcd: Etcd) -> Self {
        let replays = Arc::new(FairSlots::new(REPLAYS));
        Self { etcd, replays }
    }

    /// Entries of the key's present life, or of earlier ones too, newest first; `limit` at most,
    /// without one as many as on the page before.
    pub async fn history(
        &self,
        caller: &Caller,
        request: HistoryRequest,
        limit: Option<usize>,
    ) -> Result<History> {
        let asked = Asked::read(request, limit)?;
        if asked.deleted {
            return self.lives(caller, asked).await;
        }
        let found = self.life(caller, &asked).await?;
        let compacted_revision = match found.ended_by {
            HistoryEnd::Compaction => self.etcd.compacted_revision(caller, &asked.key).await?,
            HistoryEnd::Creation | HistoryEnd::Limit => None,
        };
        let next = found.ended_by == HistoryEnd::Limit;
        Ok(History {
            compacted_revision,
            ..answer(found, asked, next)
        })
    }

    /// The key at a revision, 0 being now; none when it is absent there.
    async fn at(
        &self,
        caller: &Caller,
        key: &[u8],
        revision: i64,
    ) -> Result<(Header, Option<KeyValue>)> {
        let (range, get) = (Range::one(key), Get::default().at(revision));
        let answer = self.etcd.range(caller, &range, &get).await?;
        Ok((answer.header, answer.kvs.into_iter().next()))
    }

    /// One life, back to its creation.
    async fn life(&self, caller: &Caller, asked: &Asked) -> Result<Found> {
        let mut revision = asked.revision;
        let mut entries: Vec<Entry> = Vec::new();
        let mut header = None;
        let ended_by = loop {
            let nothing_yet = asked.first && entries.is_empty();
            let (now, kv) = match self.at(caller, &asked.key, revision).await {
                // The oldest left has been read; on a first page with nothing read it is an error.
                Err(failure) if failure.code == Code::Compacted && !nothing_yet => {
                    break HistoryEnd::Compaction;
                }
                other => other?,
            };
            header.get_or_insert(now);
            let Some(kv) = kv else {
                if nothing_yet {
                    return Err(absent(&asked.key, now.revision)
                        .hint("?deleted looks for an earlier life of it"));
                }
                break HistoryEnd::Creation;
            };
            let created = kv.version <= 1;
            revision = kv.mod_revision - 1;
            entries.push(entry(kv, false));
            if created {
                break HistoryEnd::Creation;
            }
            if entries.len() == asked.limit {
                break HistoryEnd::Limit;
            }
        };
        let header = match header {
            Some(header) => header,
            None => self.at(caller, &asked.key, 0).await?.0,
        };
        Ok(Found {
            header,
            entries,
            ended_by,
            revision,
        })
    }

    /// One life after the other; each but the present one ended with a deletion, which is looked for.
    async fn lives(&self, caller: &Caller, asked: Asked) -> Result<History> {
        // The log is replayed to the present, from wherever this page begins.
        let (header, present) = self.at(caller, &asked.key, 0).await?;
        let now = header.revision;
        let mut deletions = Deletions::new(&self.etcd, &self.replays, &asked.key, now);
        let (mut entries, mut deleted_at) = (Vec::new(), Vec::new());
        let mut revision = asked.revision;
        let mut known = (revision == 0).then_some(present);
        if revision == 0 {
            revision = now;
        }
        let ended_by = loop {
            let kv = match known.take() {
                Some(kv) => kv,
                None => match self.at(caller, &asked.key, revision).await {
                    Err(failure)
                        if failure.code == Code::Compacted
                            && !(asked.first && entries.is_empty() && deleted_at.is_empty()) =>
                    {
                        break HistoryEnd::Compaction;
                    }
                    other => other?.1,
                },
            };
            if let Some(kv) = kv {
                revision = kv.mod_revision - 1;
                let created = kv.version <= 1;
                entries.push(entry(kv, false));
                if entries.len() == asked.limit {
                    break HistoryEnd::Limit;
                }
                if !created {
                    continue;
                }
            }
            match deletions.before(caller, revision).await? {
                Ok(at) => {
                    deleted_at.push(at);
                    revision = at - 1;
                }
                Err(end) => break end,
            }
        };
        if asked.first && entries.is_empty() && deleted_at.is_empty() {
            let replay = deletions.replay();
            let detail = format!("nor was it deleted since revision {}", replay.from);
            let mut failure = absent(&asked.key, now);
            failure.detail = format!("{}, {detail}", failure.detail);
            return Err(failure);
        }
        let compacted_revision = match (ended_by, deletions.compacted()) {
            (HistoryEnd::Compaction, None) => {
                self.etcd.compacted_revision(caller, &asked.key).await?
            }
            (HistoryEnd::Compaction, known) => known,
            (HistoryEnd::Creation | HistoryEnd::Limit, _) => None,
        };
        let replay = deletions.replay();
        let next = entries.len() == asked.limit;
        let found = Found {
            header,
            entries,
            ended_by,
            revision,
        };
        Ok(History {
            compacted_revision,
            deletions: Some(deleted_at),
            // A page that ends within the present life needed none.
            replay: (replay.revisions > 0).then_some(replay),
            ..answer(found, asked, next)
        })
    }
}

fn answer(found: Found, asked: Asked, next: bool) -> History {
    let key = Bytes::from(asked.key);
    let next = next.then(|| {
        cursor::encode(&Cursor {
            history: 1,
            key: key.clone(),
            revision: found.revision,
            limit: asked.limit,
            deleted: asked.deleted,
        })
    });
    History {
        header: found.header,
        key,
        entries: found.entries,
        ended_by: found.ended_by,
        deletions: None,
        replay: None,
        compacted_revision: None,
        next,
    }
}
