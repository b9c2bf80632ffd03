//! The only module that names `etcd_client`: channels, endpoints, errors, and etcd's calls in the
//! gateway's own types.
//!
//! An [`Etcd`] is one cluster. It keeps six connections per endpoint, since a large range starves
//! everything else on its HTTP/2 connection: one for watches, one for leases (a keep-alive queued after a
//! range would be late), one for searches, two for `/v3` and one for the rest. Accounts, client certificates and fail-over
//! between endpoints are decided in this module only.

mod account;
mod auth;
mod caller;
mod channel;
mod error;
mod keep_alive;
mod kv;
mod lease;
mod maintenance;
mod member;
mod metrics;
mod permit;
mod range;
mod raw;
mod tls;
mod version;
mod watch;
mod wire;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use shared::Code;
use tokio::time::timeout_at;

pub(crate) use self::account::Transport;
pub(crate) use self::account::refuses_credentials;
pub use self::account::{Account, Credentials, Secret};
pub use self::auth::{AuthFact, PermissionFact};
pub use self::caller::{Caller, Identity};
pub(crate) use self::channel::Use;
pub use self::channel::{ConnectError, Settings};
pub use self::keep_alive::KeepAlives;
pub(crate) use self::kv::entry;
pub use self::kv::{
    Compare, Condition, Delete, Get, KeyValue, Op, OpResponse, Order, Put, RangeResponse, Sort,
    Txn, TxnResponse,
};
pub use self::lease::TimeToLive;
pub use self::maintenance::{AlarmFact, HashFact, SnapshotPiece, SnapshotStream};
pub use self::member::{MemberFact, StatusFact};
pub(crate) use self::permit::auth_is_off;
pub use self::range::{Range, next_key, prefix_end};
pub(crate) use self::raw::{RawCall, RawResponses, Refusal, Signature};
pub use self::tls::TlsError;
pub use self::version::{InvalidVersion, Minor, Version};
pub use self::watch::{Update, WatchFeatures, WatchOptions, WatchStream};
pub(crate) use self::wire::WatchCreateRequest;
use crate::failure::{Failure, Result};

/// One etcd cluster. Cheap to clone.
#[derive(Clone)]
pub struct Etcd {
    inner: Arc<Inner>,
    /// Whether its reads and transactions use the connections for searches.
    searches: bool,
}

struct Inner {
    settings: Settings,
    tls: Arc<tls::Tls>,
    /// One set of connections for each use.
    unary: channel::Rotating,
    searches: channel::Rotating,
    leases: channel::Rotating,
    watches: channel::Rotating,
    /// Unary calls of undecoded messages.
    raw_calls: channel::Rotating,
    /// Streams of undecoded messages. Separate, since a slow reader stalls everything on its connection.
    raw_streams: channel::Rotating,
    /// The gateway's own account; without it the gateway's requests carry no token.
    account: Option<Arc<Account>>,
    /// The library's clients for the gateway's own identity, the most frequent one.
    own_unary: etcd_client::Client,
    own_searches: etcd_client::Client,
    own_leases: etcd_client::Client,
}

/// Whether a call may change something: decides what a lost response means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

impl std::fmt::Debug for Etcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Etcd")
            .field("endpoints", &self.inner.settings.endpoints)
            .finish_non_exhaustive()
    }
}

impl Etcd {
    /// Prepares the connections, which are opened by their first call.
    pub async fn new(settings: Settings) -> std::result::Result<Self, ConnectError> {
        let tls = Arc::new(tls::Tls::read(&settings).await?);
        Self::with(settings, tls, None)
    }

    fn with(
        settings: Settings,
        tls: Arc<tls::Tls>,
        account: Option<Arc<Account>>,
    ) -> std::result::Result<Self, ConnectError> {
        let [unary, searches, leases, watches, raw_calls, raw_streams] =
            channel::connections(&settings, &tls)?;
        let account = account.or_else(|| {
            let credentials = settings.account.clone()?;
            Some(Account::gateway(unary.clone(), credentials))
        });
        let own = |connections: &channel::Rotating, usage| {
            let transport = Transport::new(connections.clone(), account.clone());
            channel::client(transport, usage)
        };
        Ok(Self {
            inner: Arc::new(Inner {
                own_unary: own(&unary, Use::Unary),
                own_searches: own(&searches, Use::Searches),
                own_leases: own(&leases, Use::Leases),
                settings,
                tls,
                unary,
                searches,
                leases,
                watches,
                raw_calls,
                raw_streams,
                account,
            }),
            searches: false,
        })
    }

