//! Watches and other streams of changes: etcd → [`Hub`] → [`session`] → [`stream`] → client.
//!
//! | a watch is | in |
//! |---|---|
//! | subscribed to | `hub.rs`: [`Hub::subscribe`] |
//! | opened, with what is reported before its first event | `follow/open.rs` |
//! | read, until its stream from etcd is interrupted | `follow/mod.rs`, with the rules of resuming |
//! | resumed after a lost stream; `compacted`; `reset` | `follow/resume.rs` |
//! | delivered; `progress`; `lagged` for a slow reader; `paused` | `follow/deliver.rs` |
//! | started with a `snapshot` | `follow/snapshot.rs` |
//! | cut into messages, without duplicates; its last delivered revision | `pieces/` |
//! | closed when etcd no longer permits it | `permits.rs` |
//! | one of a client's watches; their operations | `session.rs`; `ops/` |
//! | written as WebSocket, SSE or NDJSON, with back-pressure | `stream.rs`; `ws.rs`, `body.rs` |
//!
//! Events are delivered in revision order, once, without a gap. After an interruption the watch resumes
//! from the revision after the last delivered one, and drops what etcd re-sends of it. History that is
//! lost is reported, never skipped.
//!
//! Memory is bounded in bytes per client ([`Budget`]). A slow reader is reported `lagged`, and gets the
//! rest from history once it has drained its buffer.
//!
//! The module names no etcd client and knows no route.

mod backoff;
mod body;
mod follow;
mod hub;
mod message;
mod ops;
mod permits;
mod pieces;
pub mod session;
pub mod stream;
mod ws;

pub use hub::{Budget, Hub, Options, Pause, Start, Subscription};
pub use message::{Bookmark, WatchMessage};
pub use ops::{Watch, only_type};

/// The id of the single watch of a stream that was opened with a range, and of the last message of a stream
/// whose session has ended.
pub const SINGLE_ID: &str = "0";
