//! The rows of the list: locks by name, and below them the keys that may be locks, folded by prefix.

use std::collections::{BTreeMap, BTreeSet};

use shared::{Lock, LockKind};

use super::board::Board;

/// Groups of guesses at most, as long as shorter prefixes leave so few.
const MAX_GROUPS: usize = 12;

/// What is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ListFilter {
    /// Locks, and below them the guesses.
    #[default]
    All,
    /// Locks of one kind.
    Kind(LockKind),
    /// Guesses alone.
    Guesses,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ListRow {
    /// A lock, or a key that may be one.
    Lock {
        /// Its name.
        name: Vec<u8>,
        /// For a member of a group: the bytes of its name that the group says already.
        prefix: usize,
    },
    /// The heading of the guesses: how many there are.
    Guesses(usize),
    /// Guesses of one prefix, folded unless `open`.
    Group {
        /// What their names begin with, up to and with a slash; empty for names without one.
        prefix: Vec<u8>,
        /// How many they are.
        keys: usize,
        /// Whether they follow as rows.
        open: bool,
    },
}

/// Whether it may be no lock at all: a leased key with a word such as `lock` in its name.
pub(crate) fn is_guess(lock: &Lock) -> bool {
    lock.kind == LockKind::SingleKey && !lock.certain
}

/// The rows for what is shown and typed into the filter.
///
/// Groups are folded, while a filter is typed they are open; `toggled` has the prefixes of those that
/// somebody toggled. The lock `selected` is a row in any case.
pub(crate) fn list_rows(
    board: &Board,
    shown: ListFilter,
    text: &str,
    toggled: &BTreeSet<Vec<u8>>,
    selected: Option<&[u8]>,
) -> Vec<ListRow> {
    let (mut locks, mut guesses) = (Vec::new(), Vec::new());
    for lock in board.matching(text) {
        let name = &lock.name.0;
        if is_guess(lock) {
            guesses.push(name.as_slice());
        } else if matches!(shown, ListFilter::All) || shown == ListFilter::Kind(lock.kind) {
            locks.push(ListRow::Lock {
                name: name.clone(),
                prefix: 0,
            });
        }
    }
    if matches!(shown, ListFilter::Kind(_)) || guesses.is_empty() {
        return if shown == ListFilter::Guesses {
            Vec::new()
        } else {
            locks
        };
    }
    if shown == ListFilter::Guesses {
        locks.clear();
    } else {
        locks.push(ListRow::Guesses(guesses.len()));
    }
    let opened = !text.trim().is_empty();
    for (prefix, names) in fold(&guesses) {
        let alone = names.len() == 1;
        let open = alone || opened != toggled.contains(prefix);
        if !alone {
            locks.push(ListRow::Group {
                prefix: prefix.to_vec(),
                keys: names.len(),
                open,
            });
        }
        let rows = names
            .into_iter()
            .filter(|name| open || selected == Some(*name));
        locks.extend(rows.map(|name| ListRow::Lock {
            name: name.to_vec(),
            prefix: if alone { 0 } else { prefix.len() },
        }));
    }
    locks
}

/// Names by prefix, each up to and with one of its slashes: the longest prefixes that leave few groups.
fn fold<'a>(names: &[&'a [u8]]) -> BTreeMap<&'a [u8], Vec<&'a [u8]>> {
    let deepest = names.iter().map(|name| depth(name)).max().unwrap_or(0);
    let mut groups = BTreeMap::new();
    for levels in (1..=deepest.max(1)).rev() {
        groups = BTreeMap::<_, Vec<_>>::new();
        for name in names {
            groups.entry(cut(name, levels)).or_default().push(*name);
        }
        if groups.len() <= MAX_GROUPS {
            break;
        }
    }
    groups
}

/// Slashes but the one at the very beginning.
fn depth(name: &[u8]) -> usize {
    let slashes = name.iter().skip(1).filter(|byte| **byte == b'/');
    slashes.count()
}

/// The name up to and with the last of its first `levels` slashes.
fn cut(name: &[u8], levels: usize) -> &[u8] {
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let beyond_first = slashes
        .clone()
        .filter(|(at, _)| *at > 0)
        .take(levels)
        .last();
    let last = beyond_first.or_else(|| slashes.clone().next());
    last.map_or(&[], |(at, _)| &name[..=at])
}

#[cfg(test)]
mod tests {
    use super::{cut, fold};

    #[test]
    fn prefixes_end_with_a_slash_of_the_name() {
        for (name, levels, prefix) in [
            ("/registry/events/default/a", 1, "/registry/"),
            ("/registry/events/default/a", 3, "/registry/events/default/"),
            ("/registry/events/default/a", 9, "/registry/events/default/"),
            ("a/b/c", 1, "a/"),
            ("/lock", 2, "/"),
            ("lock", 2, ""),
        ] {
            assert_eq!(
                cut(name.as_bytes(), levels),
                prefix.as_bytes(),
                "{name} {levels}"
            );
        }
    }

    #[test]
    fn prefixes_get_shorter_until_the_groups_are_few() {
        let names: Vec<String> = (0..300)
            .map(|n| format!("/registry/events/ns{}/master.{n}", n % 100))
            .chain(["/cron/lock/ado".to_owned()])
            .collect();
        let bytes: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        let folded = |names: &[&[u8]]| {
            let groups = fold(names).into_iter();
            groups
                .map(|(prefix, names)| (String::from_utf8_lossy(prefix).into_owned(), names.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            folded(&bytes),
            [
                ("/cron/lock/".to_owned(), 1),
                ("/registry/events/".to_owned(), 300)
            ]
        );
        let few = [bytes[0], bytes[100], bytes[1]];
        assert_eq!(
            folded(&few),
            [
                ("/registry/events/ns0/".to_owned(), 2),
                ("/registry/events/ns1/".to_owned(), 1)
            ]
        );
    }
}
