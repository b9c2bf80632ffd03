//! A key's stored revisions, newest first: each read just below the one before.

use serde::{Deserialize, Serialize};
use shared::{Bytes, Code, History, HistoryEnd};

use super::cursor;
use crate::caller::Caller;
use crate::etcd::{Etcd, Get, Range, entry};
use crate::failure::{Failure, Result};

/// Histories of one cluster's keys.
#[derive(Clone, Debug)]
pub struct HistoryService {
    etcd: Etcd,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// Tells the listings' cursors apart.
    history: u8,
    key: Bytes,
    revision: i64,
    limit: usize,
}

/// Entries on a page without a limit.
const LIMIT: usize = 100;
/// Entries on a page at most.
pub const LIMIT_AT_MOST: usize = 1000;

/// Where a history begins.
#[derive(Clone, Debug)]
pub enum HistoryRequest {
    /// At a revision; 0 is now.
    At(Vec<u8>, i64),
    /// `next` of the page before, which is of this key where one is named again.
    Next(String, Option<Vec<u8>>),
}

impl HistoryService {
    /// The service over one cluster.
    pub fn new(etcd: Etcd) -> Self {
        Self { etcd }
    }

    /// Entries of the key's present life, newest first, `limit` at most, without one as many as on the
    /// page before.
    pub async fn history(
        &self,
        caller: &Caller,
        request: HistoryRequest,
        limit: Option<usize>,
    ) -> Result<History> {
        let (key, mut revision, first, limit) = match request {
            HistoryRequest::At(key, revision) => (key, revision, true, limit.unwrap_or(LIMIT)),
            HistoryRequest::Next(text, named) => {
                let cursor: Cursor = cursor::decode_if(&text, |cursor: &Cursor| {
                    cursor.revision > 0
                        && (1..=LIMIT_AT_MOST).contains(&cursor.limit)
                        && named.as_ref().is_none_or(|key| *key == cursor.key.0)
                })?;
                let limit = limit.unwrap_or(cursor.limit);
                (cursor.key.0, cursor.revision, false, limit)
            }
        };
        let range = Range::one(key.clone());
        let mut entries: Vec<shared::Entry> = Vec::new();
        let mut header = None;
        let ended_by = loop {
            let answer = self
                .etcd
                .range(caller, &range, &Get::default().at(revision))
                .await;
            let answer = match answer {
                // The oldest left has been read; on a first page with nothing read it is an error.
                Err(failure)
                    if failure.code == Code::Compacted && !(first && entries.is_empty()) =>
                {
                    break HistoryEnd::Compaction;
                }
                other => other?,
            };
            header.get_or_insert(answer.header);
            let Some(kv) = answer.kvs.into_iter().next() else {
                if first && entries.is_empty() {
                    let detail = format!("there is no key {}", Bytes::from(key).to_lossy());
                    let revision = answer.header.revision;
                    return Err(Failure::new(Code::KeyNotFound, detail)
                        .with(|facts| facts.store_revision = Some(revision)));
                }
                break HistoryEnd::Creation;
            };
            let created = kv.version <= 1;
            revision = kv.mod_revision - 1;
            entries.push(entry(kv, false));
            if created {
                break HistoryEnd::Creation;
            }
            if entries.len() == limit {
                break HistoryEnd::Limit;
            }
        };
        let header = match header {
            Some(header) => header,
            None => {
                self.etcd
                    .range(caller, &range, &Get::count_only())
                    .await?
                    .header
            }
        };
        let next = (ended_by == HistoryEnd::Limit).then(|| {
            cursor::encode(&Cursor {
                history: 1,
                key: key.clone().into(),
                revision,
                limit,
            })
        });
        let compacted_revision = match ended_by {
            HistoryEnd::Compaction => self.etcd.compacted_revision(caller).await?,
            HistoryEnd::Creation | HistoryEnd::Limit => None,
        };
        Ok(History {
            header,
            key: key.into(),
            entries,
            ended_by,
            compacted_revision,
            next,
        })
    }
}
