//! Progress requests: up to which revision etcd has sent every event of its watches.
//!
//! A watch of keys that seldom change would have to resume from its last event, which may have been compacted
//! long before. So progress is requested periodically, if the member's release reports it correctly
//! ([`crate::etcd::WatchFeatures::bookmarks`]). The client gets the responses only if it requested progress too.

use std::future::pending;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use super::messages::member_features;
use crate::etcd::{Refusal, WatchFeatures};
use crate::v3::Call;

/// Between progress requests.
const INTERVAL: Duration = Duration::from_secs(5);
/// Upper limit of [`Progress::outstanding`]: etcd may not respond to some requests at all.
const MAX_OUTSTANDING: u32 = 8;

/// The progress requests of one stream.
pub(super) struct Progress {
    trust: Trust,
    due: Instant,
    /// Requests of the gateway that may still get a response.
    outstanding: u32,
    /// Responses to deliver to the client.
    owed: u32,
}

/// Whether etcd's progress responses can be trusted.
enum Trust {
    Unknown,
    /// The member's release is being read.
    Pending(BoxFuture<'static, Result<(u64, WatchFeatures), Refusal>>),
    /// The member's id, and whether its progress can be trusted.
    Known(u64, bool),
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            trust: Trust::Unknown,
            due: Instant::now() + INTERVAL,
            outstanding: 0,
            owed: 0,
        }
    }

    /// Another stream is opened, perhaps to another member. Returns whether the client waits for a response.
    pub(super) fn restart(&mut self) -> bool {
        *self = Self {
            owed: self.owed.min(1),
            ..Self::new()
        };
        self.owed > 0
    }

    /// Resolves when the next progress request is due. Cancel safe.
    pub(super) async fn due(&mut self, call: &Call) {
        loop {
            match &mut self.trust {
                Trust::Unknown => {
                    sleep_until(self.due).await;
                    self.due = Instant::now() + INTERVAL;
                    // Short streams never get here.
                    let call = call.clone();
                    self.trust =
                        Trust::Pending(Box::pin(async move { member_features(&call).await }));
                }
                Trust::Pending(status) => {
                    self.trust = match status.await {
                        Ok((member, release)) => {
                            self.due = Instant::now();
                            Trust::Known(member, release.bookmarks)
                        }
                        Err(refusal) if refusal.lost => Trust::Unknown,
                        // If the release may not be read, nothing is trusted.
                        Err(_) => Trust::Known(0, false),
                    };
                }
                Trust::Known(_, true) => {
                    sleep_until(self.due).await;
                    self.due = Instant::now() + INTERVAL;
                    return;
                }
                Trust::Known(_, false) => pending().await,
            }
        }
    }

    /// The gateway has sent a request.
    pub(super) fn requested_by_gateway(&mut self) {
        self.outstanding = (self.outstanding + 1).min(MAX_OUTSTANDING);
    }

    /// The client sends a request. A response to an earlier request of the gateway cannot be distinguished
    /// from the one to this request, so the client gets both.
    pub(super) fn requested_by_client(&mut self) {
        let outstanding = std::mem::take(&mut self.outstanding);
        self.owed = self.owed.saturating_add(outstanding).saturating_add(1);
    }

    /// A response has arrived. Returns whether the client gets it.
    pub(super) fn responded(&mut self) -> bool {
        self.outstanding = self.outstanding.saturating_sub(1);
        let owed = self.owed > 0;
        self.owed = self.owed.saturating_sub(1);
        owed
    }

    /// Whether watches may resume from the progress of `member`, which serves the stream. The release may have
    /// been read from another member, and then says nothing about this one.
    pub(super) fn trusts(&self, member: u64) -> bool {
        matches!(self.trust, Trust::Known(known, true) if known == member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_gets_only_responses_to_its_requests() {
        let mut progress = Progress::new();
        progress.requested_by_gateway();
        assert!(!progress.responded());
        progress.requested_by_client();
        assert!(progress.responded());
        assert!(!progress.responded());
    }

    #[test]
    fn an_earlier_response_does_not_replace_the_clients() {
        let mut progress = Progress::new();
        progress.requested_by_gateway();
        progress.requested_by_client();
        assert!(progress.responded(), "it may be the one to the gateway");
        assert!(progress.responded(), "this is the client's");
        progress.requested_by_gateway();
        assert!(!progress.responded());
    }

    #[test]
    fn a_request_of_the_client_outlives_its_stream() {
        let mut progress = Progress::new();
        assert!(!progress.restart());
        progress.requested_by_gateway();
        progress.requested_by_client();
        assert!(progress.restart());
        assert!(progress.responded());
        assert!(!progress.responded());
    }
}