    /// This cluster through one URL only, over connections of its own: for requests to that one member.
    /// It keeps the cluster's accounts and certificates: tokens are valid at every member, and signing in uses the
    /// cluster's own endpoints.
    pub fn at(&self, url: &str, dial_timeout: Duration) -> Result<Self> {
        let settings = Settings {
            endpoints: vec![url.to_owned()],
            dial_timeout,
            ..self.inner.settings.clone()
        };
        let tls = Arc::clone(&self.inner.tls);
        Self::with(settings, tls, self.inner.account.clone())
            .map_err(|error| Failure::new(Code::Unavailable, error.to_string()).source(error))
    }

    /// The same cluster, with ordinary calls over the connections for searches.
    #[must_use]
    pub fn for_searches(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            searches: true,
        }
    }

    /// The client URLs as configured.
    pub fn endpoints(&self) -> &[String] {
        &self.inner.settings.endpoints
    }

    /// Timeout of opening a connection.
    pub fn dial_timeout(&self) -> Duration {
        self.inner.settings.dial_timeout
    }

    /// Raw gRPC as `caller`, over the connections for this use: a tower service over
    /// `http::Request<tonic::body::Body>`, without a deadline and with untranslated errors.
    pub(crate) fn transport(&self, caller: &Caller, usage: Use) -> Transport {
        let account = match caller.identity.account() {
            Some(account) => Some(Arc::clone(account)),
            None => self.inner.account.clone(),
        };
        Transport::new(self.connections(usage).clone(), account)
    }

    /// As [`Self::transport`], without an account: a request's own credentials are passed on unchanged.
    pub(crate) fn unsigned(&self, usage: Use) -> Transport {
        Transport::new(self.connections(usage).clone(), None)
    }

    fn connections(&self, usage: Use) -> &channel::Rotating {
        match usage {
            Use::Unary => &self.inner.unary,
            Use::Searches => &self.inner.searches,
            Use::Leases => &self.inner.leases,
            Use::Watches => &self.inner.watches,
            Use::RawCalls => &self.inner.raw_calls,
            Use::RawStreams => &self.inner.raw_streams,
        }
    }

    /// The client for ordinary calls as `caller`.
    pub(in crate::etcd) fn unary(&self, caller: &Caller) -> Cow<'_, etcd_client::Client> {
        if self.searches {
            return self.client(caller, Use::Searches, &self.inner.own_searches);
        }
        self.client(caller, Use::Unary, &self.inner.own_unary)
    }

    /// The client for leases as `caller`.
    pub(in crate::etcd) fn leases_client(&self, caller: &Caller) -> Cow<'_, etcd_client::Client> {
        self.client(caller, Use::Leases, &self.inner.own_leases)
    }

    fn client<'a>(
        &self,
        caller: &Caller,
        usage: Use,
        own: &'a etcd_client::Client,
    ) -> Cow<'a, etcd_client::Client> {
        match caller.identity.account() {
            None => Cow::Borrowed(own),
            Some(_) => Cow::Owned(channel::client(self.transport(caller, usage), usage)),
        }
    }

    /// Runs one etcd call with the caller's deadline, and translates its error.
    pub(in crate::etcd) async fn call<T>(
        &self,
        caller: &Caller,
        effect: Effect,
        call: impl Future<Output = std::result::Result<T, etcd_client::Error>>,
    ) -> Result<T> {
        let response = match caller.deadline() {
            Some(deadline) => match timeout_at(deadline, call).await {
                Ok(response) => response,
                Err(_) => return Err(timed_out(effect)),
            },
            None => call.await,
        };
        response.map_err(|error| error::failure(effect, error))
    }
}

fn timed_out(effect: Effect) -> Failure {
    match effect {
        Effect::Read => Failure::new(Code::Timeout, "etcd did not respond in time")
            .hint("a longer ?timeout= may help; GET /readyz shows whether etcd can be reached"),
        Effect::Write => Failure::new(
            Code::OutcomeUnknown,
            "etcd did not respond in time: the write may have taken effect or may still",
        )
        .hint("read the key before writing again"),
    }
    .with(|facts| facts.timed_out = true)
}
