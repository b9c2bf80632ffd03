//! Derives a lock from leased keys: its kind, holder and order. Pure.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use shared::{Bytes, Claim, LeaseId, Lock, LockKind};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A leased key, with the fields that locks need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::service) struct LeasedKey {
    /// The key.
    pub key: Vec<u8>,
    /// Its position in the queue, and its fencing token.
    pub create_revision: i64,
    /// The revision of the last change.
    pub mod_revision: i64,
    /// Puts since creation.
    pub version: i64,
    /// Its lease; never 0.
    pub lease: i64,
    /// `None` for keys that are not locks themselves.
    pub value: Option<Vec<u8>>,
    /// When this gateway first saw it.
    pub first_seen: SystemTime,
}

/// The times of a lease, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) struct LeaseTime {
    pub ttl: i64,
    pub granted: i64,
}

/// The value of a claim's key that names its holder.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner<'a> {
    #[serde(borrow)]
    holder: std::borrow::Cow<'a, str>,
}

/// The value that names a holder.
pub(super) fn owner_value(holder: &str) -> Vec<u8> {
    serde_json::to_vec(&Owner {
        holder: holder.into(),
    })
    .expect("a struct of one string is JSON")
}

/// The holder that a value names.
pub(in crate::service) fn owner_name(value: &[u8]) -> Option<String> {
    // Most values are not JSON objects: do not try to parse a megabyte.
    (value.first() == Some(&b'{') && value.len() <= 4096)
        .then(|| serde_json::from_slice::<Owner<'_>>(value).ok())
        .flatten()
        .map(|owner| owner.holder.into_owned())
}

fn claim(leased: &LeasedKey, time: Option<LeaseTime>) -> Claim {
    let value = leased.value.as_deref().unwrap_or_default();
    let name = owner_name(value);
    Claim {
        key: leased.key.as_slice().into(),
        value: (name.is_none() && !value.is_empty()).then(|| Bytes::from(value)),
        name,
        lease: LeaseId(leased.lease),
        ttl: time.map(|time| time.ttl),
        granted_ttl: time.map(|time| time.granted),
        fencing_token: leased.create_revision,
        first_seen: rfc3339(leased.first_seen),
    }
}

/// A time in UTC, to the second.
fn rfc3339(time: SystemTime) -> String {
    OffsetDateTime::from(time)
        .replace_nanosecond(0)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(&Rfc3339)
        .unwrap_or_default()
}

/// Sets since when the holder is known to hold the lock. `seen` returns when a key, as created at a
/// revision, was first seen as the holder, if that is known.
///
/// The time at which a key was first seen at all does not help in a queue: it may have waited for most of
/// that time.
pub(super) fn set_held_since(lock: &mut Lock, seen: impl Fn(&[u8], i64) -> Option<SystemTime>) {
    lock.held_since = lock.holder.as_ref().and_then(|holder| match lock.kind {
        // Such a key holds the lock from its creation on.
        LockKind::SingleKey => Some(holder.first_seen.clone()),
        LockKind::Mutex | LockKind::Election | LockKind::Rwmutex => {
            seen(&holder.key.0, holder.fencing_token).map(rfc3339)
        }
    });
}

/// Whether a claim's value is a proclamation, and the claim thus a candidate's.
pub(in crate::service) fn is_proclamation(value: &[u8]) -> bool {
    !value.is_empty() && owner_name(value).is_none()
}

/// The recipe of a queue, judged by the claims directly under its name, and whether that is certain.
fn kind<'a>(direct: impl Iterator<Item = &'a LeasedKey> + Clone) -> (LockKind, bool) {
    let no_proclamation = |leased: &LeasedKey| {
        let value = leased.value.as_deref().unwrap_or_default();
        !is_proclamation(value)
    };
    if direct.clone().all(no_proclamation) {
        (LockKind::Mutex, true)
    } else {
        (
            LockKind::Election,
            direct.clone().any(|leased| leased.version > 1),
        )
    }
}

