//! Signing in: a name and password, or an etcd token, becomes an [`Identity`] of one cluster.
//!
//! etcd decides, always: each password is checked by it, each token counts only after it has accepted
//! a call with it. What is kept here is who was accepted lately ([`accepted`]), under a keyed hash, so
//! that the next request need not wait for etcd's slow hash of a password. It is forgotten when etcd
//! refuses the account, when the same user signs in with another password, and after a while.
//! [`attempts`] limits failures and what waits for etcd, [`switch`] knows whether its auth is on.

mod accepted;
mod attempts;
mod switch;

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
use self::switch::Switch;
use crate::caller::{Caller, Identity};
use crate::etcd::{Credentials, Etcd, Range, Secret, auth_is_off};
use crate::failure::{Failure, Result};

/// How long etcd may take for a question.
const ANSWER: Duration = Duration::from_secs(10);

/// Held while etcd is asked about a secret, so that all who bring it at once ask once.
type Turn = tokio::sync::Mutex<()>;

/// Who signed in at one cluster.
#[derive(Debug)]
pub struct SignIn {
    etcd: Etcd,
    /// Made anew by each process, so that hashes mean nothing elsewhere.
    key: Hash,
    accepted: Mutex<Accepted>,
    turns: Mutex<HashMap<Hash, Weak<Turn>>>,
    attempts: Attempts,
    auth: Switch,
}

impl SignIn {
    /// For one cluster; nobody has signed in.
    pub fn new(etcd: Etcd) -> Self {
        let mut key = [0; 32];
        rustls::crypto::aws_lc_rs::default_provider()
            .secure_random
            .fill(&mut key)
            .expect("the system has random numbers");
        Self {
            etcd,
            key,
            accepted: Mutex::default(),
            turns: Mutex::default(),
            attempts: Attempts::default(),
            auth: Switch::default(),
        }
    }

    /// By name and password; `from` is who tries, for the limit of failures.
    pub async fn with_password(&self, from: IpAddr, credentials: Credentials) -> Result<Identity> {
        self.needs_auth().await?;
        let subject = self.user(&credentials);
        self.once(subject.secret, async {
            let checking = self.etcd.sign_in(credentials);
            let account = self.check(from, subject, checking).await?;
            Ok(self.accepted().user(subject.secret, account))
        })
        .await
    }

    /// Lets `checking` have etcd check a name and password under the same limits as
    /// [`SignIn::with_password`]; remembers no account.
    pub async fn check_password<T>(
        &self,
        from: IpAddr,
        credentials: &Credentials,
        checking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.check(from, self.user(credentials), checking).await
    }

    /// By a token of etcd's.
    pub async fn with_token(&self, from: IpAddr, token: &Secret) -> Result<Identity> {
        self.needs_auth().await?;
        let hash = self.hash(&[b"token", token.reveal().as_bytes()]);
        let checking = async {
            let refused = || Failure::new(Code::Unauthenticated, "the token is none of etcd's");
            let account = self.etcd.account_of(hash, token).ok_or_else(refused)?;
            let caller = Caller::new(Identity::Token(Arc::clone(&account)), Some(ANSWER));
            match Box::pin(self.etcd.may_read(&caller, &Range::one([0]))).await {
                Ok(()) => Ok(account),
                // Accepted, if not for this.
                Err(failure) if failure.code == Code::Forbidden => Ok(account),
                Err(failure) => Err(failure),
            }
        };
        self.once(hash, async {
            let subject = Subject {
                name: hash,
                secret: hash,
            };
            let account = self.check(from, subject, checking).await?;
            Ok(self.accepted().token(hash, account))
        })
        .await
    }

    /// Whom a secret was accepted for, lately or by this check.
    async fn once(
        &self,
        hash: Hash,
        checking: impl Future<Output = Result<Identity>>,
    ) -> Result<Identity> {
        if let Some(identity) = self.accepted().find(&hash) {
            return Ok(identity);
        }
        let turn = self.turn(hash);
        let _turn = turn.lock().await;
        // Somebody with the same may have been let in meanwhile.
        if let Some(identity) = self.accepted().find(&hash) {
            return Ok(identity);
        }
        checking.await
    }

    /// Lets etcd check a secret: a few at a time, and not where too many attempts have failed.
    ///
    /// Whatever hands passwords or tokens of callers to etcd goes through here.
    async fn check<T>(
        &self,
        from: IpAddr,
        subject: Subject,
        checking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let _turn = self.attempts.queue(from, subject).await?;
        // Those before it in the queue may have failed.
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

    /// Whether etcd's auth is on, as it was a moment ago.
    pub async fn auth_is_on(&self) -> Result<bool> {
        self.auth
            .is_on(|| {
                let etcd = self.etcd.clone();
                async move { etcd.auth_is_on(&Caller::gateway(ANSWER)).await }
            })
            .await
    }

    /// Refuses credentials while etcd's auth is off: it would take any then.
    pub async fn needs_auth(&self) -> Result<()> {
        if self.auth_is_on().await? {
            Ok(())
        } else {
            Err(auth_is_off())
        }
    }

    fn hash(&self, parts: &[&[u8]]) -> Hash {
        let mut hash = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key will do");
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into_bytes().into()
    }

    fn turn(&self, hash: Hash) -> Arc<Turn> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&hash).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn: Arc<Turn> = Arc::default();
        turns.insert(hash, Arc::downgrade(&turn));
        turn
    }

    fn accepted(&self) -> MutexGuard<'_, Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
