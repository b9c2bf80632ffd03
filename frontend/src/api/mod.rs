//! Typed client of the REST API. Knows paths and types, but no views. Dropping the future of a request
//! aborts it in the browser.

pub(crate) mod activity;
pub(crate) mod auth;
pub(crate) mod base;
pub(crate) mod cluster;
pub(crate) mod diagnosis;
mod error;
pub(crate) mod kv;
pub(crate) mod leases;
mod lines;
pub(crate) mod locks;
pub(crate) mod maintenance;
pub(crate) mod refusal;
pub(crate) mod search;
mod send;
pub(crate) mod session;
pub(crate) mod transactions;

pub(crate) use error::{ApiError, ErrorKind};
pub(crate) use send::{Call, Method, Refused};
