//! Roots: for an account that may not read the whole keyspace, the prefixes and keys that it may read replace the
//! top level.

use shared::{Entry, Event, RangeSpec};

use super::{Item, Level, Loading, Meta, Name, Tree};

#[cfg(test)]
mod tests;

/// Limit of prefixes for a range whose ends differ only in the last byte.
const MAX_PREFIXES: u8 = 16;

/// The ranges that an account may read, as the tree shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roots {
    /// Prefixes below which every key may be read.
    pub(crate) prefixes: Vec<Name>,
    /// Single keys.
    pub(crate) keys: Vec<Name>,
    /// Other ranges, which the tree cannot show.
    pub(crate) others: Vec<RangeSpec>,
}

impl Roots {
    /// The roots of these ranges; `None` if they are the whole keyspace, which needs none.
    pub(crate) fn of(ranges: &[RangeSpec]) -> Option<Self> {
        let mut roots = Self::default();
        for range in ranges {
            match (&range.key, &range.prefix, &range.start, &range.end) {
                (Some(key), ..) => roots.keys.push(key.0.as_slice().into()),
                (_, Some(prefix), ..) if prefix.0.is_empty() => return None,
                (_, Some(prefix), ..) => roots.prefixes.push(prefix.0.as_slice().into()),
                (_, _, Some(start), Some(end)) => match prefixes(&start.0, &end.0) {
                    Some(prefixes) => roots.prefixes.extend(prefixes),
                    None => roots.others.push(range.clone()),
                },
                _ => roots.others.push(range.clone()),
            }
        }
        Some(roots)
    }

    /// Whether the tree can show none of the ranges.
    pub(crate) fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.keys.is_empty()
    }

    /// Whether everything below a prefix may be read.
    fn cover(&self, prefix: &[u8]) -> bool {
        self.prefixes.iter().any(|root| prefix.starts_with(root))
    }
}

/// The prefixes that make up the range from `start` to `end`, if these differ only in the last byte.
fn prefixes(start: &[u8], end: &[u8]) -> Option<Vec<Name>> {
    let ((first, above), (end_byte, other)) = (start.split_last()?, end.split_last()?);
    let few = above == other && first < end_byte && end_byte - first <= MAX_PREFIXES;
    few.then(|| {
        let last = *first..*end_byte;
        last.map(|byte| [above, &[byte]].concat().into()).collect()
    })
}

impl Tree {
    /// The roots, if the account may not read the whole keyspace.
    pub(crate) fn roots(&self) -> Option<&Roots> {
        self.roots.as_ref()
    }

    /// Replaces the top level by roots. `keys` are the single keys that exist at `revision`.
    pub(crate) fn set_roots(&mut self, roots: Roots, keys: Vec<Entry>, revision: i64) {
        let mut level = Level::new();
        level.revision = revision;
        level.loaded = true;
        for prefix in &roots.prefixes {
            let item = Item::Folder { touched: revision };
            level.items.insert(Name::clone(prefix), item);
        }
        for entry in keys {
            let meta = Meta::of(&entry);
            level.items.insert(entry.key.0.into(), Item::Key(meta));
        }
        level.loading = Loading::Idle;
        self.levels.insert(Name::from(&[][..]), level);
        self.roots = Some(roots);
    }

    /// Whether the account may read everything below a prefix, as far as known.
    pub(crate) fn may_read(&self, prefix: &[u8]) -> bool {
        self.roots.as_ref().is_none_or(|roots| roots.cover(prefix))
    }

    /// Whether a folder is a root, which stays on the top level even if it is empty.
    pub(super) fn is_root(&self, prefix: &[u8]) -> bool {
        let roots = self.roots.as_ref();
        roots.is_some_and(|roots| roots.prefixes.iter().any(|root| **root == *prefix))
    }

    /// The root that contains a key, and whether it is a folder.
    pub(super) fn root_of(&self, key: &[u8]) -> Option<(Name, bool)> {
        let roots = self.roots.as_ref()?;
        let folder = roots.prefixes.iter().find(|root| key.starts_with(root));
        let folder = folder.map(|root| (Name::clone(root), true));
        folder.or_else(|| {
            let same = roots.keys.iter().find(|root| ***root == *key)?;
            Some((Name::clone(same), false))
        })
    }

    /// Applies an event to the single keys among the roots; returns the changed item, if it still exists.
    pub(super) fn apply_to_roots(&mut self, event: &Event) -> Option<(bool, Name)> {
        let (item, folder) = self.root_of(&event.key().0)?;
        if !folder && let Some(level) = self.levels.get_mut(&[][..]) {
            match event {
                Event::Put { entry, .. } => {
                    let key = Item::Key(Meta::of(entry));
                    level.items.insert(Name::clone(&item), key);
                }
                Event::Delete { .. } => {
                    level.items.remove(&item);
                    return None;
                }
            }
        }
        Some((folder, item))
    }
}
