//! Watchgate: the web gateway and live dashboard for etcd.
//!
//! Data flows one way: socket → router → middleware → handler → service → etcd, and responses straight
//! back. A watch flows etcd → hub → session → socket. `ARCHITECTURE.md` follows one request and one
//! watch through the modules.

pub mod api;
pub mod assets;
pub mod config;
pub mod content;
#[cfg(feature = "demo")]
pub mod demo;
pub mod doctor;
pub mod embedded;
pub mod etcd;
pub mod failure;
mod gateway;
pub mod identity;
pub mod limits;
pub mod live;
pub mod middleware;
pub mod router;
pub mod server;
pub mod service;
pub mod state;
pub mod tasks;
mod v3;
pub mod web;

pub use gateway::{Gateway, StartError};
pub use router::openapi;
