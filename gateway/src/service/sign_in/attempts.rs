//! How often one address may fail to sign in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
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

/// The failures of each address: when the last of them would be forgiven.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    forgiven: Mutex<HashMap<IpAddr, Instant>>,
}

impl Attempts {
    /// Whether another attempt is allowed.
    pub(super) fn allow(&self, from: IpAddr, now: Instant) -> Result<()> {
        let forgiven = self.forgiven.lock().unwrap_or_else(PoisonError::into_inner);
        match forgiven.get(&place(from)) {
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

    /// One more has failed.
    pub(super) fn failed(&self, from: IpAddr, now: Instant) {
        let mut forgiven = self.forgiven.lock().unwrap_or_else(PoisonError::into_inner);
        if forgiven.len() >= MOST {
            forgiven.retain(|_, until| *until > now);
            if forgiven.len() >= MOST {
                // Under such an attack from everywhere, forgetting is the lesser evil.
                forgiven.clear();
            }
        }
        let until = forgiven.entry(place(from)).or_insert(now);
        *until = (*until).max(now) + FORGIVEN;
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

    #[test]
    fn failures_are_limited_and_forgiven() {
        let attempts = Attempts::default();
        let here: IpAddr = "127.0.0.1".parse().expect("an address");
        let now = Instant::now();
        for _ in 0..BURST {
            attempts.allow(here, now).expect("not yet too many");
            attempts.failed(here, now);
        }
        let refused = attempts.allow(here, now).expect_err("too many");
        assert_eq!(refused.code, Code::RateLimited);
        let other = "127.0.0.2".parse().expect("an address");
        attempts.allow(other, now).expect("somebody else");
        attempts
            .allow(here, now + FORGIVEN)
            .expect("one is forgiven");
    }

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        let of = |text: &str| place(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
