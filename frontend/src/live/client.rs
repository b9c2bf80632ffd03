//! The app's one socket for watches.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use leptos::prelude::*;
use shared::{ServerMessage, WatchRequest};

use super::now;
use super::wire::{Wire, WireEvent};
use crate::api::base::socket_url;
use crate::model::live::{Act, Link, Phase, Session, WatchUpdate, WatchKey};

type Callback = Rc<dyn Fn(WatchUpdate)>;

/// The live client; a context. Cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    client: StoredValue<Rc<Client>, LocalStorage>,
    link: ReadSignal<Link>,
    head: ReadSignal<Option<i64>>,
}

struct Client {
    session: RefCell<Session>,
    wire: OnceCell<Rc<Wire>>,
    callbacks: RefCell<HashMap<WatchKey, Callback>>,
    link: WriteSignal<Link>,
    head: WriteSignal<Option<i64>>,
}

/// A watch that is wanted; ends with the owner it was opened under, or by [`WatchHandle::cancel`].
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
    /// Opens the app's socket. To be called once, at the root.
    pub(crate) fn provide() -> Self {
        let (link, set_link) = signal(Link::Idle);
        let (head, set_head) = signal(None);
        let client = Rc::new(Client {
            session: RefCell::default(),
            wire: OnceCell::new(),
            callbacks: RefCell::default(),
            link: set_link,
            head: set_head,
        });
        let weak = Rc::downgrade(&client);
        let wire = Wire::start(socket_url("watch"), move |event| {
            if let Some(client) = weak.upgrade() {
                client.heard(event);
            }
        });
        // The first socket cannot have opened yet: browsers say so in a later task.
        drop(client.wire.set(wire));
        client.publish();
        let live = Self { client: StoredValue::new_local(client), link, head };
        provide_context(live);
        live
    }

    /// The state of the connection.
    pub(crate) fn link(self) -> ReadSignal<Link> {
        self.link
    }

    /// The latest revision heard of.
    pub(crate) fn head(self) -> ReadSignal<Option<i64>> {
        self.head
    }

    /// Opens a watch; the request's `id` is ignored. `on_update` is called outside of any reactive
    /// tracking, until the present owner is cleaned up; signals in it need `try_…` all the same, since
    /// children of that owner may be gone earlier.
    pub(crate) fn watch(self, request: WatchRequest, on_update: impl Fn(WatchUpdate) + 'static) -> WatchHandle {
        let mut key = WatchKey(0);
        self.act(|client| {
            let (opened, effects) = client.session.borrow_mut().watch(request);
            key = opened;
            client.callbacks.borrow_mut().insert(key, Rc::new(on_update));
            effects
        });
        let handle = WatchHandle { live: self, key };
        on_cleanup(move || handle.cancel());
        handle
    }

    fn act(self, act: impl FnOnce(&Client) -> Vec<Act>) {
        let client = self.client.try_with_value(Rc::clone);
        if let Some(client) = client {
            let effects = act(&client);
            client.run(effects);
        }
    }
}

impl WatchHandle {
    /// Ends the watch; its callback is not called again.
    pub(crate) fn cancel(self) {
        self.live.act(|client| {
            client.callbacks.borrow_mut().remove(&self.key);
            client.session.borrow_mut().cancel(self.key)
        });
    }

    /// Stops the events at the gateway; [`WatchHandle::resume`] goes on without a gap.
    pub(crate) fn suspend(self) {
        self.live.act(|client| client.session.borrow_mut().suspend(self.key));
    }

    /// Opens a suspended watch again, or one that the gateway has ended, where it stopped.
    pub(crate) fn resume(self) {
        self.live.act(|client| client.session.borrow_mut().resume(self.key));
    }

    /// Where the watch stands; `None` once it is cancelled. Not reactive: updates tell of changes.
    pub(crate) fn phase(self) -> Option<Phase> {
        let client = self.live.client.try_with_value(Rc::clone)?;
        let phase = client.session.borrow().phase(self.key);
        phase
    }
}

impl Client {
    fn heard(&self, event: WireEvent) {
        let effects = match event {
            WireEvent::Connected => self.session.borrow_mut().connected(),
            WireEvent::Lost => self.session.borrow_mut().disconnected(now()),
            WireEvent::Text(text) => match serde_json::from_str::<ServerMessage>(&text) {
                Ok(message) => self.session.borrow_mut().message(message, now()),
                // Of a newer gateway: a sign of life, nothing more.
                Err(_) => return,
            },
        };
        self.publish();
        self.run(effects);
    }

    /// Carries out effects. No borrow is held while a page is told: it may well open a watch.
    fn run(&self, effects: Vec<Act>) {
        for effect in effects {
            match effect {
                Act::Send(op) => {
                    if let Some(wire) = self.wire.get() {
                        wire.send(&serde_json::to_string(&op).expect("our own types serialise"));
                    }
                }
                Act::Deliver(key, update) => {
                    let callback = self.callbacks.borrow().get(&key).map(Rc::clone);
                    if let Some(callback) = callback {
                        untrack(|| callback(update));
                    }
                }
            }
        }
    }

    fn publish(&self) {
        let link = self.wire.get().map_or(Link::Idle, |wire| wire.link());
        let head = self.session.borrow().head();
        self.link.try_maybe_update(|seen| (std::mem::replace(seen, link) != link, ()));
        self.head.try_maybe_update(|seen| (std::mem::replace(seen, head) != head, ()));
    }
}
