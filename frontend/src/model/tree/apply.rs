//! Applies events to the loaded levels.

use shared::Event;

use super::{Difference, Item, Level, Meta, Name, PendingEvent, Tree, ancestors, item_of};

/// The changes by an event, for the views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// The items to flash: whether each is a folder, and its name. A key may have the name of a folder.
    pub(crate) shown: Vec<(bool, Name)>,
    /// Folders whose last key may have been deleted, or whose count is no longer known.
    pub(crate) maybe_empty: Vec<Name>,
    /// Levels in view that must be loaded again.
    pub(crate) reload: Vec<Name>,
}

/// The known contents of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    Empty,
    NonEmpty,
    Unknown,
}

impl Tree {
    /// Applies an event.
    pub(crate) fn apply(&mut self, event: &Event) -> Touched {
        let key = &event.key().0;
        let mut touched = Touched::default();
        let above = self.levels_of(key);
        let by = match event {
            Event::Put { entry, .. } if entry.version == 1 => 1,
            Event::Put { .. } => 0,
            Event::Delete { .. } => -1,
        };
        let at = event.mod_revision();
        let after = at - 1;
        self.recount(&above, Difference { after, at, by });
        // The deepest first: when a level becomes empty, its folder is removed.
        for prefix in above.iter().rev() {
            if prefix.is_empty() && self.roots.is_some() {
                touched.shown.extend(self.apply_to_roots(event));
                continue;
            }
            let (item, folder) = item_of(prefix, key);
            let contents = match self
                .levels
                .get(&item)
                .filter(|level| folder && level.complete())
            {
                Some(level) if level.items.is_empty() => Contents::Empty,
                Some(_) => Contents::NonEmpty,
                None => Contents::Unknown,
            };
            let Some(level) = self.levels.get_mut(prefix) else {
                continue;
            };
            if event.mod_revision() <= level.revision {
                continue;
            }
            if !level.covers(&item) {
                let pending = match event {
                    Event::Put { entry, .. } => PendingEvent::Put(Meta::of(entry)),
                    Event::Delete { mod_revision, .. } => PendingEvent::Delete(*mod_revision),
                };
                level.defer(key.as_slice().into(), pending);
                level.apply_to_found(&item, folder, contents, event, &mut touched);
                continue;
            }
            level.apply(&item, folder, contents, event, &mut touched);
        }
        // A folder whose count is known needs no check.
        touched
            .maybe_empty
            .retain(|folder| self.count(folder).is_none());
        if by < 0 {
            self.remove_empty(&above);
        }
        touched
    }

    /// Removes the folders among these that are known to be empty.
    pub(super) fn remove_empty(&mut self, folders: &[Name]) {
        let empty: Vec<Name> = folders
            .iter()
            .filter(|prefix| self.count(prefix).is_some_and(|keys| keys <= 0))
            .cloned()
            .collect();
        for prefix in empty {
            self.remove_folder(&prefix);
        }
    }

    /// The prefixes that contain a key, the shortest first, whether they are loaded or not.
    pub(super) fn levels_of(&self, key: &[u8]) -> Vec<Name> {
        let mut above = ancestors(key);
        // A key that ends with a separator is a nameless item of the level of that name.
        if key.last() == Some(&super::SEPARATOR) {
            above.push(key.into());
        }
        above.extend(
            self.mid_name
                .iter()
                .filter(|prefix| key.starts_with(prefix))
                .cloned(),
        );
        above.sort_by_key(|prefix| prefix.len());
        above
    }

    /// Updates the counts of the folders above a key. Returns those whose count is no longer known: it was read within
    /// the changes.
    pub(super) fn recount(&mut self, above: &[Name], change: Difference) -> Vec<Name> {
        let mut unknown = Vec::new();
        for prefix in above {
            if let Some(changes) = self.counting.get_mut(prefix) {
                changes.push(change);
            }
            if let Some(count) = self.counts.get_mut(prefix)
                && change.at > count.revision
            {
                if change.after >= count.revision {
                    count.keys += change.by;
                } else {
                    self.counts.remove(prefix);
                    unknown.push(Name::clone(prefix));
                }
            }
        }
        unknown
    }

