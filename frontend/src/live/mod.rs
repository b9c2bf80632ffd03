//! The live client: one WebSocket for all watches of the app, and feeds with a socket of their own.
//!
//! Carries out what `model::live` decides; decides nothing itself. A page says
//! `use_live().watch(request, move |update| …)`; the watch ends with the owner it was opened under, and
//! survives lost connections without the page doing anything.

mod client;
mod feed;
mod reconnecting;
mod socket;

pub(crate) use client::{Live, WatchHandle, use_live};
pub(crate) use feed::{FeedEvent, follow};
