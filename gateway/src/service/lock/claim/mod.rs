//! A place in a queue that was taken on somebody's behalf, and what happens to it when they leave.
//!
//! A [`Standing`] that is dropped cleans up in a task of its own: the key is removed, but never one that
//! was created at another time, and a lease that the gateway granted is revoked. Two requests of the
//! same lease share one key; [`Attachments`] sees to it that none takes it away from the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::{Code, CompareOp, CompareTarget};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Inner;
use crate::caller::{Caller, Identity};
use crate::etcd::{Compare, Etcd, Op, Range, Txn};
use crate::failure::Result;
use crate::service::insist::{ATTEMPT, insist};

/// Until a key that was not there is looked for once more: what had no answer may have been under way.
const AGAIN: Duration = Duration::from_millis(500);

/// The key that a request put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// At this revision.
    At(i64),
    /// Behind this revision, if at all: the answer was lost.
    After(i64),
}

/// A key to be removed by the last request that leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Duty {
    created: Created,
    /// Whose permissions the removal has. The last request may be another user's without permission to
    /// write the key: knowing the lease is enough to wait on it.
    creator: Identity,
}

/// The requests of this gateway that stand on the same key.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    keys: Mutex<HashMap<Vec<u8>, Attachment>>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Attachment {
    requests: u32,
    /// A caller has been told that the key is theirs: nobody removes it on behalf of another.
    taken: bool,
    /// The request that created the key has left: the last one removes it.
    left: Option<Duty>,
    /// The key is being removed.
    removing: bool,
}

impl Attachments {
    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Attachment>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody is removing the key, then stands on it.
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

    /// The caller has the key.
    fn keep(&self, key: &[u8]) {
        let mut keys = self.lock();
        if let Some(attachment) = keys.get_mut(key) {
            attachment.taken = true;
            attachment.requests -= 1;
            if attachment.requests == 0 {
                keys.remove(key);
            }
        }
    }

    /// Leaves; what to remove, if no other request is left to do it.
    fn leave(&self, key: &[u8], created: Option<Duty>) -> Option<Duty> {
        let mut keys = self.lock();
        let attachment = keys.get_mut(key)?;
        attachment.requests -= 1;
        attachment.left = attachment.left.take().or(created);
        if attachment.requests > 0 {
            return None;
        }
        let duty = attachment.left.take().filter(|_| !attachment.taken);
        if duty.is_some() {
            attachment.removing = true;
        } else {
            keys.remove(key);
        }
        duty
    }

    fn removed(&self, key: &[u8]) {
        self.lock().remove(key);
        self.changed.notify_waiters();
    }
}

/// A place in a queue until its caller has been told. Dropped without [`Standing::keep`] it is given
/// up.
#[derive(Debug)]
pub struct Standing {
    inner: Arc<Inner>,
    identity: Identity,
    key: Vec<u8>,
    lease: i64,
    /// The lease is the gateway's own, and goes with the place.
    granted: bool,
    /// If this request put the key, or may have.
    created: Option<Created>,
    ended: bool,
}

impl Standing {
    /// Is about to stand on the key.
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

    /// The key was put by this request.
    pub(super) fn created(&mut self, created: Created) {
        self.created = Some(created);
    }

    /// The caller has been told: place and lease are theirs.
    pub fn keep(mut self) {
        self.ended = true;
        self.inner.attachments.keep(&self.key);
    }

    /// Gives the place up and waits until that has happened, or for as long as one attempt may take:
    /// the clean-up goes on while etcd is away.
    pub(super) async fn leave(mut self) {
        if let Some(cleaning) = self.clean_up() {
            // A panic of the clean-up has been logged; there is nothing left to do here.
            let _ = timeout(ATTEMPT, cleaning).await;
        }
    }

    /// Starts the clean-up, which outlives the request.
    fn clean_up(&mut self) -> Option<JoinHandle<()>> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let created = self.created.map(|created| Duty {
            created,
            creator: self.identity.clone(),
        });
        let duty = self.inner.attachments.leave(&self.key, created);
        if duty.is_none() && !self.granted {
            return None;
        }
        let (inner, identity) = (Arc::clone(&self.inner), self.identity.clone());
        let left = Left {
            key: std::mem::take(&mut self.key),
            duty,
            lease: self.lease,
            granted: self.granted.then_some(identity),
        };
        let task = async move {
            clean_up(&inner, &left).await;
            if left.duty.is_some() {
                inner.attachments.removed(&left.key);
            }
        };
        Some(self.inner.tasks.spawn(task))
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        // The tracker holds the task; nobody waits for it here.
        drop(self.clean_up());
    }
}

/// What somebody left behind.
struct Left {
    key: Vec<u8>,
    /// The key is to be removed.
    duty: Option<Duty>,
    lease: i64,
    /// The lease is to be revoked, as the identity that it was granted to.
    granted: Option<Identity>,
}

/// Removes the key and revokes the lease. Tries again while etcd is away.
async fn clean_up(inner: &Inner, left: &Left) {
    let cleaned = insist(&inner.tasks, || attempt(&inner.etcd, left));
    if let Err(failure) = cleaned.await {
        let key = String::from_utf8_lossy(&left.key).into_owned();
        let cause = failure.chain();
        tracing::warn!(
            key,
            cause,
            "a place in a queue was left behind until its lease ends"
        );
    }
}

async fn attempt(etcd: &Etcd, left: &Left) -> Result<()> {
    if let Some(duty) = &left.duty {
        take_away(etcd, left, duty).await?;
    }
    let Some(identity) = &left.granted else {
        return Ok(());
    };
    let caller = Caller::new(identity.clone(), Some(ATTEMPT));
    match etcd.lease_revoke(&caller, left.lease).await {
        Err(failure) if failure.code != Code::LeaseNotFound => Err(failure),
        _ => Ok(()),
    }
}

async fn take_away(etcd: &Etcd, left: &Left, duty: &Duty) -> Result<()> {
    let caller = Caller::new(duty.creator.clone(), Some(ATTEMPT));
    match duty.created {
        Created::At(revision) => {
            let created = Compare::created_at(&left.key, revision);
            remove(etcd, &caller, &left.key, vec![created]).await?;
        }
        Created::After(revision) => {
            let number =
                |target, op, value| Compare::number(Range::one(&left.key[..]), target, op, value);
            let ours = || {
                vec![
                    number(CompareTarget::CreateRevision, CompareOp::Greater, revision),
                    number(CompareTarget::Lease, CompareOp::Equal, left.lease),
                ]
            };
            if !remove(etcd, &caller, &left.key, ours()).await? {
                sleep(AGAIN).await;
                remove(etcd, &caller.renewed(), &left.key, ours()).await?;
            }
        }
    }
    Ok(())
}

/// Removes a key of which this holds; whether it did.
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
