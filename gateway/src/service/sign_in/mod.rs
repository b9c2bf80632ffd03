//! Signing in: a name and password, or an etcd token, becomes an [`Identity`] of one cluster.
//!
//! etcd decides, always: each password is checked by it, each token counts only after it has accepted
//! a call with it. What is kept here is who was accepted lately, under a keyed hash, so that the next
//! request need not wait for etcd's slow hash of a password. It is forgotten when etcd refuses the
//! account, when the same user signs in with another password, and after a while.

mod attempts;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use shared::Code;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::attempts::Attempts;
use crate::caller::{Caller, Identity};
use crate::etcd::{Account, Credentials, Etcd, Range, Secret, auth_is_off};
use crate::failure::{Failure, Result};

/// How long an accepted password counts without etcd being asked about it; its token is checked with
/// every call.
const PASSWORD_KEPT: Duration = Duration::from_mins(5);
/// The same of a token.
const TOKEN_KEPT: Duration = Duration::from_secs(30);
/// How long an answer about etcd's auth counts.
const AUTH_KEPT: Duration = Duration::from_secs(2);
/// Accounts kept; the one that was used longest ago goes first.
const MOST: usize = 1024;
/// Passwords and tokens that etcd checks at the same time for us.
const CHECKS: usize = 4;
/// How long etcd may take for a question.
const ANSWER: Duration = Duration::from_secs(10);

type Hash = [u8; 32];

/// Who signed in at one cluster.
#[derive(Debug)]
pub struct SignIn {
    etcd: Etcd,
    /// Made anew by each process, so that hashes mean nothing elsewhere.
    key: Hash,
    accepted: Mutex<HashMap<Hash, Accepted>>,
    attempts: Attempts,
    checks: Semaphore,
    auth: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

#[derive(Debug)]
struct Accepted {
    identity: Identity,
    account: Arc<Account>,
    until: Instant,
    used: Instant,
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
            attempts: Attempts::default(),
            checks: Semaphore::new(CHECKS),
            auth: tokio::sync::Mutex::default(),
        }
    }

    /// By name and password; `from` is who tries, for the limit of failures.
    pub async fn with_password(&self, from: IpAddr, credentials: Credentials) -> Result<Identity> {
        self.needs_auth().await?;
        let hash = self.hash(&[
            b"password",
            credentials.name.as_bytes(),
            credentials.password.reveal().as_bytes(),
        ]);
        if let Some(identity) = self.known(&hash) {
            return Ok(identity);
        }
        let account = self.check(from, self.etcd.sign_in(credentials)).await?;
        let mut accepted = self.accepted();
        // A password that is not the last one proven has to be proven again.
        let former = accepted.extract_if(|_, one| *one.account == *account);
        let former = former.map(|(_, one)| one.account).last();
        let account = match former {
            Some(former) => {
                former.renew_with(&account);
                former
            }
            None => account,
        };
        let identity = Identity::User(Arc::clone(&account));
        Self::keep(&mut accepted, hash, &identity, account, PASSWORD_KEPT);
        Ok(identity)
    }

    /// By a token of etcd's.
    pub async fn with_token(&self, from: IpAddr, token: &Secret) -> Result<Identity> {
        self.needs_auth().await?;
        let hash = self.hash(&[b"token", token.reveal().as_bytes()]);
        if let Some(identity) = self.known(&hash) {
            return Ok(identity);
        }
        let account = self.check(from, async {
            let refused = || Failure::new(Code::Unauthenticated, "the token is none of etcd's");
            let account = self.etcd.account_of(hash, token).ok_or_else(refused)?;
            let caller = Caller::new(Identity::Token(Arc::clone(&account)), Some(ANSWER));
            match self.etcd.may_read(&caller, &Range::one([0])).await {
                Ok(()) => Ok(account),
                // Accepted, if not for this.
                Err(failure) if failure.code == Code::Forbidden => Ok(account),
                Err(failure) => Err(failure),
            }
        });
        let account = account.await?;
        let mut accepted = self.accepted();
        let account = match accepted.remove(&hash) {
            Some(former) if !former.account.is_refused() => former.account,
            _ => account,
        };
        let identity = Identity::Token(Arc::clone(&account));
        Self::keep(&mut accepted, hash, &identity, account, TOKEN_KEPT);
        Ok(identity)
    }

    /// Lets etcd check a secret: a few at a time, and not for who failed too often.
    ///
    /// Whatever hands passwords or tokens to etcd goes through here.
    pub async fn check<T>(
        &self,
        from: IpAddr,
        checking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.attempts.allow(from, Instant::now())?;
        let _one_of_few = self.checks.acquire().await;
        let checked = checking.await;
        if let Err(failure) = &checked
            && failure.code == Code::Unauthenticated
        {
            self.attempts.failed(from, Instant::now());
        }
        checked
    }

    /// Whether etcd's auth is on, as it was a moment ago.
    pub async fn auth_is_on(&self) -> Result<bool> {
        // Held while etcd is asked: one question answers all who wait.
        let mut known = self.auth.lock().await;
        if let Some((asked, on)) = *known
            && asked.elapsed() < AUTH_KEPT
        {
            return Ok(on);
        }
        let on = self.etcd.auth_is_on(&Caller::gateway(ANSWER)).await?;
        *known = Some((Instant::now(), on));
        Ok(on)
    }

    async fn needs_auth(&self) -> Result<()> {
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

    fn accepted(&self) -> MutexGuard<'_, HashMap<Hash, Accepted>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, hash: &Hash) -> Option<Identity> {
        let mut accepted = self.accepted();
        let one = accepted.get_mut(hash)?;
        let now = Instant::now();
        if one.account.is_refused() || one.until < now {
            return None;
        }
        one.used = now;
        Some(one.identity.clone())
    }

    fn keep(
        accepted: &mut HashMap<Hash, Accepted>,
        hash: Hash,
        identity: &Identity,
        account: Arc<Account>,
        kept: Duration,
    ) {
        let now = Instant::now();
        // With them go their passwords, where no stream of theirs is open.
        accepted.retain(|_, one| !one.account.is_refused() && one.until >= now);
        if accepted.len() >= MOST
            && let Some(oldest) = accepted.iter().min_by_key(|(_, one)| one.used)
        {
            let oldest = *oldest.0;
            accepted.remove(&oldest);
        }
        let one = Accepted {
            identity: identity.clone(),
            account,
            until: now + kept,
            used: now,
        };
        accepted.insert(hash, one);
    }
}
