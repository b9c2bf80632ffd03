//! What keys-only answers leave out: size and lease of a key, and what is left of a lease.
//!
//! Asked for by the rows that show them, a few at a time; events bring them for nothing.

use std::collections::HashMap;
use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use shared::{Event, LeaseId};

use crate::api;
use crate::api::kv::KeyFacts;
use crate::model::requests::Requests;
use crate::model::tree::{Name, QueuedEvent};
use crate::state::clock::{Clock, now_ms, use_clock};

/// A lease is asked about again after so long, while somebody looks.
const LEASE_AGE_MS: f64 = 4000.0;

/// And so is the number of its keys, of which etcd has to list all.
const KEY_COUNT_AGE_MS: f64 = 30_000.0;

/// Whoever looks at a lease looks again at every second's tick; older looks are over.
const LOOKED_MS: f64 = 2500.0;

/// Questions that may wait. Rows scrolled past long ago need no answer.
const MOST_WAITING: usize = 80;

/// A lease as it was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Draining {
    /// When it ends unless it is renewed, in milliseconds since 1970.
    pub(crate) deadline: f64,
    pub(crate) granted: i64,
    asked: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum LeaseState {
    Gone,
    Alive(Draining),
}

/// The keys of a lease as they were counted.
#[derive(Clone, Copy, Debug, PartialEq)]
struct KeyCount {
    /// `None` where the account may not read all of them.
    keys: Option<i64>,
    asked: f64,
}

/// Sizes and leases.
#[derive(Clone, Copy)]
pub(crate) struct Facts {
    clock: Clock,
    keys: RwSignal<HashMap<Name, KeyFacts>>,
    leases: RwSignal<HashMap<LeaseId, LeaseState>>,
    key_counts: RwSignal<HashMap<LeaseId, KeyCount>>,
    /// Leases that were looked at lately, and when.
    looked: StoredValue<HashMap<LeaseId, f64>>,
    /// Leases whose number of keys was looked at lately, and when.
    counted: StoredValue<HashMap<LeaseId, f64>>,
    requests: StoredValue<Requests<Name>>,
}

/// Sizes and leases.
pub(crate) fn use_facts() -> Facts {
    expect_context()
}

/// Puts them into the page's context and begins to answer.
pub(super) fn provide() -> Facts {
    let facts = Facts {
        clock: use_clock(),
        keys: RwSignal::new(HashMap::new()),
        leases: RwSignal::new(HashMap::new()),
        key_counts: RwSignal::new(HashMap::new()),
        looked: StoredValue::new(HashMap::new()),
        counted: StoredValue::new(HashMap::new()),
        requests: StoredValue::new(Requests::new(MOST_WAITING)),
    };
    provide_context(facts);
    spawn_local_scoped_with_cancellation(facts.answer_keys());
    spawn_local_scoped_with_cancellation(facts.answer_leases());
    facts
}

impl Facts {
    /// Size and lease of a key as it was at a revision; asks for them when they are not known.
    pub(crate) fn key(self, name: &Name, mod_revision: i64) -> Option<KeyFacts> {
        let known = self.keys.with(|keys| keys.get(name).copied());
        if known.is_none_or(|facts| facts.mod_revision < mod_revision) {
            self.requests
                .try_update_value(|requests| requests.want(name));
        }
        known
    }

    /// What is left of a lease; asks, and keeps asking while somebody looks.
    pub(crate) fn lease(self, id: LeaseId) -> Option<Draining> {
        self.clock.now();
        self.looked
            .try_update_value(|looked| looked.insert(id, now_ms()));
        match self.leases.with(|leases| leases.get(&id).copied()) {
            Some(LeaseState::Alive(draining)) => Some(draining),
            _ => None,
        }
    }

    /// How many keys a lease has, where the account may know; asks now and then while somebody looks.
    pub(crate) fn lease_keys(self, id: LeaseId) -> Option<i64> {
        self.clock.now();
        self.counted
            .try_update_value(|counted| counted.insert(id, now_ms()));
        self.key_counts
            .with(|counts| counts.get(&id).and_then(|count| count.keys))
    }

