//! Locks against a real etcd, each test with a server of its own.

mod acquire;
mod discover;
mod hold;
mod lost;
mod proxy;
mod release;
pub(crate) mod support;
