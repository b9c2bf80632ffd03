//! Keeping the tree current: a watch without values, for what is open on screen. Of closed folders the gateway counts
//! the changes, once a second, so that a busy folder which nobody looks at costs next to nothing.

use leptos::prelude::*;
use shared::{Bytes, Entry, Event, RangeSpec, WatchRequest};

use super::{FRESH_MS, Keyspace};
use crate::clock::now_ms;
use crate::live::{WatchHandle, use_live};
use crate::model::live::WatchUpdate;
use crate::model::tree::{
    Backlog, FolderChanges, Name, Queued, QueuedEvent, Roots, SEPARATOR, Touched,
};

/// Open folders named in a watch; of more, those further down are treated as closed. The gateway's own limit is 1,000.
const MAX_OPEN: usize = 900;

/// The limit on their names, in bytes, within the gateway's 64 KiB for an operation in JSON.
const MAX_OPEN_BYTES: usize = 16 << 10;

/// Everything is reloaded at most this often because too many folders changed at once.
const RELOAD_MS: f64 = 10_000.0;

/// A watch of a prefix or, of an account that may read only some keys, of a single key.
pub(super) struct Watched {
    /// The prefix; `None` for a single key.
    prefix: Option<Name>,
    handle: WatchHandle,
    open: Vec<Name>,
}

impl Keyspace {
    /// Starts the watch after a revision, once.
    pub(super) fn start_watch(self, read_at: i64) {
        let watch_opened = self
            .watch_opened
            .try_update_value(|watch_opened| std::mem::replace(watch_opened, true));
        if watch_opened == Some(false) {
            self.watch_prefix(Name::from(&[][..]), Some(read_at + 1));
        }
    }

    /// Opens one watch per root, instead of one over everything.
    pub(super) fn watch_roots(self, roots: &Roots, read_at: i64) {
        self.stop_watching();
        for prefix in &roots.prefixes {
            self.watch_prefix(Name::clone(prefix), Some(read_at + 1));
        }
        for key in &roots.keys {
            let range = RangeSpec {
                key: Some(Bytes::from(&**key)),
                ..RangeSpec::default()
            };
            let request = WatchRequest {
                range,
                revision: Some(read_at + 1),
                keys_only: true,
                ..WatchRequest::default()
            };
            self.watch(None, request);
        }
    }

    fn watch_prefix(self, prefix: Name, revision: Option<i64>) {
        let request = WatchRequest {
            range: RangeSpec {
                prefix: Some(Bytes::from(&*prefix)),
                ..RangeSpec::default()
            },
            revision,
            keys_only: true,
            collapse: Some(Bytes::from(&[SEPARATOR][..])),
            open: to_bytes(&self.shown_folders(&prefix)),
            ..WatchRequest::default()
        };
        self.watch(Some(prefix), request);
    }

    fn watch(self, prefix: Option<Name>, request: WatchRequest) {
        let open = prefix
            .as_ref()
            .map(|prefix| self.shown_folders(prefix))
            .unwrap_or_default();
        let handle = self
            .scope
            .with(|| use_live().watch(request, move |update| self.on_update(update)));
        if let Some(handle) = handle {
            let watched = Watched {
                prefix,
                handle,
                open,
            };
            self.watches
                .try_update_value(|watches| watches.push(watched));
        }
    }

    pub(super) fn is_watching(self) -> bool {
        self.watches.try_with_value(|watches| !watches.is_empty()) == Some(true)
    }

    fn stop_watching(self) {
        let watches = self.watches.try_update_value(std::mem::take);
        for watched in watches.into_iter().flatten() {
            watched.handle.cancel();
        }
    }

    /// The open folders below a watched prefix.
    fn shown_folders(self, prefix: &[u8]) -> Vec<Name> {
        let linked = self.linked.try_get_value().flatten();
        let selected = linked.as_ref().map(|(folder, name)| (*folder, name));
        let shown = self
            .tree
            .try_with_untracked(|tree| tree.shown_folders(selected));
        let mut bytes = 0;
        let shown = shown.into_iter().flatten();
        shown
            .filter(|folder| folder.starts_with(prefix) && **folder != *prefix)
            .take(MAX_OPEN)
            .take_while(|folder| {
                bytes += folder.len();
                bytes <= MAX_OPEN_BYTES
            })
            .collect()
    }

    /// Makes the watches deliver what is open on screen now.
    pub(super) fn watch_shown(self) {
        let changed = self.watches.try_update_value(|watches| {
            let mut changed = Vec::new();
            for watched in watches {
                let Some(prefix) = &watched.prefix else {
                    continue;
                };
                let open = self.shown_folders(prefix);
                if open != watched.open {
                    changed.push((watched.handle, to_bytes(&open)));
                    watched.open = open;
                }
            }
            changed
        });
        let changed = changed.unwrap_or_default();
        let positions = changed.iter().filter_map(|(handle, _)| handle.position());
        if let Some(position) = positions.max() {
            // A level that is requested from now on is at this revision or later.
            self.tree
                .try_update_untracked(|tree| tree.set_not_before(position));
        }
        for (handle, open) in changed {
            handle.set_open(open);
        }
    }

