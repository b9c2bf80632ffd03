//! The tree's store: loads levels, keeps them true by one watch over the whole keyspace, and says what
//! has just changed.
//!
//! Whoever shows a level asks for it here; whoever shows a row of it reads it here.

mod limited;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use leptos::prelude::*;
use shared::{Entry, Event, RangeSpec, WatchRequest};

use super::facts::Facts;
use crate::api::{self, ApiError, ErrorKind};
use crate::live::{WatchHandle, use_live};
use crate::model::live::WatchUpdate;
use crate::model::tree::{
    Backlog, Coverage, Loading, Name, PageRequest, SEPARATOR, Tree, Typed, ancestors,
};
use crate::state::Scope;
use crate::state::clock::now_ms;

/// Rows of a level that are asked for at once.
const PAGE: usize = 500;

/// Rows that are asked for at once where many are wanted: the gateway gives no more on a page.
const MANY: usize = 10_000;

/// Open folders in which a filter looks beyond the pages that have come.
const FOLDERS_SOUGHT: usize = 8;

/// Keys that a filter finds beyond the pages of a folder.
const KEYS_SOUGHT: usize = 50;

/// A row says "now" for so long.
pub(crate) const FRESH_MS: f64 = 2500.0;

/// The keyspace as the Explorer knows it.
#[derive(Clone, Copy)]
pub(crate) struct Keyspace {
    tree: RwSignal<Tree>,
    /// When an item changed last, for those that did lately.
    fresh: RwSignal<HashMap<(bool, Name), f64>>,
    /// Why a level could not be loaded.
    errors: RwSignal<HashMap<Name, ApiError>>,
    /// The revision that the tree is complete from, once it is live.
    live_from: RwSignal<Option<i64>>,
    /// Pages that have come, with whatever was in them.
    arrived: RwSignal<u64>,
    /// What must have a row, however far into its folder it is: a folder or a key.
    linked: StoredValue<Option<(bool, Name)>>,
    /// Whether it was looked for beyond the pages that have come.
    sought: StoredValue<bool>,
    facts: Facts,
    /// Tasks belong to the page, whoever asks for them.
    scope: Scope,
    watch: StoredValue<Option<WatchHandle>, LocalStorage>,
    /// In its place, where the account may not read the whole keyspace: one for each root.
    limited: StoredValue<Vec<WatchHandle>, LocalStorage>,
    counting: StoredValue<VecDeque<Name>>,
    queue: StoredValue<RefCell<Backlog>, LocalStorage>,
    /// Whether the watch was opened a first time.
    followed: StoredValue<bool>,
    /// Whether everything is to be read again once the watch is open.
    reads_again: StoredValue<bool>,
}

/// The keyspace.
pub(crate) fn use_keyspace() -> Keyspace {
    expect_context()
}

