//! How often one address may fail to sign in, and how many of its sign-ins may wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::Code;
use tokio::time::Instant;

use crate::failure::{Failure, Result};

/// Failures in a row.
const BURST: u32 = 10;
/// One more is forgiven after so long.
const FORGIVEN: Duration = Duration::from_secs(6);
/// Addresses remembered.
const MOST: usize = 4096;
/// Secrets of one address that wait for etcd's word.
const WAITING: usize = 64;
/// Who gives up before has not let etcd answer: the attempt counts as failed. Later it is etcd that
/// is slow.
const HASTY: Duration = Duration::from_secs(2);

/// The attempts of each address.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// When the last of its failures would be forgiven.
    forgiven: Mutex<HashMap<IpAddr, Instant>>,
    waiting: Mutex<HashMap<IpAddr, usize>>,
}

impl Attempts {
    /// Whether another attempt is allowed.
    pub(super) fn allow(&self, from: IpAddr, now: Instant) -> Result<()> {
        allowed(&self.forgiven(), place(from), now)
    }

    /// A place among those who wait, until it is dropped.
    pub(super) fn queue(&self, from: IpAddr) -> Result<Queued<'_>> {
        let address = place(from);
        let mut waiting = self.waiting();
        let count = waiting.entry(address).or_default();
        if *count >= WAITING {
            return Err(Failure::new(
                Code::RateLimited,
                "too many attempts to sign in from this address wait for etcd",
            )
            .hint("sign in with one after the other"));
        }
        *count += 1;
        Ok(Queued {
            attempts: self,
            address,
        })
    }

    /// An attempt, if another is allowed. It counts as failed until it is known that it has not:
    /// attempts at the same time would else all be allowed before the first has failed.
    pub(super) fn begin(&self, from: IpAddr, now: Instant) -> Result<Attempt<'_>> {
        let address = place(from);
        let mut forgiven = self.forgiven();
        allowed(&forgiven, address, now)?;
        if forgiven.len() >= MOST {
            forgiven.retain(|_, until| *until > now);
            if forgiven.len() >= MOST {
                // Under such an attack from everywhere, forgetting is the lesser evil.
                forgiven.clear();
            }
        }
        let until = forgiven.entry(address).or_insert(now);
        *until = (*until).max(now) + FORGIVEN;
        Ok(Attempt {
            attempts: self,
            address,
            since: now,
            failed: None,
        })
    }

    fn forgiven(&self) -> MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.forgiven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Attempts::queue`].
#[derive(Debug)]
pub(super) struct Queued<'a> {
    attempts: &'a Attempts,
    address: IpAddr,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut waiting = self.attempts.waiting();
        if let Some(count) = waiting.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.address);
            }
        }
    }
}

/// See [`Attempts::begin`].
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    address: IpAddr,
    since: Instant,
    failed: Option<bool>,
}

impl Attempt<'_> {
    /// etcd has answered.
    pub(super) fn end(mut self, failed: bool) {
        self.failed = Some(failed);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.failed.unwrap_or(self.since.elapsed() < HASTY) {
            return;
        }
        if let Some(until) = self.attempts.forgiven().get_mut(&self.address) {
            *until = until.checked_sub(FORGIVEN).unwrap_or(*until);
        }
    }
}

fn allowed(forgiven: &HashMap<IpAddr, Instant>, address: IpAddr, now: Instant) -> Result<()> {
    match forgiven.get(&address) {
        Some(until) if *until > now + FORGIVEN * (BURST - 1) => Err(Failure::new(
            Code::RateLimited,
            "too many attempts to sign in have failed from this address",
        )
        .hint(format!(
            "one more is possible every {} s",
            FORGIVEN.as_secs()
        ))),
        _ => Ok(()),
    }
}

/// An address of IPv6 is cheap: its network counts.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> IpAddr {
        "127.0.0.1".parse().expect("an address")
    }

    #[test]
    fn failures_are_limited_and_forgiven() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..BURST {
            let attempt = attempts.begin(here(), now);
            attempt.expect("not yet too many").end(true);
        }
        let refused = attempts.begin(here(), now).expect_err("too many");
        assert_eq!(refused.code, Code::RateLimited);
        let other = "127.0.0.2".parse().expect("an address");
        attempts.allow(other, now).expect("somebody else");
        attempts
            .allow(here(), now + FORGIVEN)
            .expect("one is forgiven");
    }

    #[test]
    fn attempts_at_the_same_time_are_limited_too() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let begun: Vec<_> = (0..BURST)
            .map(|_| attempts.begin(here(), now).expect("not yet too many"))
            .collect();
        assert!(attempts.begin(here(), now).is_err());
        for attempt in begun {
            attempt.end(false);
        }
        for _ in 0..2 * BURST {
            let attempt = attempts.begin(here(), now);
            attempt.expect("none of them has failed").end(false);
        }
    }

    #[test]
    fn who_does_not_wait_for_the_answer_has_failed_and_who_waited_long_has_not() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..2 * BURST {
            let mut attempt = attempts.begin(here(), now).expect("not too many");
            attempt.since = now.checked_sub(HASTY).expect("the clock is older");
        }
        for _ in 0..BURST {
            drop(attempts.begin(here(), now).expect("not too many"));
        }
        assert!(attempts.begin(here(), now).is_err());
    }

    #[test]
    fn an_address_does_not_fill_the_queue() {
        let attempts = Attempts::default();
        let mut waiting: Vec<_> = (0..WAITING)
            .map(|_| attempts.queue(here()).expect("there is room"))
            .collect();
        let refused = attempts.queue(here()).expect_err("too many");
        assert_eq!(refused.code, Code::RateLimited);
        let other = "127.0.0.2".parse().expect("an address");
        attempts.queue(other).expect("somebody else");
        waiting.pop();
        attempts.queue(here()).expect("there is room again");
        waiting.clear();
        assert!(attempts.waiting().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        let of = |text: &str| place(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
