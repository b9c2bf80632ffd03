//! One panel's watch and the events kept of it.

use std::sync::atomic::{AtomicU32, Ordering};

use leptos::prelude::*;

use crate::clock::now_ms;
use crate::live::{WatchHandle, use_live};
use crate::model::live::WatchPhase;
use crate::model::stream::Stream;
use crate::model::stream::spec::PanelSpec;
use crate::state::Redraw;

/// A panel's events. They are kept outside of the signals, so that a thousand events a second cost
/// one redraw a frame.
#[derive(Clone, Copy)]
pub(super) struct PanelStore {
    /// Unique on the page, for the ids of its elements.
    pub(super) id: u32,
    stream: StoredValue<Stream>,
    handle: StoredValue<Option<WatchHandle>, LocalStorage>,
    redraw: Redraw,
}

impl PanelStore {
    /// Opens the panel's watch; it ends with the current owner.
    pub(super) fn open(spec: &PanelSpec) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let store = Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            stream: StoredValue::new(Stream::new(spec.revision.is_some())),
            handle: StoredValue::new_local(None),
            redraw: Redraw::new(),
        };
        let handle = use_live().watch(spec.request(), move |update| {
            let full = store.stream.try_update_value(|stream| {
                stream.apply(update, now_ms());
                stream.full()
            });
            if full == Some(true) {
                store.with_handle(WatchHandle::suspend);
            }
            store.redraw.schedule();
        });
        store.handle.set_value(Some(handle));
        store
    }

    /// Reads the events; tracked in a reactive context.
    pub(super) fn read<T>(self, read: impl FnOnce(&Stream) -> T) -> Option<T> {
        self.redraw.track();
        self.stream.try_with_value(read)
    }

    /// Changes the events, and redraws at once.
    pub(super) fn change(self, change: impl FnOnce(&mut Stream)) {
        self.stream.try_update_value(change);
        self.redraw.now();
    }

    /// Holds new events back.
    pub(super) fn pause(self) {
        self.change(Stream::pause);
    }

    /// Shows the events held back, and resumes the flow.
    pub(super) fn resume(self) {
        self.change(Stream::resume);
        self.with_handle(|handle| {
            if handle.phase() == Some(WatchPhase::Suspended) {
                self.change(Stream::reopen);
                handle.resume();
            }
        });
    }

    /// Opens the watch again after the gateway ended it.
    pub(super) fn reopen(self) {
        self.change(Stream::reopen);
        self.with_handle(WatchHandle::resume);
    }

    fn with_handle(self, act: impl FnOnce(WatchHandle)) {
        if let Some(handle) = self.handle.try_get_value().flatten() {
            act(handle);
        }
    }
}
