//! REST v1 against a real etcd, each file a topic of the contract.

mod conditions;
mod door;
mod guard;
mod history;
mod keys;
mod leased;
mod modes;
mod ndjson;
mod pages;
mod range_delete;
mod root;
mod strict;
mod tour;
mod tree;
mod txn;
mod values;
mod walks;
