//! Typed client of the REST API. Knows paths and types, but no views. Dropping the future of a request
//! aborts it in the browser.

pub(crate) mod auth;
pub(crate) mod base;
pub(crate) mod cluster;
mod error;
pub(crate) mod kv;
pub(crate) mod leases;
pub(crate) mod locks;
mod send;
pub(crate) mod transactions;

pub(crate) use error::{ApiError, ErrorKind};
pub(crate) use send::{Call, Method};
