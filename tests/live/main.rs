//! Watches: what they deliver, over every transport, through compactions, restarts and slow readers.

mod bulk;
mod compaction;
mod hub;
mod lock_prefix;
mod lock_walk;
mod lock_walk_etcdctl;
mod locks;
mod locks_index;
mod metrics;
mod releases;
mod shutdown;
mod silent;
mod slow;
mod snapshot;
mod sockets;
mod sse;
mod walks;
mod watch;
