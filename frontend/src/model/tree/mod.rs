//! The key tree: loaded levels, kept up to date by events, and the rows that show them.
//!
//! A level is the response of `GET /tree` for one prefix, at one revision. Newer events are applied to it;
//! those beyond the pages loaded so far are pending in the level until their page arrives. So a level is
//! always exact in what it shows, whether the page or the event arrives first. Nothing here is guessed: a
//! folder whose last key may have been deleted is reported for a check, and a count that was not read is absent.

mod apply;
mod backlog;
mod folders;
mod found;
mod roots;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use shared::{Entry, TreeLevel};

pub(crate) use apply::Touched;
pub(crate) use backlog::{Backlog, FolderChanges, Queued, QueuedEvent};
pub(crate) use found::{Coverage, Typed, typed};
pub(crate) use roots::Roots;
pub(crate) use rows::{Move, Row, RowKind, best, step, typeahead};

/// A key or a prefix. Cheap to clone.
pub(crate) type Name = Arc<[u8]>;

/// The separator of levels.
pub(crate) const SEPARATOR: u8 = b'/';

/// The known facts of a key, without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) create_revision: i64,
    pub(crate) mod_revision: i64,
    pub(crate) version: i64,
}

impl Meta {
    fn of(entry: &Entry) -> Self {
        Self {
            create_revision: entry.create_revision,
            mod_revision: entry.mod_revision,
            version: entry.version,
        }
    }
}

/// An item of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A folder, and the revision of the last observed put below it.
    Folder { touched: i64 },
    /// A key.
    Key(Meta),
}

/// The state of a level's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loading {
    /// No request is in flight.
    Idle,
    /// A request for a page is in flight.
    Requested,
    /// The last request failed.
    Failed,
}

/// An event that is applied when its page arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PendingEvent {
    Put(Meta),
    Delete(i64),
}

impl PendingEvent {
    fn revision(self) -> i64 {
        match self {
            Self::Put(meta) => meta.mod_revision,
            Self::Delete(at) => at,
        }
    }
}

/// One level.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    items: BTreeMap<Name, Item>,
    /// The revision of the loaded pages; 0 before the first.
    revision: i64,
    /// The cursor of the next page.
    next: Option<String>,
    loading: Loading,
    /// Whether a first page was loaded.
    loaded: bool,
    /// Whether the next first page replaces all items.
    stale: bool,
    /// Events beyond the loaded pages, by key.
    pending: BTreeMap<Name, PendingEvent>,
    /// The last revision of the events that were dropped because `pending` was full; 0 if there were none. Pages of an
    /// older revision must not be added.
    dropped_up_to: i64,
    /// Items beyond the loaded pages that are known to exist.
    found: BTreeMap<Name, Item>,
}

impl Level {
    fn new() -> Self {
        Self {
            items: BTreeMap::new(),
            revision: 0,
            next: None,
            loading: Loading::Idle,
            loaded: false,
            stale: false,
            pending: BTreeMap::new(),
            dropped_up_to: 0,
            found: BTreeMap::new(),
        }
    }

    /// Whether all items of the level are loaded.
    pub(crate) fn complete(&self) -> bool {
        self.loaded && self.next.is_none() && !self.stale && !self.has_dropped_events()
    }

    /// Whether events beyond the loaded pages were dropped: the next page must be a first one.
    fn has_dropped_events(&self) -> bool {
        self.dropped_up_to > self.revision
    }

    /// The items of the loaded pages, in byte order.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&Name, &Item)> {
        self.items.iter()
    }

    /// Whether an item is known to exist on this level.
    pub(crate) fn has(&self, item: &[u8]) -> bool {
        self.items.contains_key(item) || self.found.contains_key(item)
    }

    /// The known facts of one of its keys.
    pub(crate) fn meta(&self, key: &[u8]) -> Option<Meta> {
        match self.items.get(key).or_else(|| self.found.get(key))? {
            Item::Key(meta) => Some(*meta),
            Item::Folder { .. } => None,
        }
    }

    pub(crate) fn loaded(&self) -> bool {
        self.loaded
    }

    pub(crate) fn loading(&self) -> Loading {
        self.loading
    }

    /// Whether an item is within the loaded pages.
    fn covers(&self, item: &[u8]) -> bool {
        self.loaded
            && !self.stale
            && (self.next.is_none()
                || self
                    .items
                    .last_key_value()
                    .is_some_and(|(last, _)| item <= &**last))
    }
}

