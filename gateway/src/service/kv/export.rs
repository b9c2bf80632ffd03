//! Exports a whole range as a stream, pinned to one revision.

use shared::{Code, CountResponse, Entry, Header};

use super::super::walk::{Walk, Window};
use super::KvService;
use super::page::PageQuery;
use crate::etcd::{Etcd, Get, KeyValue, entry};
use crate::failure::Result;
use crate::identity::Caller;

/// Approximate bytes of values requested per chunk.
const CHUNK: usize = 2 << 20;
/// The limit on keys requested per chunk.
const CHUNK_KEYS: i64 = 10_000;
/// The limit on bytes per chunk: a larger one is requested again with fewer keys. A single key may be
/// larger.
const MAX_CHUNK: usize = 16 << 20;

/// An export in progress, in memory that does not grow with the range.
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

impl KvService {
    /// The whole range in key order, chunk by chunk. The filter is applied here, so that a range of any size
    /// can be filtered.
    pub fn export(&self, caller: Caller, query: PageQuery) -> Export {
        Export::new(self.etcd.clone(), caller, query)
    }
}

impl Export {
    /// See [`KvService::export`].
    pub(in crate::service) fn new(etcd: Etcd, caller: Caller, query: PageQuery) -> Self {
        Self {
            walk: Walk::new(&query.range, 0),
            etcd,
            caller,
            query,
            limit: 32,
            header: None,
            count: 0,
        }
    }

    /// The next entries; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>> {
        let (filter, keys_only) = (self.query.filter, self.query.keys_only);
        while let Some(kvs) = self.next_raw().await? {
            let kept = kvs.into_iter().filter(|kv| filter.keeps(kv));
            let entries: Vec<_> = kept.map(|kv| entry(kv, keys_only)).collect();
            if !entries.is_empty() {
                self.count += entries.len() as i64;
                return Ok(Some(entries));
            }
        }
        Ok(None)
    }

    /// The next keys, unfiltered; `None` at the end.
    pub(in crate::service) async fn next_raw(&mut self) -> Result<Option<Vec<KeyValue>>> {
        let get = self.query.get(self.limit);
        let Some(window) = self.window(get).await? else {
            return Ok(None);
        };
        if self.query.revision == 0 {
            self.query.revision = window.header.revision;
        }
        self.header = Some(Header {
            revision: self.query.revision,
            ..window.header
        });
        let size: usize = window
            .kvs
            .iter()
            .map(|kv| kv.key.len() + kv.value.len() + 64)
            .sum();
        let each = (size / window.kvs.len()).max(1);
        self.limit = ((CHUNK / each) as i64).clamp(1, CHUNK_KEYS.min(self.limit * 8));
        Ok(Some(window.kvs))
    }

    /// The next keys, fewer if the requested ones are too large.
    async fn window(&mut self, mut get: Get) -> Result<Option<Window>> {
        loop {
            let most = if get.limit > 1 { MAX_CHUNK } else { usize::MAX };
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

    /// The content of the last line, once [`Export::next`] has returned `None`.
    pub async fn end(&self) -> Result<CountResponse> {
        let header = if let Some(header) = self.header {
            header
        } else {
            let count = Get::count_only().at(self.query.revision);
            self.etcd
                .range(&self.caller, &self.query.range, &count)
                .await?
                .header
        };
        Ok(CountResponse {
            header,
            count: self.count,
        })
    }
}
