//! One level of keys: folders and entries, found by skipping over each folder's keys.

use serde::{Deserialize, Serialize};
use shared::{Bytes, Folder, Header, TreeLevel};

use super::cursor;
use super::walk::Walk;
use crate::etcd::{Etcd, Get, Op, OpResponse, Range, Txn, entry, prefix_end};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Keys read at a time where folders are expected: all but one are discarded.
const SEEK: i64 = 16;
/// Keys read at a time where only keys came.
const READ: i64 = 1024;
/// Folders counted in one transaction, below etcd's limit of ops.
const COUNTS_PER_TXN: usize = 100;
/// Default rows on a page.
const LIMIT: usize = 1000;
/// The largest `limit` of a page.
pub const MAX_LIMIT: usize = 10_000;

/// Levels of one cluster's keys.
#[derive(Clone, Debug)]
pub struct TreeService {
    etcd: Etcd,
}

/// A level, or a page of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeQuery {
    /// Distinguishes the cursors of different listings.
    tree: u8,
    prefix: Bytes,
    separator: Bytes,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    values: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    counts: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    serializable: bool,
    /// 0 is now.
    revision: i64,
    /// Where the page starts; by default at the level's first key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    at: Option<Bytes>,
    limit: usize,
    depth: usize,
}

/// Options of a level.
#[derive(Clone, Copy, Debug, Default)]
pub struct LevelOptions {
    /// At this revision; 0 is now.
    pub revision: i64,
    /// Include values and leases.
    pub values: bool,
    /// Count the keys of each folder.
    pub counts: bool,
    /// A serializable read: local to one member, possibly stale.
    pub serializable: bool,
}

impl TreeQuery {
    /// The first page of a level.
    pub fn level(prefix: Vec<u8>, separator: Vec<u8>, options: LevelOptions) -> Result<Self> {
        if separator.is_empty() {
            return Err(Failure::bad_request("the separator must not be empty"));
        }
        let (prefix, separator) = (prefix.into(), separator.into());
        Ok(Self {
            tree: 1,
            prefix,
            separator,
            values: options.values,
            counts: options.counts,
            serializable: options.serializable,
            revision: options.revision,
            at: None,
            limit: LIMIT,
            depth: 0,
        })
    }

    /// The page at a cursor.
    pub fn page(cursor: &str) -> Result<Self> {
        cursor::decode_if(cursor, |query: &Self| {
            query.revision > 0
                && (1..=MAX_LIMIT).contains(&query.limit)
                && !query.separator.is_empty()
                && matches!(&query.at, Some(at) if Range::prefix(&query.prefix.0).contains(&at.0))
        })
    }

    /// The limit on rows on this page and the following ones.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// The folder on `prefix`'s level that a key lies in, if it does not lie on the level itself.
fn folder_of<'a>(key: &'a [u8], prefix: &[u8], separator: &[u8]) -> Option<&'a [u8]> {
    let rest = key.get(prefix.len()..)?;
    let at = rest
        .windows(separator.len())
        .position(|window| window == separator)?;
    Some(&key[..prefix.len() + at + separator.len()])
}

impl TreeService {
    /// The service over one cluster.
    pub fn new(etcd: Etcd) -> Self {
        Self { etcd }
    }

