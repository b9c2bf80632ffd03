//! Recently accepted secrets, and one account per user.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::etcd::{Account, Identity};

/// How long a password stays accepted before etcd checks it again; etcd checks its token on every call.
const PASSWORD_VALID_FOR: Duration = Duration::from_mins(5);
/// How long a token stays accepted before etcd checks it again.
const TOKEN_VALID_FOR: Duration = Duration::from_secs(30);
/// Accepted secrets kept at most; the least recently used is dropped first.
pub(super) const MAX_SECRETS: usize = 1024;

/// A secret's keyed hash.
pub(super) type Hash = [u8; 32];

/// The recently accepted secrets and the accounts of one cluster.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    secrets: HashMap<Hash, Entry>,
    /// The account of every user that has an entry above or an open stream.
    users: HashMap<String, Weak<Account>>,
}

#[derive(Debug)]
struct Entry {
    identity: Identity,
    account: Arc<Account>,
    until: Instant,
    used: Instant,
}

impl Accepted {
    /// The identity that a secret was accepted for, unless that has expired or been refused since.
    pub(super) fn find(&mut self, hash: &Hash) -> Option<Identity> {
        let entry = self.secrets.get_mut(hash)?;
        let now = Instant::now();
        if entry.account.is_refused() || entry.until < now {
            return None;
        }
        entry.used = now;
        Some(entry.identity.clone())
    }

    /// Records a user whose password etcd has just accepted.
    ///
    /// Open streams of the same user continue with that password: a hold that outlived the entry of its
    /// sign-in would otherwise keep a password that etcd no longer accepts.
    pub(super) fn user(&mut self, hash: Hash, accepted: Arc<Account>) -> Identity {
        // Any other password of this user must be checked again.
        self.secrets.retain(|_, entry| *entry.account != *accepted);
        self.users.retain(|_, account| account.strong_count() > 0);
        let name = accepted.name().unwrap_or_default().to_owned();
        let known = self.users.get(&name).and_then(Weak::upgrade);
        let account = match known {
            Some(known) => {
                known.renew_with(&accepted);
                known
            }
            None => accepted,
        };
        self.users.insert(name, Arc::downgrade(&account));
        let identity = Identity::User(Arc::clone(&account));
        self.keep(hash, identity, account, PASSWORD_VALID_FOR)
    }

    /// Records a token that etcd has just accepted.
    pub(super) fn token(&mut self, hash: Hash, accepted: Arc<Account>) -> Identity {
        let account = match self.secrets.remove(&hash) {
            Some(former) if !former.account.is_refused() => former.account,
            _ => accepted,
        };
        let identity = Identity::Token(Arc::clone(&account));
        self.keep(hash, identity, account, TOKEN_VALID_FOR)
    }

    fn keep(
        &mut self,
        hash: Hash,
        identity: Identity,
        account: Arc<Account>,
        valid_for: Duration,
    ) -> Identity {
        let now = Instant::now();
        // Dropping an entry drops its password too, unless a stream of its user is open.
        self.secrets
            .retain(|_, entry| !entry.account.is_refused() && entry.until >= now);
        if self.secrets.len() >= MAX_SECRETS
            && let Some(oldest) = self.secrets.iter().min_by_key(|(_, entry)| entry.used)
        {
            let oldest = *oldest.0;
            self.secrets.remove(&oldest);
        }
        let entry = Entry {
            identity: identity.clone(),
            account,
            until: now + valid_for,
            used: now,
        };
        self.secrets.insert(hash, entry);
        identity
    }

    /// Expires every entry.
    #[cfg(test)]
    pub(super) fn forget(&mut self) {
        self.secrets.clear();
    }
}
