//! One lock, with what this page has seen of it.

use std::collections::VecDeque;

use shared::{Claim, Lock};

use super::{claim, time};
use crate::model::live::Millis;

/// From this share of what was granted downwards a lease is nearly out.
pub(crate) const LOW_SHARE: f64 = 0.2;

/// Leases shorter than this are always nearly out; no warning is made of it.
const MIN_WARNING_TTL_S: i64 = 10;

/// Times of holding that are remembered.
const MAX_SPANS: usize = 200;

/// A lease draining.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ttl {
    /// When it is out, if nobody renews it.
    pub(crate) deadline: Millis,
    /// Seconds granted.
    pub(crate) granted: i64,
}

impl Ttl {
    /// Whole seconds left.
    pub(crate) fn left(self, now: Millis) -> i64 {
        ((self.deadline - now) / 1000.0).ceil().max(0.0) as i64
    }

    /// Whether it is nearly out, and long enough to be worth a warning.
    pub(crate) fn is_expiring(self, now: Millis) -> bool {
        self.granted >= MIN_WARNING_TTL_S
            && self.left(now) as f64 <= self.granted as f64 * LOW_SHARE
    }

    /// When it was last renewed or granted.
    pub(crate) fn renewed(self) -> Millis {
        self.deadline - self.granted as f64 * 1000.0
    }
}

/// A time of holding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    /// Who.
    pub(crate) owner: String,
    /// Their fencing token.
    pub(crate) token: i64,
    /// Since when, as this page saw it.
    pub(crate) from: Millis,
    /// Until when; `None` while it lasts.
    pub(crate) to: Option<Millis>,
}

/// A lock, with what this page has seen of it.
#[derive(Clone, Debug)]
pub(crate) struct Tracked {
    /// The lock as the gateway told it last.
    pub(crate) lock: Lock,
    /// When it told it.
    pub(crate) received: Millis,
    /// Rises with every message, so that rows know when to be drawn again.
    pub(crate) version: u64,
    /// When this page saw the present holder take over; `None` for one it found holding.
    pub(crate) taken_over: Option<Millis>,
    /// Who held it, oldest first.
    pub(crate) spans: VecDeque<Span>,
    /// Milliseconds between two renewals, the least that was seen.
    pub(crate) renewal_every: Option<Millis>,
}

/// How long a lock has been held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HeldFor {
    /// Milliseconds.
    pub(crate) millis: Millis,
    /// Whether it may have been held longer: nobody saw it change hands.
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

    /// Takes a newer state. `lost_at`: when the connection was lost, if it was lost in between.
    pub(super) fn update(&mut self, lock: Lock, now: Millis, lost_at: Option<Millis>) {
        let before = self.ttl();
        let was = self.token();
        self.lock = lock;
        self.received = now;
        self.version += 1;
        if self.token() == was {
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

    /// Whether nobody holds it and nobody waits.
    pub(crate) fn is_free(&self) -> bool {
        self.lock.holder.is_none() && self.lock.waiters.as_ref().is_none_or(Vec::is_empty)
    }

    /// The holder's lease, where its seconds are known.
    pub(crate) fn ttl(&self) -> Option<Ttl> {
        self.lock
            .holder
            .as_ref()
            .and_then(|holder| self.ttl_of(holder))
    }

    /// A claim's lease, where its seconds are known.
    pub(crate) fn ttl_of(&self, claim: &Claim) -> Option<Ttl> {
        let left = claim.ttl.filter(|left| *left >= 0)?;
        let granted = claim.granted_ttl.unwrap_or(left).max(left);
        Some(Ttl {
            deadline: self.received + left as f64 * 1000.0,
            granted,
        })
    }

    /// How long the present holder has held it. `ahead` is how far the gateway's clock is ahead of the
    /// browser's.
    pub(crate) fn held(&self, now: Millis, ahead: Millis) -> Option<HeldFor> {
        self.lock.holder.as_ref()?;
        if let Some(taken_over) = self.taken_over {
            return Some(HeldFor {
                millis: (now - taken_over).max(0.0),
                at_least: false,
            });
        }
        // The gateway may have looked before this page did. When the holder's key was first seen says
        // nothing: it may have waited since.
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

    /// Milliseconds since the gateway first saw a claim's key: so long it has waited at least.
    pub(crate) fn waited(claim: &Claim, now: Millis, ahead: Millis) -> Option<Millis> {
        let seen = time::parse(&claim.first_seen)? - ahead;
        Some((now - seen).max(0.0))
    }

    fn note_renewal(&mut self, before: Option<Ttl>) {
        let (Some(before), Some(after)) = (before, self.ttl()) else {
            return;
        };
        let between = after.renewed() - before.renewed();
        // Seconds are whole, here and at the gateway: less may be nothing but rounding.
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
