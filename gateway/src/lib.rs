//! Watchgate: the web gateway and live dashboard for etcd.
//!
//! Data flows one way: socket → router → middleware → handler → service → etcd, and answers straight
//! back. A watch flows etcd → hub → session → socket. `ARCHITECTURE.md` follows one request and one
//! watch through the modules.

pub mod caller;
pub mod etcd;
pub mod failure;
pub mod tasks;
