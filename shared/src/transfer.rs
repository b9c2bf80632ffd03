//! Export and import of keys: the reports of an import while it runs and at its end.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, Problem};

/// What an import does with a key that exists with another value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Stop at the first conflict.
    #[default]
    Fail,
    /// Keep the cluster's value.
    Skip,
    /// Overwrite it; the key keeps its lease unless leases are imported.
    Overwrite,
}

/// The progress of an import: the results of the lines up to `line`. Counts are of this request only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportCounts {
    /// The last line processed, from 1.
    pub line: u64,
    /// Keys that did not exist.
    pub created: u64,
    /// Keys that existed with another value, and were written.
    pub overwritten: u64,
    /// Keys that already had the file's value.
    pub unchanged: u64,
    /// Keys that exist with another value, and were skipped.
    pub skipped: u64,
    /// Keys that exist with another value, written or not.
    pub conflicts: u64,
    /// Keys written without their lease, with `leases=keep`, because the lease does not exist.
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

/// The result of an import; nothing was written with `dry_run`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportEnd {
    /// etcd's response header of the last transaction.
    pub header: Header,
    /// Entries of the file, without lines skipped by `from_line`.
    pub count: u64,
    /// The results, or with `dry_run` what they would be.
    #[serde(flatten)]
    pub counts: ImportCounts,
    /// Whether the file ended with an export's end line with the right count. If not, it may be
    /// truncated. Absent with `from_line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    /// Whether this was a dry run: nothing was written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A line of an import's response: exactly one member, except that `resume_from` and `done` accompany
/// `error`. A stream whose last line is neither `end` nor `error` is incomplete.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportLine {
    /// The progress, at most once per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<ImportCounts>,
    /// A conflict; the first 1,000 are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<ImportConflict>,
    /// The last line: every line of the file was processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<ImportEnd>,
    /// The last line: the import stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// With `error`: everything before this line was processed; resume with `?from_line=`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_from: Option<u64>,
    /// With `error`: the results of the lines before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<ImportCounts>,
}
