//! The only place that names `etcd_client`: channels, endpoints, errors, and etcd's calls in the
//! gateway's own words.
//!
//! An [`Etcd`] is one cluster. It keeps three connections per endpoint, since a large range on one
//! HTTP/2 connection starves whatever else is on it: one for watches, one for leases (a keep-alive
//! that waits behind a range comes too late), one for the rest. Accounts, client certificates and
//! more endpoints with fail-over change only this module.

mod auth;
mod channel;
pub mod embedded;
mod error;
mod keep_alive;
mod kv;
mod lease;
mod maintenance;
mod member;
mod range;
mod watch;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout_at;

pub use self::auth::{AuthFact, PermissionFact};
pub use self::channel::{ConnectError, Settings};
pub use self::keep_alive::KeepAlives;
pub(crate) use self::kv::entry;
pub use self::kv::{
    Compare, Condition, Delete, Get, KeyValue, Op, OpAnswer, Order, Put, RangeAnswer, Sort, Txn,
    TxnAnswer,
};
pub use self::lease::TimeToLive;
pub use self::maintenance::{AlarmFact, HashFact, SnapshotPiece, SnapshotStream};
pub use self::member::{MemberFact, StatusFact};
pub use self::range::{Range, prefix_end};
pub use self::watch::{Release, Update, WatchOptions, WatchStream};
use crate::caller::Caller;
use crate::failure::{Failure, Result};
use shared::Code;

/// One etcd cluster. Cheap to clone.
#[derive(Clone)]
pub struct Etcd {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    /// Ordinary calls.
    unary: etcd_client::Client,
    /// Leases; keep-alives are streams and require a leader.
    leases: etcd_client::Client,
    /// The connections of `leases`, for the streams of the lease keepers.
    lease_streams: channel::Rotating,
    /// Without a client of the crate's: watches are read field by field.
    watches: channel::Rotating,
}

/// Whether a call may change something: decides what a lost answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

impl std::fmt::Debug for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Etcd")
            .field("endpoints", &self.inner.settings.endpoints)
            .finish()
    }
}

impl Etcd {
    /// Prepares the connections; none is made before the first call.
    pub async fn new(settings: Settings) -> std::result::Result<Self, ConnectError> {
        let unary = channel::client(&settings, channel::Use::Unary).await?;
        let lease_streams = channel::connections(&settings).await?;
        let leases = channel::over(lease_streams.clone(), channel::Use::Streams).await?;
        let watches = channel::connections(&settings).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                unary,
                leases,
                lease_streams,
                watches,
            }),
        })
    }

    /// The same cluster through one URL alone, over connections of its own: for what concerns the one
    /// member behind it.
    pub async fn at(&self, url: &str, dial_timeout: Duration) -> Result<Self> {
        let settings = Settings {
            endpoints: vec![url.to_owned()],
            dial_timeout,
            ..self.inner.settings.clone()
        };
        Self::new(settings)
            .await
            .map_err(|error| Failure::new(Code::Unavailable, error.to_string()).source(error))
    }

    /// The client URLs as configured.
    pub fn endpoints(&self) -> &[String] {
        &self.inner.settings.endpoints
    }

    /// How long a connection may take to be made.
    pub fn dial_timeout(&self) -> Duration {
        self.inner.settings.dial_timeout
    }

    /// The client for ordinary calls as `caller`. There is one identity so far; a token of the
    /// caller's own will be added to each request here.
    pub(in crate::etcd) fn unary(&self, _caller: &Caller) -> &etcd_client::Client {
        &self.inner.unary
    }

    /// The client for leases as `caller`.
    pub(in crate::etcd) fn leases_client(&self, _caller: &Caller) -> &etcd_client::Client {
        &self.inner.leases
    }

    /// The connections of keep-alive streams as `caller`.
    pub(in crate::etcd) fn lease_streams(&self, _caller: &Caller) -> channel::Rotating {
        self.inner.lease_streams.clone()
    }

    /// The connections of watches as `caller`.
    pub(in crate::etcd) fn watches(&self, _caller: &Caller) -> channel::Rotating {
        self.inner.watches.clone()
    }

    /// The connections beneath the clients as `caller`, for calls that the crate lacks.
    pub(in crate::etcd) fn raw(&self, caller: &Caller) -> channel::Rotating {
        self.watches(caller)
    }

    /// Runs one etcd call within the caller's time and gives its error the API's code.
    pub(in crate::etcd) async fn call<T>(
        &self,
        caller: &Caller,
        effect: Effect,
        call: impl Future<Output = std::result::Result<T, etcd_client::Error>>,
    ) -> Result<T> {
        let answer = match caller.deadline() {
            Some(deadline) => match timeout_at(deadline, call).await {
                Ok(answer) => answer,
                Err(_) => return Err(out_of_time(effect)),
            },
            None => call.await,
        };
        answer.map_err(|error| error::failure(effect, error))
    }
}

fn out_of_time(effect: Effect) -> Failure {
    match effect {
        Effect::Read => Failure::new(Code::Timeout, "etcd did not answer in time")
            .hint("a longer ?timeout= may help; GET /readyz says whether etcd can be reached"),
        Effect::Write => Failure::new(
            Code::OutcomeUnknown,
            "etcd did not answer in time: the write may have taken effect or may still",
        )
        .hint("read the key before writing again"),
    }
    .with(|facts| facts.timed_out = true)
}
