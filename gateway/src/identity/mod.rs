//! Who a request acts as: its credentials become an [`Identity`] of one cluster.
//!
//! - [`credential`] reads the headers, [`SignIn::identify`] decides.
//! - etcd always decides whether credentials are right: it checks each password, and a token counts only
//!   after etcd has accepted a call with it. Credentials that are refused never fall back to another
//!   account.
//! - [`accepted`] caches recently accepted secrets under a keyed hash, so that the next request need not
//!   wait for etcd's slow password hash. An entry is dropped when etcd refuses the account, when the same
//!   user signs in with another password, and when it expires.
//! - [`session`] seals a name and password into a cookie, for browsers; [`acts_as`] describes to them which
//!   account requests act as.
//! - [`attempts`] limits failed sign-ins and those that wait for etcd; [`auth_state`] knows whether etcd's
//!   auth is enabled.

mod accepted;
mod acts_as;
mod attempts;
mod auth_state;
pub mod credential;
mod identify;
pub mod session;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use shared::Code;
use tokio::time::Instant;

use self::accepted::{Accepted, Hash};
use self::attempts::{Attempts, Outcome, Subject};
use self::auth_state::AuthState;
use self::credential::Credential;
pub use self::identify::peer;
use self::session::{EndReason, Session};
use crate::config::Anonymous;
pub use crate::etcd::{Caller, Identity};
use crate::etcd::{Credentials, Etcd, Range, Secret, auth_is_off};
use crate::failure::{Failure, Result};

/// Timeout of a request to etcd.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Held while etcd checks a secret, so that concurrent requests with the same secret cause one check.
type SecretLock = tokio::sync::Mutex<()>;

/// Sign-in at one cluster.
#[derive(Debug)]
pub struct SignIn {
    etcd: Etcd,
    /// Random per process, so that the hashes are useless outside it.
    key: Hash,
    accepted: Mutex<Accepted>,
    secret_locks: Mutex<HashMap<Hash, Weak<SecretLock>>>,
    attempts: Attempts,
    auth: AuthState,
    /// Which identity requests without credentials have, where other machines can send them.
    anonymous: Option<Anonymous>,
}

impl SignIn {
    /// For one cluster, without accepted secrets.
    pub fn new(etcd: Etcd, anonymous: Option<Anonymous>) -> Self {
        let mut key = [0; 32];
        rustls::crypto::aws_lc_rs::default_provider()
            .secure_random
            .fill(&mut key)
            .expect("the system has random numbers");
        Self {
            etcd,
            key,
            accepted: Mutex::default(),
            secret_locks: Mutex::default(),
            attempts: Attempts::default(),
            auth: AuthState::default(),
            anonymous,
        }
    }

    /// Signs in with name and password; failures are limited per name and `from`, the client's address.
    pub async fn with_password(&self, from: IpAddr, credentials: Credentials) -> Result<Identity> {
        self.require_auth().await?;
        let subject = self.user(&credentials);
        self.cached_or(subject.secret, async {
            let checking = self.etcd.sign_in(credentials);
            let account = self.check(from, subject, checking).await?;
            Ok(self.accepted().user(subject.secret, account))
        })
        .await
    }

    /// The user of a session. A refusal by etcd ends the session, so that a cookie costs its user's limit of
    /// failures one of them.
    pub async fn with_session(&self, from: IpAddr, session: &Session) -> Result<Identity> {
        if !self.auth_is_enabled().await? {
            session.end().signal(EndReason::AuthOff);
            return Err(EndReason::AuthOff.failure());
        }
        let credentials = session.credentials();
        let subject = self.user(credentials);
        let identity = self
            .cached_or(subject.secret, async {
                // A concurrent request of the session may have been refused meanwhile.
                if let Some(reason) = session.end().reason() {
                    return Err(reason.failure());
                }
                let checking = self.etcd.sign_in(credentials.clone());
                match self.check(from, subject, checking).await {
                    Ok(account) => Ok(self.accepted().user(subject.secret, account)),
                    Err(failure) if failure.code == Code::Unauthenticated => {
                        session.end().signal(EndReason::Refused);
                        Err(EndReason::Refused.failure().source(failure))
                    }
                    Err(failure) => Err(failure),
                }
            })
            .await?;
        if let Some(account) = identity.account() {
            session.set_account(account);
        }
        Ok(identity)
    }

