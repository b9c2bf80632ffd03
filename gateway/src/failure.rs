//! The one error of services and the etcd layer: a stable code, what happened, what to do about it.
//!
//! The module does not depend on HTTP: `web::status` maps each code to its status.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use shared::{Bytes, Code, Entry, Lock, StmRead};

/// A failed operation.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What went wrong, for programs.
    pub code: Code,
    /// What happened and to what, for the caller. Never a secret.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Facts that some codes carry.
    pub facts: Box<Facts>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Facts that some codes carry; see [`shared::Problem`].
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// With `precondition_failed`: the current entry, `Some(None)` if the key is absent.
    pub current: Option<Option<Entry>>,
    /// Keys in the range.
    pub count: Option<i64>,
    /// The revision that the count was read at.
    pub revision: Option<i64>,
    /// The store's revision when a read found nothing, for `Watchgate-Revision`.
    pub store_revision: Option<i64>,
    /// The lock and its queue.
    pub lock: Option<Lock>,
    /// With `stm_conflict`: the keys that have changed.
    pub conflicts: Option<Vec<Bytes>>,
    /// With `stm_conflict`: the current state of every compared key.
    pub reads: Option<Vec<StmRead>>,
    /// With an invalid pattern: the byte at which it is.
    pub position: Option<usize>,
    /// The missing thing is named by the query or the body, not by the path.
    pub named_elsewhere: bool,
    /// A write may have been sent before the timeout.
    pub timed_out: bool,
}

/// The result of services and the etcd layer.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with its code and what happened.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            hint: None,
            facts: Box::default(),
            source: None,
        }
    }

    /// A malformed request.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, detail)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause, which only the log shows.
    #[must_use]
    pub fn source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Adds facts.
    #[must_use]
    pub fn with(mut self, add: impl FnOnce(&mut Facts)) -> Self {
        add(&mut self.facts);
        self
    }

    /// Marks the missing thing as named in the query or the body: 422 instead of 404.
    #[must_use]
    pub fn named_elsewhere(self) -> Self {
        self.with(|facts| facts.named_elsewhere = true)
    }

    /// The failure and its causes in one line, for the log.
    pub fn chain(&self) -> String {
        let mut line = format!("{}: {}", self.code, self.detail);
        let mut cause: Option<&dyn StdError> = self.source.as_deref().map(|e| e as &dyn StdError);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|error| error as &(dyn StdError + 'static))
    }
}
