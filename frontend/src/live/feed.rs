//! A stream with a socket of its own, for routes other than the watch socket (`GET /locks?live`).

use leptos::prelude::*;
use shared::ServerMessage;

use super::reconnecting::{ConnectionEvent, ReconnectingSocket};
use crate::api::base::socket_url;

/// What a feed says.
pub(crate) enum FeedEvent {
    /// A new socket is open: the stream begins from its beginning.
    Connected,
    /// A message.
    Message(Box<ServerMessage>),
    /// The socket is gone; the next one comes by itself.
    Lost,
}

/// Follows an API path such as `locks?live`, again and again, until the present owner is cleaned up.
pub(crate) fn follow(path_and_query: &str, on_event: impl Fn(FeedEvent) + 'static) {
    let socket = ReconnectingSocket::start(socket_url(path_and_query), move |event| {
        let event = match event {
            ConnectionEvent::Connected => FeedEvent::Connected,
            ConnectionEvent::Lost => FeedEvent::Lost,
            ConnectionEvent::Text(text) => match serde_json::from_str(&text) {
                Ok(message) => FeedEvent::Message(Box::new(message)),
                Err(_) => return,
            },
        };
        untrack(|| on_event(event));
    });
    // The owner drops the value with itself, and the value closes the socket.
    StoredValue::new_local(socket);
}
