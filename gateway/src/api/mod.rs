//! REST v1, one module per resource. A handler decodes the request, calls one service method and encodes the response.

pub mod auth;
pub mod body;
pub mod call;
mod claim;
pub mod cluster;
pub mod docs;
pub mod doctor;
pub mod document;
pub mod elections;
mod examples;
pub mod history;
mod hold;
pub mod kv;
pub mod leases;
pub mod locks;
pub mod params;
pub mod query;
pub mod range;
pub mod response;
pub mod root;
pub mod session;
pub mod stm;
pub mod transfer;
pub mod tree;
pub mod txn;
pub mod visit;
pub mod watch;
