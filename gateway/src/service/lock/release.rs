//! Removes exactly one claim from a queue, named by its lease or its fencing token.
//!
//! The transaction compares the create revision and the lease, so a key that was put again, that lost its
//! lease, or that belongs to another claim is never deleted. Nested names are other locks.

use shared::{Code, Header, LeaseId, Released};

use super::Inner;
use super::names::{claim_key, queue_of, queue_prefix, rw_of};
use super::queue::{self, lock_not_found, read_keys};
use crate::etcd::{Compare, Get, KeyValue, Op, Range, Txn};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Selects a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The claim of this lease.
    Lease(LeaseId),
    /// The claim created at this revision.
    Token(i64),
}

/// A release of one claim.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// The claim.
    pub which: Which,
    /// Revoke its lease afterwards.
    pub revoke: bool,
    /// Change nothing; report which keys would be deleted.
    pub dry_run: bool,
}

/// See [`super::LockService::release`].
pub(super) async fn release(
    inner: &Inner,
    caller: &Caller,
    name: Vec<u8>,
    release: Release,
) -> Result<Released> {
    let Some((header, claim)) = find(inner, caller, &name, release.which).await? else {
        return Err(not_holder(inner, caller, &name, release.which).await);
    };
    let lease = LeaseId(claim.lease);
    let revoked_keys = if release.revoke {
        let response = inner
            .etcd
            .lease_time_to_live(caller, claim.lease, true)
            .await?;
        Some(response.keys.into_iter().map(Into::into).collect())
    } else {
        None
    };
    let mut released = Released {
        header,
        name: name.into(),
        key: claim.key.clone().into(),
        lease,
        revoked_keys,
    };
    if release.dry_run {
        return Ok(released);
    }
    let same_lease = Compare::number(
        Range::single(&claim.key[..]),
        shared::CompareTarget::Lease,
        shared::CompareOp::Equal,
        claim.lease,
    );
    let txn = Txn {
        compare: vec![
            Compare::created_at(&claim.key, claim.create_revision),
            same_lease,
        ],
        then: vec![Op::delete(&claim.key)],
        or_else: Vec::new(),
    };
    let response = inner.etcd.txn(caller, txn).await?;
    if !response.succeeded {
        return Err(not_holder(inner, caller, &released.name.0, release.which).await);
    }
    released.header = response.header;
    if release.revoke {
        match inner
            .etcd
            .lease_revoke(&caller.renewed(), claim.lease)
            .await
        {
            Ok(header) => released.header = header,
            // The lease expired meanwhile.
            Err(failure) if failure.code == Code::LeaseNotFound => {}
            Err(mut failure) => {
                failure.detail = format!(
                    "the lock is released, but its lease {lease} could not be revoked: {}",
                    failure.detail
                );
                return Err(failure);
            }
        }
    }
    Ok(released)
}

/// The claim, if it is in this queue or is the key of that name.
async fn find(
    inner: &Inner,
    caller: &Caller,
    name: &[u8],
    which: Which,
) -> Result<Option<(Header, KeyValue)>> {
    let mut keys = vec![name.to_vec()];
    match which {
        Which::Lease(lease) => keys.push(claim_key(name, lease)),
        Which::Token(token) => {
            let at = Get {
                keys_only: true,
                min_create_revision: token,
                max_create_revision: token,
                ..Get::default()
            };
            let range = Range::prefix(&queue_prefix(name));
            // A transaction may have created several keys at that revision.
            let response = inner.etcd.range(caller, &range, &at).await?;
            keys.extend(response.kvs.into_iter().map(|kv| kv.key));
        }
    }
    let (header, found) = read_keys(&inner.etcd, caller, &keys, 0).await?;
    let named = |kv: &KeyValue| match which {
        Which::Lease(lease) => kv.lease == lease.0,
        Which::Token(token) => kv.create_revision == token,
    };
    let in_queue = |kv: &KeyValue| {
        queue_of(&kv.key, kv.lease) == Some(name)
            || rw_of(&kv.key).is_some_and(|rw| rw.name == name)
    };
    let is_lock =
        |kv: &KeyValue| kv.key == name && inner.single_key_rules.single(name, &kv.value).is_some();
    let claims = found.into_iter().filter(|kv| kv.lease != 0 && named(kv));
    let (queued, others): (Vec<_>, Vec<_>) = claims.partition(in_queue);
    // A lease may also have a key of the queue's own name: naming the lease means its claim.
    let claim = queued.into_iter().next();
    let claim = claim.or_else(|| others.into_iter().find(is_lock));
    Ok(header.zip(claim))
}

/// The failure: no such lock, or no such claim in its queue.
async fn not_holder(inner: &Inner, caller: &Caller, name: &[u8], which: Which) -> Failure {
    let queue = match queue::read(inner, caller, name, None).await {
        Ok(queue) => queue,
        Err(failure) => return failure,
    };
    let revision = queue.header.revision;
    if !queue.exists(inner) {
        return lock_not_found(name, revision);
    }
    let by_lease = matches!(which, Which::Lease(_));
    let named = match which {
        Which::Lease(lease) => format!("lease {lease}"),
        Which::Token(token) => format!("fencing token {token}"),
    };
    let detail = format!(
        "{named} is not in the queue of `{}`",
        String::from_utf8_lossy(name)
    );
    Failure::new(Code::NotHolder, detail)
        .hint(if by_lease && !queue.rw.is_empty() {
            "keys of a readers-writer lock do not contain their lease: GET the lock, and name a claim by its \
             fencing_token"
        } else {
            "GET the lock to see its holder and its waiters"
        })
        .with(|facts| facts.store_revision = Some(revision))
}
