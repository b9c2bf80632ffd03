//! The tree's store: loads levels, keeps them true by one watch over the whole keyspace, and says what
//! has just changed.
//!
//! Whoever shows a level asks for it here; whoever shows a row of it reads it here.

mod limited;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use leptos::prelude::*;
use shared::{Event, RangeSpec, WatchRequest};

use super::facts::Facts;
use crate::api::{self, ApiError, Trouble};
use crate::live::{WatchHandle, use_live};
use crate::model::live::WatchUpdate;
use crate::model::tree::{Ask, Loading, Name, SEPARATOR, Tree, ancestors};
use crate::state::Scope;
use crate::state::clock::now_ms;

/// Rows of a level that are asked for at once.
const PAGE: usize = 500;

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
    facts: Facts,
    /// Tasks belong to the page, whoever asks for them.
    scope: Scope,
    watch: StoredValue<Option<WatchHandle>, LocalStorage>,
    /// In its place, where the account may not read the whole keyspace: one for each root.
    limited: StoredValue<Vec<WatchHandle>, LocalStorage>,
    counting: StoredValue<VecDeque<Name>>,
    queue: StoredValue<RefCell<Vec<Event>>, LocalStorage>,
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
        facts,
        scope: Scope::here(),
        watch: StoredValue::new_local(None),
        limited: StoredValue::new_local(Vec::new()),
        counting: StoredValue::new(VecDeque::new()),
        queue: StoredValue::new_local(RefCell::default()),
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

    /// Asks for what is missing of a level: its first page or the next one.
    pub(crate) fn load(self, prefix: &Name) {
        let ask = self.tree.try_maybe_update(|tree| {
            let ask = tree.ask(prefix);
            (ask.is_some(), ask)
        });
        if let Some(ask) = ask.flatten() {
            self.scope.spawn(self.fetch(ask));
        }
    }

    /// Asks for a level unless it has been asked for.
    pub(crate) fn need(self, prefix: &Name) {
        let known = self.tree.with_untracked(|tree| {
            tree.level(prefix)
                .is_some_and(|level| level.loaded() || level.loading() == Loading::Asked)
        });
        if !known {
            self.load(prefix);
        }
    }

    async fn fetch(self, ask: Ask) {
        let first = ask.cursor.is_none();
        match api::kv::tree(&ask.prefix, ask.cursor.as_deref(), PAGE).await {
            Ok(page) => {
                let revision = page.header.revision;
                self.errors
                    .try_maybe_update(|errors| (errors.remove(&ask.prefix).is_some(), ()));
                self.tree
                    .try_update(|tree| tree.merge(&ask.prefix, first, page));
                if ask.prefix.is_empty() {
                    self.follow(revision);
                    self.need_slash();
                }
            }
            Err(error)
                if ask.prefix.is_empty()
                    && error.trouble() == Trouble::Forbidden
                    && self.limit().await => {}
            Err(error) => {
                self.errors
                    .try_update(|errors| errors.insert(Name::clone(&ask.prefix), error));
                self.tree.try_update(|tree| tree.fail(&ask.prefix));
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

    /// Opens all that is above a folder or a key.
    pub(crate) fn expand_to(self, folder: bool, name: &Name) {
        let mut above = ancestors(name);
        self.tree.with_untracked(|tree| {
            above.retain(|prefix| !prefix.is_empty() && tree.may_read(prefix));
        });
        if !folder && name.last() == Some(&SEPARATOR) {
            // The key `/a/` has no name of its own in the folder `/a/`.
            above.push(Name::clone(name));
        }
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

    /// One watch over everything: what appears at the root is news too.
    fn follow(self, read_at: i64) {
        if self.watch.try_with_value(Option::is_some) != Some(false) {
            return;
        }
        let request = WatchRequest {
            range: RangeSpec {
                prefix: Some(shared::Bytes::default()),
                ..RangeSpec::default()
            },
            revision: Some(read_at + 1),
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

    /// Events are taken in once a frame: a busy keyspace must not redraw more often than it is seen.
    fn queue(self, events: Vec<Event>) {
        let first = self.queue.try_with_value(|queue| {
            let mut queue = queue.borrow_mut();
            let first = queue.is_empty();
            queue.extend(events);
            first
        });
        if first == Some(true) {
            request_animation_frame(move || self.drain());
        }
    }

    fn drain(self) {
        let Some(events) = self.queue.try_with_value(RefCell::take) else {
            return;
        };
        let mut doubtful = Vec::new();
        let mut shown = Vec::new();
        self.tree.try_update(|tree| {
            for event in &events {
                let touched = tree.apply(event);
                doubtful.extend(touched.doubtful);
                shown.extend(touched.shown);
            }
        });
        self.need_slash();
        for event in &events {
            self.facts.hear(event);
        }
        let now = now_ms();
        self.fresh.try_update(|fresh| {
            fresh.retain(|_, at| now - *at < FRESH_MS);
            fresh.extend(shown.into_iter().map(|item| (item, now)));
        });
        doubtful.sort();
        doubtful.dedup();
        for prefix in &doubtful {
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
        let again = self.tree.try_update(Tree::distrust).unwrap_or_default();
        self.facts.forget();
        for prefix in again {
            self.load(&prefix);
        }
    }
}

fn has_slash(tree: &Tree, slash: &Name) -> bool {
    tree.level(&[]).is_some_and(|level| level.has(slash))
}

/// The rows of the tree as they are shown.
pub(crate) fn rows(
    keyspace: Keyspace,
    filter: RwSignal<String>,
) -> Memo<Arc<Vec<crate::model::tree::Row>>> {
    Memo::new(move |_| {
        let filter = filter.get();
        Arc::new(keyspace.tree.with(|tree| tree.rows(&filter)))
    })
}
