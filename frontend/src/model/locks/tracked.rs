//! One lock, with what this page has observed of it.

use std::collections::VecDeque;

use shared::{Claim, Lock};

use super::{claim, time};
use crate::model::live::Millis;

/// A lease is about to expire when this share of its granted TTL is left.
pub(crate) const LOW_SHARE: f64 = 0.2;

/// Leases with a shorter TTL get no warning: they are always about to expire.
const MIN_WARNING_TTL_S: i64 = 10;

/// Limit of remembered spans.
const MAX_SPANS: usize = 200;

/// The remaining time of a lease.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ttl {
    /// When it expires unless it is renewed.
    pub(crate) deadline: Millis,
    /// The granted TTL in seconds.
    pub(crate) granted: i64,
}

impl Ttl {
    /// The remaining whole seconds.
    pub(crate) fn seconds_left(self, now: Millis) -> i64 {
        ((self.deadline - now) / 1000.0).ceil().max(0.0) as i64
    }

    /// Whether it is about to expire, and long enough for a warning.
    pub(crate) fn is_expiring(self, now: Millis) -> bool {
        self.granted >= MIN_WARNING_TTL_S
            && self.seconds_left(now) as f64 <= self.granted as f64 * LOW_SHARE
    }

    /// When it was last renewed or granted.
    pub(crate) fn renewed(self) -> Millis {
        self.deadline - self.granted as f64 * 1000.0
    }
}

/// A span of time in which one owner held the lock.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    /// The owner's label.
    pub(crate) owner: String,
    /// The owner's fencing token.
    pub(crate) token: i64,
    /// The start, as observed by this page.
    pub(crate) from: Millis,
    /// The end; `None` while the owner holds the lock.
    pub(crate) to: Option<Millis>,
}

/// A lock, with what this page has observed of it.
#[derive(Clone, Debug)]
pub(crate) struct Tracked {
    /// The lock as of the last message.
    pub(crate) lock: Lock,
    /// When the last message was received.
    pub(crate) received: Millis,
    /// Incremented by every message, so that rows are redrawn.
    pub(crate) version: u64,
    /// When this page observed the current holder take over; `None` if the hand-over was not observed.
    pub(crate) taken_over: Option<Millis>,
    /// The spans of its owners, oldest first.
    pub(crate) spans: VecDeque<Span>,
    /// The shortest observed interval between two renewals, in milliseconds.
    pub(crate) renewal_every: Option<Millis>,
}

/// For how long a lock has been held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HeldFor {
    /// Milliseconds.
    pub(crate) millis: Millis,
    /// Whether it may have been held longer: the hand-over was not observed.
    pub(crate) at_least: bool,
}

impl Tracked {
    pub(super) fn new(lock: Lock, now: Millis) -> Self {
        let mut tracked = Self {
            lock,
            received: now,
            version: 1,
            taken_over: None,
            spans: VecDeque::new(),
            renewal_every: None,
        };
        tracked.begin_span(now);
        tracked
    }

    /// Applies a newer state. `lost_at` is when the connection was lost, if it was lost in between.
    pub(super) fn update(&mut self, lock: Lock, now: Millis, lost_at: Option<Millis>) {
        let before = self.ttl();
        let previous = self.token();
        self.lock = lock;
        self.received = now;
        self.version += 1;
        if self.token() == previous {
            self.note_renewal(before);
            return;
        }
        let until = lost_at.unwrap_or(now);
        if let Some(span) = self.spans.back_mut().filter(|span| span.to.is_none()) {
            span.to = Some(until.max(span.from));
        }
        self.taken_over = lost_at.is_none().then_some(now);
        self.renewal_every = None;
        self.begin_span(now);
    }

    /// The holder's fencing token.
    pub(crate) fn token(&self) -> Option<i64> {
        self.lock.holder.as_ref().map(|holder| holder.fencing_token)
    }

    /// Whether it has neither a holder nor waiters.
    pub(crate) fn is_free(&self) -> bool {
        self.lock.holder.is_none() && self.lock.waiters.as_ref().is_none_or(Vec::is_empty)
    }

    /// The holder's lease, if its TTL is known.
    pub(crate) fn ttl(&self) -> Option<Ttl> {
        self.lock
            .holder
            .as_ref()
            .and_then(|holder| self.ttl_of(holder))
    }

    /// A claim's lease, if its TTL is known.
    pub(crate) fn ttl_of(&self, claim: &Claim) -> Option<Ttl> {
        let left = claim.ttl.filter(|left| *left >= 0)?;
        let granted = claim.granted_ttl.unwrap_or(left).max(left);
        Some(Ttl {
            deadline: self.received + left as f64 * 1000.0,
            granted,
        })
    }

    /// For how long the current holder has held the lock. `ahead` is the offset of the gateway's clock from the
    /// browser's.
    pub(crate) fn held_for(&self, now: Millis, ahead: Millis) -> Option<HeldFor> {
        self.lock.holder.as_ref()?;
        if let Some(taken_over) = self.taken_over {
            return Some(HeldFor {
                millis: (now - taken_over).max(0.0),
                at_least: false,
            });
        }
        // The gateway may have observed the holder before this page did. The time at which the holder's key was first
        // seen is no indication: it may have waited since then.
        let gateway = self.lock.held_since.as_deref().and_then(time::parse);
        let page = self.spans.back().map(|span| span.from);
        let since = gateway
            .map(|since| since - ahead)
            .into_iter()
            .chain(page)
            .reduce(f64::min)?;
        Some(HeldFor {
            millis: (now - since).max(0.0),
            at_least: true,
        })
    }

    /// The minimum time that a claim has waited, in milliseconds: since the gateway first saw its key.
    pub(crate) fn waited(claim: &Claim, now: Millis, ahead: Millis) -> Option<Millis> {
        let seen = time::parse(&claim.first_seen)? - ahead;
        Some((now - seen).max(0.0))
    }

    fn note_renewal(&mut self, before: Option<Ttl>) {
        let (Some(before), Some(after)) = (before, self.ttl()) else {
            return;
        };
        let between = after.renewed() - before.renewed();
        // Seconds are rounded, here and at the gateway: a shorter interval may be a rounding error.
        if between >= 3000.0 {
            self.renewal_every = Some(
                self.renewal_every
                    .map_or(between, |least| least.min(between)),
            );
        }
    }

    fn begin_span(&mut self, now: Millis) {
        let Some(holder) = &self.lock.holder else {
            return;
        };
        let (owner, _) = claim::label(holder);
        self.spans.push_back(Span {
            owner,
            token: holder.fencing_token,
            from: now,
            to: None,
        });
        if self.spans.len() > MAX_SPANS {
            self.spans.pop_front();
        }
    }
}
