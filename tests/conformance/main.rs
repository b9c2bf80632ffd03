//! Conformance of `/v3` with etcd's own JSON gateway. Every case runs against both, in front of the same
//! etcd, and expects the same of both except for the table in [`differences`].
//!
//! The etcd under test is the one on PATH; the suite passes with 3.4 to 3.7.

mod auth;
mod cases;
mod certificates;
mod chunks;
mod cluster;
mod conventions;
mod differences;
mod election;
mod failover;
mod http2;
mod kv;
mod lease;
mod lock;
mod maintenance;
mod members;
mod ours;
mod probes;
mod property;
mod side;
mod socket;
mod streams;
mod timeouts;
mod upstream;
mod watch;
