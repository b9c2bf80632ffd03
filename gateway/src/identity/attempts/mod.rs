//! How often sign-ins may fail, and how many may wait for etcd.
//!
//! Failures count per name and address, so that guessing one user's password locks out no other user,
//! even behind a proxy, where all clients share one address. A wider limit per address stops attempts
//! with many names. It applies to unknown names only: a name that signed in within the last day is
//! neither refused by it nor waits in its queue. The exact password that signed in within the last day
//! is not a guess, and no limit applies to it.
//!
//! A token has no name: its hash is used as both name and secret. The address is that of the connection. A client
//! chooses what `X-Forwarded-For` says, so trusting it would give a guesser as many addresses as it
//! likes.

use std::collections::HashMap;
use std::hash::Hash as Key;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::Code;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::accepted::Hash;
use crate::failure::{Failure, Result};

/// Failures of one name at one address.
const PER_NAME: Limit = Limit {
    burst: 10,
    forgiven: Duration::from_secs(6),
    max_entries: 16_384,
};
/// Failures of unknown names at one address.
const PER_ADDRESS: Limit = Limit {
    burst: 100,
    forgiven: Duration::from_secs(1),
    max_entries: 4096,
};
/// How long a name and a password stay known after a sign-in.
const KNOWN_FOR: Duration = Duration::from_hours(24);
/// Known names and passwords at most; the one that signed in longest ago is dropped first.
const MAX_KNOWN: usize = 16_384;
/// Attempts of one name at one address that wait for etcd.
const MAX_WAITING_PER_NAME: usize = 64;
/// Attempts of unknown names at one address that wait for etcd.
const MAX_WAITING_PER_ADDRESS: usize = 512;
/// Entries at most in each table of waiting attempts.
const MAX_WAITING: usize = 16_384;
/// Attempts that etcd checks at the same time: this many of known names and as many of others.
const CHECKS: usize = 4;
/// An attempt that the client cancels before this counts as failed, since etcd had no time to respond.
/// After it, etcd is slow, and the client is not to blame.
const EARLY_CANCEL: Duration = Duration::from_secs(2);

/// A token bucket: `burst` failures at once, then one more per `forgiven`.
#[derive(Clone, Copy, Debug)]
struct Limit {
    burst: u32,
    forgiven: Duration,
    /// Entries of its table at most.
    max_entries: usize,
}

/// The name and secret of an attempt, as keyed hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// The user's name, or the token.
    pub(super) name: Hash,
    /// The name with the password, or the token.
    pub(super) secret: Hash,
}

/// A subject's earlier sign-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// This exact secret has signed in within the last day.
    Proven,
    /// This name has signed in within the last day, with another secret.
    Known,
    Unknown,
}

/// The attempts at one cluster.
#[derive(Debug)]
pub(super) struct Attempts {
    state: Mutex<State>,
    /// Known names have their own queue, which attempts with other names cannot fill.
    known: Semaphore,
    unknown: Semaphore,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            known: Semaphore::new(CHECKS),
            unknown: Semaphore::new(CHECKS),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    of_names: Failures<(IpAddr, Hash)>,
    of_addresses: Failures<IpAddr>,
    /// Names and secrets that signed in, and when.
    signed_in: HashMap<Hash, Instant>,
    names_waiting: HashMap<(IpAddr, Hash), usize>,
    addresses_waiting: HashMap<IpAddr, usize>,
}

/// For each key, when its failures are all forgiven.
#[derive(Debug)]
struct Failures<K>(HashMap<K, Instant>);

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Key + Eq + Copy> Failures<K> {
    fn allows(&self, limit: Limit, key: &K, now: Instant) -> bool {
        let full = now + limit.forgiven * (limit.burst - 1);
        self.0.get(key).is_none_or(|until| *until <= full)
    }

    fn add(&mut self, limit: Limit, key: K, now: Instant) {
        if self.0.len() >= limit.max_entries && !self.0.contains_key(&key) {
            self.0.retain(|_, until| *until > now);
        }
        if self.0.len() >= limit.max_entries && !self.0.contains_key(&key) {
            remove_earliest(&mut self.0);
        }
        let until = self.0.entry(key).or_insert(now);
        *until = (*until).max(now) + limit.forgiven;
    }

    fn remove_one(&mut self, limit: Limit, key: &K) {
        if let Some(until) = self.0.get_mut(key) {
            *until = until.checked_sub(limit.forgiven).unwrap_or(*until);
        }
    }
}

fn remove_earliest<K: Key + Eq + Copy>(times: &mut HashMap<K, Instant>) {
    let earliest = times.iter().min_by_key(|(_, at)| **at);
    if let Some(earliest) = earliest.map(|(key, _)| *key) {
        times.remove(&earliest);
    }
}

impl State {
    fn standing(&self, subject: &Subject, now: Instant) -> Standing {
        let recent = |hash: &Hash| {
            let at = self.signed_in.get(hash);
            at.is_some_and(|at| now.saturating_duration_since(*at) < KNOWN_FOR)
        };
        if recent(&subject.secret) {
            Standing::Proven
        } else if recent(&subject.name) {
            Standing::Known
        } else {
            Standing::Unknown
        }
    }

    fn check_limits(&self, at: IpAddr, subject: &Subject, now: Instant) -> Result<Standing> {
        let standing = self.standing(subject, now);
        if standing == Standing::Proven {
            return Ok(standing);
        }
        if !self.of_names.allows(PER_NAME, &(at, subject.name), now) {
            let detail = "too many failed sign-ins with this name or token from this address";
            return Err(rate_limited(detail, PER_NAME));
        }
        if standing == Standing::Unknown && !self.of_addresses.allows(PER_ADDRESS, &at, now) {
            let detail = "too many failed sign-ins from this address";
            return Err(rate_limited(detail, PER_ADDRESS));
        }
        Ok(standing)
    }

