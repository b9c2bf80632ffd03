//! Keys as a file: what an import reports while it runs and at its end.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, Problem};

/// What an import does with a key that exists with another value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Stop there.
    #[default]
    Fail,
    /// Leave it as it is.
    Skip,
    /// Write it; its lease stays unless leases are imported.
    Overwrite,
}

/// How far an import is: what became of the lines up to `line`. Every count is of this request alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportCounts {
    /// The last line dealt with, from 1.
    pub line: u64,
    /// Keys that did not exist.
    pub created: u64,
    /// Keys that existed with another value, and were written.
    pub overwritten: u64,
    /// Keys that were as the file has them already.
    pub unchanged: u64,
    /// Keys that exist with another value, and were left alone.
    pub skipped: u64,
    /// Keys that exist with another value, whatever became of them.
    pub conflicts: u64,
    /// Leases of the file that do not exist, where they were to be kept: written without.
    pub leases_missing: u64,
}

/// A key that exists with another value (with `leases=keep`: or another lease) than in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportConflict {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The key.
    pub key: Bytes,
    /// The revision of its last change in the cluster.
    pub mod_revision: i64,
}

/// What an import came to; nothing was written with `dry_run`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportEnd {
    /// etcd's response header of the last transaction.
    pub header: Header,
    /// Entries of the file, without lines passed over by `from_line`.
    pub count: u64,
    /// What became of them, or would have.
    #[serde(flatten)]
    pub counts: ImportCounts,
    /// The file ended with an export's last line, whose count was right. Otherwise it may have been
    /// cut off. Absent with `from_line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    /// Nothing was written: this is what would have come of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A line of an import's answer: exactly one member, but `resume_from` and `done` beside `error`. A
/// stream whose last line is neither `end` nor `error` is incomplete.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportLine {
    /// How far it is; now and then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<ImportCounts>,
    /// A conflict; the first 1,000 are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<ImportConflict>,
    /// The last line: every line of the file was dealt with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<ImportEnd>,
    /// The last line: the import stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// With `error`: everything before this line was dealt with; `?from_line=` goes on here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_from: Option<u64>,
    /// With `error`: what was done until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<ImportCounts>,
}
