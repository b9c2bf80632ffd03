//! Locks as observed by this page: the list kept by the live stream, leases that count down between two
//! messages, and who held which lock since the page was opened.
//!
//! Decides what can be claimed about times. etcd stores none: a lease's TTL counts from the arrival of the message,
//! "held" from an observed hand-over, or else at least from when the gateway or this page first observed the
//! holder. Knows neither wording nor layout.

mod board;
mod claim;
pub(crate) mod command;
mod lanes;
mod list;
mod time;
mod tracked;

#[cfg(test)]
mod tests;

pub(crate) use board::Board;
pub(crate) use claim::{hue, initials, label};
pub(crate) use lanes::{Lane, Lanes};
pub(crate) use list::{ListFilter, ListRow, is_guess, list_rows};
pub(crate) use tracked::{Tracked, Ttl};