    fn signed_in(&mut self, subject: &Subject, now: Instant) {
        for hash in [subject.name, subject.secret] {
            if self.signed_in.len() >= MAX_KNOWN && !self.signed_in.contains_key(&hash) {
                remove_earliest(&mut self.signed_in);
            }
            self.signed_in.insert(hash, now);
        }
    }
}

fn rate_limited(detail: &str, limit: Limit) -> Failure {
    let every = limit.forgiven.as_secs();
    Failure::new(Code::RateLimited, detail)
        .hint(format!("one more attempt is allowed every {every} s"))
}

impl Attempts {
    /// Waits for a free slot of [`CHECKS`].
    ///
    /// # Errors
    /// `rate_limited` where too many attempts have failed or are waiting.
    pub(super) async fn queue(&self, from: IpAddr, subject: Subject) -> Result<Slot<'_>> {
        let (standing, waiting) = self.enter(from, subject, Instant::now())?;
        let queue = match standing {
            Standing::Proven | Standing::Known => &self.known,
            Standing::Unknown => &self.unknown,
        };
        let permit = queue.acquire().await.expect("the queue is never closed");
        Ok(Slot {
            _permit: permit,
            _waiting: waiting,
        })
    }

    /// Counts the attempt as waiting.
    fn enter(
        &self,
        from: IpAddr,
        subject: Subject,
        now: Instant,
    ) -> Result<(Standing, Option<Waiting<'_>>)> {
        let address = network(from);
        let mut state = self.state();
        let standing = state.check_limits(address, &subject, now)?;
        if standing == Standing::Proven {
            return Ok((standing, None));
        }
        let key = (address, subject.name);
        let of_name = state.names_waiting.get(&key).copied().unwrap_or(0);
        let of_address = state.addresses_waiting.get(&address).copied().unwrap_or(0);
        let unknown = standing == Standing::Unknown;
        let full = state.names_waiting.len() >= MAX_WAITING && of_name == 0;
        if of_name >= MAX_WAITING_PER_NAME
            || unknown && (of_address >= MAX_WAITING_PER_ADDRESS || full)
        {
            let detail = "too many sign-ins from this address are waiting for etcd";
            return Err(Failure::new(Code::RateLimited, detail).hint("sign in one at a time"));
        }
        *state.names_waiting.entry(key).or_default() += 1;
        if unknown {
            *state.addresses_waiting.entry(address).or_default() += 1;
        }
        drop(state);
        let waiting = Waiting {
            attempts: self,
            address,
            name: subject.name,
            unknown,
        };
        Ok((standing, Some(waiting)))
    }

    /// Begins an attempt. It counts as failed until its outcome is known: otherwise concurrent attempts
    /// would all be allowed before the first has failed.
    ///
    /// # Errors
    /// `rate_limited` where too many have failed.
    pub(super) fn begin(
        &self,
        from: IpAddr,
        subject: Subject,
        now: Instant,
    ) -> Result<Attempt<'_>> {
        let address = network(from);
        let mut state = self.state();
        let standing = state.check_limits(address, &subject, now)?;
        if standing != Standing::Proven {
            state.of_names.add(PER_NAME, (address, subject.name), now);
        }
        if standing == Standing::Unknown {
            state.of_addresses.add(PER_ADDRESS, address, now);
        }
        drop(state);
        Ok(Attempt {
            attempts: self,
            address,
            subject,
            standing,
            since: now,
            outcome: None,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot of [`Attempts::queue`], free again when dropped.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    _permit: SemaphorePermit<'a>,
    _waiting: Option<Waiting<'a>>,
}

#[derive(Debug)]
struct Waiting<'a> {
    attempts: &'a Attempts,
    address: IpAddr,
    name: Hash,
    /// Whether it counts for its address too.
    unknown: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.attempts.state();
        leave(&mut state.names_waiting, (self.address, self.name));
        if self.unknown {
            leave(&mut state.addresses_waiting, self.address);
        }
    }
}

fn leave<K: Key + Eq>(waiting: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = waiting.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            waiting.remove(&key);
        }
    }
}

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    SignedIn,
    Refused,
    /// etcd failed to respond.
    Unknown,
}

/// See [`Attempts::begin`].
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    address: IpAddr,
    subject: Subject,
    standing: Standing,
    since: Instant,
    outcome: Option<Outcome>,
}

impl Attempt<'_> {
    /// Records what etcd responded.
    pub(super) fn end(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut state = self.attempts.state();
        let outcome = self
            .outcome
            .unwrap_or(if self.since.elapsed() < EARLY_CANCEL {
                Outcome::Refused
            } else {
                Outcome::Unknown
            });
        match outcome {
            Outcome::SignedIn => state.signed_in(&self.subject, Instant::now()),
            Outcome::Refused if self.outcome.is_some() => {
                // The password was changed: from now on this one counts as a guess.
                state.signed_in.remove(&self.subject.secret);
            }
            Outcome::Refused | Outcome::Unknown => {}
        }
        if outcome == Outcome::Refused {
            return;
        }
        if self.standing != Standing::Proven {
            let key = (self.address, self.subject.name);
            state.of_names.remove_one(PER_NAME, &key);
        }
        if self.standing == Standing::Unknown {
            state.of_addresses.remove_one(PER_ADDRESS, &self.address);
        }
    }
}

/// The address that limits apply to; for IPv6 its /64 network, since a client has a whole network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
