//! Pure logic of the dashboard, without framework and browser. Everything here is tested natively.

pub(crate) mod bank;
pub(crate) mod chart;
pub(crate) mod cluster;
pub(crate) mod clusters;
pub(crate) mod code;
pub(crate) mod command;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod format;
pub(crate) mod json;
pub(crate) mod key_text;
pub(crate) mod lang;
pub(crate) mod live;
pub(crate) mod locks;
pub(crate) mod percent;
pub(crate) mod requests;
pub(crate) mod search;
pub(crate) mod sentence;
pub(crate) mod session;
pub(crate) mod skew;
pub(crate) mod split_lines;
pub(crate) mod stream;
pub(crate) mod tree;
pub(crate) mod txn;
pub(crate) mod value;
pub(crate) mod window;

pub(crate) use lang::Lang;
