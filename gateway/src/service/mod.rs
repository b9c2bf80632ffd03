//! The decisions: what a request means to etcd. Knows no HTTP.

pub mod access;
mod clean_up;
pub mod cluster;
pub mod cursor;
pub mod election;
mod fair;
pub mod history;
pub mod kv;
pub mod lease;
pub mod lease_board;
mod leased;
pub mod lock;
pub mod lock_index;
pub mod search;
pub mod stm;
pub mod transfer;
pub mod tree;
pub mod txn;
mod walk;
