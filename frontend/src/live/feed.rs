//! A stream with a socket of its own, for routes other than the watch socket (`GET /locks?live`).

use leptos::prelude::*;
use shared::ServerMessage;

use super::reconnecting::{ConnectionEvent, ReconnectingSocket};
use crate::api::base::socket_url;

/// An event of a feed.
pub(crate) enum FeedEvent {
    /// A new socket is open: the stream starts over.
    Connected,
    /// A message.
    Message(Box<ServerMessage>),
    /// The socket was lost; it reconnects automatically.
    Lost,
}

/// Follows an API path such as `locks?live`, with reconnects, until the current owner is cleaned up.
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
    // The owner drops the value, which closes the socket.
    StoredValue::new_local(socket);
}
