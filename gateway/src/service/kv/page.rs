//! Ranges: a page at a time, or whole as a stream, both pinned to one revision.

use serde::{Deserialize, Serialize};
use shared::{Bytes, Code, CountAnswer, Entry, Header, Page};

use super::super::cursor;
use super::super::walk::{Walk, Window};
use super::KvService;
use crate::caller::Caller;
use crate::etcd::{Etcd, Get, Range, entry};
use crate::failure::Result;

/// Bytes of values that an export asks for at a time, about.
const CHUNK: usize = 2 << 20;
/// Keys that an export asks for at a time, at most.
const CHUNK_KEYS: i64 = 10_000;
/// Bytes that an export reads at a time, at most: it asks for fewer keys where they are more. A single
/// key's may be more.
const CHUNK_AT_MOST: usize = 16 << 20;
/// Entries on a page without a limit.
const LIMIT: i64 = 100;
/// Entries on a page at most.
pub const LIMIT_AT_MOST: i64 = 10_000;

/// A first page.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// The range.
    pub range: Range,
    /// Without values.
    pub keys_only: bool,
    /// At this revision; 0 is now.
    pub revision: i64,
    /// Member-local, possibly stale.
    pub serializable: bool,
}

/// A first page, or the one behind a cursor.
#[derive(Clone, Debug)]
pub enum PageRequest {
    /// The first page.
    First(PageQuery),
    /// `next` of the page before.
    Next(String),
}

/// What a cursor says: the rest of the range, pinned.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// Tells the listings' cursors apart.
    kv: u8,
    at: Bytes,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    end: Option<Bytes>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    keys_only: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    serializable: bool,
    revision: i64,
    count: i64,
    limit: i64,
    depth: usize,
}

impl Cursor {
    fn read(text: &str) -> Result<Self> {
        cursor::decode_if(text, |cursor: &Self| {
            cursor.revision > 0 && (1..=LIMIT_AT_MOST).contains(&cursor.limit)
        })
    }
}

impl KvService {
    /// One page of a range in key order; `limit` entries at most, without one as many as on the page
    /// before. Fewer where they take long to find.
    pub async fn page(
        &self,
        caller: &Caller,
        request: PageRequest,
        limit: Option<i64>,
    ) -> Result<Page> {
        let (query, depth, known_count, limit) = match request {
            PageRequest::First(query) => (query, 0, None, limit.unwrap_or(LIMIT)),
            PageRequest::Next(text) => {
                let cursor = Cursor::read(&text)?;
                let end = cursor.end.map(|end| end.0);
                let query = PageQuery {
                    range: Range::between(cursor.at.0, end),
                    keys_only: cursor.keys_only,
                    revision: cursor.revision,
                    serializable: cursor.serializable,
                };
                let limit = limit.unwrap_or(cursor.limit);
                (query, cursor.depth, Some(cursor.count), limit)
            }
        };
        let mut get = Get {
            limit,
            revision: query.revision,
            serializable: query.serializable,
            keys_only: query.keys_only,
            ..Get::default()
        };
        let Some(known_count) = known_count else {
            return self.first_page(caller, &query, &get).await;
        };
        let mut walk = Walk::new(&query.range, depth);
        let mut entries: Vec<Entry> = Vec::new();
        let mut header = None;
        while (entries.len() as i64) < limit && (entries.is_empty() || !caller.is_half_spent()) {
            get.limit = limit - entries.len() as i64;
            let Some(window) = walk.next(&self.etcd, caller, &get).await? else {
                break;
            };
            header = Some(window.header);
            entries.extend(window.kvs.into_iter().map(|kv| entry(kv, query.keys_only)));
        }
        let header = match header {
            Some(header) => header,
            // The range ended with the page before; the answer still has etcd's header.
            None => {
                self.etcd
                    .range(caller, &query.range, &Get::count_only().at(query.revision))
                    .await?
                    .header
            }
        };
        let next = (!walk.is_done()).then(|| {
            let (at, depth) = walk.position();
            next(&query, at, depth, query.revision, known_count, limit)
        });
        let header = Header {
            revision: query.revision,
            ..header
        };
        Ok(Page {
            header,
            entries,
            count: Some(known_count),
            more: None,
            next,
        })
    }

