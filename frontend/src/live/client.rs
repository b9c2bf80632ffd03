//! The app's one socket for watches.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use leptos::prelude::*;
use shared::{ServerMessage, WatchRequest};

use super::reconnecting::{ConnectionEvent, ReconnectingSocket};
use crate::api::base::socket_url;
use crate::clock::now_ms;
use crate::model::live::{LinkState, Session, SessionAction, WatchKey, WatchPhase, WatchUpdate};
use crate::state::connection::Connection;
use crate::state::{self, use_connection};

type Callback = Rc<dyn Fn(WatchUpdate)>;

/// The live client; a context. Cheap to copy. It publishes the connection's state to
/// [`use_connection`].
#[derive(Clone, Copy)]
pub(crate) struct Live {
    client: StoredValue<Rc<Client>, LocalStorage>,
}

struct Client {
    session: RefCell<Session>,
    socket: OnceCell<Rc<ReconnectingSocket>>,
    callbacks: RefCell<HashMap<WatchKey, Callback>>,
    connection: Connection,
    /// When the connection was lost; `None` while it is open.
    lost: Cell<Option<f64>>,
    head: Cell<Option<i64>>,
}

/// A watch; ends with the owner it was opened under, or by [`WatchHandle::cancel`].
#[derive(Clone, Copy)]
pub(crate) struct WatchHandle {
    live: Live,
    key: WatchKey,
}

/// The live client.
pub(crate) fn use_live() -> Live {
    expect_context()
}

impl Live {
    /// Opens the app's socket. Call it once, at the root.
    pub(crate) fn provide() -> Self {
        let connection = use_connection();
        let client = Rc::new(Client {
            session: RefCell::default(),
            socket: OnceCell::new(),
            callbacks: RefCell::default(),
            connection,
            lost: Cell::new(None),
            head: Cell::new(None),
        });
        let weak = Rc::downgrade(&client);
        let socket = ReconnectingSocket::start(socket_url("watch"), move |event| {
            if let Some(client) = weak.upgrade() {
                client.on_connection_event(event);
            }
        });
        // Set before any event: browsers deliver a socket's events in a later task.
        drop(client.socket.set(socket));
        let live = Self {
            client: StoredValue::new_local(client),
        };
        Effect::new(move |pressed: Option<u32>| {
            let presses = connection.retries();
            if pressed.is_some_and(|pressed| pressed != presses) {
                live.with_socket(ReconnectingSocket::dial);
            }
            presses
        });
        Effect::new(move |restarted: Option<u32>| {
            let restarts = connection.restarts();
            if restarted.is_some_and(|restarted| restarted != restarts) {
                live.with_socket(ReconnectingSocket::restart);
            }
            restarts
        });
        Effect::new(move |_| {
            let wanted = connection.is_wanted();
            live.with_socket(|socket| socket.set_wanted(wanted));
        });
        provide_context(live);
        live
    }

    /// Opens a watch; the request's `id` is ignored. `on_update` is called outside of any reactive
    /// tracking, until the current owner is cleaned up. Signals in it need `try_…` nevertheless, since
    /// children of that owner may be disposed of earlier.
    pub(crate) fn watch(
        self,
        request: WatchRequest,
        on_update: impl Fn(WatchUpdate) + 'static,
    ) -> WatchHandle {
        let mut key = WatchKey(0);
        self.with_client(|client| {
            let (opened, actions) = client.session.borrow_mut().watch(request);
            key = opened;
            client
                .callbacks
                .borrow_mut()
                .insert(key, Rc::new(on_update));
            actions
        });
        let handle = WatchHandle { live: self, key };
        on_cleanup(move || handle.cancel());
        handle
    }

    fn with_socket(self, act: impl FnOnce(&Rc<ReconnectingSocket>)) {
        if let Some(client) = self.client.try_with_value(Rc::clone)
            && let Some(socket) = client.socket.get()
        {
            act(socket);
        }
    }

    fn with_client(self, act: impl FnOnce(&Client) -> Vec<SessionAction>) {
        let client = self.client.try_with_value(Rc::clone);
        if let Some(client) = client {
            let actions = act(&client);
            client.run(actions);
        }
    }
}

impl WatchHandle {
    /// Ends the watch; its callback is not called again.
    pub(crate) fn cancel(self) {
        self.live.with_client(|client| {
            client.callbacks.borrow_mut().remove(&self.key);
            client.session.borrow_mut().cancel(self.key)
        });
    }

    /// Stops the events at the gateway; [`WatchHandle::resume`] continues without a gap.
    pub(crate) fn suspend(self) {
        self.live
            .with_client(|client| client.session.borrow_mut().suspend(self.key));
    }

    /// Reopens a suspended watch, or one that the gateway has ended, where it stopped.
    pub(crate) fn resume(self) {
        self.live
            .with_client(|client| client.session.borrow_mut().resume(self.key));
    }

    /// The phase of the watch; `None` once it is cancelled. Not reactive: updates report changes.
    pub(crate) fn phase(self) -> Option<WatchPhase> {
        let phase = |client: &Rc<Client>| client.session.borrow().phase(self.key);
        self.live.client.try_with_value(phase).flatten()
    }
}

impl Client {
    fn on_connection_event(&self, event: ConnectionEvent) {
        let actions = match event {
            ConnectionEvent::Connected => self.session.borrow_mut().on_connect(),
            ConnectionEvent::Lost => self.session.borrow_mut().on_disconnect(now_ms()),
            ConnectionEvent::Text(text) => match serde_json::from_str::<ServerMessage>(&text) {
                Ok(message) => self.session.borrow_mut().on_message(message, now_ms()),
                // From a newer gateway: it proves that the connection is alive, nothing more.
                Err(_) => return,
            },
        };
        self.publish();
        self.run(actions);
    }

    /// Performs actions. No borrow is held while a page's callback runs: it may open a watch.
    fn run(&self, actions: Vec<SessionAction>) {
        for action in actions {
            match action {
                SessionAction::Send(op) => {
                    if let Some(socket) = self.socket.get() {
                        socket.send(&serde_json::to_string(&op).expect("our own types serialise"));
                    }
                }
                SessionAction::Deliver(key, update) => {
                    let callback = self.callbacks.borrow().get(&key).map(Rc::clone);
                    if let Some(callback) = callback {
                        untrack(|| callback(update));
                    }
                }
            }
        }
    }

    /// Publishes state and revision to the app's connection store.
    fn publish(&self) {
        let link = self
            .socket
            .get()
            .map_or(LinkState::Idle, |socket| socket.state());
        if link == LinkState::Live {
            self.lost.set(None);
            self.connection.set_phase(state::Phase::Live);
        } else if link == LinkState::Idle {
            // Closed on purpose.
            self.lost.set(None);
            self.connection.set_phase(state::Phase::Connecting);
        } else if matches!(link, LinkState::Waiting { .. }) && self.lost.get().is_none() {
            let since = now_ms();
            self.lost.set(Some(since));
            self.connection.set_phase(state::Phase::Lost { since });
        }
        let head = self.session.borrow().head();
        let before = self.head.replace(head);
        match (before, head) {
            (Some(before), Some(head)) if head < before => self.connection.reset(head),
            (_, Some(head)) => self.connection.advance_to(head),
            (_, None) => {}
        }
    }
}
