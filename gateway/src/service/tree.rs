//! One level of keys: folders and entries, found by seeking over each folder's keys.

use serde::{Deserialize, Serialize};
use shared::{Bytes, Folder, Header, TreeLevel};

use super::cursor;
use super::walk::Walk;
use crate::caller::Caller;
use crate::etcd::{Etcd, Get, Range, entry, prefix_end};
use crate::failure::{Failure, Result};

/// Keys asked for at a time where folders are expected: all but one are thrown away.
const SEEK: i64 = 16;
/// Keys asked for at a time where only keys came.
const READ: i64 = 1024;

/// Levels of one cluster's keys.
#[derive(Clone, Debug)]
pub struct TreeService {
    etcd: Etcd,
}

/// A level, or a page of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeQuery {
    /// Tells the listings' cursors apart.
    tree: u8,
    prefix: Bytes,
    separator: Bytes,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    values: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    serializable: bool,
    /// 0 is now.
    revision: i64,
    /// Where the page begins; the level's first key without it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    at: Option<Bytes>,
    depth: usize,
}

impl TreeQuery {
    /// The first page of a level. `revision` 0 is now.
    pub fn level(
        prefix: Vec<u8>,
        separator: Vec<u8>,
        revision: i64,
        values: bool,
        serializable: bool,
    ) -> Result<Self> {
        if separator.is_empty() {
            return Err(Failure::bad_request("the separator is empty"));
        }
        let (prefix, separator) = (prefix.into(), separator.into());
        let (at, depth) = (None, 0);
        Ok(Self {
            tree: 1,
            prefix,
            separator,
            values,
            serializable,
            revision,
            at,
            depth,
        })
    }

    /// The page behind a cursor.
    pub fn page(cursor: &str) -> Result<Self> {
        cursor::decode(cursor)
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

    /// A page of a level: `limit` folders and entries at most, in byte order.
    pub async fn level(
        &self,
        caller: &Caller,
        mut query: TreeQuery,
        limit: usize,
    ) -> Result<TreeLevel> {
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
        while !full {
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
                if level.rows() == limit {
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

/// A level as it is found.
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
    use super::folder_of;

    fn check(key: &str, prefix: &str, folder: Option<&str>) {
        let found = folder_of(key.as_bytes(), prefix.as_bytes(), b"/");
        assert_eq!(found, folder.map(str::as_bytes), "{key} under {prefix}");
    }

    #[test]
    fn keys_lie_on_the_level_or_in_a_folder_of_it() {
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
}
