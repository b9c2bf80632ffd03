//! The live layer: etcd → hub → session → socket.
//!
//! - [`Hub`] turns a range into a [`Subscription`]: encoded messages, gap-free by revision, whatever
//!   happens to etcd meanwhile. Sockets know only [`Hub::subscribe`].
//! - `follow` is behind it: opens, reads snapshots and changes, re-opens, and decides where to go on;
//!   `pieces` cuts what etcd sends into messages.
//! - `permits` asks etcd again and again whether those who watch still may.
//! - [`session`] is one client's watches: its operations in, its messages out.
//! - [`stream`] carries any producer's messages over WebSocket, SSE or NDJSON.
//!
//! It names no etcd client and knows no route. Memory is bounded in bytes per socket (see
//! [`Budget`]); a client that does not keep up is told `lagged` and gets the rest from history.

mod backoff;
mod body;
mod follow;
mod frame;
mod hub;
mod ops;
mod permits;
mod pieces;
pub mod session;
pub mod stream;
mod ws;

pub use frame::{Bookmark, Frame};
pub use hub::{Budget, Hub, Options, Pause, Start, Subscription};
pub use ops::{Watch, only};
