//! Reads a range page by page, pinned to one revision.

use serde::{Deserialize, Serialize};
use shared::{Bytes, Entry, Header, Page};

use super::super::cursor;
use super::super::walk::Walk;
use super::KvService;
use super::filter::Filter;
use crate::etcd::{Get, Order, Range, Sort, entry};
use crate::failure::Result;
use crate::identity::Caller;

/// Default entries per page.
const LIMIT: i64 = 100;
/// The largest `limit` of a page.
pub const MAX_LIMIT: i64 = 10_000;

/// The query of a first page.
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
    /// Another order than ascending keys.
    pub sort: Option<(Sort, Order)>,
    /// Only keys with these revisions.
    pub filter: Filter,
}

impl PageQuery {
    /// A whole range with values at a revision; 0 is now.
    pub fn whole(range: Range, revision: i64) -> Self {
        Self {
            range,
            keys_only: false,
            revision,
            serializable: false,
            sort: None,
            filter: Filter::default(),
        }
    }

    /// Whether it has a single page: only ascending key order has next pages.
    pub(super) fn is_selection(&self) -> bool {
        let ascending = matches!(self.sort, None | Some((Sort::Key, Order::Asc)));
        !ascending || self.filter.is_set()
    }

    /// The read to send to etcd.
    pub(super) fn get(&self, limit: i64) -> Get {
        Get {
            limit,
            revision: self.revision,
            serializable: self.serializable,
            keys_only: self.keys_only,
            ..Get::default()
        }
    }
}

/// A first page, or a next page by its cursor.
#[derive(Clone, Debug)]
pub enum PageRequest {
    /// The first page.
    First(PageQuery),
    /// `next` of the previous page.
    Next(String),
}

/// The content of a cursor: the rest of the range, pinned.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// Distinguishes the cursors of different listings.
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
            cursor.revision > 0 && (1..=MAX_LIMIT).contains(&cursor.limit)
        })
    }
}

impl KvService {
    /// One page of a range, in key order unless sorted: at most `limit` entries, by default as many as on
    /// the previous page. Fewer if finding them takes long.
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
                    keys_only: cursor.keys_only,
                    serializable: cursor.serializable,
                    ..PageQuery::whole(Range::between(cursor.at.0, end), cursor.revision)
                };
                let limit = limit.unwrap_or(cursor.limit);
                (query, cursor.depth, Some(cursor.count), limit)
            }
        };
        let mut get = query.get(limit);
        let Some(known_count) = known_count else {
            if query.is_selection() {
                return self.selection(caller, &query, limit).await;
            }
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
            // The range ended with the previous page; the response still has etcd's header.
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
        let response = self.etcd.range(caller, &query.range, get).await?;
        let pinned = if query.revision > 0 {
            query.revision
        } else {
            response.header.revision
        };
        let next = match &response.kvs[..] {
            [first, .., last] | [first @ last] if response.more => {
                let common = first
                    .key
                    .iter()
                    .zip(&last.key)
                    .take_while(|(a, b)| a == b)
                    .count();
                let at = [&last.key[..], &[0]].concat();
                let depth = common + 1;
                Some(next(query, &at, depth, pinned, response.count, get.limit))
            }
            _ => None,
        };
        let header = Header {
            revision: pinned,
            ..response.header
        };
        let entries = response
            .kvs
            .into_iter()
            .map(|kv| entry(kv, query.keys_only))
            .collect();
        Ok(Page {
            header,
            entries,
            count: Some(response.count),
            more: None,
            next,
        })
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