/// Puts the keyspace into the page's context and begins with its root.
pub(super) fn provide(facts: Facts) -> Keyspace {
    let keyspace = Keyspace {
        tree: RwSignal::new(Tree::default()),
        fresh: RwSignal::new(HashMap::new()),
        errors: RwSignal::new(HashMap::new()),
        live_from: RwSignal::new(None),
        arrived: RwSignal::new(0),
        linked: StoredValue::new(None),
        sought: StoredValue::new(false),
        facts,
        scope: Scope::here(),
        watch: StoredValue::new_local(None),
        limited: StoredValue::new_local(Vec::new()),
        counting: StoredValue::new(VecDeque::new()),
        queue: StoredValue::new_local(RefCell::default()),
        followed: StoredValue::new(false),
        reads_again: StoredValue::new(false),
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

    /// The rows of the tree as they are shown.
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

    /// The revision since which every change has been taken in.
    pub(crate) fn live_from(self) -> Option<i64> {
        self.live_from.get()
    }

    /// Whether an item, a folder or a key, changed within the last moments.
    pub(crate) fn is_fresh(self, folder: bool, name: &Name) -> bool {
        self.fresh.with(|fresh| {
            let at = fresh.get(&(folder, Name::clone(name)));
            at.is_some_and(|at| now_ms() - at < FRESH_MS)
        })
    }

    /// Changes with every page that comes, also where no row does.
    pub(crate) fn arrived(self) -> u64 {
        self.arrived.get()
    }

    /// Asks for what is missing of a level: its first page or the next one.
    pub(crate) fn load(self, prefix: &Name) {
        self.load_rows(prefix, PAGE);
    }

    /// As [`Self::load`] with the largest page, to reach the end of a level.
    pub(crate) fn load_many(self, prefix: &Name) {
        self.load_rows(prefix, MANY);
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

    /// Asks for a level unless it has been asked for.
    pub(crate) fn need(self, prefix: &Name) {
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
        let rows = (request.replaces + rows).min(MANY);
        let answer = api::kv::tree(&request.prefix, request.cursor.as_deref(), rows).await;
        match answer {
            Ok(page) => {
                let revision = page.header.revision;
                self.errors
                    .try_maybe_update(|errors| (errors.remove(&request.prefix).is_some(), ()));
                let outdated = self
                    .tree
                    .try_update(|tree| tree.merge(&request.prefix, first, page));
                self.arrived.try_update(|pages| *pages += 1);
                if outdated == Some(true) {
                    self.load(&request.prefix);
                }
                self.find_linked();
                if request.prefix.is_empty() {
                    self.follow(revision);
                    self.need_slash();
                }
            }
            Err(error)
                if request.prefix.is_empty()
                    && error.kind() == ErrorKind::Forbidden
                    && self.limit().await => {}
            Err(error) => {
                self.errors
                    .try_update(|errors| errors.insert(Name::clone(&request.prefix), error));
                self.tree.try_update(|tree| tree.fail(&request.prefix));
            }
        }
    }

    /// The keys below a leading slash stand at the top too, as soon as there are any.
    fn need_slash(self) {
        let slash = Name::from(&b"/"[..]);
        if self.tree.try_with_untracked(|tree| has_slash(tree, &slash)) == Some(true) {
            self.tree.try_update_untracked(|tree| tree.expand(&slash));
            self.need(&slash);
        }
    }

    /// Asks again for what could not be loaded.
    pub(crate) fn retry(self) {
        let failed: Vec<Name> = self
            .errors
            .with_untracked(|errors| errors.keys().cloned().collect());
        for prefix in failed {
            self.load(&prefix);
        }
    }

    /// Opens all that is above a folder or a key, and has a row for it however far into its folder it is.
    pub(crate) fn expand_to(self, folder: bool, name: &Name) {
        let mut above = levels_above(folder, name);
        self.tree.with_untracked(|tree| {
            above.retain(|prefix| !prefix.is_empty() && tree.may_read(prefix));
        });
        let shut = self
            .tree
            .with_untracked(|tree| above.iter().any(|prefix| !tree.is_expanded(prefix)));
        if shut {
            self.tree
                .update(|tree| above.iter().for_each(|prefix| tree.expand(prefix)));
        }
        for prefix in &above {
            self.need(prefix);
        }
        self.linked.try_set_value(Some((folder, Name::clone(name))));
        self.sought.try_set_value(false);
        self.find_linked();
    }

    /// Looks for what must have a row, where all levels above it have come but do not reach it.
    fn find_linked(self) {
        let Some((folder, name)) = self.linked.try_get_value().flatten() else {
            return;
        };
        let above = levels_above(folder, &name);
        let placed = self
            .tree
            .try_with_untracked(|tree| tree.coverage(&above, &name));
        if placed != Some(Coverage::Beyond)
            || self
                .sought
                .try_update_value(|sought| std::mem::replace(sought, true))
                != Some(false)
        {
            return;
        }
        self.scope.spawn(async move {
            let answer = if folder {
                let page = api::kv::keys(&name, 1).await;
                page.map(|page| (page.header.revision, page.entries.into_iter().next()))
            } else {
                api::kv::find_without_value(&name).await
            };
            // Without an answer it has no row: the pages that come will bring it.
            if let Ok((revision, Some(entry))) = answer {
                self.place(&[entry], revision);
            }
        });
    }

    fn place(self, entries: &[Entry], revision: i64) {
        self.tree.try_update(|tree| {
            for entry in entries {
                tree.add_found(entry, revision);
            }
        });
    }

    /// Looks beyond the pages that have come for what a filter names: a key or a prefix, or the beginning of a name
    /// in an open folder. What the text stands for as a whole name, where that can be said.
    pub(crate) async fn seek(self, text: Vec<u8>) -> Option<Typed> {
        let is = match api::kv::resolve(&text, KEYS_SOUGHT).await {
            Ok((revision, is, entries)) => {
                self.place(&entries, revision);
                Some(is)
            }
            Err(_) => None,
        };
        let ends = self.tree.try_with_untracked(Tree::incomplete_levels)?;
        for prefix in ends.into_iter().take(FOLDERS_SOUGHT) {
            let name = [&prefix[..], &text].concat();
            if let Ok(page) = api::kv::keys(&name, KEYS_SOUGHT).await {
                self.place(&page.entries, page.header.revision);
            }
        }
        is
    }

    /// Forgets what filters have found.
    pub(crate) fn forget_found(self) {
        self.tree.try_maybe_update(|tree| (tree.forget_found(), ()));
        self.sought.try_set_value(false);
        self.find_linked();
    }

    /// Opens or closes a folder.
    pub(crate) fn set_open(self, prefix: &Name, open: bool) {
        self.tree.update(|tree| {
            if open {
                tree.expand(prefix);
            } else {
                tree.collapse(prefix);
            }
        });
        if open {
            self.need(prefix);
        }
    }

    /// Counts the keys below a prefix, once; from then on events keep the count. One question at a
    /// time: etcd walks the whole range for each.
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
        let idle = self.counting.try_update_value(|queue| {
            queue.push_back(Name::clone(prefix));
            queue.len() == 1
        });
        if idle == Some(true) {
            self.scope.spawn(self.answer_counts());
        }
    }

    async fn answer_counts(self) {
        loop {
            // Stays in the queue until it is answered: who finds the queue empty begins.
            let Some(Some(prefix)) = self.counting.try_with_value(|queue| queue.front().cloned())
            else {
                return;
            };
            match api::kv::count(&prefix).await {
                Ok(answer) => {
                    self.tree.try_update(|tree| {
                        tree.counted(&prefix, answer.count, answer.header.revision);
                    });
                }
                Err(_) => {
                    self.tree
                        .try_update_untracked(|tree| tree.count_failed(&prefix));
                }
            }
            self.counting.try_update_value(VecDeque::pop_front);
        }
    }

    /// Begins to follow what changes after a revision, once.
    fn follow(self, read_at: i64) {
        let followed = self
            .followed
            .try_update_value(|followed| std::mem::replace(followed, true));
        if followed == Some(false) {
            self.open_watch(Some(read_at + 1));
        }
    }

    /// One watch over everything: what appears at the root is news too.
    fn open_watch(self, revision: Option<i64>) {
        let request = WatchRequest {
            range: RangeSpec {
                prefix: Some(shared::Bytes::default()),
                ..RangeSpec::default()
            },
            revision,
            ..WatchRequest::default()
        };
        let handle = self
            .scope
            .with(|| use_live().watch(request, move |update| self.hear(update)));
        self.watch.try_set_value(handle);
    }

    fn hear(self, update: WatchUpdate) {
        match update {
            WatchUpdate::Opened { from } => {
                self.live_from.try_set(Some(from));
                let reads_again = self.reads_again.try_update_value(std::mem::take);
                if reads_again == Some(true) {
                    // What is read from now on is of this revision at least, so that nothing is missed between.
                    self.reload();
                }
            }
            WatchUpdate::Resumed {
                from,
                complete: false,
                ..
            } => {
                self.live_from.try_set(Some(from));
                self.reload();
            }
            WatchUpdate::Events { events, .. } => self.queue(events),
            WatchUpdate::Compacted { to, .. } => {
                self.live_from.try_set(Some(to));
                self.reload();
            }
            WatchUpdate::Reset { revision, .. } => {
                self.live_from.try_set(Some(revision));
                self.reload();
            }
            _ => {}
        }
    }

    /// Events are taken in once a frame: a busy keyspace must not redraw more often than it is seen. A hidden tab
    /// has no frames: what waits is bounded, and when it is too much the watch ends until somebody looks again.
    fn queue(self, events: Vec<Event>) {
        let state = self.queue.try_with_value(|queue| {
            let mut queue = queue.borrow_mut();
            let first = queue.is_empty();
            (first, queue.push(events))
        });
        let Some((first, fits)) = state else { return };
        if !fits {
            let watch = self.watch.try_update_value(Option::take).flatten();
            if let Some(watch) = watch {
                watch.cancel();
            }
            self.live_from.try_set(None);
        }
        if first {
            request_animation_frame(move || self.drain());
        }
    }

    fn drain(self) {
        let waited = self.queue.try_with_value(|queue| queue.borrow_mut().take());
        let Some(waited) = waited else { return };
        let Some(changes) = waited else {
            // Too much to be caught up with: from now on, and what is shown is read again.
            self.reads_again.try_set_value(true);
            self.open_watch(None);
            return;
        };
        let linked = self.linked.try_get_value().flatten();
        let is_linked = |entry: &Entry| {
            let linked = linked.as_ref();
            linked.is_some_and(|(folder, name)| !folder && **name == *entry.key.0)
        };
        let mut maybe_empty = Vec::new();
        let mut shown = Vec::new();
        self.tree.try_update(|tree| {
            for change in &changes {
                let touched = tree.apply(&change.event);
                maybe_empty.extend(touched.maybe_empty);
                shown.extend(touched.shown);
                if let Event::Put { entry, .. } = &change.event
                    && is_linked(entry)
                {
                    tree.add_found(entry, entry.mod_revision);
                }
            }
        });
        self.need_slash();
        for change in &changes {
            self.facts.hear(change);
        }
        let now = now_ms();
        self.fresh.try_update(|fresh| {
            fresh.retain(|_, at| now - *at < FRESH_MS);
            fresh.extend(shown.into_iter().map(|item| (item, now)));
        });
        maybe_empty.sort();
        maybe_empty.dedup();
        for prefix in &maybe_empty {
            self.count(prefix);
        }
    }

    /// Takes the marks of freshness away when their time is over.
    pub(crate) fn fade(self) {
        let now = now_ms();
        self.fresh.try_maybe_update(|fresh| {
            let before = fresh.len();
            fresh.retain(|_, at| now - *at < FRESH_MS);
            (fresh.len() != before, ())
        });
    }

    /// Loads every open level again; what is shown stays until then.
    pub(crate) fn reload(self) {
        let again = self.tree.try_update(Tree::invalidate).unwrap_or_default();
        self.facts.forget();
        self.sought.try_set_value(false);
        for prefix in again {
            self.load(&prefix);
        }
    }
}

/// The levels on which a folder or a key stands, itself or the folder that it is in.
fn levels_above(folder: bool, name: &Name) -> Vec<Name> {
    let mut above = ancestors(name);
    if !folder && name.last() == Some(&SEPARATOR) {
        // The key `/a/` has no name of its own in the folder `/a/`.
        above.push(Name::clone(name));
    }
    above
}

fn has_slash(tree: &Tree, slash: &Name) -> bool {
    tree.level(&[]).is_some_and(|level| level.has(slash))
}
