//! Request ids: one per request, in the response and in the log.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderName;

/// The response header with the id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Ids count up from a start that differs between processes.
#[derive(Debug)]
pub struct RequestIds {
    start: u64,
    count: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let start = now.map_or(0, |since| since.as_millis() as u64 & 0xffff_ffff);
        Self {
            start,
            count: AtomicU64::new(0),
        }
    }
}

impl RequestIds {
    /// The next id.
    pub(crate) fn next(&self) -> String {
        format!(
            "{:08x}-{:06x}",
            self.start,
            self.count.fetch_add(1, Ordering::Relaxed)
        )
    }
}

/// The id of a request, as an extension: a stream that fails half-way reports it too.
#[derive(Clone, Debug, Default)]
pub struct RequestId(pub String);
