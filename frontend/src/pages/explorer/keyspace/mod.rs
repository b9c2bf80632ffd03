//! The tree's store: loads levels, keeps them current with a watch ([`live`]), and marks what has just
//! changed.
//!
//! Views request levels here and read their rows from here.

mod limited;
mod live;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use leptos::prelude::*;
use shared::Entry;

use self::live::Watched;
use super::facts::Facts;
use crate::api::{self, ApiError, ErrorKind};
use crate::clock::now_ms;
use crate::model::tree::{
    Backlog, Coverage, Loading, Name, PageRequest, SEPARATOR, Tree, Typed, ancestors,
};
use crate::state::Scope;

/// Rows requested at once.
const PAGE: usize = 500;

/// Rows requested at once where many are wanted; the gateway's own limit for a page.
const MAX_PAGE: usize = 10_000;

/// Open folders in which a filter searches beyond the loaded pages.
const FOLDERS_SEARCHED: usize = 8;

/// Keys that a filter adds from beyond the loaded pages of a folder.
const KEYS_FOUND: usize = 50;

/// How long a row is marked as changed "now".
pub(crate) const FRESH_MS: f64 = 2500.0;

/// The keyspace as the Explorer knows it.
#[derive(Clone, Copy)]
pub(crate) struct Keyspace {
    tree: RwSignal<Tree>,
    /// When an item changed last, for recent changes.
    fresh: RwSignal<HashMap<(bool, Name), f64>>,
    /// Why a level could not be loaded.
    errors: RwSignal<HashMap<Name, ApiError>>,
    /// The revision from which the tree is complete, once it is live.
    live_from: RwSignal<Option<i64>>,
    /// Counts the pages loaded.
    pages_loaded: RwSignal<u64>,
    /// The folder or key in the URL, which must have a row, however deep in its folder it is.
    linked: StoredValue<Option<(bool, Name)>>,
    /// Whether it was requested from beyond the loaded pages.
    linked_requested: StoredValue<bool>,
    facts: Facts,
    /// Tasks belong to the page, not to the component that starts them.
    scope: Scope,
    /// One watch of the whole keyspace, or one per root where the account may not read all of it.
    watches: StoredValue<Vec<Watched>, LocalStorage>,
    count_queue: StoredValue<VecDeque<Name>>,
    queue: StoredValue<RefCell<Backlog>, LocalStorage>,
    /// Whether the watch was opened for the first time.
    watch_opened: StoredValue<bool>,
    /// Whether to reload everything once the watch is open.
    reload_when_open: StoredValue<bool>,
    /// When everything was last reloaded because too many folders had changed.
    reloaded_at: StoredValue<f64>,
}

/// The keyspace.
pub(crate) fn use_keyspace() -> Keyspace {
    expect_context()
}

/// Puts the keyspace into the page's context and loads its root.
pub(super) fn provide(facts: Facts) -> Keyspace {
    let keyspace = Keyspace {
        tree: RwSignal::new(Tree::default()),
        fresh: RwSignal::new(HashMap::new()),
        errors: RwSignal::new(HashMap::new()),
        live_from: RwSignal::new(None),
        pages_loaded: RwSignal::new(0),
        linked: StoredValue::new(None),
        linked_requested: StoredValue::new(false),
        facts,
        scope: Scope::here(),
        watches: StoredValue::new_local(Vec::new()),
        count_queue: StoredValue::new(VecDeque::new()),
        queue: StoredValue::new_local(RefCell::default()),
        watch_opened: StoredValue::new(false),
        reload_when_open: StoredValue::new(false),
        reloaded_at: StoredValue::new(0.0),
    };
    provide_context(keyspace);
    let root = Name::from(&[][..]);
    keyspace.tree.update_untracked(|tree| tree.expand(&root));
    keyspace.load(&root);
    keyspace
}

impl Keyspace {
    /// The tree, for reading.
    pub(crate) fn tree(self) -> RwSignal<Tree> {
        self.tree
    }

    /// The rows of the tree that pass a filter.
    pub(crate) fn rows(self, filter: RwSignal<String>) -> Memo<Arc<Vec<crate::model::tree::Row>>> {
        Memo::new(move |_| {
            let filter = filter.get();
            Arc::new(self.tree.with(|tree| tree.rows(&filter)))
        })
    }

    /// Why a level could not be loaded.
    pub(crate) fn error(self, prefix: &[u8]) -> ApiError {
        self.errors
            .with(|errors| errors.get(prefix).cloned())
            .unwrap_or(ApiError::Unreachable)
    }

    /// The revision from which every change has been applied.
    pub(crate) fn live_from(self) -> Option<i64> {
        self.live_from.get()
    }

    /// Whether a folder or a key changed recently.
    pub(crate) fn is_fresh(self, folder: bool, name: &Name) -> bool {
        self.fresh.with(|fresh| {
            let at = fresh.get(&(folder, Name::clone(name)));
            at.is_some_and(|at| now_ms() - at < FRESH_MS)
        })
    }