/// A count and the revision it was read at; later events are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    keys: i64,
    revision: i64,
}

/// The key tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    levels: HashMap<Name, Level>,
    /// The items of the top level if the account may not read the whole keyspace.
    roots: Option<Roots>,
    expanded: BTreeSet<Name>,
    /// Prefixes with a level that do not end with a separator, such as `/cron/jo`.
    mid_name: BTreeSet<Name>,
    counts: HashMap<Name, Count>,
    /// Changes below prefixes whose count is being read.
    counting: HashMap<Name, Vec<Difference>>,
    /// Responses of an older revision are not used: changes up to it may not be delivered again.
    not_before: i64,
}

/// A change of the number of keys below a prefix, at revisions after `after`, up to `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Difference {
    after: i64,
    at: i64,
    by: i64,
}

/// A page to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageRequest {
    pub(crate) prefix: Name,
    /// The cursor of the page after the loaded ones; `None` for a first page.
    pub(crate) cursor: Option<String>,
    /// The number of items that a first page replaces.
    pub(crate) replaces: usize,
}

impl Tree {
    /// A level, if it was requested.
    pub(crate) fn level(&self, prefix: &[u8]) -> Option<&Level> {
        self.levels.get(prefix)
    }

    /// The known facts of a key that is shown on its level.
    pub(crate) fn meta(&self, key: &[u8]) -> Option<Meta> {
        let above = key
            .iter()
            .rposition(|byte| *byte == SEPARATOR)
            .map_or(0, |at| at + 1);
        self.levels.get(&key[..above])?.meta(key)
    }

    /// The request of a level's first or next page; `None` if the level is complete or a request is in flight.
    pub(crate) fn request_page(&mut self, prefix: &Name) -> Option<PageRequest> {
        if prefix.last().is_some_and(|byte| *byte != SEPARATOR) {
            self.mid_name.insert(Name::clone(prefix));
        }
        let level = self
            .levels
            .entry(Name::clone(prefix))
            .or_insert_with(Level::new);
        if level.loading == Loading::Requested || level.complete() {
            return None;
        }
        level.loading = Loading::Requested;
        let cursor = if level.stale || level.has_dropped_events() {
            None
        } else {
            level.next.clone()
        };
        let replaces = if cursor.is_none() {
            level.items.len()
        } else {
            0
        };
        Some(PageRequest {
            prefix: Name::clone(prefix),
            cursor,
            replaces,
        })
    }

    /// Adds a page that has arrived. If the level became stale meanwhile, only a first page is used. Returns whether
    /// the page is already out of date, so that the level must be requested again.
    pub(crate) fn merge(&mut self, prefix: &Name, first: bool, page: TreeLevel) -> bool {
        let Some(level) = self.levels.get_mut(prefix) else {
            return false;
        };
        level.loading = Loading::Idle;
        if first && page.header.revision < self.not_before {
            return true;
        }
        if first {
            level.items.clear();
            level.revision = page.header.revision;
            level.stale = false;
        } else if level.stale || level.has_dropped_events() {
            return false;
        }
        level.loaded = true;
        if prefix.is_empty() {
            self.roots = None;
        }
        let revision = level.revision;
        for folder in page.folders {
            level
                .items
                .insert(folder.prefix.0.into(), Item::Folder { touched: revision });
        }
        for entry in page.entries {
            let meta = Meta::of(&entry);
            level.items.insert(entry.key.0.into(), Item::Key(meta));
        }
        level.next = page.next;
        self.apply_pending(prefix);
        self.levels
            .get(prefix)
            .is_some_and(Level::has_dropped_events)
    }

