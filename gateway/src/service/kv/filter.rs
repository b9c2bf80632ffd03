//! The first entries of a range in another order, or filtered by their revisions.
//!
//! For either, etcd loads the whole range with its values before it sorts or filters. So the range is
//! counted first, which only walks the index, and a large one is refused.

use shared::{Code, Header, Page};

use super::KvService;
use super::page::PageQuery;
use crate::etcd::{Get, KeyValue, entry};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// The limit on keys in a range that etcd sorts or filters.
pub const MAX_SELECTED: i64 = 100_000;

/// Inclusive bounds on the revisions of an entry; 0 means no bound.
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
    /// Whether any bound is set.
    pub fn is_set(&self) -> bool {
        *self != Self::default()
    }

    /// Whether the entry passes.
    pub fn keeps(&self, kv: &KeyValue) -> bool {
        let within = |at: i64, min: i64, max: i64| at >= min && (max == 0 || at <= max);
        within(kv.create_revision, self.min_create, self.max_create)
            && within(kv.mod_revision, self.min_mod, self.max_mod)
    }

    /// Adds the bounds to a read.
    fn apply(&self, get: Get) -> Get {
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
    /// The first `limit` entries of a sorted or filtered range; there is no next page.
    pub(super) async fn selection(
        &self,
        caller: &Caller,
        query: &PageQuery,
        limit: i64,
    ) -> Result<Page> {
        let (range, get) = (&query.range, query.get(limit));
        let counted = self.count(caller, range, get.clone()).await?;
        if counted.count > MAX_SELECTED {
            let detail = format!(
                "the range has {} keys, which etcd would load to sort or filter them; the limit is \
                 {MAX_SELECTED}",
                counted.count
            );
            let hint = if query.sort.is_some() {
                "use a smaller range"
            } else {
                "use a smaller range, or send Accept: application/x-ndjson, which filters ranges of any size"
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
            ..query.filter.apply(get)
        };
        let response = self.etcd.range(caller, range, &get).await?;
        let revision = if query.revision > 0 {
            query.revision
        } else {
            response.header.revision
        };
        let entries = response.kvs.into_iter();
        Ok(Page {
            header: Header {
                revision,
                ..response.header
            },
            entries: entries.map(|kv| entry(kv, query.keys_only)).collect(),
            count: (!query.filter.is_set()).then_some(response.count),
            more: Some(response.more),
            next: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_0_is_unbounded() {
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
