//! Whether etcd accepts a caller's credentials, and whether they may read a range: checked without
//! reading anything.

use std::sync::Arc;

use etcd_client as ec;
use http::HeaderValue;
use shared::Code;

use super::Caller;
use super::account::{self, Account, Credentials, NOT_ENABLED, Secret, Transport};
use super::channel::{self, Use};
use super::{Effect, Etcd, Get, Range, error};
use crate::failure::{Failure, Result};

/// No store ever reaches this revision, so that etcd checks the permission and then reads nothing.
const FUTURE: i64 = i64::MAX;

impl Etcd {
    /// The account of a name and password, which etcd checks.
    pub async fn sign_in(&self, credentials: Credentials) -> Result<Arc<Account>> {
        let connections = &self.inner.unary;
        let token = account::authenticate(connections, &credentials).await;
        let token = token.map_err(|status| error::from_status(Effect::Read, status))?;
        Ok(Account::user(connections.clone(), credentials, token))
    }

    /// The account of an unchecked token; `None` if it is not a valid header value.
    pub fn account_of(&self, hash: [u8; 32], token: &Secret) -> Option<Arc<Account>> {
        let value: HeaderValue = account::header_value(token.reveal())?;
        Some(Account::token(self.inner.unary.clone(), hash, value))
    }

    /// Whether etcd's auth is on. While it is off, etcd accepts any invented token.
    pub async fn auth_is_on(&self, caller: &Caller) -> Result<bool> {
        let anonymous = Transport::new(self.inner.unary.clone(), None);
        let mut kv = channel::client(anonymous, Use::Unary).kv_client();
        let options = ec::GetOptions::new().with_serializable().with_count_only();
        let read = kv.get([0], Some(options));
        match self.call(caller, Effect::Read, read).await {
            Err(failure) if matches!(failure.code, Code::Unauthenticated | Code::Forbidden) => {
                Ok(true)
            }
            Err(failure) => Err(failure),
            // A client certificate may name a user.
            Ok(_) if self.inner.settings.identity.is_some() => self.requires_passwords().await,
            Ok(_) => Ok(false),
        }
    }

    async fn requires_passwords(&self) -> Result<bool> {
        let anonymous = Credentials {
            name: String::new(),
            password: Secret::new(""),
        };
        match account::authenticate(&self.inner.unary, &anonymous).await {
            Err(status) if status.message().contains(NOT_ENABLED) => Ok(false),
            Err(status) if account::refuses_credentials(status.message()) => Ok(true),
            Err(status) => Err(error::from_status(Effect::Read, status)),
            Ok(_) => Ok(true),
        }
    }

    /// Checks that the caller may read all of a range: `forbidden` or `unauthenticated` otherwise.
    /// Cheap for etcd, however large the range is.
    pub async fn may_read(&self, caller: &Caller, range: &Range) -> Result<()> {
        let get = Get {
            serializable: true,
            ..Get::default().at(FUTURE).limit(1)
        };
        match self.range(caller, range, &get).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.code == Code::FutureRevision => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

/// etcd's types of permission that include reading.
const READ_TYPES: [i32; 2] = [0, 2];

impl Etcd {
    /// The name of the caller's user while etcd's auth is on; `None` if it is unknown (a token does not
    /// contain it).
    pub fn user_name(&self, caller: &Caller) -> Option<String> {
        match (caller.identity.account(), &self.inner.account) {
            (Some(account), _) | (None, Some(account)) => account.user_name(),
            // etcd uses the name in our certificate, if configured to.
            (None, None) => self.inner.tls.common_name(),
        }
    }

    /// The ranges that the caller's roles let it read, in order and merged where they touch; `None`
    /// if the caller's user is unknown (a token does not name it).
    pub async fn readable(&self, caller: &Caller) -> Result<Option<Vec<Range>>> {
        let Some(name) = self.user_name(caller) else {
            return Ok(None);
        };
        let mut auth = self.unary(caller).auth_client();
        let user = match self.call(caller, Effect::Read, auth.user_get(name)).await {
            // The name in a certificate may not be a user's.
            Err(failure) if failure.code == Code::UserNotFound => return Ok(None),
            user => user?,
        };
        let mut ranges = Vec::new();
        for role in user.0.roles {
            let role = self.call(caller, Effect::Read, auth.role_get(role)).await?;
            let reading = role.0.perm.into_iter();
            let reading = reading.filter(|permission| READ_TYPES.contains(&permission.perm_type));
            ranges.extend(reading.map(|permission| Range {
                key: permission.key,
                end: Some(permission.range_end).filter(|end| !end.is_empty()),
            }));
        }
        Ok(Some(Range::union(ranges)))
    }
}

/// The error for a request with credentials while etcd's auth is off.
pub(crate) fn auth_is_off() -> Failure {
    Failure::new(
        Code::Unauthenticated,
        "etcd's auth is off, so there are no users or tokens",
    )
    .hint("omit the Authorization header: etcd would accept any invented token")
}