    /// The request of a page failed.
    pub(crate) fn fail(&mut self, prefix: &[u8]) {
        if let Some(level) = self.levels.get_mut(prefix) {
            level.loading = Loading::Failed;
        }
    }

    /// Marks all levels stale, since changes may have been missed. Returns those to request again; they keep their
    /// items until then. Levels that are not open are removed.
    pub(crate) fn invalidate(&mut self) -> Vec<Name> {
        let expanded = std::mem::take(&mut self.expanded);
        self.levels
            .retain(|prefix, _| prefix.is_empty() || expanded.contains(prefix));
        self.expanded = expanded;
        self.counts.clear();
        self.counting.clear();
        for level in self.levels.values_mut() {
            level.stale = true;
            level.next = None;
            level.pending.clear();
            level.dropped_up_to = 0;
            level.found.clear();
            if level.loading != Loading::Requested {
                level.loading = Loading::Idle;
            }
        }
        self.levels.keys().cloned().collect()
    }

    /// Whether a folder is open.
    pub(crate) fn is_expanded(&self, prefix: &[u8]) -> bool {
        self.expanded.contains(prefix)
    }

    /// Opens a folder.
    pub(crate) fn expand(&mut self, prefix: &Name) {
        self.expanded.insert(Name::clone(prefix));
    }

    /// Closes a folder.
    pub(crate) fn collapse(&mut self, prefix: &[u8]) {
        self.expanded.remove(prefix);
    }

    /// The number of keys under a prefix, if known.
    pub(crate) fn count(&self, prefix: &[u8]) -> Option<i64> {
        self.counts.get(prefix).map(|count| count.keys)
    }

    /// Starts a count: from now on changes below the prefix are recorded. False if one is in flight already.
    pub(crate) fn begin_count(&mut self, prefix: &Name) -> bool {
        if self.counting.contains_key(prefix) {
            return false;
        }
        self.counting.insert(Name::clone(prefix), Vec::new());
        true
    }

    /// A count has arrived. An empty folder is removed. False if it cannot be used: it is of a revision within changes
    /// of which only the sum is known.
    pub(crate) fn counted(&mut self, prefix: &Name, keys: i64, revision: i64) -> bool {
        let changes = self.counting.remove(prefix).unwrap_or_default();
        let newer = || changes.iter().filter(|change| change.at > revision);
        if newer().any(|change| change.after < revision) {
            return false;
        }
        let keys = keys + newer().map(|change| change.by).sum::<i64>();
        self.counts
            .insert(Name::clone(prefix), Count { keys, revision });
        if keys <= 0 {
            self.remove_folder(prefix);
        }
        true
    }

    /// A count failed.
    pub(crate) fn count_failed(&mut self, prefix: &[u8]) {
        self.counting.remove(prefix);
    }
}

/// The prefixes above a key, from the root on: `/a/b` → ``, `/`, `/a/`.
pub(crate) fn ancestors(key: &[u8]) -> Vec<Name> {
    let mut prefixes = vec![Name::from(&[][..])];
    for (at, byte) in key.iter().enumerate() {
        if *byte == SEPARATOR {
            prefixes.push(key[..=at].into());
        }
    }
    // A prefix is not its own ancestor.
    prefixes.retain(|prefix| prefix.len() < key.len() || prefix.is_empty());
    prefixes
}

/// The item that represents a key on the level of a prefix, and whether it is a folder: the key itself, or the folder
/// that contains it.
fn item_of(prefix: &[u8], key: &[u8]) -> (Name, bool) {
    let below = &key[prefix.len()..];
    match below.iter().position(|byte| *byte == SEPARATOR) {
        // `/a/` is a key named `` on the level `/a/`, and part of the folder `a/` on the level `/`.
        Some(at) => (key[..=prefix.len() + at].into(), true),
        None => (key.into(), false),
    }
}
