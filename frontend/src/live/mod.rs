//! The live client: one WebSocket for all watches of the app, and feeds with a socket of their own.
//!
//! Performs the actions that `model::live` decides on; decides nothing itself. A page calls
//! `use_live().watch(request, move |update| …)`; the watch ends with the owner it was opened under, and
//! survives lost connections without any action of the page.

mod client;
mod feed;
mod reconnecting;
mod socket;

pub(crate) use client::{Live, WatchHandle, use_live};
pub(crate) use feed::{FeedEvent, follow};