    /// Changes with every page loaded, also where no row changes.
    pub(crate) fn pages_loaded(self) -> u64 {
        self.pages_loaded.get()
    }

    /// Loads the next missing page of a level.
    pub(crate) fn load(self, prefix: &Name) {
        self.load_rows(prefix, PAGE);
    }

    /// Like [`Self::load`] with the largest page, to reach the end of a level.
    pub(crate) fn load_large_page(self, prefix: &Name) {
        self.load_rows(prefix, MAX_PAGE);
    }

    fn load_rows(self, prefix: &Name, rows: usize) {
        let request = self.tree.try_maybe_update(|tree| {
            let request = tree.request_page(prefix);
            (request.is_some(), request)
        });
        if let Some(request) = request.flatten() {
            self.scope.spawn(self.fetch(request, rows));
        }
    }

    /// Loads a level unless it is loaded or requested.
    pub(crate) fn ensure_loaded(self, prefix: &Name) {
        let known = self.tree.with_untracked(|tree| {
            tree.level(prefix)
                .is_some_and(|level| level.loaded() || level.loading() == Loading::Requested)
        });
        if !known {
            self.load(prefix);
        }
    }

    async fn fetch(self, request: PageRequest, rows: usize) {
        let first = request.cursor.is_none();
        let rows = (request.replaces + rows).min(MAX_PAGE);
        let response = api::kv::tree(&request.prefix, request.cursor.as_deref(), rows).await;
        match response {
            Ok(page) => {
                let revision = page.header.revision;
                self.errors
                    .try_maybe_update(|errors| (errors.remove(&request.prefix).is_some(), ()));
                let outdated = self
                    .tree
                    .try_update(|tree| tree.merge(&request.prefix, first, page));
                self.pages_loaded.try_update(|pages| *pages += 1);
                if outdated == Some(true) {
                    self.load(&request.prefix);
                }
                self.request_linked();
                if request.prefix.is_empty() {
                    self.start_watch(revision);
                    self.load_slash();
                }
            }
            Err(error)
                if request.prefix.is_empty()
                    && error.kind() == ErrorKind::Forbidden
                    && self.limit_to_roots().await => {}
            Err(error) => {
                self.errors
                    .try_update(|errors| errors.insert(Name::clone(&request.prefix), error));
                self.tree.try_update(|tree| tree.fail(&request.prefix));
            }
        }
    }

    /// The keys below a leading slash are shown at the top level too, as soon as there are any.
    fn load_slash(self) {
        let slash = Name::from(&b"/"[..]);
        if self.tree.try_with_untracked(|tree| has_slash(tree, &slash)) == Some(true) {
            self.tree.try_update_untracked(|tree| tree.expand(&slash));
            self.ensure_loaded(&slash);
        }
    }

    /// Loads again the levels that failed.
    pub(crate) fn retry(self) {
        let failed: Vec<Name> = self
            .errors
            .with_untracked(|errors| errors.keys().cloned().collect());
        for prefix in failed {
            self.load(&prefix);
        }
    }

    /// Opens all folders above a folder or key, and gives it a row however deep in its folder it
    /// is.
    pub(crate) fn expand_to(self, folder: bool, name: &Name) {
        let mut above = levels_above(folder, name);
        self.tree.with_untracked(|tree| {
            above.retain(|prefix| !prefix.is_empty() && tree.may_read(prefix));
        });
        let any_closed = self
            .tree
            .with_untracked(|tree| above.iter().any(|prefix| !tree.is_expanded(prefix)));
        if any_closed {
            self.tree
                .update(|tree| above.iter().for_each(|prefix| tree.expand(prefix)));
        }
        self.linked.try_set_value(Some((folder, Name::clone(name))));
        self.watch_shown();
        for prefix in &above {
            self.ensure_loaded(prefix);
        }
        self.linked_requested.try_set_value(false);
        self.request_linked();
    }

    /// Requests the folder or key that must have a row, where all levels above it are loaded but do
    /// not reach it.
    fn request_linked(self) {
        let Some((folder, name)) = self.linked.try_get_value().flatten() else {
            return;
        };
        let above = levels_above(folder, &name);
        let coverage = self
            .tree
            .try_with_untracked(|tree| tree.coverage(&above, &name));
        if coverage != Some(Coverage::Beyond)
            || self
                .linked_requested
                .try_update_value(|linked_requested| std::mem::replace(linked_requested, true))
                != Some(false)
        {
            return;
        }
        self.scope.spawn(async move {
            let response = if folder {
                let page = api::kv::keys(&name, 1).await;
                page.map(|page| (page.header.revision, page.entries.into_iter().next()))
            } else {
                api::kv::find_without_value(&name).await
            };
            // After an error it has no row until its page is loaded.
            if let Ok((revision, Some(entry))) = response {
                self.add_rows(&[entry], revision);
            }
        });
    }

    fn add_rows(self, entries: &[Entry], revision: i64) {
        self.tree.try_update(|tree| {
            for entry in entries {
                tree.add_found(entry, revision);
            }
        });
    }

