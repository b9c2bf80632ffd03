//! A claim that the gateway put on behalf of a request, and its clean-up when the request ends early.
//!
//! A dropped [`ClaimGuard`] cleans up in a task of its own: the key is removed, unless it was created at
//! another revision, and a lease that the gateway granted is revoked. Two requests with the same lease
//! share one key; [`Attachments`] ensures that neither removes it while the other needs it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::{Code, CompareOp, CompareTarget};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Inner;
use crate::etcd::{Compare, Etcd, Op, Range, Txn};
use crate::failure::Result;
use crate::identity::{Caller, Identity};
use crate::service::clean_up::{ATTEMPT_TIMEOUT, retry_clean_up};

/// Delay before a missing key is looked for once more: a put without a response may still be in flight.
const RECHECK_DELAY: Duration = Duration::from_millis(500);

/// When a request created its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// At this revision.
    At(i64),
    /// After this revision, if at all: the response was lost.
    After(i64),
}

/// The removal of a key, by the last request that detaches from it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Removal {
    created: Created,
    /// Whose permissions apply. The last request may be of another user, without permission to write the
    /// key: knowing the lease is enough to wait on it.
    creator: Identity,
}

/// The requests of this gateway that use the same key.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    keys: Mutex<HashMap<Vec<u8>, Attachment>>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Attachment {
    requests: u32,
    /// A caller has received the key: no other request may remove it.
    kept: bool,
    /// The request that created the key has detached: the last one removes it.
    removal: Option<Removal>,
    /// The key is being removed.
    removing: bool,
}

impl Attachments {
    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Attachment>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the key is not being removed, then attaches to it.
    async fn attach(&self, key: &[u8]) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut keys = self.lock();
                let attachment = keys.entry(key.to_vec()).or_default();
                if !attachment.removing {
                    attachment.requests += 1;
                    return;
                }
            }
            changed.await;
        }
    }

    /// The caller has received the key.
    fn keep(&self, key: &[u8]) {
        let mut keys = self.lock();
        if let Some(attachment) = keys.get_mut(key) {
            attachment.kept = true;
            attachment.requests -= 1;
            if attachment.requests == 0 {
                keys.remove(key);
            }
        }
    }

    /// Detaches; returns the removal if this was the last request.
    fn detach(&self, key: &[u8], created: Option<Removal>) -> Option<Removal> {
        let mut keys = self.lock();
        let attachment = keys.get_mut(key)?;
        attachment.requests -= 1;
        attachment.removal = attachment.removal.take().or(created);
        if attachment.requests > 0 {
            return None;
        }
        let removal = attachment.removal.take().filter(|_| !attachment.kept);
        if removal.is_some() {
            attachment.removing = true;
        } else {
            keys.remove(key);
        }
        removal
    }

    fn finish_removal(&self, key: &[u8]) {
        self.lock().remove(key);
        self.changed.notify_waiters();
    }
}

/// A claim until its caller has received the response. Dropping it without [`ClaimGuard::keep`] removes the
/// claim.
#[derive(Debug)]
pub struct ClaimGuard {
    inner: Arc<Inner>,
    identity: Identity,
    key: Vec<u8>,
    lease: i64,
    /// The gateway granted the lease, and revokes it with the claim.
    granted: bool,
    /// Set if this request created the key, or may have.
    created: Option<Created>,
    ended: bool,
}

impl ClaimGuard {
    /// Attaches to a key that is about to be put.
    pub(super) async fn attach(
        inner: &Arc<Inner>,
        identity: &Identity,
        key: Vec<u8>,
        lease: i64,
        granted: bool,
    ) -> Self {
        inner.attachments.attach(&key).await;
        Self {
            inner: Arc::clone(inner),
            identity: identity.clone(),
            key,
            lease,
            granted,
            created: None,
            ended: false,
        }
    }

    /// Records that this request created the key.
    pub(super) fn created(&mut self, created: Created) {
        self.created = Some(created);
    }

    /// Leaves claim and lease to the caller, who has received the response.
    pub fn keep(mut self) {
        self.ended = true;
        self.inner.attachments.keep(&self.key);
    }

