//! A key's stored revisions, newest first: each is read just below the previous one.

mod replay;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::{Bytes, Code, Entry, Header, History, HistoryEnd};

use self::replay::Deletions;
use super::cursor;
use super::fair::FairSlots;
use crate::etcd::{Etcd, Get, KeyValue, Range, entry};
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};

/// Concurrent replays, one per identity: each makes etcd read a part of its log.
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
    /// Distinguishes the cursors of different listings.
    history: u8,
    key: Bytes,
    revision: i64,
    limit: usize,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    deleted: bool,
}

/// Default entries per page.
const LIMIT: usize = 100;
/// The largest `limit` of a page.
pub const MAX_LIMIT: usize = 1000;

/// A request for a page of history.
#[derive(Clone, Debug)]
pub enum HistoryRequest {
    /// A first page.
    At {
        /// The key.
        key: Vec<u8>,
        /// The revision to go back from; 0 is now.
        revision: i64,
        /// Whether to include earlier lives.
        deleted: bool,
    },
    /// `next` of the previous page; if a key is given again, the cursor must be for it.
    Next(String, Option<Vec<u8>>),
}

/// A validated request for a page.
struct PageRequest {
    key: Vec<u8>,
    /// 0 is now.
    revision: i64,
    deleted: bool,
    first: bool,
    limit: usize,
}

impl PageRequest {
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
                        && (1..=MAX_LIMIT).contains(&cursor.limit)
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

/// The content of a page.
struct Found {
    header: Header,
    entries: Vec<Entry>,
    ended_by: HistoryEnd,
    /// The revision that the next page starts at.
    revision: i64,
}

fn absent(key: &[u8], store_revision: i64) -> Failure {
    let detail = format!("no such key {}", String::from_utf8_lossy(key));
    let failure = Failure::new(Code::KeyNotFound, detail);
    failure.with(|facts| facts.store_revision = Some(store_revision))
}

impl HistoryService {
    /// The service over one cluster.
    pub fn new(etcd: Etcd) -> Self {
        let replays = Arc::new(FairSlots::new(REPLAYS));
        Self { etcd, replays }
    }

    /// Entries of the key's present life, or of earlier ones too, newest first: at most `limit`, by default
    /// as many as on the previous page.
    pub async fn history(
        &self,
        caller: &Caller,
        request: HistoryRequest,
        limit: Option<usize>,
    ) -> Result<History> {
        let page = PageRequest::read(request, limit)?;
        if page.deleted {
            return self.all_lives(caller, page).await;
        }
        let found = self.life(caller, &page).await?;
        let compacted_revision = match found.ended_by {
            HistoryEnd::Compaction => self.etcd.compacted_revision(caller, &page.key).await?,
            HistoryEnd::Creation | HistoryEnd::Limit => None,
        };
        let next = found.ended_by == HistoryEnd::Limit;
        Ok(History {
            compacted_revision,
            ..build_page(found, page, next)
        })
    }

    /// The key at a revision (0 is now); `None` if it is absent there.
    async fn at(
        &self,
        caller: &Caller,
        key: &[u8],
        revision: i64,
    ) -> Result<(Header, Option<KeyValue>)> {
        let (range, get) = (Range::single(key), Get::default().at(revision));
        let response = self.etcd.range(caller, &range, &get).await?;
        Ok((response.header, response.kvs.into_iter().next()))
    }

    /// The present life, back to its creation.
    async fn life(&self, caller: &Caller, page: &PageRequest) -> Result<Found> {
        let mut revision = page.revision;
        let mut entries: Vec<Entry> = Vec::new();
        let mut header = None;
        let ended_by = loop {
            let is_empty = page.first && entries.is_empty();
            let (now, kv) = match self.at(caller, &page.key, revision).await {
                // The oldest remaining revision was read; on a first page with nothing read it is an error.
                Err(failure) if failure.code == Code::Compacted && !is_empty => {
                    break HistoryEnd::Compaction;
                }
                other => other?,
            };
            header.get_or_insert(now);
            let Some(kv) = kv else {
                if is_empty {
                    return Err(
                        absent(&page.key, now.revision).hint("?deleted includes earlier lives")
                    );
                }
                break HistoryEnd::Creation;
            };
            let created = kv.version <= 1;
            revision = kv.mod_revision - 1;
            entries.push(entry(kv, false));
            if created {
                break HistoryEnd::Creation;
            }
            if entries.len() == page.limit {
                break HistoryEnd::Limit;
            }
        };
        let header = match header {
            Some(header) => header,
            None => self.at(caller, &page.key, 0).await?.0,
        };
        Ok(Found {
            header,
            entries,
            ended_by,
            revision,
        })
    }

    /// All lives, one after the other; each except the present one ended with a deletion, which is searched
    /// for.
    async fn all_lives(&self, caller: &Caller, page: PageRequest) -> Result<History> {
        // The log is always replayed up to the present, wherever this page starts.
        let (header, present) = self.at(caller, &page.key, 0).await?;
        let now = header.revision;
        let mut deletions = Deletions::new(&self.etcd, &self.replays, &page.key, now);
        let (mut entries, mut deleted_at) = (Vec::new(), Vec::new());
        let mut revision = page.revision;
        let mut known = (revision == 0).then_some(present);
        if revision == 0 {
            revision = now;
        }
        let ended_by = loop {
            let kv = match known.take() {
                Some(kv) => kv,
                None => match self.at(caller, &page.key, revision).await {
                    Err(failure)
                        if failure.code == Code::Compacted
                            && !(page.first && entries.is_empty() && deleted_at.is_empty()) =>
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
                if entries.len() == page.limit {
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
        if page.first && entries.is_empty() && deleted_at.is_empty() {
            let replay = deletions.replay();
            let detail = format!("and it was not deleted since revision {}", replay.from);
            let mut failure = absent(&page.key, now);
            failure.detail = format!("{}, {detail}", failure.detail);
            return Err(failure);
        }
        let compacted_revision = match (ended_by, deletions.compacted()) {
            (HistoryEnd::Compaction, None) => {
                self.etcd.compacted_revision(caller, &page.key).await?
            }
            (HistoryEnd::Compaction, known) => known,
            (HistoryEnd::Creation | HistoryEnd::Limit, _) => None,
        };
        let replay = deletions.replay();
        let next = entries.len() == page.limit;
        let found = Found {
            header,
            entries,
            ended_by,
            revision,
        };
        Ok(History {
            compacted_revision,
            deletions: Some(deleted_at),
            // A page that ends within the present life needs no replay.
            replay: (replay.revisions > 0).then_some(replay),
            ..build_page(found, page, next)
        })
    }
}

fn build_page(found: Found, page: PageRequest, next: bool) -> History {
    let key = Bytes::from(page.key);
    let next = next.then(|| {
        cursor::encode(&Cursor {
            history: 1,
            key: key.clone(),
            revision: found.revision,
            limit: page.limit,
            deleted: page.deleted,
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
