//! The live client: one WebSocket for all watches of the app, and feeds with a socket of their own.
//!
//! Carries out what `model::live` decides; decides nothing itself. A page says
//! `use_live().watch(request, move |update| …)`; the watch ends with the owner it was opened under, and
//! survives lost connections without the page doing anything.

mod client;
mod feed;
mod socket;
mod wire;

pub(crate) use client::{Live, WatchHandle, use_live};
pub(crate) use feed::{Feed, FeedEvent, follow};

/// Now, in milliseconds since the Unix epoch. The clock that goes on while a laptop sleeps.
pub(crate) fn now() -> crate::model::live::Millis {
    js_sys::Date::now()
}
