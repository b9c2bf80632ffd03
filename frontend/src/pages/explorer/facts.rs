//! Facts of keys that keys-only responses omit: the size and lease of a key, and the remaining TTL of a
//! lease.
//!
//! Rows request these while they are shown, a few at a time; events deliver them at no cost.

use std::collections::HashMap;
use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use shared::{Event, LeaseId};

use crate::api;
use crate::api::kv::KeyFacts;
use crate::clock::{Clock, now_ms, use_clock};
use crate::model::requests::Requests;
use crate::model::tree::{Name, QueuedEvent};

/// A shown lease is polled again after this long.
const LEASE_POLL_MS: f64 = 4000.0;

/// Its number of keys is polled less often, since etcd has to list all of them.
const KEY_COUNT_POLL_MS: f64 = 30_000.0;

/// A shown lease is read again at every tick of the clock, once a second; without a read for this
/// long it is no longer shown.
const VIEWED_MS: f64 = 2500.0;

/// Requests that may be queued. Rows scrolled past long ago need no response.
const MAX_QUEUED: usize = 80;

/// A lease as etcd last reported it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AliveLease {
    /// When it expires unless it is renewed, in milliseconds since 1970.
    pub(crate) deadline: f64,
    pub(crate) granted: i64,
    fetched_at: f64,
}

