//! The caller of a service method: an identity and a deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Account;

/// Whose permissions an etcd call has. Hubs, shared reads and caches are keyed by it, separately for
/// each cluster: an account belongs to one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// The account configured for the cluster (none needed while etcd's auth is off).
    Gateway,
    /// A user of etcd's, whose password etcd has checked.
    User(Arc<Account>),
    /// The holder of a token that etcd has accepted; distinguished by the token's hash.
    Token(Arc<Account>),
}

impl Identity {
    /// The account that signs its requests; for the gateway's own identity the cluster's account.
    pub(crate) fn account(&self) -> Option<&Arc<Account>> {
        match self {
            Self::Gateway => None,
            Self::User(account) | Self::Token(account) => Some(account),
        }
    }
}

/// The identity of a caller, and how long etcd may take to respond. Every service method takes one.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose permissions apply.
    pub identity: Identity,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
}

impl Caller {
    /// A caller with `timeout` from now, or without one (streams).
    pub fn new(identity: Identity, timeout: Option<Duration>) -> Self {
        Self {
            identity,
            timeout,
            // A deadline beyond the clock's range means no limit.
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        }
    }

    /// The gateway itself, for its own requests.
    pub fn gateway(timeout: Duration) -> Self {
        Self::new(Identity::Gateway, Some(timeout))
    }

    /// When etcd must have responded.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether half of the time has passed: a response that can be split into pages ends the page here.
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

    /// The same caller with a new timeout from now: for each step of an endless operation.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self::new(self.identity.clone(), Some(timeout))
    }

    /// The same caller with its timeout restarted: for calls after a wait, which the timeout does not
    /// cover.
    #[must_use]
    pub fn renewed(&self) -> Self {
        Self::new(self.identity.clone(), self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_beyond_the_clock_means_no_limit() {
        assert!(Caller::gateway(Duration::MAX).deadline().is_none());
        assert!(Caller::gateway(Duration::from_secs(1)).deadline().is_some());
    }

    #[test]
    fn half_of_the_timeout_passes() {
        assert!(!Caller::gateway(Duration::from_hours(1)).is_half_spent());
        assert!(!Caller::new(Identity::Gateway, None).is_half_spent());
        assert!(
            Caller::gateway(Duration::ZERO)
                .renewed()
                .deadline()
                .is_some()
        );
        let half_spent = Caller {
            deadline: Some(Instant::now()),
            ..Caller::gateway(Duration::from_secs(1))
        };
        assert!(half_spent.is_half_spent());
    }
}
