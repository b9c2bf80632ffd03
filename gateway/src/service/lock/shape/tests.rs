//! Unit tests of deriving locks from keys.

use super::*;

fn leased(key: &str, create: i64, version: i64, value: &str) -> LeasedKey {
    LeasedKey {
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
    let claims: Vec<LeasedKey> = claims
        .iter()
        .enumerate()
        .map(|(at, (version, value))| leased("q/x", at as i64 + 1, *version, value))
        .collect();
    kind(claims.iter())
}

#[test]
fn values_distinguish_a_mutex_from_an_election() {
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
fn claims_are_ordered_by_creation() {
    let (a, b, c) = (
        leased("q/1", 9, 1, ""),
        leased("q/2", 3, 1, ""),
        leased("q/3", 5, 1, ""),
    );
    let lock = queue(b"q", &[&a, &b, &c], &[], |_| None).expect("a queue");
    assert_eq!(lock.holder.expect("a holder").fencing_token, 3);
    let waiters = lock.waiters.expect("a queue has waiters");
    let tokens: Vec<_> = waiters.iter().map(|claim| claim.fencing_token).collect();
    assert_eq!(tokens, [5, 9]);
}

#[test]
fn a_nested_key_belongs_to_the_queue_it_blocks() {
    let (direct, before, after) = (
        leased("a/1", 5, 1, ""),
        leased("a/b/2", 4, 1, ""),
        leased("a/b/3", 6, 1, ""),
    );
    let lock = queue(b"a", &[&direct], &[&before, &after], |_| None).expect("a queue");
    assert_eq!(lock.holder.expect("a holder").key, Bytes::from("a/b/2"));
    assert_eq!(lock.waiters.expect("waiters").len(), 1);
    assert_eq!(queue(b"a", &[], &[&before], |_| None), None);
    assert!(
        queue_until(b"a", &[], &[&before, &after], 5, |_| None)
            .holder
            .is_some()
    );
}

#[test]
fn readers_hold_together_until_a_writer_waits() {
    let tokens =
        |claims: &[Claim]| -> Vec<i64> { claims.iter().map(|claim| claim.fencing_token).collect() };
    let keys: Vec<LeasedKey> = [3, 4, 5, 6]
        .iter()
        .map(|at| leased(&format!("n/x/{at}"), *at, 1, ""))
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
fn a_holders_name_is_not_shown_as_a_value() {
    let named = claim(&leased("q/1", 1, 1, r#"{"holder":"api-7"}"#), None);
    assert_eq!((named.name.as_deref(), named.value), (Some("api-7"), None));
    let other = claim(&leased("q/1", 1, 1, "10.0.0.1"), None);
    assert_eq!((other.name, other.value), (None, Some("10.0.0.1".into())));
    assert_eq!(owner_name(&owner_value("a\"b")), Some("a\"b".into()));
}

#[test]
fn held_since_is_when_the_key_was_first_seen_as_holder() {
    let (first, second) = (leased("q/1", 3, 1, ""), leased("q/2", 5, 1, ""));
    let at = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let since = |claims: &[&LeasedKey], seconds| {
        let mut lock = queue(b"q", claims, &[], |_| None).expect("a queue");
        set_held_since(&mut lock, |_, token| Some(at(seconds + token as u64)));
        lock.held_since
    };
    assert_eq!(
        since(&[&first, &second], 0).as_deref(),
        Some("1970-01-01T00:00:03Z")
    );
    // The second was seen just as early, but as a waiter.
    assert_eq!(
        since(&[&second], 55).as_deref(),
        Some("1970-01-01T00:01:00Z")
    );

    let mut lock = queue(b"q", &[&first], &[], |_| None).expect("a queue");
    set_held_since(&mut lock, |_, _| None);
    assert_eq!(lock.held_since, None, "not known");
    let mut lock = single(&first, false, None);
    set_held_since(&mut lock, |_, _| Some(at(99)));
    assert_eq!(lock.held_since.as_deref(), Some("1970-01-01T00:00:00Z"));
    let mut lock = unheld(b"q", LockKind::Mutex, true);
    set_held_since(&mut lock, |_, _| Some(at(99)));
    assert_eq!(lock.held_since, None);
}

#[test]
fn first_seen_is_a_time_in_utc() {
    assert_eq!(
        claim(&leased("q/1", 1, 1, ""), None).first_seen,
        "1970-01-01T00:00:00Z"
    );
}