impl AliveLease {
    /// Seconds left, at a time in milliseconds since 1970.
    pub(crate) fn seconds_left(&self, now: f64) -> i64 {
        ((self.deadline - now) / 1000.0).ceil().max(0.0) as i64
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum LeaseState {
    Ended,
    Alive(AliveLease),
}

/// The number of keys of a lease.
#[derive(Clone, Copy, Debug, PartialEq)]
struct KeyCount {
    /// `None` where the account may not read all of them.
    keys: Option<i64>,
    fetched_at: f64,
}

/// Sizes and leases; a context of the page.
#[derive(Clone, Copy)]
pub(crate) struct Facts {
    clock: Clock,
    keys: RwSignal<HashMap<Name, KeyFacts>>,
    leases: RwSignal<HashMap<LeaseId, LeaseState>>,
    key_counts: RwSignal<HashMap<LeaseId, KeyCount>>,
    /// Leases shown recently, and when.
    viewed: StoredValue<HashMap<LeaseId, f64>>,
    /// Leases whose number of keys was shown recently, and when.
    counted: StoredValue<HashMap<LeaseId, f64>>,
    requests: StoredValue<Requests<Name>>,
}

/// The store.
pub(crate) fn use_facts() -> Facts {
    expect_context()
}

/// Puts the store into the page's context and starts its requests.
pub(super) fn provide() -> Facts {
    let facts = Facts {
        clock: use_clock(),
        keys: RwSignal::new(HashMap::new()),
        leases: RwSignal::new(HashMap::new()),
        key_counts: RwSignal::new(HashMap::new()),
        viewed: StoredValue::new(HashMap::new()),
        counted: StoredValue::new(HashMap::new()),
        requests: StoredValue::new(Requests::new(MAX_QUEUED)),
    };
    provide_context(facts);
    spawn_local_scoped_with_cancellation(facts.fetch_keys());
    spawn_local_scoped_with_cancellation(facts.poll_leases());
    facts
}

impl Facts {
    /// Size and lease of a key at a revision; requests them when they are not known.
    pub(crate) fn key(self, name: &Name, mod_revision: i64) -> Option<KeyFacts> {
        let known = self.keys.with(|keys| keys.get(name).copied());
        if known.is_none_or(|facts| facts.mod_revision < mod_revision) {
            self.requests
                .try_update_value(|requests| requests.want(name));
        }
        known
    }

    /// The remaining TTL of a lease; polled for as long as it is read.
    pub(crate) fn lease(self, id: LeaseId) -> Option<AliveLease> {
        self.clock.now();
        self.viewed
            .try_update_value(|viewed| viewed.insert(id, now_ms()));
        match self.leases.with(|leases| leases.get(&id).copied()) {
            Some(LeaseState::Alive(alive)) => Some(alive),
            _ => None,
        }
    }

    /// The number of keys of a lease, where the account may read it; polled for as long as it is
    /// read.
    pub(crate) fn lease_keys(self, id: LeaseId) -> Option<i64> {
        self.clock.now();
        self.counted
            .try_update_value(|counted| counted.insert(id, now_ms()));
        self.key_counts
            .with(|counts| counts.get(&id).and_then(|count| count.keys))
    }

    /// Whether a lease is known to have ended.
    pub(crate) fn lease_ended(self, id: LeaseId) -> bool {
        self.leases
            .with(|leases| leases.get(&id) == Some(&LeaseState::Ended))
    }

    /// Takes size and lease from an event. Only keys that were requested are kept, so that a busy
    /// keyspace which is not shown costs nothing.
    pub(crate) fn apply(self, change: &QueuedEvent) {
        let event = &change.event;
        self.keys.try_maybe_update(|keys| {
            let name: &[u8] = event.key().as_ref();
            if matches!(event, Event::Delete { .. }) {
                // A lease that ended with its key is no longer polled.
                if let Some(lease) = keys.remove(name).and_then(|facts| facts.lease) {
                    self.viewed.try_update_value(|viewed| viewed.remove(&lease));
                }
                self.requests
                    .try_update_value(|requests| requests.forget(|other| **other == *name));
                return (false, ());
            }
            let Some(known) = keys.get_mut(name) else {
                return (false, ());
            };
            if let Event::Put { entry, .. } = event
                && entry.mod_revision > known.mod_revision
            {
                *known = KeyFacts {
                    mod_revision: entry.mod_revision,
                    size: change.size,
                    lease: entry.lease,
                };
                return (true, ());
            }
            (false, ())
        });
    }

    /// Discards everything: the data may have been replaced.
    pub(crate) fn clear(self) {
        self.keys.try_update(HashMap::clear);
        self.leases.try_update(HashMap::clear);
        self.key_counts.try_update(HashMap::clear);
    }

    async fn fetch_keys(self) {
        loop {
            let Some(next) = self.requests.try_update_value(Requests::begin) else {
                return;
            };
            let Some(name) = next else {
                sleep(Duration::from_millis(150)).await;
                continue;
            };
            let response = api::kv::facts(&name).await;
            self.requests
                .try_update_value(|requests| requests.done(&name));
            match response {
                Ok(facts) => {
                    self.keys.try_update(|keys| keys.insert(name, facts));
                }
                // An empty cell is better than a wrong value.
                Err(_) => sleep(Duration::from_secs(1)).await,
            }
        }
    }

    async fn poll_leases(self) {
        loop {
            let now = now_ms();
            let Some(mut due) = recently_viewed(self.viewed, now) else {
                return;
            };
            let leases = self.leases.try_with_untracked(|leases| {
                due.retain(|id| match leases.get(id) {
                    None => true,
                    Some(LeaseState::Alive(alive)) => now - alive.fetched_at >= LEASE_POLL_MS,
                    Some(LeaseState::Ended) => false,
                });
            });
            if leases.is_none() {
                return;
            }
            for id in due {
                self.fetch_lease(id).await;
            }
            let Some(mut due) = recently_viewed(self.counted, now) else {
                return;
            };
            self.key_counts.try_with_untracked(|counts| {
                due.retain(|id| {
                    counts
                        .get(id)
                        .is_none_or(|count| now - count.fetched_at >= KEY_COUNT_POLL_MS)
                });
            });
            for id in due {
                self.fetch_key_count(id).await;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn fetch_lease(self, id: LeaseId) {
        let response = api::leases::time_to_live(id).await;
        let fetched_at = now_ms();
        let state = match response {
            Ok(response) if response.lease.ttl > 0 => LeaseState::Alive(AliveLease {
                deadline: fetched_at + response.lease.ttl as f64 * 1000.0,
                granted: response.lease.granted_ttl.unwrap_or(response.lease.ttl),
                fetched_at,
            }),
            Ok(_) => LeaseState::Ended,
            Err(error) if error.kind() == api::ErrorKind::NotFound => LeaseState::Ended,
            // The known state stays; the next round tries again.
            Err(_) => return sleep(Duration::from_secs(1)).await,
        };
        self.leases.try_update(|leases| leases.insert(id, state));
    }

    async fn fetch_key_count(self, id: LeaseId) {
        // After an error the known count stays until the next poll.
        let keys = match api::leases::with_key_count(id).await {
            Ok(response) => response.lease.key_count,
            Err(_) => self
                .key_counts
                .try_with_untracked(|counts| counts.get(&id).and_then(|count| count.keys))
                .flatten(),
        };
        let fetched_at = now_ms();
        self.key_counts
            .try_update(|counts| counts.insert(id, KeyCount { keys, fetched_at }));
    }
}

/// The leases shown recently; older ones are dropped. `None` once the page is closed.
fn recently_viewed(viewed: StoredValue<HashMap<LeaseId, f64>>, now: f64) -> Option<Vec<LeaseId>> {
    viewed.try_update_value(|viewed| {
        viewed.retain(|_, at| now - *at < VIEWED_MS);
        viewed.keys().copied().collect()
    })
}