    /// Whether a lease is known to have ended.
    pub(crate) fn lease_gone(self, id: LeaseId) -> bool {
        self.leases
            .with(|leases| leases.get(&id) == Some(&LeaseState::Gone))
    }

    /// What an event brings. Only keys that were asked for are kept, so that a busy keyspace that
    /// nobody looks at costs nothing.
    pub(crate) fn hear(self, change: &QueuedEvent) {
        let event = &change.event;
        self.keys.try_maybe_update(|keys| {
            let name: &[u8] = event.key().as_ref();
            if matches!(event, Event::Delete { .. }) {
                // A lease that took its key with it is not asked about any more.
                if let Some(lease) = keys.remove(name).and_then(|facts| facts.lease) {
                    self.looked.try_update_value(|looked| looked.remove(&lease));
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

    /// Forgets everything: the data may be others.
    pub(crate) fn forget(self) {
        self.keys.try_update(HashMap::clear);
        self.leases.try_update(HashMap::clear);
        self.key_counts.try_update(HashMap::clear);
    }

    async fn answer_keys(self) {
        loop {
            let Some(next) = self.requests.try_update_value(Requests::begin) else {
                return;
            };
            let Some(name) = next else {
                sleep(Duration::from_millis(150)).await;
                continue;
            };
            let answer = api::kv::facts(&name).await;
            self.requests
                .try_update_value(|requests| requests.done(&name));
            match answer {
                Ok(facts) => {
                    self.keys.try_update(|keys| keys.insert(name, facts));
                }
                // The row says nothing rather than something wrong.
                Err(_) => sleep(Duration::from_secs(1)).await,
            }
        }
    }

    async fn answer_leases(self) {
        loop {
            let now = now_ms();
            let Some(mut due) = looked_at(self.looked, now) else {
                return;
            };
            let leases = self.leases.try_with_untracked(|leases| {
                due.retain(|id| match leases.get(id) {
                    None => true,
                    Some(LeaseState::Alive(draining)) => now - draining.asked >= LEASE_AGE_MS,
                    Some(LeaseState::Gone) => false,
                });
            });
            if leases.is_none() {
                return;
            }
            for id in due {
                self.ask_lease(id).await;
            }
            let Some(mut due) = looked_at(self.counted, now) else {
                return;
            };
            self.key_counts.try_with_untracked(|counts| {
                due.retain(|id| {
                    counts
                        .get(id)
                        .is_none_or(|count| now - count.asked >= KEY_COUNT_AGE_MS)
                });
            });
            for id in due {
                self.ask_key_count(id).await;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn ask_lease(self, id: LeaseId) {
        let answer = api::leases::time_to_live(id).await;
        let asked = now_ms();
        let state = match answer {
            Ok(answer) if answer.lease.ttl > 0 => LeaseState::Alive(Draining {
                deadline: asked + answer.lease.ttl as f64 * 1000.0,
                granted: answer.lease.granted_ttl.unwrap_or(answer.lease.ttl),
                asked,
            }),
            Ok(_) => LeaseState::Gone,
            Err(error) if error.kind() == api::ErrorKind::NotFound => LeaseState::Gone,
            // Old knowledge stays; the next round asks again.
            Err(_) => return sleep(Duration::from_secs(1)).await,
        };
        self.leases.try_update(|leases| leases.insert(id, state));
    }

    async fn ask_key_count(self, id: LeaseId) {
        // Without an answer what was known stays, until it is asked about again.
        let keys = match api::leases::with_key_count(id).await {
            Ok(answer) => answer.lease.key_count,
            Err(_) => self
                .key_counts
                .try_with_untracked(|counts| counts.get(&id).and_then(|count| count.keys))
                .flatten(),
        };
        let asked = now_ms();
        self.key_counts
            .try_update(|counts| counts.insert(id, KeyCount { keys, asked }));
    }
}

/// The leases that were looked at lately; older looks are over. `None` when the page is gone.
fn looked_at(looks: StoredValue<HashMap<LeaseId, f64>>, now: f64) -> Option<Vec<LeaseId>> {
    looks.try_update_value(|looks| {
        looks.retain(|_, at| now - *at < LOOKED_MS);
        looks.keys().copied().collect()
    })
}
