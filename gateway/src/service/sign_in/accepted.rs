//! Who was accepted lately, and one account for each user.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::caller::Identity;
use crate::etcd::Account;

/// How long an accepted password counts without etcd being asked about it; its token is checked with
/// every call.
const PASSWORD_KEPT: Duration = Duration::from_mins(5);
/// The same of a token.
const TOKEN_KEPT: Duration = Duration::from_secs(30);
/// Secrets kept; the one that was used longest ago goes first.
pub(super) const MOST: usize = 1024;

/// A secret's keyed hash.
pub(super) type Hash = [u8; 32];

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    secrets: HashMap<Hash, One>,
    /// Every user's account that lives: remembered above, or with something that is still open.
    users: HashMap<String, Weak<Account>>,
}

#[derive(Debug)]
struct One {
    identity: Identity,
    account: Arc<Account>,
    until: Instant,
    used: Instant,
}

impl Accepted {
    /// Whom a secret was accepted for, if that still counts.
    pub(super) fn find(&mut self, hash: &Hash) -> Option<Identity> {
        let one = self.secrets.get_mut(hash)?;
        let now = Instant::now();
        if one.account.is_refused() || one.until < now {
            return None;
        }
        one.used = now;
        Some(one.identity.clone())
    }

    /// A user whose password etcd has just accepted.
    ///
    /// What the same user has open goes on with that password: a hold that outlived the memory of its
    /// sign-in would else stay with one that etcd no longer takes.
    pub(super) fn user(&mut self, hash: Hash, proven: Arc<Account>) -> Identity {
        // A password that is not the last one proven has to be proven again.
        self.secrets.retain(|_, one| *one.account != *proven);
        self.users.retain(|_, account| account.strong_count() > 0);
        let name = proven.name().unwrap_or_default().to_owned();
        let living = self.users.get(&name).and_then(Weak::upgrade);
        let account = match living {
            Some(living) => {
                living.renew_with(&proven);
                living
            }
            None => proven,
        };
        self.users.insert(name, Arc::downgrade(&account));
        let identity = Identity::User(Arc::clone(&account));
        self.keep(hash, identity, account, PASSWORD_KEPT)
    }

    /// Whoever holds a token that etcd has just accepted.
    pub(super) fn token(&mut self, hash: Hash, proven: Arc<Account>) -> Identity {
        let account = match self.secrets.remove(&hash) {
            Some(former) if !former.account.is_refused() => former.account,
            _ => proven,
        };
        let identity = Identity::Token(Arc::clone(&account));
        self.keep(hash, identity, account, TOKEN_KEPT)
    }

    fn keep(
        &mut self,
        hash: Hash,
        identity: Identity,
        account: Arc<Account>,
        kept: Duration,
    ) -> Identity {
        let now = Instant::now();
        // With them go their passwords, where no stream of theirs is open.
        self.secrets
            .retain(|_, one| !one.account.is_refused() && one.until >= now);
        if self.secrets.len() >= MOST
            && let Some(oldest) = self.secrets.iter().min_by_key(|(_, one)| one.used)
        {
            let oldest = *oldest.0;
            self.secrets.remove(&oldest);
        }
        let one = One {
            identity: identity.clone(),
            account,
            until: now + kept,
            used: now,
        };
        self.secrets.insert(hash, one);
        identity
    }

    /// As if every sign-in were long ago.
    #[cfg(test)]
    pub(super) fn forget(&mut self) {
        self.secrets.clear();
    }
}