    /// A page of a level: folders and entries in byte order; fewer than the limit if finding them takes
    /// too long.
    pub async fn level(&self, caller: &Caller, mut query: TreeQuery) -> Result<TreeLevel> {
        let prefix = query.prefix.0.clone();
        let whole = Range::prefix(&prefix);
        let range = match query.at.take() {
            Some(at) => Range::between(at.0, whole.upper_bound().map(<[u8]>::to_vec)),
            None => whole,
        };
        let mut walk = Walk::new(&range, query.depth);
        let mut level = Level {
            folders: Vec::new(),
            entries: Vec::new(),
            header: None,
        };
        let mut batch = SEEK;
        let mut full = false;
        while !full && (level.rows() == 0 || !caller.is_half_spent()) {
            let get = Get {
                limit: batch,
                revision: query.revision,
                serializable: query.serializable,
                keys_only: !query.values,
                ..Get::default()
            };
            let Some(window) = walk.next(&self.etcd, caller, &get).await? else {
                break;
            };
            if query.revision == 0 {
                query.revision = window.header.revision;
            }
            level.header = Some(window.header);
            let mut only_keys = true;
            let mut last_folder: Option<Vec<u8>> = None;
            for kv in window.kvs {
                if last_folder
                    .as_ref()
                    .is_some_and(|folder| kv.key.starts_with(folder))
                {
                    continue;
                }
                if level.rows() == query.limit {
                    walk = walk.back_to(kv.key);
                    last_folder = None;
                    full = true;
                    break;
                }
                if let Some(folder) = folder_of(&kv.key, &prefix, &query.separator.0) {
                    only_keys = false;
                    last_folder = Some(folder.to_vec());
                    let name = folder[prefix.len()..].into();
                    level.folders.push(Folder {
                        name,
                        prefix: folder.into(),
                        count: None,
                    });
                } else {
                    last_folder = None;
                    level.entries.push(entry(kv, !query.values));
                }
            }
            if let Some(folder) = last_folder {
                walk.skip_to(prefix_end(&folder));
            }
            batch = if only_keys {
                (batch * 4).min(READ)
            } else {
                SEEK
            };
        }
        let header = if let Some(header) = level.header {
            header
        } else {
            let none = Get::count_only().at(query.revision);
            self.etcd.range(caller, &range, &none).await?.header
        };
        let revision = if query.revision > 0 {
            query.revision
        } else {
            header.revision
        };
        if query.counts {
            let get = Get {
                serializable: query.serializable,
                ..Get::count_only().at(revision)
            };
            self.count(caller, &mut level.folders, &get).await?;
        }
        let next = (!walk.is_done()).then(|| {
            let (at, depth) = walk.position();
            cursor::encode(&TreeQuery {
                at: Some(at.into()),
                depth,
                revision,
                ..query.clone()
            })
        });
        Ok(TreeLevel {
            header: Header { revision, ..header },
            prefix: query.prefix,
            folders: level.folders,
            entries: level.entries,
            next,
        })
    }
}

impl TreeService {
    /// Counts each folder's keys, many per call. Folders not counted before the timeout stay
    /// uncounted: a level with some counts is more useful than an error.
    async fn count(&self, caller: &Caller, folders: &mut [Folder], get: &Get) -> Result<()> {
        for (n, some) in folders.chunks_mut(COUNTS_PER_TXN).enumerate() {
            if n > 0 && caller.is_half_spent() {
                break;
            }
            let counts = some
                .iter()
                .map(|folder| Op::Get(Range::prefix(&folder.prefix.0), get.clone()));
            let counts = Txn {
                then: counts.collect(),
                ..Txn::default()
            };
            let response = self.etcd.txn(caller, counts).await?;
            for (folder, response) in some.iter_mut().zip(response.responses) {
                if let OpResponse::Get(_, count, _) = response {
                    folder.count = Some(count);
                }
            }
        }
        Ok(())
    }
}

/// A level under construction.
struct Level {
    folders: Vec<Folder>,
    entries: Vec<shared::Entry>,
    header: Option<Header>,
}

impl Level {
    fn rows(&self) -> usize {
        self.folders.len() + self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, prefix: &str, folder: Option<&str>) {
        let found = folder_of(key.as_bytes(), prefix.as_bytes(), b"/");
        assert_eq!(found, folder.map(str::as_bytes), "{key} under {prefix}");
    }

    #[test]
    fn a_key_is_an_entry_or_in_a_folder() {
        check("a/b", "", Some("a/"));
        check("/a/b", "", Some("/"));
        check("/a/b", "/", Some("/a/"));
        check("/a//b", "/a/", Some("/a//"));
        check("/a//b", "/a//", None);
        check("/a/b/", "/a/", Some("/a/b/"));
        check("/a/b/", "/a/b/", None);
        check("/", "/", None);
        check("a/../b", "a/", Some("a/../"));
        check("ab", "a", None);
    }

    #[test]
    fn a_forged_cursor_is_refused() {
        let options = LevelOptions {
            revision: 7,
            ..LevelOptions::default()
        };
        let level = TreeQuery::level(b"/a/".to_vec(), b"/".to_vec(), options);
        let mut query = level.expect("a level");
        let check = |query: &TreeQuery| TreeQuery::page(&cursor::encode(query)).is_ok();
        assert!(!check(&query), "a cursor always has a position");
        query.at = Some("/a/b".into());
        assert!(check(&query));
        let change = |change: fn(&mut TreeQuery)| {
            let mut query = query.clone();
            change(&mut query);
            check(&query)
        };
        assert!(!change(|query| query.separator = "".into()));
        assert!(!change(|query| query.at = Some("/b".into())));
        assert!(!change(|query| query.revision = 0));
        assert!(!change(|query| query.limit = 0));
    }
}