    /// Searches beyond the loaded pages for a filter's text: a key or prefix of that name, or names
    /// in open folders that start with it. Returns what the text is as a whole name, where that can
    /// be determined.
    pub(crate) async fn search(self, text: Vec<u8>) -> Option<Typed> {
        let is = match api::kv::resolve(&text, KEYS_FOUND).await {
            Ok((revision, is, entries)) => {
                self.add_rows(&entries, revision);
                Some(is)
            }
            Err(_) => None,
        };
        let ends = self.tree.try_with_untracked(Tree::incomplete_levels)?;
        for prefix in ends.into_iter().take(FOLDERS_SEARCHED) {
            let name = [&prefix[..], &text].concat();
            if let Ok(page) = api::kv::keys(&name, KEYS_FOUND).await {
                self.add_rows(&page.entries, page.header.revision);
            }
        }
        is
    }

    /// Removes the rows that filters have added.
    pub(crate) fn forget_found(self) {
        self.tree.try_maybe_update(|tree| (tree.forget_found(), ()));
        self.linked_requested.try_set_value(false);
        self.request_linked();
    }

    /// Opens or closes a folder.
    pub(crate) fn set_open(self, prefix: &Name, open: bool) {
        // Changes counted so far were counted for the folders that were open until now.
        self.drain();
        self.tree.update(|tree| {
            if open {
                tree.expand(prefix);
            } else {
                tree.collapse(prefix);
            }
        });
        self.watch_shown();
        if open {
            self.ensure_loaded(prefix);
            self.load_missing();
        }
    }

    /// Loads levels in view that were dropped while a folder above them was closed.
    fn load_missing(self) {
        let missing = self.tree.try_with_untracked(Tree::missing_levels);
        for prefix in missing.into_iter().flatten() {
            self.ensure_loaded(&prefix);
        }
    }

    /// Counts the keys below a prefix, once; the watch keeps the count current. One request at a time:
    /// etcd walks the whole range for each.
    pub(crate) fn count(self, prefix: &Name) {
        let wanted = self
            .tree
            .try_with_untracked(|tree| tree.count(prefix).is_none() && tree.may_read(prefix))
            == Some(true)
            && self
                .tree
                .try_update_untracked(|tree| tree.begin_count(prefix))
                == Some(true);
        if !wanted {
            return;
        }
        let idle = self.count_queue.try_update_value(|queue| {
            queue.push_back(Name::clone(prefix));
            queue.len() == 1
        });
        if idle == Some(true) {
            self.scope.spawn(self.run_counts());
        }
    }

    async fn run_counts(self) {
        loop {
            // Stays in the queue until it is counted: a caller that finds the queue empty starts
            // this task.
            let Some(Some(prefix)) = self
                .count_queue
                .try_with_value(|queue| queue.front().cloned())
            else {
                return;
            };
            let used = match self.read_count(&prefix).await {
                Ok((revision, keys)) => self
                    .tree
                    .try_update(|tree| tree.counted(&prefix, keys, revision)),
                Err(_) => self
                    .tree
                    .try_update_untracked(|tree| tree.count_failed(&prefix))
                    .map(|()| true),
            };
            self.count_queue.try_update_value(VecDeque::pop_front);
            if used == Some(false) {
                self.count(&prefix);
            }
        }
    }

    /// The number of keys below a prefix, and its revision: one between two messages of the watch, so that it is known
    /// which changes are newer, unless that is compacted.
    async fn read_count(self, prefix: &Name) -> Result<(i64, i64), ApiError> {
        if let Some(revision) = self.position(prefix) {
            match api::kv::count_at(prefix, revision).await {
                Ok(response) => return Ok((revision, response.count)),
                Err(error) if error.kind() == ErrorKind::Compacted => {}
                Err(error) => return Err(error),
            }
        }
        let response = api::kv::count(prefix).await?;
        Ok((response.header.revision, response.count))
    }

    /// Removes the marks of recent changes that have expired.
    pub(crate) fn expire_fresh(self) {
        let now = now_ms();
        self.fresh.try_maybe_update(|fresh| {
            let before = fresh.len();
            fresh.retain(|_, at| now - *at < FRESH_MS);
            (fresh.len() != before, ())
        });
    }

    /// Reloads every open level; the rows shown stay until then.
    pub(crate) fn reload(self) {
        let again = self.tree.try_update(|tree| {
            tree.set_not_before(0);
            tree.invalidate()
        });
        let again = again.unwrap_or_default();
        self.facts.clear();
        self.linked_requested.try_set_value(false);
        for prefix in again {
            self.load(&prefix);
        }
    }
}

/// The levels above a folder or a key: all the folders that contain it.
fn levels_above(folder: bool, name: &Name) -> Vec<Name> {
    let mut above = ancestors(name);
    if !folder && name.last() == Some(&SEPARATOR) {
        // The key `/a/` has an empty name in the folder `/a/`.
        above.push(Name::clone(name));
    }
    above
}

fn has_slash(tree: &Tree, slash: &Name) -> bool {
    tree.level(&[]).is_some_and(|level| level.has(slash))
}
