//! What to do with an entry of a file, given the state of its key in the cluster.

use shared::{ImportCounts, OnConflict};

use super::ImportOptions;
use super::lines::Item;
use crate::etcd::{Compare, KeyValue};

/// The state of a key in the cluster, compared with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyState {
    /// The key does not exist.
    Absent,
    /// The key has the same value (and lease) as in the file.
    Same,
    /// The key has another value, or another lease where leases are imported.
    Other {
        /// Its last change.
        mod_revision: i64,
    },
}

impl KeyState {
    /// `lease` is the lease that the key should have, if leases are imported.
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

    /// The comparison that guards the write of the key.
    pub(super) fn compare(self, key: &[u8]) -> Compare {
        match self {
            Self::Absent | Self::Same => Compare::absent(key),
            Self::Other { mod_revision } => Compare::modified_at(key, mod_revision),
        }
    }
}

/// What to do with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Overwrite,
    Leave,
    Skip,
    /// A preview of [`Action::Stop`]: only the conflict is counted.
    WouldStop,
    /// The import stops here.
    Stop,
}

impl Action {
    pub(super) fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::Overwrite)
    }
}

pub(super) fn actions(states: &[KeyState], options: ImportOptions) -> Vec<Action> {
    let action = |state: &KeyState| match (state, options.on_conflict) {
        (KeyState::Absent, _) => Action::Create,
        (KeyState::Same, _) => Action::Leave,
        (KeyState::Other { .. }, OnConflict::Skip) => Action::Skip,
        (KeyState::Other { .. }, OnConflict::Overwrite) => Action::Overwrite,
        (KeyState::Other { .. }, OnConflict::Fail) if options.dry_run => Action::WouldStop,
        (KeyState::Other { .. }, OnConflict::Fail) => Action::Stop,
    };
    states.iter().map(action).collect()
}

pub(super) fn count(counts: &mut ImportCounts, actions: &[Action]) {
    for action in actions {
        match action {
            Action::Create => counts.created += 1,
            Action::Overwrite => counts.overwritten += 1,
            Action::Leave => counts.unchanged += 1,
            Action::Skip => counts.skipped += 1,
            Action::WouldStop | Action::Stop => {}
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
    fn leases_are_compared_only_when_imported() {
        let other = KeyState::Other { mod_revision: 5 };
        let of = |lease, kv| KeyState::of(&item(), lease, kv);
        assert_eq!(of(None, None), KeyState::Absent);
        assert_eq!(of(None, Some(kv(b"v", 9))), KeyState::Same);
        assert_eq!(of(None, Some(kv(b"w", 9))), other);
        assert_eq!(of(Some(7), Some(kv(b"v", 7))), KeyState::Same);
        assert_eq!(of(Some(7), Some(kv(b"v", 9))), other);
        assert_eq!(of(Some(0), Some(kv(b"v", 9))), other);
    }

    #[test]
    fn on_conflict_applies_to_conflicts_only() {
        let states = [
            KeyState::Absent,
            KeyState::Same,
            KeyState::Other { mod_revision: 5 },
        ];
        let check = |on_conflict, dry_run, last| {
            let options = ImportOptions {
                dry_run,
                on_conflict,
                ..ImportOptions::default()
            };
            let expected = [Action::Create, Action::Leave, last];
            assert_eq!(actions(&states, options), expected);
        };
        check(OnConflict::Fail, false, Action::Stop);
        check(OnConflict::Fail, true, Action::WouldStop);
        check(OnConflict::Skip, false, Action::Skip);
        check(OnConflict::Overwrite, true, Action::Overwrite);
    }
}