    /// Applies the pending events whose page has arrived.
    pub(super) fn apply_pending(&mut self, prefix: &Name) {
        let Some(level) = self.levels.get_mut(prefix) else {
            return;
        };
        let pending = std::mem::take(&mut level.pending);
        let revision = level.revision;
        let mut found = std::mem::take(&mut level.found);
        found.retain(|item, _| !level.covers(item));
        level.found = found;
        for (key, event) in pending {
            let (item, folder) = item_of(prefix, &key);
            if event.revision() <= revision {
                continue;
            }
            if !level.covers(&item) {
                level.pending.insert(key, event);
                continue;
            }
            match (event, folder) {
                (PendingEvent::Put(meta), false) => {
                    level.items.insert(item, Item::Key(meta));
                }
                (PendingEvent::Put(meta), true) => level.touch(item, meta.mod_revision),
                (PendingEvent::Delete(_), false) => {
                    level.items.remove(&item);
                }
                // The page does not show whether it was the folder's last key, but a later one would be
                // pending, too; a check follows when the folder is opened.
                (PendingEvent::Delete(_), true) => {}
            }
        }
    }

    /// Removes an empty folder, and those above that become empty. Its level and its count stay,
    /// empty and exact: they may be in view, and the next put updates them.
    pub(super) fn remove_folder(&mut self, prefix: &Name) {
        if prefix.is_empty() || self.is_root(prefix) {
            return;
        }
        self.expanded.remove(prefix);
        let Some(parent) = ancestors(prefix).pop() else {
            return;
        };
        if let Some(level) = self.levels.get_mut(&parent)
            && (level.items.remove(prefix).is_some() | level.found.remove(prefix).is_some())
            && level.complete()
            && level.items.is_empty()
        {
            self.remove_folder(&parent);
        }
    }
}

/// Limit of pending events of a level. A busy keyspace keeps adding keys beyond the loaded pages, and the user may
/// never scroll there.
const MAX_PENDING: usize = 20_000;

impl Level {
    /// Keeps an event until its page arrives.
    pub(super) fn defer(&mut self, key: Name, pending: PendingEvent) {
        self.pending.insert(key, pending);
        if self.pending.len() > MAX_PENDING {
            let last = self
                .pending
                .values()
                .map(|pending| pending.revision())
                .max();
            self.dropped_up_to = self.dropped_up_to.max(last.unwrap_or_default());
            self.pending.clear();
        }
    }

    pub(super) fn touch(&mut self, folder: Name, revision: i64) {
        let item = self
            .items
            .entry(folder)
            .or_insert(Item::Folder { touched: revision });
        if let Item::Folder { touched } = item {
            *touched = revision.max(*touched);
        }
    }

    /// Applies an event within the loaded pages of this level. `contents` describes the item's own level,
    /// if the item is a folder.
    fn apply(
        &mut self,
        item: &Name,
        folder: bool,
        contents: Contents,
        event: &Event,
        touched: &mut Touched,
    ) {
        match (event, folder) {
            (Event::Put { entry, .. }, false) => {
                self.items
                    .insert(Name::clone(item), Item::Key(Meta::of(entry)));
                touched.shown.push((folder, Name::clone(item)));
            }
            (Event::Put { entry, .. }, true) => {
                self.touch(Name::clone(item), entry.mod_revision);
                touched.shown.push((folder, Name::clone(item)));
            }
            (Event::Delete { .. }, false) => {
                self.items.remove(item);
            }
            (Event::Delete { .. }, true) => {
                if contents == Contents::Empty {
                    self.items.remove(item);
                } else if self.items.contains_key(item) {
                    touched.shown.push((folder, Name::clone(item)));
                    if contents == Contents::Unknown {
                        touched.maybe_empty.push(Name::clone(item));
                    }
                }
            }
        }
    }
}