    /// Removes the claim and waits for that, at most for one attempt: the clean-up continues in the
    /// background while etcd is unavailable.
    pub(super) async fn leave(mut self) {
        if let Some(cleaning) = self.clean_up() {
            // A panic of the clean-up has been logged; there is nothing left to do here.
            let _ = timeout(ATTEMPT_TIMEOUT, cleaning).await;
        }
    }

    /// Starts the clean-up, which outlives the request.
    fn clean_up(&mut self) -> Option<JoinHandle<()>> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let created = self.created.map(|created| Removal {
            created,
            creator: self.identity.clone(),
        });
        let removal = self.inner.attachments.detach(&self.key, created);
        if removal.is_none() && !self.granted {
            return None;
        }
        let (inner, identity) = (Arc::clone(&self.inner), self.identity.clone());
        let leftovers = Leftovers {
            key: std::mem::take(&mut self.key),
            removal,
            lease: self.lease,
            granted: self.granted.then_some(identity),
        };
        let task = async move {
            clean_up(&inner, &leftovers).await;
            if leftovers.removal.is_some() {
                inner.attachments.finish_removal(&leftovers.key);
            }
        };
        Some(self.inner.tasks.spawn(task))
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        // The task tracker owns the task; it is not awaited here.
        drop(self.clean_up());
    }
}

/// The key and the lease to clean up.
struct Leftovers {
    key: Vec<u8>,
    /// Set if the key is to be removed.
    removal: Option<Removal>,
    lease: i64,
    /// Set if the lease is to be revoked: the identity that it was granted to.
    granted: Option<Identity>,
}

/// Removes the key and revokes the lease. Retries while etcd is unavailable.
async fn clean_up(inner: &Inner, leftovers: &Leftovers) {
    let cleaned = retry_clean_up(&inner.tasks, || attempt(&inner.etcd, leftovers));
    if let Err(failure) = cleaned.await {
        let key = String::from_utf8_lossy(&leftovers.key).into_owned();
        let cause = failure.chain();
        tracing::warn!(
            key,
            cause,
            "the key of a claim could not be removed; it remains until its lease ends"
        );
    }
}

async fn attempt(etcd: &Etcd, leftovers: &Leftovers) -> Result<()> {
    if let Some(removal) = &leftovers.removal {
        remove_claim(etcd, leftovers, removal).await?;
    }
    let Some(identity) = &leftovers.granted else {
        return Ok(());
    };
    let caller = Caller::new(identity.clone(), Some(ATTEMPT_TIMEOUT));
    match etcd.lease_revoke(&caller, leftovers.lease).await {
        Err(failure) if failure.code != Code::LeaseNotFound => Err(failure),
        _ => Ok(()),
    }
}

async fn remove_claim(etcd: &Etcd, leftovers: &Leftovers, removal: &Removal) -> Result<()> {
    let caller = Caller::new(removal.creator.clone(), Some(ATTEMPT_TIMEOUT));
    match removal.created {
        Created::At(revision) => {
            let created = Compare::created_at(&leftovers.key, revision);
            remove(etcd, &caller, &leftovers.key, vec![created]).await?;
        }
        Created::After(revision) => {
            let number = |target, op, value| {
                Compare::number(Range::single(&leftovers.key[..]), target, op, value)
            };
            let ours = || {
                vec![
                    number(CompareTarget::CreateRevision, CompareOp::Greater, revision),
                    number(CompareTarget::Lease, CompareOp::Equal, leftovers.lease),
                ]
            };
            if !remove(etcd, &caller, &leftovers.key, ours()).await? {
                sleep(RECHECK_DELAY).await;
                remove(etcd, &caller.renewed(), &leftovers.key, ours()).await?;
            }
        }
    }
    Ok(())
}

/// Removes the key if the comparisons hold; returns whether they did.
async fn remove(etcd: &Etcd, caller: &Caller, key: &[u8], compare: Vec<Compare>) -> Result<bool> {
    let txn = Txn {
        compare,
        then: vec![Op::delete(key)],
        or_else: Vec::new(),
    };
    Ok(etcd.txn(caller, txn).await?.succeeded)
}

#[cfg(test)]
mod tests;
