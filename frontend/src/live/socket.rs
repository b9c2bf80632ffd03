//! A browser's WebSocket with its handlers, which are dropped with it.

use wasm_bindgen::prelude::*;
use web_sys::{Event, MessageEvent, WebSocket};

/// An event of a socket.
pub(super) enum SocketEvent {
    /// The socket is open.
    Open,
    /// A text message.
    Text(String),
    /// The socket is closed, or could not be opened; browsers do not report why.
    Closed,
}

/// An open or opening socket. Dropping it closes it; no event follows.
pub(super) struct Socket {
    socket: WebSocket,
    _open: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(Event)>,
}

impl Socket {
    /// Opens a socket; `None` if the browser rejects the URL.
    pub(super) fn open(
        url: &str,
        on_event: impl Fn(SocketEvent) + Clone + 'static,
    ) -> Option<Self> {
        let socket = WebSocket::new(url).ok()?;
        let open = Closure::<dyn FnMut(Event)>::new({
            let on_event = on_event.clone();
            move |_| on_event(SocketEvent::Open)
        });
        let message = Closure::<dyn FnMut(MessageEvent)>::new({
            let on_event = on_event.clone();
            move |event: MessageEvent| {
                if let Some(text) = event.data().as_string() {
                    on_event(SocketEvent::Text(text));
                }
            }
        });
        // An error is always followed by a close.
        let close = Closure::<dyn FnMut(Event)>::new(move |_| on_event(SocketEvent::Closed));
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Some(Self {
            socket,
            _open: open,
            _message: message,
            _close: close,
        })
    }

    /// Sends a message. On a socket that is closing the message is dropped, as its response would be.
    pub(super) fn send(&self, text: &str) {
        if self.socket.ready_state() == WebSocket::OPEN {
            drop(self.socket.send_with_str(text));
        }
    }

    /// Detaches the handlers and closes the socket; no event follows. For use inside its own handlers, which must
    /// not be dropped while they run.
    pub(super) fn detach_and_close(&self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        drop(self.socket.close());
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.detach_and_close();
    }
}
