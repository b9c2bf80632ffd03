//! A socket that reconnects whenever it is lost. A hidden tab closes it and opens it again when it is shown.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use gloo_timers::callback::{Interval, Timeout};
use leptos::prelude::{WindowListenerHandle, window_event_listener_untyped};

use super::socket::{Socket, SocketEvent};
use crate::api::activity;
use crate::clock::now_ms;
use crate::model::live::{DialAction, Dialer, LinkState};

const TICK_MS: u32 = 1000;

/// How long a tab is hidden before its socket is closed: a glance at another tab costs nothing.
const HIDDEN_MS: u32 = 5000;

/// An event of a connection.
pub(super) enum ConnectionEvent {
    /// A new socket is open.
    Connected,
    /// A message was received.
    Text(String),
    /// The socket was lost, and reconnects automatically; or it was closed since the tab is hidden.
    Lost,
}

/// A connection that is kept open while the tab is visible, until this is dropped.
pub(super) struct ReconnectingSocket {
    url: String,
    dialer: RefCell<Dialer>,
    current: RefCell<Option<Socket>>,
    /// Sockets that were lost inside one of their own handlers, which must not be dropped while they run; dropped at
    /// the next tick.
    retired: RefCell<Vec<Socket>>,
    retry: RefCell<Option<Timeout>>,
    timer: RefCell<Option<Interval>>,
    listeners: RefCell<Vec<WindowListenerHandle>>,
    /// Closes the socket of a tab that has just been hidden.
    hiding: RefCell<Option<Timeout>>,
    /// Whether the tab has been hidden for long.
    hidden: Cell<bool>,
    /// Whether there should be a connection, see [`ReconnectingSocket::set_wanted`].
    wanted: Cell<bool>,
    on_event: Box<dyn Fn(ConnectionEvent)>,
}

impl ReconnectingSocket {
    /// Connects to `url`, and reconnects until dropped.
    pub(super) fn start(url: String, on_event: impl Fn(ConnectionEvent) + 'static) -> Rc<Self> {
        let socket = Rc::new(Self {
            url,
            dialer: RefCell::default(),
            current: RefCell::default(),
            retired: RefCell::default(),
            retry: RefCell::default(),
            timer: RefCell::default(),
            listeners: RefCell::default(),
            hiding: RefCell::default(),
            hidden: Cell::new(false),
            wanted: Cell::new(true),
            on_event: Box::new(on_event),
        });
        let weak = Rc::downgrade(&socket);
        *socket.timer.borrow_mut() = Some(Interval::new(TICK_MS, {
            let weak = weak.clone();
            move || with(&weak, ReconnectingSocket::tick)
        }));
        socket.listeners.borrow_mut().extend([
            window_event_listener_untyped("online", {
                let weak = weak.clone();
                move |_| with(&weak, ReconnectingSocket::dial)
            }),
            window_event_listener_untyped("visibilitychange", move |_| {
                with(&weak, ReconnectingSocket::on_visibility);
            }),
        ]);
        socket.dial();
        socket.on_visibility();
        socket
    }

    /// Closes the connection and keeps it closed, or opens it again.
    pub(super) fn set_wanted(self: &Rc<Self>, wanted: bool) {
        if self.wanted.replace(wanted) == wanted {
            return;
        }
        if wanted {
            self.dial();
        } else {
            self.pause();
        }
    }

    /// Replaces the connection.
    pub(super) fn restart(self: &Rc<Self>) {
        self.pause();
        self.dial();
    }

    fn on_visibility(self: &Rc<Self>) {
        if activity::is_visible() {
            drop(self.hiding.take());
            self.hidden.set(false);
            self.dial();
        } else {
            let weak = Rc::downgrade(self);
            let hiding = Timeout::new(HIDDEN_MS, move || {
                with(&weak, |socket| {
                    socket.hidden.set(true);
                    socket.pause();
                });
            });
            self.hiding.replace(Some(hiding));
        }
    }

    /// Closes the socket until the next [`ReconnectingSocket::dial`].
    fn pause(&self) {
        self.dialer.borrow_mut().pause();
        drop(self.retry.take());
        self.retire();
        (self.on_event)(ConnectionEvent::Lost);
    }

    /// The state of the connection.
    pub(super) fn state(&self) -> LinkState {
        self.dialer.borrow().state()
    }

    /// Sends a message on the current socket.
    pub(super) fn send(&self, text: &str) {
        if let Some(socket) = self.current.borrow().as_ref() {
            socket.send(text);
        }
    }

    /// Connects immediately, if there is no socket and one is needed.
    pub(super) fn dial(self: &Rc<Self>) {
        if self.hidden.get() || !self.wanted.get() {
            return;
        }
        let action = self.dialer.borrow_mut().dial(now_ms());
        self.perform(action);
    }

    fn tick(self: &Rc<Self>) {
        self.retired.borrow_mut().clear();
        let action = self
            .dialer
            .borrow_mut()
            .tick(now_ms(), js_sys::Math::random());
        self.perform(action);
    }

    fn perform(self: &Rc<Self>, action: Option<DialAction>) {
        match action {
            Some(DialAction::Connect) => self.connect(),
            Some(DialAction::Drop) => self.schedule_retry(),
            None => {}
        }
    }

    fn connect(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let socket = Socket::open(&self.url, move |event| {
            with(&weak, |socket| socket.on_socket_event(event));
        });
        let refused = socket.is_none();
        *self.current.borrow_mut() = socket;
        if refused {
            self.on_loss();
        }
    }

    fn on_socket_event(self: &Rc<Self>, event: SocketEvent) {
        match event {
            SocketEvent::Open => {
                self.dialer.borrow_mut().on_connect(now_ms());
                (self.on_event)(ConnectionEvent::Connected);
            }
            SocketEvent::Text(text) => {
                self.dialer.borrow_mut().on_message(now_ms());
                (self.on_event)(ConnectionEvent::Text(text));
            }
            SocketEvent::Closed => self.on_loss(),
        }
    }

    fn on_loss(self: &Rc<Self>) {
        self.dialer
            .borrow_mut()
            .on_loss(now_ms(), js_sys::Math::random());
        self.schedule_retry();
    }

    /// The dialer has counted the loss: retires the socket and schedules the next attempt.
    fn schedule_retry(self: &Rc<Self>) {
        self.retire();
        if let LinkState::Waiting { until, .. } = self.state() {
            let weak = Rc::downgrade(self);
            let delay = (until - now_ms()).max(0.0).ceil() as u32;
            let retry = Timeout::new(delay, move || with(&weak, ReconnectingSocket::tick));
            *self.retry.borrow_mut() = Some(retry);
        }
        (self.on_event)(ConnectionEvent::Lost);
    }

    fn retire(&self) {
        if let Some(socket) = self.current.borrow_mut().take() {
            socket.detach_and_close();
            self.retired.borrow_mut().push(socket);
        }
    }
}

impl Drop for ReconnectingSocket {
    fn drop(&mut self) {
        for listener in self.listeners.take() {
            listener.remove();
        }
    }
}

fn with(socket: &Weak<ReconnectingSocket>, act: impl FnOnce(&Rc<ReconnectingSocket>)) {
    if let Some(socket) = socket.upgrade() {
        act(&socket);
    }
}
