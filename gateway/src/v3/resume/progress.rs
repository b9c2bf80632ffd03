//! How far etcd says that watches are.
//!
//! A watch of what seldom changes would have to go on from where it last saw something, which may be
//! compacted long since. So etcd is asked now and then how far it is, where its answer can be trusted
//! ([`crate::etcd::Release::bookmarks`]). Those answers are the client's only where it has asked too.

use std::future::pending;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use super::messages::release;
use crate::etcd::{Refusal, Release};
use crate::v3::Ask;

/// How often etcd is asked.
const EVERY: Duration = Duration::from_secs(5);
/// Questions of ours that may still be answered. etcd's answer can be silence, so no more are counted.
const UNANSWERED: u32 = 8;

/// What is known of one stream's progress.
pub(super) struct Progress {
    trust: Trust,
    due: Instant,
    /// Questions of ours that may still be answered.
    ours: u32,
    /// Answers that the client gets.
    owed: u32,
}

/// Whether etcd's answer says what it should.
enum Trust {
    Unknown,
    Asking(BoxFuture<'static, Result<(u64, Release), Refusal>>),
    /// The member that answered, and whether its progress can be trusted.
    Known(u64, bool),
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            trust: Trust::Unknown,
            due: Instant::now() + EVERY,
            ours: 0,
            owed: 0,
        }
    }

    /// Another stream is opened, perhaps to another member; whether the client waits for an answer.
    pub(super) fn restart(&mut self) -> bool {
        *self = Self {
            owed: self.owed.min(1),
            ..Self::new()
        };
        self.owed > 0
    }

    /// Ends when etcd shall be asked. Loses nothing when dropped in between.
    pub(super) async fn due(&mut self, ask: &Ask) {
        loop {
            match &mut self.trust {
                Trust::Unknown => {
                    sleep_until(self.due).await;
                    self.due = Instant::now() + EVERY;
                    // Streams that are short never come here.
                    let ask = ask.clone();
                    self.trust = Trust::Asking(Box::pin(async move { release(&ask).await }));
                }
                Trust::Asking(asking) => {
                    self.trust = match asking.await {
                        Ok((member, release)) => {
                            self.due = Instant::now();
                            Trust::Known(member, release.bookmarks)
                        }
                        Err(refusal) if refusal.lost => Trust::Unknown,
                        // Where it may not be asked, nothing is trusted.
                        Err(_) => Trust::Known(0, false),
                    };
                }
                Trust::Known(_, true) => {
                    sleep_until(self.due).await;
                    self.due = Instant::now() + EVERY;
                    return;
                }
                Trust::Known(_, false) => pending().await,
            }
        }
    }

    /// We have asked.
    pub(super) fn asked(&mut self) {
        self.ours = (self.ours + 1).min(UNANSWERED);
    }

    /// The client asks. An answer to us that is still on its way may be older than this question, and
    /// nothing tells the two apart: so it gets both.
    pub(super) fn client_asks(&mut self) {
        let ours = std::mem::take(&mut self.ours);
        self.owed = self.owed.saturating_add(ours).saturating_add(1);
    }

    /// An answer has come; whether it is the client's.
    pub(super) fn answered(&mut self) -> bool {
        self.ours = self.ours.saturating_sub(1);
        let owed = self.owed > 0;
        self.owed = self.owed.saturating_sub(1);
        owed
    }

    /// Whether watches may resume from this member's progress: another member may have named its release
    /// than the one that serves the stream.
    pub(super) fn trusts(&self, member: u64) -> bool {
        matches!(self.trust, Trust::Known(known, true) if known == member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_gets_what_it_asked_for_alone() {
        let mut progress = Progress::new();
        progress.asked();
        assert!(!progress.answered());
        progress.client_asks();
        assert!(progress.answered());
        assert!(!progress.answered());
    }

    #[test]
    fn an_older_answer_does_not_pass_for_the_clients() {
        let mut progress = Progress::new();
        progress.asked();
        progress.client_asks();
        assert!(progress.answered(), "it may be the one to us");
        assert!(progress.answered(), "this is the client's");
        progress.asked();
        assert!(!progress.answered());
    }

    #[test]
    fn a_question_of_the_clients_outlives_its_stream() {
        let mut progress = Progress::new();
        assert!(!progress.restart());
        progress.asked();
        progress.client_asks();
        assert!(progress.restart());
        assert!(progress.answered());
        assert!(!progress.answered());
    }
}