    /// Runs `checking`, which has etcd check a name and password, under the limits of
    /// [`SignIn::with_password`]; caches nothing.
    pub async fn check_password<T>(
        &self,
        from: IpAddr,
        credentials: &Credentials,
        checking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.check(from, self.user(credentials), checking).await
    }

    /// Signs in with an etcd token.
    pub async fn with_token(&self, from: IpAddr, token: &Secret) -> Result<Identity> {
        self.require_auth().await?;
        let hash = self.hash(&[b"token", token.reveal().as_bytes()]);
        let checking = async {
            let refused = || Failure::new(Code::Unauthenticated, "not an etcd token");
            let account = self.etcd.account_of(hash, token).ok_or_else(refused)?;
            let caller = Caller::new(Identity::Token(Arc::clone(&account)), Some(TIMEOUT));
            match Box::pin(self.etcd.may_read(&caller, &Range::single([0]))).await {
                Ok(()) => Ok(account),
                // The token is valid; only this key is not permitted.
                Err(failure) if failure.code == Code::Forbidden => Ok(account),
                Err(failure) => Err(failure),
            }
        };
        self.cached_or(hash, async {
            let subject = Subject {
                name: hash,
                secret: hash,
            };
            let account = self.check(from, subject, checking).await?;
            Ok(self.accepted().token(hash, account))
        })
        .await
    }

    /// The identity that etcd accepted these credentials for a short while ago, without a request to etcd:
    /// for callers of a cluster that does not respond.
    pub fn recently_accepted(&self, credential: &Credential) -> Option<Identity> {
        let hash = match credential {
            Credential::Password(credentials) => self.user(credentials).secret,
            Credential::Token(token) => self.hash(&[b"token", token.reveal().as_bytes()]),
            Credential::None => return None,
        };
        self.accepted().find(&hash)
    }

    /// The identity that a secret was accepted for, from the cache or by this check.
    async fn cached_or(
        &self,
        hash: Hash,
        checking: impl Future<Output = Result<Identity>>,
    ) -> Result<Identity> {
        if let Some(identity) = self.accepted().find(&hash) {
            return Ok(identity);
        }
        let lock = self.secret_lock(hash);
        let _locked = lock.lock().await;
        // A concurrent request with the same secret may have been accepted meanwhile.
        if let Some(identity) = self.accepted().find(&hash) {
            return Ok(identity);
        }
        checking.await
    }

    /// Has etcd check a secret, within the limits of [`Attempts`].
    ///
    /// Every password or token of a caller that is sent to etcd goes through here.
    async fn check<T>(
        &self,
        from: IpAddr,
        subject: Subject,
        checking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let _slot = self.attempts.queue(from, subject).await?;
        // Attempts before it in the queue may have used up the limit.
        let attempt = self.attempts.begin(from, subject, Instant::now())?;
        let checked = checking.await;
        attempt.end(match &checked {
            Ok(_) => Outcome::SignedIn,
            Err(failure) if failure.code == Code::Unauthenticated => Outcome::Refused,
            Err(_) => Outcome::Unknown,
        });
        checked
    }

    fn user(&self, credentials: &Credentials) -> Subject {
        let (name, password) = (&credentials.name, credentials.password.reveal());
        Subject {
            name: self.hash(&[b"name", name.as_bytes()]),
            secret: self.hash(&[b"password", name.as_bytes(), password.as_bytes()]),
        }
    }

    /// Whether etcd's auth is enabled; the response may be 2 s old.
    pub async fn auth_is_enabled(&self) -> Result<bool> {
        self.auth
            .is_enabled(|| {
                let etcd = self.etcd.clone();
                async move { etcd.auth_is_on(&Caller::gateway(TIMEOUT)).await }
            })
            .await
    }

    /// Refuses credentials while etcd's auth is disabled, since etcd would accept any then.
    pub async fn require_auth(&self) -> Result<()> {
        if self.auth_is_enabled().await? {
            Ok(())
        } else {
            Err(auth_is_off())
        }
    }

    fn hash(&self, parts: &[&[u8]]) -> Hash {
        let mut hash =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into_bytes().into()
    }

    fn secret_lock(&self, hash: Hash) -> Arc<SecretLock> {
        let locks = self.secret_locks.lock();
        let mut locks = locks.unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&hash).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock: Arc<SecretLock> = Arc::default();
        locks.insert(hash, Arc::downgrade(&lock));
        lock
    }

    fn accepted(&self) -> MutexGuard<'_, Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
