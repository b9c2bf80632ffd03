//! One panel's watch and what is kept of it.

use std::sync::atomic::{AtomicU32, Ordering};

use leptos::prelude::*;

use crate::live::{WatchHandle, use_live};
use crate::model::live::WatchPhase;
use crate::model::stream::Stream;
use crate::model::stream::spec::PanelSpec;
use crate::state::clock::now_ms;

/// A panel's events. They live outside of the signals: a thousand events a second are one redraw a
/// frame.
#[derive(Clone, Copy)]
pub(super) struct PanelStore {
    /// Unique on the page, for the ids of its elements.
    pub(super) id: u32,
    stream: StoredValue<Stream>,
    handle: StoredValue<Option<WatchHandle>, LocalStorage>,
    version: RwSignal<u64>,
    scheduled: StoredValue<bool>,
}

impl PanelStore {
    /// Opens the panel's watch; it ends with the present owner.
    pub(super) fn open(spec: &PanelSpec) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let store = Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            stream: StoredValue::new(Stream::new(spec.revision.is_some())),
            handle: StoredValue::new_local(None),
            version: RwSignal::new(0),
            scheduled: StoredValue::new(false),
        };
        let handle = use_live().watch(spec.request(), move |update| {
            let full = store.stream.try_update_value(|stream| {
                stream.apply(update, now_ms());
                stream.full()
            });
            if full == Some(true) {
                store.with_handle(WatchHandle::suspend);
            }
            store.schedule();
        });
        store.handle.set_value(Some(handle));
        store
    }

    /// Reads; followed by whoever asks in a reactive place.
    pub(super) fn read<T>(self, read: impl FnOnce(&Stream) -> T) -> Option<T> {
        self.version.try_get();
        self.stream.try_with_value(read)
    }

    /// Changes what is kept, and shows it at once.
    pub(super) fn change(self, change: impl FnOnce(&mut Stream)) {
        self.stream.try_update_value(change);
        self.version.try_update(|version| *version += 1);
    }

    /// Holds events back.
    pub(super) fn pause(self) {
        self.change(Stream::pause);
    }

    /// Shows what was held back, and lets the rest flow.
    pub(super) fn resume(self) {
        self.change(Stream::resume);
        self.with_handle(|handle| {
            if handle.phase() == Some(WatchPhase::Suspended) {
                self.change(Stream::reopen);
                handle.resume();
            }
        });
    }

    /// Opens the watch again after the gateway has ended it.
    pub(super) fn reopen(self) {
        self.change(Stream::reopen);
        self.with_handle(WatchHandle::resume);
    }

    fn with_handle(self, act: impl FnOnce(WatchHandle)) {
        if let Some(handle) = self.handle.try_get_value().flatten() {
            act(handle);
        }
    }

    /// One redraw a frame; none while the tab is hidden.
    fn schedule(self) {
        if self.scheduled.try_get_value() != Some(false) {
            return;
        }
        self.scheduled.set_value(true);
        request_animation_frame(move || {
            self.scheduled.try_set_value(false);
            self.version.try_update(|version| *version += 1);
        });
    }
}
