//! The first entries of a range by another order, or by the revisions that made them.
//!
//! etcd loads the whole range for either, values too, before it sorts or leaves out. So the range is
//! counted first, which costs a walk of the index alone, and a large one refused.

use shared::{Code, Header, Page};

use super::KvService;
use super::page::PageQuery;
use crate::caller::Caller;
use crate::etcd::{Get, KeyValue, entry};
use crate::failure::{Failure, Result};

/// Keys in a range that etcd is asked to sort or filter, at most.
pub const SELECTED_AT_MOST: i64 = 100_000;

/// Bounds on the revisions of an entry, inclusive; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Created at this revision or later.
    pub min_create: i64,
    /// Created at this revision or earlier.
    pub max_create: i64,
    /// Last changed at this revision or later.
    pub min_mod: i64,
    /// Last changed at this revision or earlier.
    pub max_mod: i64,
}

impl Filter {
    /// Whether anything is left out at all.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// Whether the entry stays.
    pub fn keeps(&self, kv: &KeyValue) -> bool {
        let within = |at: i64, min: i64, max: i64| at >= min && (max == 0 || at <= max);
        within(kv.create_revision, self.min_create, self.max_create)
            && within(kv.mod_revision, self.min_mod, self.max_mod)
    }

    /// Asks etcd to leave out the others.
    fn ask(&self, get: Get) -> Get {
        Get {
            min_create_revision: self.min_create,
            max_create_revision: self.max_create,
            min_mod_revision: self.min_mod,
            max_mod_revision: self.max_mod,
            ..get
        }
    }
}

impl KvService {
    /// The first `limit` entries of a sorted or filtered range; nothing follows them.
    pub(super) async fn selection(
        &self,
        caller: &Caller,
        query: &PageQuery,
        limit: i64,
    ) -> Result<Page> {
        let (range, get) = (&query.range, query.get(limit));
        let counted = self.count(caller, range, get.clone()).await?;
        if counted.count > SELECTED_AT_MOST {
            let detail = format!(
                "the range has {} keys, and etcd would load them all: {SELECTED_AT_MOST} are sorted \
                 or filtered at most",
                counted.count
            );
            let hint = if query.sort.is_some() {
                "name a smaller range"
            } else {
                "name a smaller range, or send Accept: application/x-ndjson, which filters any"
            };
            return Err(Failure::new(Code::Unprocessable, detail)
                .hint(hint)
                .with(|facts| {
                    facts.count = Some(counted.count);
                    facts.revision = Some(counted.header.revision);
                }));
        }
        let get = Get {
            sort: query.sort,
            ..query.filter.ask(get)
        };
        let answer = self.etcd.range(caller, range, &get).await?;
        let revision = if query.revision > 0 {
            query.revision
        } else {
            answer.header.revision
        };
        let entries = answer.kvs.into_iter();
        Ok(Page {
            header: Header {
                revision,
                ..answer.header
            },
            entries: entries.map(|kv| entry(kv, query.keys_only)).collect(),
            count: (!query.filter.is_set()).then_some(answer.count),
            more: Some(answer.more),
            next: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_0_is_none() {
        let kv = KeyValue {
            create_revision: 5,
            mod_revision: 9,
            ..KeyValue::default()
        };
        let keeps = |min_create, max_create, min_mod, max_mod| {
            let filter = Filter {
                min_create,
                max_create,
                min_mod,
                max_mod,
            };
            filter.keeps(&kv)
        };
        assert!(keeps(0, 0, 0, 0) && keeps(5, 5, 9, 9));
        assert!(!keeps(6, 0, 0, 0) && !keeps(0, 4, 0, 0));
        assert!(!keeps(0, 0, 10, 0) && !keeps(0, 0, 0, 8));
    }
}
