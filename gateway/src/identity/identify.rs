//! Which identity a request has at a cluster.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::ConnectInfo;
use http::header;
use http::request::Parts;
use shared::Code;
use tokio::time::timeout;

use super::SignIn;
use super::credential::Credential;
use crate::config::{Anonymous, Config};
use crate::etcd::Identity;
use crate::failure::{Failure, Result};
use crate::server::Connection;

/// The client's address.
pub fn peer(config: &Config, parts: &Parts) -> IpAddr {
    connection(parts).map_or(config.listen.ip(), |ends| ends.peer.ip())
}

fn connection(parts: &Parts) -> Option<Connection> {
    let ends = parts.extensions.get::<ConnectInfo<Connection>>();
    ends.map(|ConnectInfo(ends)| ends.clone())
}

impl SignIn {
    /// The identity of a request. Without credentials it is the gateway's own account, where that is
    /// allowed. etcd must respond `within` this time.
    ///
    /// # Errors
    /// `unauthenticated`, `rate_limited`, `timeout`, and what etcd refuses.
    pub async fn identify(
        &self,
        config: &Config,
        parts: &Parts,
        credential: Credential,
        within: Duration,
    ) -> Result<Identity> {
        let from = peer(config, parts);
        match credential {
            Credential::Password(credentials) => {
                let checking = self.with_password(from, credentials);
                in_time(within, Box::pin(checking)).await
            }
            Credential::Token(token) => {
                let checking = self.with_token(from, &token);
                in_time(within, Box::pin(checking)).await
            }
            Credential::Session(session) => {
                let checking = self.with_session(from, &session);
                in_time(within, Box::pin(checking)).await
            }
            Credential::None => self.anonymous(config, parts),
        }
    }

    /// Refuses a token that etcd would not check: while its auth is disabled it accepts any, so a token is
    /// let through only where a request without credentials would be.
    ///
    /// # Errors
    /// As [`SignIn::identify`].
    pub async fn allow_unchecked_token(
        &self,
        config: &Config,
        parts: &Parts,
        within: Duration,
    ) -> Result<()> {
        if self.anonymous(config, parts).is_ok() {
            return Ok(());
        }
        in_time(within, self.require_auth()).await
    }

    /// Whether every request to this cluster must have credentials.
    pub fn is_required(&self, config: &Config) -> bool {
        let open = config.listen.ip().is_loopback() && config.allow_host.is_empty();
        self.anonymous != Some(Anonymous::Gateway) && !open
    }

    /// The identity of a request without credentials.
    pub(super) fn anonymous(&self, config: &Config, parts: &Parts) -> Result<Identity> {
        if self.anonymous == Some(Anonymous::Gateway) || is_local(config, parts) {
            return Ok(Identity::Gateway);
        }
        Err(Failure::new(
            Code::Unauthenticated,
            "the request has no credentials, and may come from another machine",
        )
        .hint(
            "sign in as an etcd user (POST /session, or Authorization: Basic or Bearer); if a proxy in front \
             authenticates its users, or everyone may have the gateway's rights, start with --anonymous \
             gateway",
        ))
    }
}

pub(super) async fn in_time<T>(
    within: Duration,
    checking: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(within, checking).await.unwrap_or_else(|_| {
        let failure = Failure::new(Code::Timeout, "etcd did not check the credentials in time");
        Err(failure.hint("GET /readyz reports whether etcd can be reached"))
    })
}

/// Whether only a process on this machine can have sent the request.
fn is_local(config: &Config, parts: &Parts) -> bool {
    let local: SocketAddr = connection(parts).map_or(config.listen, |ends| ends.local);
    let forwarded = parts
        .headers
        .keys()
        .any(|name| name == header::FORWARDED || name.as_str().starts_with("x-forwarded-"));
    config.listen.ip().is_loopback()
        && local.ip().to_canonical().is_loopback()
        && config.allow_host.is_empty()
        && !forwarded
}
