//! The ends of sessions: the list of those that ended early, and the signal that ends their streams.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use shared::Code;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::claims::{ABSOLUTE_LIMIT, Claims, SessionId};
use crate::failure::Failure;

/// Ended sessions that are remembered. When there are more, the oldest is dropped and every session as old
/// as it counts as ended: no session that was signed out is ever accepted again.
const MAX_ENDED: usize = 65_536;
/// Open sessions are searched for dropped ones from this number on.
const PRUNE_FROM: usize = 64;

/// Why a session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The user signed out, or signed in again.
    SignedOut,
    /// etcd no longer accepts the name and password.
    Refused,
    /// etcd's auth is off, so there are no users.
    AuthOff,
    /// No request for eight hours.
    Idle,
    /// A day has passed since the sign-in.
    TooOld,
    /// The cookie was sealed with another key, or is damaged.
    Unreadable,
}

impl EndReason {
    /// What happened, as text.
    pub fn detail(self) -> &'static str {
        match self {
            Self::SignedOut => "the session was signed out",
            Self::Refused => "etcd no longer accepts the session's name and password",
            Self::AuthOff => "the session has ended: etcd's auth is off, so there are no users",
            Self::Idle => "the session has ended: it was idle for 8 hours",
            Self::TooOld => "the session has ended: its limit is 24 hours",
            Self::Unreadable => {
                "the session cookie cannot be read: it was made with another key, or is damaged"
            }
        }
    }

    /// The refusal of a request with this session. It never falls back to another account.
    pub fn failure(self) -> Failure {
        let hint = match self {
            Self::AuthOff => "repeat the request without the cookie; this response removes it",
            _ => "sign in again: POST /session; this response removes the cookie",
        };
        Failure::new(Code::Unauthenticated, self.detail()).hint(hint)
    }
}

/// Signals the end of one session to everything that it has opened.
#[derive(Debug)]
pub(super) struct Signal {
    ended: CancellationToken,
    reason: OnceLock<EndReason>,
    deadline: Instant,
}

/// The end of the session that opened a stream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SessionEnd(Arc<Signal>);

impl SessionEnd {
    /// Why the session has ended; `None` while it has not.
    pub fn reason(&self) -> Option<EndReason> {
        let too_old = || (Instant::now() >= self.0.deadline).then_some(EndReason::TooOld);
        self.0.reason.get().copied().or_else(too_old)
    }

    /// Ends everything that the session has opened. The first reason counts.
    pub(in crate::identity) fn signal(&self, reason: EndReason) {
        let _ = self.0.reason.set(reason);
        self.0.ended.cancel();
    }

    /// Waits for the end: a sign-out, a refusal, or the limit of a day. An idle session ends no stream that is
    /// open.
    pub async fn wait(&self) -> EndReason {
        tokio::select! {
            () = self.0.ended.cancelled() => {}
            () = sleep_until(self.0.deadline) => {}
        }
        self.reason().unwrap_or(EndReason::TooOld)
    }

    /// As [`Self::wait`]; without a session it never resolves.
    pub async fn wait_for(end: Option<&Self>) -> EndReason {
        match end {
            Some(end) => end.wait().await,
            None => std::future::pending().await,
        }
    }
}

/// A session that ended before its time.
#[derive(Clone, Copy, Debug)]
struct Ended {
    issued: u64,
    reason: EndReason,
}

/// The sessions of this process that ended early, and those in use.
#[derive(Debug, Default)]
pub(super) struct Ends {
    ended: HashMap<SessionId, Ended>,
    /// Every session issued up to then counts as ended.
    ended_up_to: u64,
    in_use: HashMap<SessionId, Weak<Signal>>,
    prune_at: usize,
}

impl Ends {
    /// Why a session ended early, if it did.
    pub(super) fn reason(&self, claims: &Claims) -> Option<EndReason> {
        match self.ended.get(&claims.id) {
            Some(ended) => Some(ended.reason),
            None => (claims.issued <= self.ended_up_to).then_some(EndReason::SignedOut),
        }
    }

    /// The signal of a session that has not ended; the same for all of its requests.
    pub(super) fn signal(&mut self, claims: &Claims, now: u64) -> SessionEnd {
        if let Some(signal) = self.in_use.get(&claims.id).and_then(Weak::upgrade) {
            return SessionEnd(signal);
        }
        if self.in_use.len() >= self.prune_at {
            self.in_use.retain(|_, signal| signal.strong_count() > 0);
            self.prune_at = PRUNE_FROM.max(2 * self.in_use.len());
        }
        let left = Duration::from_secs(claims.expires_at().saturating_sub(now));
        let signal = Arc::new(Signal {
            ended: CancellationToken::new(),
            reason: OnceLock::new(),
            deadline: Instant::now() + left,
        });
        self.in_use
            .insert(claims.id.clone(), Arc::downgrade(&signal));
        SessionEnd(signal)
    }

    /// Ends a session: its cookie is refused from now on, and its streams end.
    pub(super) fn end(&mut self, claims: &Claims, reason: EndReason, now: u64) {
        if self.ended.len() >= MAX_ENDED && !self.ended.contains_key(&claims.id) {
            self.make_room(now);
        }
        let issued = claims.issued;
        let ended = self.ended.entry(claims.id.clone());
        let reason = ended.or_insert(Ended { issued, reason }).reason;
        if let Some(signal) = self.in_use.remove(&claims.id).and_then(|it| it.upgrade()) {
            SessionEnd(signal).signal(reason);
        }
    }

    /// Drops the sessions whose time has passed anyway, else the oldest one.
    fn make_room(&mut self, now: u64) {
        self.ended
            .retain(|_, ended| ended.issued.saturating_add(ABSOLUTE_LIMIT) > now);
        if self.ended.len() < MAX_ENDED {
            return;
        }
        if let Some(oldest) = self.ended.values().map(|ended| ended.issued).min() {
            self.ended_up_to = self.ended_up_to.max(oldest);
            self.ended.retain(|_, ended| ended.issued > oldest);
        }
    }
}

#[cfg(test)]
mod tests;
