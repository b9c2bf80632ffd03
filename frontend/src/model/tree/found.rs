//! Keys found by name beyond the loaded pages of a level: a linked key, the results of a search. And the item that a
//! typed name refers to.

use shared::{Entry, Event};

use super::apply::{Contents, Touched};
use super::{Item, Level, Meta, Name, PendingEvent, SEPARATOR, Tree, item_of};

impl Tree {
    /// Adds a key that existed at `revision` to every loaded level whose pages do not reach it.
    pub(crate) fn add_found(&mut self, entry: &Entry, revision: i64) {
        let key = &entry.key.0;
        for prefix in self.levels_of(key) {
            let (item, folder) = item_of(&prefix, key);
            let Some(level) = self.levels.get_mut(&prefix) else {
                continue;
            };
            if level.loaded && !level.stale && !level.covers(&item) {
                level.find(item, folder, entry, revision);
            }
        }
    }

    /// Whether a key or a prefix is within the loaded pages of the levels `above` it.
    pub(crate) fn coverage(&self, above: &[Name], name: &[u8]) -> Coverage {
        let mut coverage = Coverage::Covered;
        for prefix in above {
            let (item, _) = item_of(prefix, name);
            match self.levels.get(prefix) {
                Some(level) if level.loaded && !level.stale => {
                    if !level.covers(&item) && !level.found.contains_key(&item) {
                        coverage = Coverage::Beyond;
                    }
                }
                _ => return Coverage::Unknown,
            }
        }
        coverage
    }

    /// Removes all found items; false if there were none.
    pub(crate) fn forget_found(&mut self) -> bool {
        let mut any = false;
        for level in self.levels.values_mut() {
            any |= !level.found.is_empty();
            level.found.clear();
        }
        any
    }

    /// Open levels that are not loaded completely: a search of the loaded rows may miss keys there.
    pub(crate) fn incomplete_levels(&self) -> Vec<Name> {
        let mut levels: Vec<Name> = self
            .levels
            .iter()
            .filter(|(prefix, level)| {
                level.loaded && !level.complete() && !level.stale && self.is_open(prefix)
            })
            .map(|(prefix, _)| Name::clone(prefix))
            .collect();
        levels.sort();
        levels
    }

    /// The level to load further before the last row of the tree is known; `None` if it is known.
    pub(crate) fn unloaded_end(&self) -> Option<Name> {
        let mut prefix = Name::from(&[][..]);
        loop {
            let level = self.levels.get(&prefix)?;
            if !level.complete() {
                return Some(prefix);
            }
            match level.items.last_key_value()? {
                (name, Item::Folder { .. }) if self.is_open(name) => prefix = Name::clone(name),
                _ => return None,
            }
        }
    }

    /// Whether the rows of a level are drawn: those of the root, of a root folder `/` (which has no row itself), and
    /// of open folders.
    pub(super) fn is_open(&self, prefix: &[u8]) -> bool {
        prefix.is_empty() || prefix == [SEPARATOR] || self.is_expanded(prefix)
    }
}

/// The position of a name relative to the loaded pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Within the loaded pages, or found by name.
    Covered,
    /// Beyond the loaded pages of a level.
    Beyond,
    /// A level above it is not loaded.
    Unknown,
}

impl Level {
    /// Found items, in byte order.
    pub(super) fn beyond(&self) -> impl Iterator<Item = (&Name, &Item)> {
        self.found.iter()
    }

    fn find(&mut self, item: Name, folder: bool, entry: &Entry, revision: i64) {
        let mut meta = Meta::of(entry);
        match self.pending.get(&*entry.key.0) {
            Some(PendingEvent::Delete(at)) if *at > revision => return,
            Some(PendingEvent::Put(newer)) if newer.mod_revision > revision => meta = *newer,
            _ => {}
        }
        let new = if folder {
            Item::Folder { touched: revision }
        } else {
            Item::Key(meta)
        };
        self.found.insert(item, new);
    }

    /// Applies an event to a found item.
    pub(super) fn apply_to_found(
        &mut self,
        item: &Name,
        folder: bool,
        contents: Contents,
        event: &Event,
        touched: &mut Touched,
    ) {
        let Some(known) = self.found.get_mut(item) else {
            return;
        };
        match (event, folder) {
            (Event::Put { entry, .. }, false) => *known = Item::Key(Meta::of(entry)),
            (Event::Put { .. }, true) => {}
            (Event::Delete { .. }, true) if contents != Contents::Empty => {
                if contents == Contents::Unknown {
                    touched.maybe_empty.push(Name::clone(item));
                }
            }
            (Event::Delete { .. }, _) => {
                self.found.remove(item);
                return;
            }
        }
        touched.shown.push((folder, Name::clone(item)));
    }
}

/// The item that a typed name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A key with this name.
    Key,
    /// A prefix of keys. A key with this name does not exist, or is the nameless key of a folder with other keys.
    Prefix,
    /// No key begins with it.
    Nothing,
}

/// The item that a name refers to, judged by the first keys that begin with it, in byte order: at least two, if so many exist.
pub(crate) fn typed(name: &[u8], first: &[&[u8]]) -> Typed {
    let exact = first.first() == Some(&name);
    let below = first.len() > usize::from(exact);
    match (exact, below) {
        // The key `/a/` is the nameless row of the folder `/a/`: typing it refers to the folder.
        (true, true) if name.last() == Some(&SEPARATOR) => Typed::Prefix,
        (true, _) => Typed::Key,
        (false, true) => Typed::Prefix,
        (false, false) => Typed::Nothing,
    }
}
