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
mod tests {
    use super::*;

    fn held(key: &str, create: i64, version: i64, value: &str) -> Held {
        Held {
            key: key.into(),
            create_revision: create,
            mod_revision: create + version - 1,
            version,
            lease: create * 10,
            value: Some(value.into()),
            first_seen: SystemTime::UNIX_EPOCH,
        }
    }

    fn kind_of(claims: &[(i64, &str)]) -> (LockKind, bool) {
        let claims: Vec<Held> = claims
            .iter()
            .enumerate()
            .map(|(at, (version, value))| held("q/x", at as i64 + 1, *version, value))
            .collect();
        kind(claims.iter())
    }

    #[test]
    fn the_values_tell_a_mutex_from_an_election() {
        assert_eq!(kind_of(&[(1, ""), (1, "")]), (LockKind::Mutex, true));
        assert_eq!(
            kind_of(&[(1, r#"{"holder":"a"}"#), (1, "")]),
            (LockKind::Mutex, true)
        );
        assert_eq!(kind_of(&[(2, "e1"), (1, "e2")]), (LockKind::Election, true));
        assert_eq!(kind_of(&[(1, "e1"), (1, "")]), (LockKind::Election, false));
        assert_eq!(
            kind_of(&[(1, r#"{"holder":"a","since":1}"#)]),
            (LockKind::Election, false)
        );
    }

    #[test]
    fn the_order_is_that_of_creation() {
        let (a, b, c) = (
            held("q/1", 9, 1, ""),
            held("q/2", 3, 1, ""),
            held("q/3", 5, 1, ""),
        );
        let lock = queue(b"q", &[&a, &b, &c], &[], |_| None).expect("a queue");
        assert_eq!(lock.holder.expect("a holder").fencing_token, 3);
        let waiters = lock.waiters.expect("a queue has waiters");
        let tokens: Vec<_> = waiters.iter().map(|claim| claim.fencing_token).collect();
        assert_eq!(tokens, [5, 9]);
    }

    #[test]
    fn a_nested_key_belongs_to_the_queue_it_blocks() {
        let (direct, before, behind) = (
            held("a/1", 5, 1, ""),
            held("a/b/2", 4, 1, ""),
            held("a/b/3", 6, 1, ""),
        );
        let lock = queue(b"a", &[&direct], &[&before, &behind], |_| None).expect("a queue");
        assert_eq!(lock.holder.expect("a holder").key, Bytes::from("a/b/2"));
        assert_eq!(lock.waiters.expect("waiters").len(), 1);
        assert_eq!(queue(b"a", &[], &[&before], |_| None), None);
        assert!(
            queue_until(b"a", &[], &[&before, &behind], 5, |_| None)
                .holder
                .is_some()
        );
    }

    #[test]
    fn readers_hold_together_until_a_writer_comes() {
        let tokens = |claims: &[Claim]| -> Vec<i64> {
            claims.iter().map(|claim| claim.fencing_token).collect()
        };
        let keys: Vec<Held> = [3, 4, 5, 6]
            .iter()
            .map(|at| held(&format!("n/x/{at}"), *at, 1, ""))
            .collect();
        let check = |writers: [bool; 4], holder: i64, readers: &[i64], waiters: &[i64]| {
            let claims: Vec<_> = keys.iter().zip(writers).collect();
            let lock = rwmutex(b"n", &claims, &[], |_| None).expect("a lock");
            assert_eq!((lock.kind, lock.certain), (LockKind::Rwmutex, true));
            assert_eq!(lock.holder.expect("a holder").fencing_token, holder);
            assert_eq!(tokens(&lock.readers), readers);
            assert_eq!(tokens(&lock.waiters.expect("a queue")), waiters);
        };
        let (reads, writes) = (false, true);
        check([reads, reads, writes, reads], 3, &[4], &[5, 6]);
        check([writes, reads, reads, writes], 3, &[], &[4, 5, 6]);
        check([reads, reads, reads, reads], 3, &[4, 5, 6], &[]);
        assert_eq!(rwmutex(b"n", &[], &[&keys[0]], |_| None), None);
    }

    #[test]
    fn a_name_is_no_value() {
        let named = claim(&held("q/1", 1, 1, r#"{"holder":"api-7"}"#), None);
        assert_eq!((named.name.as_deref(), named.value), (Some("api-7"), None));
        let other = claim(&held("q/1", 1, 1, "10.0.0.1"), None);
        assert_eq!((other.name, other.value), (None, Some("10.0.0.1".into())));
        assert_eq!(owner_name(&owner_value("a\"b")), Some("a\"b".into()));
    }

    #[test]
    fn a_holder_that_waited_holds_only_since_it_was_seen_first() {
        let (first, second) = (held("q/1", 3, 1, ""), held("q/2", 5, 1, ""));
        let at = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let since = |claims: &[&Held], seconds| {
            let mut lock = queue(b"q", claims, &[], |_| None).expect("a queue");
            note_held(&mut lock, |_, token| Some(at(seconds + token as u64)));
            lock.held_since
        };
        assert_eq!(
            since(&[&first, &second], 0).as_deref(),
            Some("1970-01-01T00:00:03Z")
        );
        // The second was seen for as long, but as a waiter.
        assert_eq!(
            since(&[&second], 55).as_deref(),
            Some("1970-01-01T00:01:00Z")
        );

        let mut lock = queue(b"q", &[&first], &[], |_| None).expect("a queue");
        note_held(&mut lock, |_, _| None);
        assert_eq!(lock.held_since, None, "not known");
        let mut lock = single(&first, false, None);
        note_held(&mut lock, |_, _| Some(at(99)));
        assert_eq!(lock.held_since.as_deref(), Some("1970-01-01T00:00:00Z"));
        let mut lock = gone(b"q", LockKind::Mutex, true);
        note_held(&mut lock, |_, _| Some(at(99)));
        assert_eq!(lock.held_since, None);
    }

    #[test]
    fn first_seen_is_a_time_in_utc() {
        assert_eq!(
            claim(&held("q/1", 1, 1, ""), None).first_seen,
            "1970-01-01T00:00:00Z"
        );
    }
}
