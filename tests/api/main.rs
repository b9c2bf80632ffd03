//! REST v1 against a real etcd, each file a topic of the contract.

mod conditions;
mod contended;
mod deleted;
mod door;
mod examples;
mod explain;
mod export;
mod guard;
mod history;
mod import;
mod keys;
mod leased;
mod modes;
mod ndjson;
mod pages;
mod range_delete;
mod root;
mod sort;
mod stm;
mod strict;
mod tour;
mod tree;
mod txn;
mod txn_nested;
mod values;
mod walks;
