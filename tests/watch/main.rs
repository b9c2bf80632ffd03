//! Watches: their messages over every transport, through compactions, restarts and slow readers.

mod compaction;
mod delivery;
mod etcd_releases;
mod hub;
mod keys_only;
mod large_revisions;
mod lost_clients;
mod metrics;
mod programs;
mod shutdown;
mod slow_readers;
mod snapshot;
mod sockets;
mod sse;
