//! Closed folders: the tab receives only how many of their keys changed. Which folders are open for the watch, and
//! what such sums change.

use shared::FolderChange;

use super::apply::Touched;
use super::{
    Difference, FolderChanges, Meta, Name, PendingEvent, SEPARATOR, Tree, ancestors, item_of,
};

impl Tree {
    /// The folders that are open on screen, with every folder above them open too, and those above a folder or key in
    /// view (`selected`: whether it is a folder, and its name); the topmost first.
    pub(crate) fn shown_folders(&self, selected: Option<(bool, &Name)>) -> Vec<Name> {
        let mut shown: Vec<Name> = self.expanded.iter().cloned().collect();
        shown.push(Name::from(&[SEPARATOR][..]));
        shown.retain(|folder| folder.last() == Some(&SEPARATOR) && self.is_in_view(folder));
        if let Some((folder, name)) = selected {
            shown.extend(ancestors(name));
            shown.extend((folder && name.last() == Some(&SEPARATOR)).then(|| Name::clone(name)));
        }
        shown.retain(|folder| !folder.is_empty());
        shown.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        shown.dedup();
        shown
    }

    /// Whether a folder and all folders above it are open.
    fn is_in_view(&self, folder: &Name) -> bool {
        let above = ancestors(folder).into_iter().chain([Name::clone(folder)]);
        above
            .filter(|prefix| self.may_read(prefix))
            .all(|prefix| self.is_open(&prefix))
    }

    /// Open folders in view without a level: it was dropped while a folder above was closed.
    pub(crate) fn missing_levels(&self) -> Vec<Name> {
        let expanded = self.expanded.iter();
        expanded
            .filter(|folder| !self.levels.contains_key(*folder) && self.is_in_view(folder))
            .cloned()
            .collect()
    }

    /// Pages of an older revision are not used from now on: the watch delivers only what comes after it.
    pub(crate) fn set_not_before(&mut self, revision: i64) {
        self.not_before = revision;
    }

    /// Applies changes in closed folders.
    pub(crate) fn apply_folders(&mut self, changes: &FolderChanges) -> Touched {
        let mut touched = Touched::default();
        for change in &changes.folders {
            self.apply_folder(change, changes.after, &mut touched);
        }
        if changes.incomplete {
            touched.reload.extend(self.invalidate());
        }
        // A folder whose count is known needs no check.
        touched
            .maybe_empty
            .retain(|folder| self.count(folder).is_none());
        touched
    }

    fn apply_folder(&mut self, change: &FolderChange, after: i64, touched: &mut Touched) {
        let folder: Name = change.prefix.0.as_slice().into();
        let at = change.revision;
        let by = change.created - change.deleted;
        self.drop_levels_in(&folder, at, touched);
        let mut above = self.levels_of(&folder);
        let unknown = self.recount(&above, Difference { after, at, by });
        touched.maybe_empty.extend(unknown);
        if self.roots.is_some()
            && let Some(root) = self.root_of(&folder)
        {
            touched.shown.push((root.1, root.0));
        }
        above.retain(|prefix| **prefix != *folder);
        for prefix in above.iter().rev() {
            if prefix.is_empty() && self.roots.is_some() {
                continue;
            }
            let (item, _) = item_of(prefix, &folder);
            let Some(level) = self
                .levels
                .get_mut(prefix)
                .filter(|level| at > level.revision)
            else {
                continue;
            };
            let is_exact = after >= level.revision;
            if level.has(&item) {
                if level.covers(&item) {
                    level.touch(Name::clone(&item), at);
                }
                if change.deleted > 0 && *item == *folder {
                    touched.maybe_empty.push(Name::clone(&item));
                }
            } else if by > 0 || (!is_exact && change.created + change.updated > 0) {
                if level.covers(&item) {
                    level.touch(Name::clone(&item), at);
                    if !is_exact {
                        touched.maybe_empty.push(Name::clone(&item));
                    }
                } else {
                    let put = Meta {
                        create_revision: at,
                        mod_revision: at,
                        version: 1,
                    };
                    level.defer(Name::clone(&folder), PendingEvent::Put(put));
                    continue;
                }
            } else {
                continue;
            }
            touched.shown.push((true, item));
        }
        if change.deleted > 0 {
            above.push(folder);
            self.remove_empty(&above);
        }
    }

    /// Drops the levels in a closed folder that are older than its change: they would not be kept current. Those in
    /// view, which are more than a watch can name, are reloaded.
    fn drop_levels_in(&mut self, folder: &Name, at: i64, touched: &mut Touched) {
        let outdated: Vec<Name> = self
            .levels
            .iter()
            .filter(|(prefix, level)| {
                prefix.starts_with(folder) && level.loaded && level.revision < at
            })
            .map(|(prefix, _)| Name::clone(prefix))
            .collect();
        for prefix in outdated {
            if self.is_expanded(&prefix) && self.is_in_view(&prefix) {
                if let Some(level) = self.levels.get_mut(&prefix) {
                    level.stale = true;
                    level.next = None;
                }
                touched.reload.push(prefix);
            } else {
                self.levels.remove(&prefix);
                self.mid_name.remove(&prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests;
