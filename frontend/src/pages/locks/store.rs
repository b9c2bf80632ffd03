//! The live list of locks.

use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use shared::ServerMessage;

use crate::api::{self, ApiError};
use crate::clock::now_ms;
use crate::live::{FeedEvent, follow};
use crate::model::locks::Board;
use crate::state::Redraw;
use crate::state::connection::{Connection, use_connection};

/// The locks as this page has seen them; a context of the page.
#[derive(Clone, Copy)]
pub(super) struct LockStore {
    board: StoredValue<Board>,
    redraw: Redraw,
    error: RwSignal<Option<ApiError>>,
    interrupted: RwSignal<bool>,
    connection: Connection,
}

impl LockStore {
    /// Follows the list until the current owner is cleaned up.
    pub(super) fn open() -> Self {
        let store = Self {
            board: StoredValue::new(Board::default()),
            redraw: Redraw::new(),
            error: RwSignal::new(None),
            interrupted: RwSignal::new(false),
            connection: use_connection(),
        };
        let owner = Owner::current();
        let open = StoredValue::new(false);
        follow(api::locks::LIVE, move |event| {
            // Whether the socket could not be opened, at first or again.
            let mut refused = false;
            let changed = store.board.try_update_value(|board| match event {
                FeedEvent::Connected => {
                    open.try_set_value(true);
                    board.on_connect(now_ms());
                    false
                }
                FeedEvent::Lost => {
                    refused =
                        open.try_update_value(|open| std::mem::replace(open, false)) == Some(false);
                    board.on_loss(now_ms());
                    store.interrupted.try_set(true);
                    !board.listed()
                }
                FeedEvent::Message(message) => {
                    if let ServerMessage::LocksProgress { revision, .. } = *message {
                        store.connection.advance_to(revision);
                        store.interrupted.try_set(false);
                    }
                    board.apply(*message, now_ms())
                }
            });
            if changed == Some(true) {
                store.redraw.schedule();
            }
            let listed = store.board.try_with_value(Board::listed) == Some(true);
            if listed && !refused {
                store.error.try_set(None);
            } else if let Some(owner) = &owner
                && (refused
                    || (changed == Some(true)
                        && matches!(store.error.try_get_untracked(), Some(None))))
            {
                // A socket does not say why it was refused, but a plain request does; and where
                // sockets do not get through, as behind some proxies, requests deliver the list.
                owner.with(|| store.fetch_list());
            }
        });
        store
    }

    /// Reads the locks; tracked in a reactive context.
    pub(super) fn read<T>(self, read: impl FnOnce(&Board) -> T) -> Option<T> {
        self.redraw.track();
        self.board.try_with_value(read)
    }

    /// Why there is no list yet.
    pub(super) fn error(self) -> RwSignal<Option<ApiError>> {
        self.error
    }

    /// Whether the list may be out of date.
    pub(super) fn interrupted(self) -> bool {
        self.interrupted.try_get().unwrap_or_default()
    }

    /// Requests the list without a socket.
    pub(super) fn fetch_list(self) {
        spawn_local_scoped_with_cancellation(async move {
            match api::locks::list().await {
                Ok(list) => {
                    self.error.try_set(None);
                    self.connection.advance_to(list.header.revision);
                    self.board.try_update_value(|board| {
                        // A stream that opened meanwhile is more current.
                        let interrupted = self.interrupted.try_get_untracked() == Some(true);
                        if !board.listed() || interrupted {
                            board.apply_list(list, now_ms());
                        }
                    });
                    self.redraw.schedule();
                }
                Err(error) => {
                    self.error.try_set(Some(error));
                }
            }
        });
    }
}
