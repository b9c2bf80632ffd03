//! Which leases are kept alive, when each is due for renewal, and until when it certainly lasts. Pure.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A renewal without a response for half of the TTL, and at least this long, means that the stream is
/// stuck.
const STUCK: Duration = Duration::from_secs(2);

/// A lease's status, for its holders.
#[derive(Clone, Debug, Default)]
pub(super) struct Status {
    /// TTL in seconds at the last renewal.
    pub(super) ttl: i64,
    /// Why the lease is lost.
    pub(super) lost: Option<String>,
}

#[derive(Debug)]
struct Lease {
    serial: u64,
    holders: usize,
    ttl: Duration,
    /// The lease lasts at least until then, counted from when the last renewal was sent.
    lives_until: Instant,
    next_beat: Instant,
    /// When the renewal that has no response yet was sent.
    sent_at: Option<Instant>,
    status: watch::Sender<Status>,
}

impl Lease {
    fn renewed(&mut self, ttl: i64, since: Instant) {
        self.ttl = seconds(ttl);
        self.lives_until = since + self.ttl;
        self.next_beat = since + self.ttl / 3;
    }

    fn stuck_at(&self) -> Option<Instant> {
        Some(self.sent_at? + (self.ttl / 2).max(STUCK))
    }
}

/// etcd's TTL as a duration; bounded, so that no instant overflows.
fn seconds(ttl: i64) -> Duration {
    const DECADE: u64 = 10 * 365 * 86_400;
    Duration::from_secs(u64::try_from(ttl).unwrap_or(0).clamp(1, DECADE))
}

/// The leases of one keeper and the times of their renewals.
#[derive(Debug, Default)]
pub(super) struct Beats {
    leases: HashMap<i64, Lease>,
    next_serial: u64,
}

impl Beats {
    pub(super) fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// Keeps a lease that had `ttl` seconds at `since`; returns its serial and its status channel.
    pub(super) fn add(
        &mut self,
        id: i64,
        ttl: i64,
        since: Instant,
    ) -> (u64, watch::Receiver<Status>) {
        let next_serial = &mut self.next_serial;
        let lease = self.leases.entry(id).or_insert_with(|| {
            *next_serial += 1;
            Lease {
                serial: *next_serial,
                holders: 0,
                ttl: seconds(ttl),
                lives_until: since,
                next_beat: since,
                sent_at: None,
                status: watch::Sender::new(Status { ttl, lost: None }),
            }
        });
        if lease.lives_until < since + seconds(ttl) {
            lease.renewed(ttl, since);
        }
        lease.holders += 1;
        (lease.serial, lease.status.subscribe())
    }

    /// Removes one holder of the lease.
    pub(super) fn leave(&mut self, id: i64, serial: u64) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        if lease.serial != serial {
            return;
        }
        lease.holders -= 1;
        if lease.holders == 0 {
            self.leases.remove(&id);
        }
    }

    /// Leases due for renewal now, the most urgent first.
    pub(super) fn due(&self, now: Instant) -> Vec<i64> {
        let due = |lease: &Lease| lease.sent_at.is_none() && lease.next_beat <= now;
        let mut due: Vec<_> = self
            .leases
            .iter()
            .filter(|(_, lease)| due(lease))
            .map(|(id, lease)| (lease.lives_until, *id))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// Records that a renewal was sent.
    pub(super) fn record_sent(&mut self, id: i64, now: Instant) {
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.sent_at = Some(now);
        }
    }

    /// etcd's response with the TTL in seconds; 0 means no such lease.
    pub(super) fn response(&mut self, id: i64, ttl: i64) {
        if ttl <= 0 {
            self.lose(
                id,
                "the lease no longer exists: it was revoked, or has expired",
            );
            return;
        }
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        // A response to a renewal sent on a lost stream, or for an earlier lease of this id: ignore it.
        let Some(sent_at) = lease.sent_at.take() else {
            return;
        };
        lease.renewed(ttl, sent_at);
        lease.status.send_modify(|status| status.ttl = ttl);
    }

    /// The stream was lost: renewals without a response must be sent again.
    pub(super) fn stream_lost(&mut self, now: Instant) {
        for lease in self.leases.values_mut() {
            if lease.sent_at.take().is_some() {
                lease.next_beat = now;
            }
        }
    }

    /// Gives up a lease, and notifies its holders.
    pub(super) fn lose(&mut self, id: i64, reason: &str) {
        if let Some(lease) = self.leases.remove(&id) {
            lease
                .status
                .send_modify(|status| status.lost = Some(reason.to_owned()));
        }
    }

    /// Gives up every lease.
    pub(super) fn lose_all(&mut self, reason: &str) {
        let ids: Vec<i64> = self.leases.keys().copied().collect();
        for id in ids {
            self.lose(id, reason);
        }
    }

    /// Gives up the leases whose whole TTL has passed without a response.
    pub(super) fn expire(&mut self, now: Instant) {
        let dead = |lease: &Lease| lease.lives_until <= now;
        let dead: Vec<i64> = self
            .leases
            .iter()
            .filter(|(_, lease)| dead(lease))
            .map(|(id, _)| *id)
            .collect();
        for id in dead {
            self.lose(id, "etcd has not responded for the lease's whole TTL");
        }
    }

    /// Whether a response is overdue.
    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        let mut stuck = self.leases.values().filter_map(Lease::stuck_at);
        stuck.any(|at| at <= now)
    }

    /// When to check again; `None` without leases.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let wakes = self.leases.values().map(|lease| {
            let next = lease.stuck_at().unwrap_or(lease.next_beat);
            next.min(lease.lives_until)
        });
        wakes.min()
    }
}

#[cfg(test)]
mod tests;
