//! From leased keys to a lock: kind, holder, order. Pure.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use shared::{Bytes, Claim, LeaseId, Lock, LockKind};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A leased key, as far as locks need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::service) struct Held {
    /// The key.
    pub key: Vec<u8>,
    /// Its place in the queue, and its fencing token.
    pub create_revision: i64,
    /// The last change.
    pub mod_revision: i64,
    /// Puts since creation.
    pub version: i64,
    /// Its lease; never 0.
    pub lease: i64,
    /// Not kept for keys that are no locks themselves.
    pub value: Option<Vec<u8>>,
    /// When this gateway first saw it.
    pub first_seen: SystemTime,
}

/// What etcd says of a lease, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) struct LeaseTime {
    pub ttl: i64,
    pub granted: i64,
}

/// The value of a key that names its owner.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner<'a> {
    #[serde(borrow)]
    holder: std::borrow::Cow<'a, str>,
}

/// The value that names an owner.
pub(super) fn owner_value(holder: &str) -> Vec<u8> {
    serde_json::to_vec(&Owner {
        holder: holder.into(),
    })
    .expect("a struct of one string is JSON")
}

fn owner_name(value: &[u8]) -> Option<String> {
    // Most values are no JSON objects: do not try to parse a megabyte.
    (value.first() == Some(&b'{') && value.len() <= 4096)
        .then(|| serde_json::from_slice::<Owner<'_>>(value).ok())
        .flatten()
        .map(|owner| owner.holder.into_owned())
}

fn claim(held: &Held, time: Option<LeaseTime>) -> Claim {
    let value = held.value.as_deref().unwrap_or_default();
    let name = owner_name(value);
    Claim {
        key: held.key.as_slice().into(),
        value: (name.is_none() && !value.is_empty()).then(|| Bytes::from(value)),
        name,
        lease: LeaseId(held.lease),
        ttl: time.map(|time| time.ttl),
        granted_ttl: time.map(|time| time.granted),
        fencing_token: held.create_revision,
        first_seen: rfc3339(held.first_seen),
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

/// Adds since when the holder is known to hold the lock. `seen` gives the time of the first sight of a
/// key, by its create revision, as a holder, where that is known.
///
/// That a key was seen says nothing of it in a queue: it may have waited there for most of that time.
pub(super) fn note_held(lock: &mut Lock, seen: impl Fn(&[u8], i64) -> Option<SystemTime>) {
    lock.held_since = lock.holder.as_ref().and_then(|holder| match lock.kind {
        // Such a key holds from its creation on.
        LockKind::SingleKey => Some(holder.first_seen.clone()),
        LockKind::Mutex | LockKind::Election | LockKind::Rwmutex => {
            seen(&holder.key.0, holder.fencing_token).map(rfc3339)
        }
    });
}

/// The recipe of a queue, and whether that is certain, by the claims made directly under its name.
fn kind<'a>(direct: impl Iterator<Item = &'a Held> + Clone) -> (LockKind, bool) {
    let no_proclamation = |held: &Held| {
        let value = held.value.as_deref().unwrap_or_default();
        value.is_empty() || owner_name(value).is_some()
    };
    if direct.clone().all(no_proclamation) {
        (LockKind::Mutex, true)
    } else {
        (
            LockKind::Election,
            direct.clone().any(|held| held.version > 1),
        )
    }
}

/// A queue: `direct` are the claims under the name itself, `nested` other leased keys under its
/// prefix. Of those only the ones that somebody of the queue waits behind belong to it.
pub(in crate::service) fn queue(
    name: &[u8],
    direct: &[&Held],
    nested: &[&Held],
    time: impl Fn(i64) -> Option<LeaseTime>,
) -> Option<Lock> {
    let last = direct.iter().map(|held| held.create_revision).max()?;
    Some(queue_until(name, direct, nested, last, time))
}

/// As [`queue`], with every nested key that was created before the revision `until`, and also when
/// nobody stands in the queue itself.
pub(super) fn queue_until(
    name: &[u8],
    direct: &[&Held],
    nested: &[&Held],
    until: i64,
    time: impl Fn(i64) -> Option<LeaseTime>,
) -> Lock {
    let (kind, certain) = kind(direct.iter().copied());
    let blocking = nested.iter().filter(|held| held.create_revision < until);
    let mut order: Vec<&Held> = direct.iter().chain(blocking).copied().collect();
    order.sort_by(|a, b| (a.create_revision, &a.key).cmp(&(b.create_revision, &b.key)));
    let mut claims = order.into_iter().map(|held| claim(held, time(held.lease)));
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

/// A readers-writer lock: `claims` are its keys, with whether each asks to write; `nested` other leased
/// keys under its prefix, which writers wait behind too.
///
/// The order is that of the last change. Readers hold it together while no writer is older; else the
/// first of all holds it.
pub(in crate::service) fn rwmutex(
    name: &[u8],
    claims: &[(&Held, bool)],
    nested: &[&Held],
    time: impl Fn(i64) -> Option<LeaseTime>,
) -> Option<Lock> {
    let writes = |(held, writes): &(&Held, bool)| writes.then_some(held.mod_revision);
    let last_writer = claims.iter().filter_map(writes).max();
    let blocking = nested
        .iter()
        .filter(|held| last_writer.is_some_and(|last| held.mod_revision < last));
    let mut order: Vec<(&Held, bool)> = claims.to_vec();
    order.extend(blocking.map(|held| (*held, true)));
    order.sort_by(|(a, _), (b, _)| (a.mod_revision, &a.key).cmp(&(b.mod_revision, &b.key)));
    let first_writer = claims.iter().filter_map(writes).min();
    let reads_now = |held: &Held, asks_to_write: bool| {
        !asks_to_write && first_writer.is_none_or(|first| held.mod_revision < first)
    };
    let (readers, others): (Vec<_>, Vec<_>) = order
        .into_iter()
        .partition(|(held, writes)| reads_now(held, *writes));
    let said = |(held, _): (&Held, bool)| claim(held, time(held.lease));
    let (mut readers, mut others) = (readers.into_iter().map(said), others.into_iter().map(said));
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

/// A key that is a lock by itself.
pub(in crate::service) fn single(held: &Held, certain: bool, time: Option<LeaseTime>) -> Lock {
    Lock {
        name: held.key.as_slice().into(),
        kind: LockKind::SingleKey,
        certain,
        holder: Some(claim(held, time)),
        held_since: None,
        waiters: None,
        readers: Vec::new(),
    }
}

/// A lock that nobody holds or waits for.
pub(in crate::service) fn gone(name: &[u8], kind: LockKind, certain: bool) -> Lock {
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
