//! Locks as this page has seen them: the list kept by the live stream, what drains between two
//! messages, and who held what since the page was opened.
//!
//! Owns what may be said about time. etcd stores none: a lease's seconds count from when the message
//! came, "held" from when a hand-over was seen, or else at least from when the gateway or this page
//! first saw the holder hold it. Knows neither words nor pixels.

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
