//! The rows of the list: locks by name, followed by the keys that may be locks (guesses), grouped by prefix.

use std::collections::{BTreeMap, BTreeSet};

use shared::{Lock, LockKind};

use super::board::Board;

/// Target number of groups of guesses: prefixes are shortened until there are no more.
const MAX_GROUPS: usize = 12;

/// The filter of the list by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ListFilter {
    /// Locks, followed by guesses.
    #[default]
    All,
    /// Locks of one kind.
    Kind(LockKind),
    /// Only guesses.
    Guesses,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ListRow {
    /// A lock, or a key that may be one.
    Lock {
        /// The lock's name.
        name: Vec<u8>,
        /// For a member of a group: the length of the group's prefix, in bytes.
        prefix: usize,
    },
    /// The heading of the guesses, with their number.
    Guesses(usize),
    /// Guesses with a common prefix, collapsed unless `open`.
    Group {
        /// The prefix, including a slash; empty for names without a slash.
        prefix: Vec<u8>,
        /// The number of keys.
        keys: usize,
        /// Whether the keys follow as rows.
        open: bool,
    },
}

/// Whether a lock is only a guess: a leased key with a word such as `lock` in its name.
pub(crate) fn is_guess(lock: &Lock) -> bool {
    lock.kind == LockKind::SingleKey && !lock.certain
}

/// The rows that match the filter by kind and the typed `text`.
///
/// Groups are collapsed, or open if there is a `text`; `toggled` has the prefixes of those that the user toggled. The
/// lock `selected` has a row even in a collapsed group.
pub(crate) fn list_rows(
    board: &Board,
    filter: ListFilter,
    text: &str,
    toggled: &BTreeSet<Vec<u8>>,
    selected: Option<&[u8]>,
) -> Vec<ListRow> {
    let (mut locks, mut guesses) = (Vec::new(), Vec::new());
    for lock in board.matching(text) {
        let name = &lock.name.0;
        if is_guess(lock) {
            guesses.push(name.as_slice());
        } else if matches!(filter, ListFilter::All) || filter == ListFilter::Kind(lock.kind) {
            locks.push(ListRow::Lock {
                name: name.clone(),
                prefix: 0,
            });
        }
    }
    if matches!(filter, ListFilter::Kind(_)) || guesses.is_empty() {
        return if filter == ListFilter::Guesses {
            Vec::new()
        } else {
            locks
        };
    }
    if filter == ListFilter::Guesses {
        locks.clear();
    } else {
        locks.push(ListRow::Guesses(guesses.len()));
    }
    let open_by_default = !text.trim().is_empty();
    for (prefix, names) in group(&guesses) {
        let alone = names.len() == 1;
        let open = alone || open_by_default != toggled.contains(prefix);
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

/// Groups names by prefixes that end with a slash: the longest prefixes that result in few groups.
fn group<'a>(names: &[&'a [u8]]) -> BTreeMap<&'a [u8], Vec<&'a [u8]>> {
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

/// The number of slashes, except a leading one.
fn depth(name: &[u8]) -> usize {
    let slashes = name.iter().skip(1).filter(|byte| **byte == b'/');
    slashes.count()
}

/// The name up to the last of its first `levels` slashes, inclusive.
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
    use super::{cut, group};

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
    fn prefixes_are_shortened_until_there_are_few_groups() {
        let names: Vec<String> = (0..300)
            .map(|n| format!("/registry/events/ns{}/master.{n}", n % 100))
            .chain(["/cron/lock/ado".to_owned()])
            .collect();
        let bytes: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        let grouped = |names: &[&[u8]]| {
            let groups = group(names).into_iter();
            groups
                .map(|(prefix, names)| (String::from_utf8_lossy(prefix).into_owned(), names.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            grouped(&bytes),
            [
                ("/cron/lock/".to_owned(), 1),
                ("/registry/events/".to_owned(), 300)
            ]
        );
        let few = [bytes[0], bytes[100], bytes[1]];
        assert_eq!(
            grouped(&few),
            [
                ("/registry/events/ns0/".to_owned(), 2),
                ("/registry/events/ns1/".to_owned(), 1)
            ]
        );
    }
}
