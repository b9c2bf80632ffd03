//! Typed client of the REST API. Knows paths and types, no views; a request whose future is dropped
//! is aborted in the browser.

pub(crate) mod auth;
pub(crate) mod base;
pub(crate) mod cluster;
mod error;
pub(crate) mod kv;
pub(crate) mod leases;
pub(crate) mod locks;
mod send;

pub(crate) use error::{ApiError, ErrorKind};
pub(crate) use send::{Call, Method};