/// A queue: `direct` are the claims under the name itself, `nested` other leased keys under its prefix.
/// Only those nested keys that a claim of the queue waits for belong to it.
pub(in crate::service) fn queue(
    name: &[u8],
    direct: &[&LeasedKey],
    nested: &[&LeasedKey],
    time: impl Fn(i64) -> Option<LeaseTime>,
) -> Option<Lock> {
    let last = direct.iter().map(|leased| leased.create_revision).max()?;
    Some(queue_until(name, direct, nested, last, time))
}

/// Like [`queue`], with every nested key created before the revision `until`, and also if the queue
/// itself has no claims.
pub(super) fn queue_until(
    name: &[u8],
    direct: &[&LeasedKey],
    nested: &[&LeasedKey],
    until: i64,
    time: impl Fn(i64) -> Option<LeaseTime>,
) -> Lock {
    let (kind, certain) = kind(direct.iter().copied());
    let blocking = nested
        .iter()
        .filter(|leased| leased.create_revision < until);
    let mut order: Vec<&LeasedKey> = direct.iter().chain(blocking).copied().collect();
    order.sort_by(|a, b| (a.create_revision, &a.key).cmp(&(b.create_revision, &b.key)));
    let mut claims = order
        .into_iter()
        .map(|leased| claim(leased, time(leased.lease)));
    Lock {
        name: name.into(),
        kind,
        certain,
        holder: claims.next(),
        held_since: None,
        waiters: Some(claims.collect()),
        readers: Vec::new(),
    }
}

/// A readers-writer lock: `claims` are its keys, each with whether it is a writer's; `nested` are other
/// leased keys under its prefix, which writers wait for too.
///
/// The order is that of the last change. Readers hold it together while no writer is older; otherwise
/// the first of all holds it.
pub(in crate::service) fn rwmutex(
    name: &[u8],
    claims: &[(&LeasedKey, bool)],
    nested: &[&LeasedKey],
    time: impl Fn(i64) -> Option<LeaseTime>,
) -> Option<Lock> {
    let writes = |(leased, writes): &(&LeasedKey, bool)| writes.then_some(leased.mod_revision);
    let last_writer = claims.iter().filter_map(writes).max();
    let blocking = nested
        .iter()
        .filter(|leased| last_writer.is_some_and(|last| leased.mod_revision < last));
    let mut order: Vec<(&LeasedKey, bool)> = claims.to_vec();
    order.extend(blocking.map(|leased| (*leased, true)));
    order.sort_by(|(a, _), (b, _)| (a.mod_revision, &a.key).cmp(&(b.mod_revision, &b.key)));
    let first_writer = claims.iter().filter_map(writes).min();
    let is_reading = |leased: &LeasedKey, writes: bool| {
        !writes && first_writer.is_none_or(|first| leased.mod_revision < first)
    };
    let (readers, others): (Vec<_>, Vec<_>) = order
        .into_iter()
        .partition(|(leased, writes)| is_reading(leased, *writes));
    let to_claim = |(leased, _): (&LeasedKey, bool)| claim(leased, time(leased.lease));
    let (mut readers, mut others) = (
        readers.into_iter().map(to_claim),
        others.into_iter().map(to_claim),
    );
    let holder = readers.next().or_else(|| others.next())?;
    Some(Lock {
        name: name.into(),
        kind: LockKind::Rwmutex,
        certain: true,
        holder: Some(holder),
        held_since: None,
        waiters: Some(others.collect()),
        readers: readers.collect(),
    })
}

/// A single-key lock.
pub(in crate::service) fn single(
    leased: &LeasedKey,
    certain: bool,
    time: Option<LeaseTime>,
) -> Lock {
    Lock {
        name: leased.key.as_slice().into(),
        kind: LockKind::SingleKey,
        certain,
        holder: Some(claim(leased, time)),
        held_since: None,
        waiters: None,
        readers: Vec::new(),
    }
}

/// A lock without a holder and waiters.
pub(in crate::service) fn unheld(name: &[u8], kind: LockKind, certain: bool) -> Lock {
    Lock {
        name: name.into(),
        kind,
        certain,
        holder: None,
        held_since: None,
        waiters: Some(Vec::new()),
        readers: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