    async fn first_page(&self, caller: &Caller, query: &PageQuery, get: &Get) -> Result<Page> {
        let answer = self.etcd.range(caller, &query.range, get).await?;
        let pinned = if query.revision > 0 {
            query.revision
        } else {
            answer.header.revision
        };
        let next = match &answer.kvs[..] {
            [first, .., last] | [first @ last] if answer.more => {
                let common = first
                    .key
                    .iter()
                    .zip(&last.key)
                    .take_while(|(a, b)| a == b)
                    .count();
                let at = [&last.key[..], &[0]].concat();
                let depth = common + 1;
                Some(next(query, &at, depth, pinned, answer.count, get.limit))
            }
            _ => None,
        };
        let header = Header {
            revision: pinned,
            ..answer.header
        };
        let entries = answer
            .kvs
            .into_iter()
            .map(|kv| entry(kv, query.keys_only))
            .collect();
        Ok(Page {
            header,
            entries,
            count: Some(answer.count),
            more: None,
            next,
        })
    }

    /// The whole range, chunk by chunk.
    pub fn export(&self, caller: Caller, query: PageQuery) -> Export {
        Export {
            walk: Walk::new(&query.range, 0),
            etcd: self.etcd.clone(),
            caller,
            query,
            limit: 32,
            header: None,
            count: 0,
        }
    }
}

fn next(
    query: &PageQuery,
    at: &[u8],
    depth: usize,
    revision: i64,
    count: i64,
    limit: i64,
) -> String {
    cursor::encode(&Cursor {
        kv: 1,
        at: at.into(),
        end: query.range.upper_bound().map(Bytes::from),
        keys_only: query.keys_only,
        serializable: query.serializable,
        revision,
        count,
        limit,
        depth,
    })
}

/// A range on its way out, in memory that does not grow with it.
#[derive(Debug)]
pub struct Export {
    etcd: Etcd,
    caller: Caller,
    query: PageQuery,
    walk: Walk,
    limit: i64,
    header: Option<Header>,
    count: i64,
}

impl Export {
    /// The next entries, none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>> {
        let get = Get {
            limit: self.limit,
            revision: self.query.revision,
            serializable: self.query.serializable,
            keys_only: self.query.keys_only,
            ..Get::default()
        };
        let Some(window) = self.window(get).await? else {
            return Ok(None);
        };
        if self.query.revision == 0 {
            self.query.revision = window.header.revision;
        }
        let header = Header {
            revision: self.query.revision,
            ..window.header
        };
        self.header = Some(header);
        let size: usize = window
            .kvs
            .iter()
            .map(|kv| kv.key.len() + kv.value.len() + 64)
            .sum();
        let each = (size / window.kvs.len()).max(1);
        self.limit = ((CHUNK / each) as i64).clamp(1, CHUNK_KEYS.min(self.limit * 8));
        self.count += window.kvs.len() as i64;
        let keys_only = self.query.keys_only;
        Ok(Some(
            window
                .kvs
                .into_iter()
                .map(|kv| entry(kv, keys_only))
                .collect(),
        ))
    }

    /// The next keys, fewer where those asked for are too large.
    async fn window(&mut self, mut get: Get) -> Result<Option<Window>> {
        loop {
            let most = if get.limit > 1 {
                CHUNK_AT_MOST
            } else {
                usize::MAX
            };
            let walk = &mut self.walk;
            match walk.next_within(&self.etcd, &self.caller, &get, most).await {
                Err(failure) if failure.code == Code::TooLarge && get.limit > 1 => {
                    get.limit = (get.limit / 8).max(1);
                    self.limit = get.limit;
                }
                window => return window,
            }
        }
    }

    /// What the last line says, once [`Export::next`] has answered none.
    pub async fn end(&self) -> Result<CountAnswer> {
        let header = if let Some(header) = self.header {
            header
        } else {
            let count = Get::count_only().at(self.query.revision);
            self.etcd
                .range(&self.caller, &self.query.range, &count)
                .await?
                .header
        };
        Ok(CountAnswer {
            header,
            count: self.count,
        })
    }
}