    /// The revision up to which everything below a prefix was received.
    pub(super) fn position(self, prefix: &[u8]) -> Option<i64> {
        let handle = self.watches.try_with_value(|watches| {
            let watched = watches.iter().find(|watched| {
                let above = watched.prefix.as_ref();
                above.is_some_and(|above| prefix.starts_with(above))
            });
            watched.map(|watched| watched.handle)
        });
        handle
            .flatten()?
            .position()
            .filter(|revision| *revision > 0)
    }

    fn on_update(self, update: WatchUpdate) {
        match update {
            WatchUpdate::Opened { from } => {
                self.live_from.try_set(Some(from));
                let reload_when_open = self.reload_when_open.try_update_value(std::mem::take);
                if reload_when_open == Some(true) {
                    // Anything read from now on is at this revision or later, so nothing is missed
                    // in between.
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
            WatchUpdate::Events { events, .. } => self.queue(|queue| queue.push(events)),
            WatchUpdate::Folders {
                after,
                folders,
                unlisted,
                ..
            } => {
                let changes = FolderChanges {
                    after,
                    folders,
                    incomplete: unlisted > 0,
                };
                self.queue(|queue| queue.push_folders(changes));
            }
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

    /// Applies changes once a frame: a busy keyspace must not redraw more often than the screen
    /// does. A hidden tab has no frames, so the queue is bounded; when it overflows the watch is
    /// cancelled until the tab is shown again.
    fn queue(self, push: impl FnOnce(&mut Backlog) -> bool) {
        let state = self.queue.try_with_value(|queue| {
            let mut queue = queue.borrow_mut();
            let first = queue.is_empty();
            (first, push(&mut queue))
        });
        let Some((first, fits)) = state else { return };
        if !fits {
            self.stop_watching();
            self.live_from.try_set(None);
        }
        if first {
            request_animation_frame(move || self.drain());
        }
    }

    /// Applies the queued changes.
    pub(super) fn drain(self) {
        let waited = self.queue.try_with_value(|queue| {
            let mut queue = queue.borrow_mut();
            (!queue.is_empty()).then(|| queue.take())
        });
        let Some(Some(waited)) = waited else { return };
        let Some(changes) = waited else {
            self.watch_again();
            return;
        };
        let mut all = Touched::default();
        let mut incomplete = false;
        let linked = self.linked.try_get_value().flatten();
        let is_linked = |entry: &Entry| {
            let linked = linked.as_ref();
            linked.is_some_and(|(folder, name)| !folder && **name == *entry.key.0)
        };
        self.tree.try_update(|tree| {
            for change in &changes {
                let touched = match change {
                    Queued::Event(QueuedEvent { event, .. }) => {
                        let touched = tree.apply(event);
                        if let Event::Put { entry, .. } = event
                            && is_linked(entry)
                        {
                            tree.add_found(entry, entry.mod_revision);
                        }
                        touched
                    }
                    Queued::Folders(folders) => {
                        incomplete |= folders.incomplete;
                        tree.apply_folders(folders)
                    }
                };
                all.maybe_empty.extend(touched.maybe_empty);
                all.shown.extend(touched.shown);
                all.reload.extend(touched.reload);
            }
        });
        self.load_slash();
        for change in &changes {
            if let Queued::Event(change) = change {
                self.facts.apply(change);
            }
        }
        let now = now_ms();
        self.fresh.try_update(|fresh| {
            fresh.retain(|_, at| now - *at < FRESH_MS);
            fresh.extend(all.shown.into_iter().map(|item| (item, now)));
        });
        all.maybe_empty.sort();
        all.maybe_empty.dedup();
        for prefix in &all.maybe_empty {
            self.count(prefix);
        }
        for prefix in all.reload {
            self.load(&prefix);
        }
        if incomplete {
            self.reload_sometimes(now);
        }
    }

    /// Too many folders changed at once to name all of them.
    fn reload_sometimes(self, now: f64) {
        let due = self.reloaded_at.try_update_value(|at| {
            let due = now - *at >= RELOAD_MS;
            if due {
                *at = now;
            }
            due
        });
        if due == Some(true) {
            self.reload();
        }
    }

    /// After the queue overflowed: watches from now on, and reloads what is shown.
    fn watch_again(self) {
        self.reload_when_open.try_set_value(true);
        let roots = self
            .tree
            .try_with_untracked(|tree| tree.roots().cloned())
            .flatten();
        match roots {
            Some(_) => self.reload(),
            None => self.watch_prefix(Name::from(&[][..]), None),
        }
    }
}

fn to_bytes(folders: &[Name]) -> Vec<Bytes> {
    folders
        .iter()
        .map(|folder| Bytes::from(&**folder))
        .collect()
}
