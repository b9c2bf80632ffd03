//! Tests that need a real etcd but no HTTP: the embedded server and the demo on it.
//!
//! Needs an `etcd` on PATH; `cargo xtask test` puts one there.

#[cfg(feature = "demo")]
mod demo;
mod embedded;
