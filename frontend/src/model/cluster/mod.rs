//! The Cluster page: what an operation would do, its command lines, and the samples of its charts.

pub(crate) mod command;
pub(crate) mod form;
pub(crate) mod history;
pub(crate) mod operation;
pub(crate) mod votes;

#[cfg(test)]
mod tests;

pub(crate) use history::History;
pub(crate) use operation::{Operation, Who};
pub(crate) use votes::{Votes, is_working};
