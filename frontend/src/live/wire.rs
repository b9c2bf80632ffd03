//! A socket that is dialled again whenever it is lost.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use gloo_timers::callback::{Interval, Timeout};
use leptos::prelude::{WindowListenerHandle, window_event_listener_untyped};

use super::socket::{Socket, SocketEvent};
use crate::model::live::{Line, Link, Step};
use crate::state::clock::now_ms;

const TICK_MS: u32 = 1000;

/// What a wire says.
pub(super) enum WireEvent {
    /// A new socket is open.
    Connected,
    /// A message has come.
    Text(String),
    /// The socket is gone; the next one comes by itself.
    Lost,
}

/// A connection that is wanted until this is dropped.
pub(super) struct Wire {
    url: String,
    line: RefCell<Line>,
    socket: RefCell<Option<Socket>>,
    /// Sockets that were lost inside one of their own handlers; dropped at the next tick.
    retired: RefCell<Vec<Socket>>,
    retry: RefCell<Option<Timeout>>,
    timer: RefCell<Option<Interval>>,
    listener: RefCell<Option<WindowListenerHandle>>,
    on: Box<dyn Fn(WireEvent)>,
}

impl Wire {
    /// Dials `url` and keeps dialling.
    pub(super) fn start(url: String, on: impl Fn(WireEvent) + 'static) -> Rc<Self> {
        let wire = Rc::new(Self {
            url,
            line: RefCell::default(),
            socket: RefCell::default(),
            retired: RefCell::default(),
            retry: RefCell::default(),
            timer: RefCell::default(),
            listener: RefCell::default(),
            on: Box::new(on),
        });
        let weak = Rc::downgrade(&wire);
        *wire.timer.borrow_mut() = Some(Interval::new(TICK_MS, {
            let weak = weak.clone();
            move || with(&weak, Wire::tick)
        }));
        *wire.listener.borrow_mut() = Some(window_event_listener_untyped("online", move |_| {
            with(&weak, Wire::dial);
        }));
        wire.dial();
        wire
    }

    /// The state of the connection.
    pub(super) fn link(&self) -> Link {
        self.line.borrow().link()
    }

    /// Sends a message on the present socket.
    pub(super) fn send(&self, text: &str) {
        if let Some(socket) = self.socket.borrow().as_ref() {
            socket.send(text);
        }
    }

    /// Dials at once, if there is no socket.
    pub(super) fn dial(self: &Rc<Self>) {
        let step = self.line.borrow_mut().dial(now_ms());
        self.carry_out(step);
    }

    fn tick(self: &Rc<Self>) {
        self.retired.borrow_mut().clear();
        let step = self
            .line
            .borrow_mut()
            .tick(now_ms(), js_sys::Math::random());
        self.carry_out(step);
    }

    fn carry_out(self: &Rc<Self>, step: Option<Step>) {
        match step {
            Some(Step::Connect) => self.connect(),
            Some(Step::Drop) => self.dropped(),
            None => {}
        }
    }

    fn connect(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let socket = Socket::open(&self.url, move |event| {
            with(&weak, |wire| wire.heard(event));
        });
        let refused = socket.is_none();
        *self.socket.borrow_mut() = socket;
        if refused {
            self.lost();
        }
    }

    fn heard(self: &Rc<Self>, event: SocketEvent) {
        match event {
            SocketEvent::Open => {
                self.line.borrow_mut().connected(now_ms());
                (self.on)(WireEvent::Connected);
            }
            SocketEvent::Text(text) => {
                self.line.borrow_mut().heard(now_ms());
                (self.on)(WireEvent::Text(text));
            }
            SocketEvent::Closed => self.lost(),
        }
    }

    fn lost(self: &Rc<Self>) {
        self.line
            .borrow_mut()
            .lost(now_ms(), js_sys::Math::random());
        self.dropped();
    }

    /// The line has counted the loss: puts the socket away and has the next attempt in time.
    fn dropped(self: &Rc<Self>) {
        if let Some(socket) = self.socket.borrow_mut().take() {
            socket.mute();
            self.retired.borrow_mut().push(socket);
        }
        if let Link::Waiting { until, .. } = self.link() {
            let weak = Rc::downgrade(self);
            let delay = (until - now_ms()).max(0.0).ceil() as u32;
            let retry = Timeout::new(delay, move || with(&weak, Wire::tick));
            *self.retry.borrow_mut() = Some(retry);
        }
        (self.on)(WireEvent::Lost);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.borrow_mut().take() {
            listener.remove();
        }
    }
}

fn with(wire: &Weak<Wire>, act: impl FnOnce(&Rc<Wire>)) {
    if let Some(wire) = wire.upgrade() {
        act(&wire);
    }
}
