//! Who asks, and until when.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::etcd::Account;

/// Whose permissions an etcd call has. Hubs, shared reads and caches are keyed by it, for each
/// cluster apart: an account is one cluster's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// The account configured for the cluster (none where etcd's auth is off).
    Gateway,
    /// A user of etcd's, whose password etcd has checked.
    User(Arc<Account>),
    /// Whoever holds an etcd token that etcd has accepted; told apart by its hash.
    Token(Arc<Account>),
}

impl Identity {
    /// The account that signs its requests; the gateway's own is the cluster's.
    pub(crate) fn account(&self) -> Option<&Arc<Account>> {
        match self {
            Self::Gateway => None,
            Self::User(account) | Self::Token(account) => Some(account),
        }
    }
}

/// Who asks, and how long etcd may take to answer. Every service method takes one.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose permissions apply.
    pub identity: Identity,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
}

impl Caller {
    /// A caller that gives etcd `timeout` from now, or for ever (streams).
    pub fn new(identity: Identity, timeout: Option<Duration>) -> Self {
        Self {
            identity,
            timeout,
            // A time beyond the clock's end is no limit.
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        }
    }

    /// The gateway's own errands.
    pub fn gateway(timeout: Duration) -> Self {
        Self::new(Identity::Gateway, Some(timeout))
    }

    /// When etcd must have answered.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether half of the time is gone: what can be answered in pieces ends the piece here.
    pub fn is_half_spent(&self) -> bool {
        match (self.deadline, self.timeout) {
            (Some(deadline), Some(timeout)) => {
                deadline.saturating_duration_since(Instant::now()) < timeout / 2
            }
            _ => false,
        }
    }

    /// The gateway's own identity with the same deadline: for facts of the cluster that are the same for
    /// every caller.
    #[must_use]
    pub fn as_gateway(&self) -> Self {
        Self {
            identity: Identity::Gateway,
            ..self.clone()
        }
    }

    /// The same caller with a time of its own from now: for each step of what has no end.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self::new(self.identity.clone(), Some(timeout))
    }

    /// The same caller with its time starting anew: for calls after a wait, which the timeout does
    /// not cover.
    #[must_use]
    pub fn renewed(&self) -> Self {
        Self::new(self.identity.clone(), self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_the_clock_is_no_limit() {
        assert!(Caller::gateway(Duration::MAX).deadline().is_none());
        assert!(Caller::gateway(Duration::from_secs(1)).deadline().is_some());
    }

    #[test]
    fn half_of_the_time_goes_by() {
        assert!(!Caller::gateway(Duration::from_hours(1)).is_half_spent());
        assert!(!Caller::new(Identity::Gateway, None).is_half_spent());
        assert!(
            Caller::gateway(Duration::ZERO)
                .renewed()
                .deadline()
                .is_some()
        );
        let late = Caller {
            deadline: Some(Instant::now()),
            ..Caller::gateway(Duration::from_secs(1))
        };
        assert!(late.is_half_spent());
    }
}
