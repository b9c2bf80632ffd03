//! What becomes of an entry of a file, given how its key stands in the cluster.

use shared::{ImportCounts, OnConflict};

use super::ImportOptions;
use super::lines::Item;
use crate::etcd::{Compare, KeyValue};

/// How a key stands in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does not exist.
    Absent,
    /// It is as in the file.
    Same,
    /// It has another value, or another lease where leases are imported.
    Other {
        /// Its last change.
        mod_revision: i64,
    },
}

impl Standing {
    /// `lease` is the one that the key is to have, where leases are imported.
    pub(super) fn of(item: &Item, lease: Option<i64>, kv: Option<KeyValue>) -> Self {
        match kv {
            None => Self::Absent,
            Some(kv) if kv.value == item.value && lease.is_none_or(|lease| lease == kv.lease) => {
                Self::Same
            }
            Some(kv) => Self::Other {
                mod_revision: kv.mod_revision,
            },
        }
    }

    /// What must still hold when the key is written.
    pub(super) fn compare(self, key: &[u8]) -> Compare {
        match self {
            Self::Absent | Self::Same => Compare::absent(key),
            Self::Other { mod_revision } => Compare::modified_at(key, mod_revision),
        }
    }
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Create,
    Overwrite,
    Leave,
    Skip,
    /// A preview of [`Deed::Stop`]: only the conflict is counted.
    WouldStop,
    /// The import ends here.
    Stop,
}

impl Deed {
    pub(super) fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::Overwrite)
    }
}

pub(super) fn deeds(standings: &[Standing], options: ImportOptions) -> Vec<Deed> {
    let deed = |standing: &Standing| match (standing, options.on_conflict) {
        (Standing::Absent, _) => Deed::Create,
        (Standing::Same, _) => Deed::Leave,
        (Standing::Other { .. }, OnConflict::Skip) => Deed::Skip,
        (Standing::Other { .. }, OnConflict::Overwrite) => Deed::Overwrite,
        (Standing::Other { .. }, OnConflict::Fail) if options.dry_run => Deed::WouldStop,
        (Standing::Other { .. }, OnConflict::Fail) => Deed::Stop,
    };
    standings.iter().map(deed).collect()
}

pub(super) fn count(counts: &mut ImportCounts, deeds: &[Deed]) {
    for deed in deeds {
        match deed {
            Deed::Create => counts.created += 1,
            Deed::Overwrite => counts.overwritten += 1,
            Deed::Leave => counts.unchanged += 1,
            Deed::Skip => counts.skipped += 1,
            Deed::WouldStop | Deed::Stop => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Item {
        Item {
            line: 1,
            key: b"k".to_vec(),
            value: b"v".to_vec(),
            lease: 7,
        }
    }

    fn kv(value: &[u8], lease: i64) -> KeyValue {
        KeyValue {
            value: value.to_vec(),
            lease,
            mod_revision: 5,
            ..KeyValue::default()
        }
    }

    #[test]
    fn leases_count_where_they_are_imported() {
        let other = Standing::Other { mod_revision: 5 };
        let of = |lease, kv| Standing::of(&item(), lease, kv);
        assert_eq!(of(None, None), Standing::Absent);
        assert_eq!(of(None, Some(kv(b"v", 9))), Standing::Same);
        assert_eq!(of(None, Some(kv(b"w", 9))), other);
        assert_eq!(of(Some(7), Some(kv(b"v", 7))), Standing::Same);
        assert_eq!(of(Some(7), Some(kv(b"v", 9))), other);
        assert_eq!(of(Some(0), Some(kv(b"v", 9))), other);
    }

    #[test]
    fn the_policy_decides_on_conflicts_alone() {
        let standings = [
            Standing::Absent,
            Standing::Same,
            Standing::Other { mod_revision: 5 },
        ];
        let check = |on_conflict, dry_run, last| {
            let options = ImportOptions {
                dry_run,
                on_conflict,
                ..ImportOptions::default()
            };
            let expected = [Deed::Create, Deed::Leave, last];
            assert_eq!(deeds(&standings, options), expected);
        };
        check(OnConflict::Fail, false, Deed::Stop);
        check(OnConflict::Fail, true, Deed::WouldStop);
        check(OnConflict::Skip, false, Deed::Skip);
        check(OnConflict::Overwrite, true, Deed::Overwrite);
    }
}
