//! The contract of `/v3`: etcd's own JSON gateway. Every case here runs twice, against that and
//! against ours before the same etcd, and expects the same of both, but for the table in
//! [`differences`].
//!
//! Which etcd is under test says PATH; the suite passes with 3.4 to 3.7.

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
