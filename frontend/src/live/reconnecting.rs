//! A socket that reconnects whenever it is lost.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use gloo_timers::callback::{Interval, Timeout};
use leptos::prelude::{WindowListenerHandle, window_event_listener_untyped};

use super::socket::{Socket, SocketEvent};
use crate::clock::now_ms;
use crate::model::live::{DialAction, Dialer, LinkState};

const TICK_MS: u32 = 1000;

/// An event of a connection.
pub(super) enum ConnectionEvent {
    /// A new socket is open.
    Connected,
    /// A message was received.
    Text(String),
    /// The socket was lost; it reconnects automatically.
    Lost,
}

/// A connection that is kept open until this is dropped.
pub(super) struct ReconnectingSocket {
    url: String,
    dialer: RefCell<Dialer>,
    current: RefCell<Option<Socket>>,
    /// Sockets that were lost inside one of their own handlers, which must not be dropped while they run; dropped at
    /// the next tick.
    retired: RefCell<Vec<Socket>>,
    retry: RefCell<Option<Timeout>>,
    timer: RefCell<Option<Interval>>,
    listener: RefCell<Option<WindowListenerHandle>>,
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
            listener: RefCell::default(),
            on_event: Box::new(on_event),
        });
        let weak = Rc::downgrade(&socket);
        *socket.timer.borrow_mut() = Some(Interval::new(TICK_MS, {
            let weak = weak.clone();
            move || with(&weak, ReconnectingSocket::tick)
        }));
        *socket.listener.borrow_mut() = Some(window_event_listener_untyped("online", move |_| {
            with(&weak, ReconnectingSocket::dial);
        }));
        socket.dial();
        socket
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

    /// Connects immediately, if there is no socket.
    pub(super) fn dial(self: &Rc<Self>) {
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
        if let Some(socket) = self.current.borrow_mut().take() {
            socket.detach_and_close();
            self.retired.borrow_mut().push(socket);
        }
        if let LinkState::Waiting { until, .. } = self.state() {
            let weak = Rc::downgrade(self);
            let delay = (until - now_ms()).max(0.0).ceil() as u32;
            let retry = Timeout::new(delay, move || with(&weak, ReconnectingSocket::tick));
            *self.retry.borrow_mut() = Some(retry);
        }
        (self.on_event)(ConnectionEvent::Lost);
    }
}

impl Drop for ReconnectingSocket {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.borrow_mut().take() {
            listener.remove();
        }
    }
}

fn with(socket: &Weak<ReconnectingSocket>, act: impl FnOnce(&Rc<ReconnectingSocket>)) {
    if let Some(socket) = socket.upgrade() {
        act(&socket);
    }
}
