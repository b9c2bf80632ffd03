//! Keys: reading, writing, listing, transactions, histories, exports and imports.

mod conditions;
mod contended;
mod deleted_history;
mod explain;
mod export;
mod guarded_writes;
mod history;
mod import;
mod keys;
mod ndjson;
mod pages;
mod programs;
mod range_delete;
mod search;
mod sort;
mod stm;
mod tree;
mod txn;
mod txn_nested;
mod values;
