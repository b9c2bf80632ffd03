//! Tests of the reducer: events and reads in, locks out.

use std::time::{Duration, SystemTime};

use shared::{Entry, LeaseId, LeaseKind, Lock, LockKind};
use tokio::time::Instant;

use super::{LeaseFacts, Scope, State};
use crate::service::lock::names::SingleKeyRules;
use crate::service::lock::shape::LeaseTime;

fn entry(key: &str, lease: i64, created: i64, modified: i64) -> Entry {
    Entry {
        key: key.into(),
        value: Some("".into()),
        create_revision: created,
        mod_revision: modified,
        version: modified - created + 1,
        lease: LeaseId::from_raw(lease),
    }
}

fn seen(_: &[u8], _: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH
}

fn state() -> State {
    State::new(SingleKeyRules::new(vec![b"/jobs/".to_vec()]))
}

/// A put at the revision that creates the key.
fn put(state: &mut State, key: &str, lease: i64, created: i64) {
    state.put(entry(key, lease, created, created), seen);
}

fn names(state: &State) -> Vec<String> {
    let names = state.names(b"", None);
    names
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

fn dirty(state: &mut State) -> Vec<String> {
    let names = state.take_dirty();
    names
        .iter()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

fn lock(state: &State, name: &str) -> Lock {
    state.lock(name.as_bytes(), Instant::now()).expect("a lock")
}

/// Tokens of holder and waiters.
fn tokens(lock: &Lock) -> Vec<i64> {
    let claims = lock.holder.iter().chain(lock.waiters.iter().flatten());
    claims.map(|claim| claim.fencing_token).collect()
}

#[test]
fn a_queue_grows_and_shrinks() {
    let mut state = state();
    put(&mut state, "deploy/a", 10, 5);
    put(&mut state, "deploy/b", 11, 3);
    put(&mut state, "deploy/c", 12, 4);
    assert_eq!(dirty(&mut state), ["deploy"]);
    assert_eq!(tokens(&lock(&state, "deploy")), [3, 4, 5]);
    state.delete(b"deploy/b", 6);
    assert_eq!(dirty(&mut state), ["deploy"]);
    assert_eq!(tokens(&lock(&state, "deploy")), [4, 5]);
    state.delete(b"deploy/c", 7);
    state.delete(b"deploy/a", 8);
    assert!(state.lock(b"deploy", Instant::now()).is_none());
    assert_eq!(dirty(&mut state), ["deploy"]);
    assert_eq!(names(&state), Vec::<String>::new());
}

#[test]
fn only_leased_keys_are_locks() {
    let mut state = state();
    put(&mut state, "config", 0, 1);
    put(&mut state, "/services/a", 7, 2);
    put(&mut state, "/cron/lock/x", 7, 3);
    put(&mut state, "/jobs/y", 7, 4);
    put(&mut state, "/lock/none", 0, 5);
    assert_eq!(names(&state), ["/cron/lock/x", "/jobs/y"]);
    let guess = lock(&state, "/cron/lock/x");
    assert_eq!(
        (guess.kind, guess.certain, guess.waiters),
        (LockKind::SingleKey, false, None)
    );
    assert!(lock(&state, "/jobs/y").certain);
}

#[test]
fn a_readers_writer_lock_is_found_by_its_keys() {
    let mut state = state();
    put(&mut state, "n/read/1764086400123456789", 7, 1);
    put(&mut state, "n/read/1764086400123456790", 8, 2);
    put(&mut state, "n/write/1764086400123456791", 9, 3);
    put(&mut state, "n/read/1764086400123456792", 10, 4);
    assert_eq!(names(&state), ["n"]);
    let found = lock(&state, "n");
    assert_eq!((found.kind, found.certain), (LockKind::Rwmutex, true));
    assert_eq!(tokens(&found), [1, 3, 4]);
    assert_eq!(found.readers[0].fencing_token, 2);
    assert_eq!(dirty(&mut state), ["n"]);
    state.delete(b"n/read/1764086400123456789", 5);
    state.delete(b"n/read/1764086400123456790", 6);
    assert_eq!(dirty(&mut state), ["n"]);
    assert_eq!(tokens(&lock(&state, "n")), [3, 4]);
    state.delete(b"n/write/1764086400123456791", 7);
    state.delete(b"n/read/1764086400123456792", 8);
    assert!(names(&state).is_empty());
}

#[test]
fn a_put_without_a_lease_ends_the_claim() {
    let mut state = state();
    put(&mut state, "q/a", 10, 1);
    dirty(&mut state);
    state.put(entry("q/a", 0, 1, 2), seen);
    assert_eq!(
        (names(&state), dirty(&mut state)),
        (vec![], vec!["q".to_owned()])
    );
}

#[test]
fn a_different_lease_changes_a_keys_role() {
    let mut state = state();
    put(&mut state, "q/a", 10, 1);
    put(&mut state, "/jobs/a", 10, 2);
    assert_eq!(names(&state), ["/jobs", "q"]);
    state.put(entry("/jobs/a", 11, 2, 3), seen);
    assert_eq!(names(&state), ["/jobs/a", "q"]);
    state.put(entry("q/a", 11, 1, 4), seen);
    assert_eq!(names(&state), ["/jobs/a"]);
}

#[test]
fn late_and_duplicate_input_has_no_effect() {
    let mut state = state();
    state.put(entry("q/a", 10, 5, 7), seen);
    dirty(&mut state);
    state.put(entry("q/a", 10, 5, 6), seen);
    state.put(entry("q/a", 10, 5, 7), seen);
    state.delete(b"q/a", 4);
    assert_eq!(
        (names(&state), dirty(&mut state)),
        (vec!["q".to_owned()], vec![])
    );
}

#[test]
fn events_take_precedence_over_an_older_read() {
    let keys = |keys: &[&str]| Scope::Keys(keys.iter().map(|key| (*key).into()).collect());
    let mut state = state();
    // Deleted after the read's revision, and the event arrives first.
    let read = state.begin_read(keys(&["q/a", "q/b"]));
    state.delete(b"q/a", 9);
    state.end_read(
        read,
        Some((8, vec![entry("q/a", 10, 3, 3), entry("q/b", 11, 4, 4)])),
        seen,
    );
    assert_eq!(tokens(&lock(&state, "q")), [4]);
    // Deleted before the read's revision and created again: the read is current.
    let read = state.begin_read(keys(&["q/a"]));
    state.delete(b"q/a", 10);
    state.end_read(read, Some((12, vec![entry("q/a", 10, 11, 11)])), seen);
    assert_eq!(tokens(&lock(&state, "q")), [4, 11]);
    // A failed read changes nothing, and neither does one from before the listing.
    let read = state.begin_read(keys(&["q/c"]));
    state.end_read(read, None, seen);
    state.begin_listing(20);
    let read = state.begin_read(Scope::Name(b"q".to_vec()));
    state.end_read(read, Some((19, vec![entry("q/c", 12, 13, 13)])), seen);
    assert_eq!(tokens(&lock(&state, "q")), [4, 11]);
}

#[test]
fn a_new_listing_drops_unconfirmed_keys() {
    let mut state = state();
    put(&mut state, "q/a", 10, 1);
    put(&mut state, "q/b", 11, 2);
    put(&mut state, "/jobs/x", 7, 3);
    dirty(&mut state);
    state.begin_listing(10);
    let read = state.begin_read(Scope::Keys([b"q/b".to_vec()].into()));
    state.end_read(read, Some((10, vec![entry("q/b", 11, 2, 2)])), seen);
    put(&mut state, "q/c", 12, 11);
    state.end_listing();
    assert_eq!(names(&state), ["q"]);
    assert_eq!(tokens(&lock(&state, "q")), [2, 11]);
    assert_eq!(dirty(&mut state), ["/jobs/x", "q"]);
}

#[test]
fn nested_keys_belong_to_every_queue_they_block() {
    let mut state = state();
    put(&mut state, "a/b/a", 10, 1);
    put(&mut state, "a/b", 11, 2);
    dirty(&mut state);
    put(&mut state, "a/plain", 7, 3);
    put(&mut state, "a/c", 12, 4);
    assert_eq!(names(&state), ["a", "a/b"]);
    assert_eq!(tokens(&lock(&state, "a")), [1, 2, 3, 4]);
    assert_eq!(tokens(&lock(&state, "a/b")), [1]);
    dirty(&mut state);
    state.delete(b"a/b/a", 5);
    assert_eq!(dirty(&mut state), ["a", "a/b"]);
    assert_eq!(tokens(&lock(&state, "a")), [2, 3, 4]);
    // "a/b" was a claim of "a" all along: its name is the key of lease 11.
    assert_eq!(names(&state), ["a"]);
}

#[test]
fn names_are_sorted_and_paged() {
    let mut state = state();
    for (at, key) in ["b/a", "/jobs/1", "a/a", "c/lock"].into_iter().enumerate() {
        put(&mut state, key, 10, at as i64 + 1);
    }
    assert_eq!(names(&state), ["/jobs/1", "a", "b", "c/lock"]);
    let after: Vec<_> = state.names(b"", Some(b"a")).collect();
    assert_eq!(after, [&b"b"[..], b"c/lock"]);
    let below: Vec<_> = state.names(b"c", None).collect();
    assert_eq!(below, [&b"c/lock"[..]]);
}

fn respond(state: &mut State, lease: i64, ttl: i64, now: Instant) {
    state.lease_response(lease, LeaseTime { ttl, granted: 30 }, now);
}

#[test]
fn a_ttl_counts_down_and_a_renewal_is_a_change() {
    let mut state = state();
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    put(&mut state, "q/a", 10, 1);
    let ttl = |state: &State, seconds| {
        let lock = state.lock(b"q", at(seconds)).expect("a lock");
        lock.holder.expect("a holder").ttl
    };
    assert_eq!(ttl(&state, 0), None);
    dirty(&mut state);
    respond(&mut state, 10, 29, at(0));
    assert_eq!(dirty(&mut state), ["q"], "the first response is a change");
    assert_eq!((ttl(&state, 10), ttl(&state, 60)), (Some(19), Some(0)));
    respond(&mut state, 10, 20, at(10));
    assert_eq!(dirty(&mut state), Vec::<String>::new(), "rounding is not");
    respond(&mut state, 10, 29, at(20));
    assert_eq!(dirty(&mut state), ["q"]);
    respond(&mut state, 10, -1, at(21));
    assert_eq!(ttl(&state, 21), Some(0));
}

#[test]
fn leases_of_holders_are_refreshed_first() {
    let mut state = state();
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    put(&mut state, "q/a", 10, 1);
    put(&mut state, "q/b", 11, 2);
    put(&mut state, "/services/x", 7, 3);
    assert_eq!(
        state.take_due(at(0), 10, |_| false),
        [10, 11],
        "new leases, followed or not"
    );
    assert_eq!(
        state.take_due(at(0), 10, |_| true),
        [0; 0],
        "requests are in flight"
    );
    respond(&mut state, 11, 30, at(0));
    respond(&mut state, 10, 30, at(1));
    assert_eq!(
        state.take_due(at(9), 10, |_| true),
        [0; 0],
        "a third of 30 s, 10 s at most"
    );
    assert_eq!(
        state.take_due(at(11), 10, |_| false),
        [0; 0],
        "no stream follows it"
    );
    assert_eq!(
        state.take_due(at(11), 1, |_| true),
        [10],
        "the holder first"
    );
    assert_eq!(state.take_due(at(11), 10, |_| true), [11]);
}

#[test]
fn a_different_cluster_clears_everything() {
    let mut state = state();
    put(&mut state, "q/a", 10, 100);
    dirty(&mut state);
    state.clear();
    state.begin_listing(3);
    assert_eq!(dirty(&mut state), ["q"]);
    put(&mut state, "q/a", 10, 4);
    assert_eq!((tokens(&lock(&state, "q")), state.revision()), (vec![4], 3));
}

fn put_value(state: &mut State, key: &str, lease: i64, created: i64, value: &str) {
    let mut entry = entry(key, lease, created, created);
    entry.value = Some(value.into());
    state.put(entry, seen);
}

#[test]
fn the_keys_of_a_lease_show_what_it_is() {
    let mut state = state();
    assert!(state.take_lease_changes().is_empty());
    put_value(&mut state, "plain/key", 10, 1, "x");
    put_value(&mut state, "services/10.0.0.1:80", 10, 2, "{}");
    put_value(&mut state, "elect/a", 10, 3, "candidate");
    put_value(&mut state, "lock/a", 10, 4, r#"{"holder":"api-7"}"#);
    put_value(&mut state, "plain/other", 11, 5, "x");
    let changed: std::collections::BTreeSet<i64> = state.take_lease_changes().into_iter().collect();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), [10, 11]);
    let facts = state.lease_facts(10, true).expect("listed");
    let kinds = [
        LeaseKind::Lock,
        LeaseKind::Election,
        LeaseKind::Service,
        LeaseKind::Plain,
    ];
    assert_eq!((facts.keys, &facts.kinds[..]), (4, &kinds[..]));
    assert_eq!(facts.first_key, Some(b"lock/a".to_vec()));
    assert_eq!(facts.queue, Some(b"lock".to_vec()));
    assert_eq!(facts.holder.as_deref(), Some("api-7"));
    state.delete(b"lock/a", 6);
    let facts = state.lease_facts(10, true).expect("listed");
    assert_eq!((facts.keys, &facts.kinds[..]), (3, &kinds[1..]));
    assert_eq!((facts.queue, facts.holder), (Some(b"elect".to_vec()), None));
    for (key, revision) in [
        ("elect/a", 7),
        ("services/10.0.0.1:80", 8),
        ("plain/key", 9),
    ] {
        state.delete(key.as_bytes(), revision);
    }
    assert_eq!(state.lease_facts(10, true), Some(LeaseFacts::default()));
    assert_eq!(state.leases().collect::<Vec<_>>(), [11]);
}

#[test]
fn the_keys_of_a_lease_are_unknown_until_they_are_listed() {
    let mut state = state();
    state.begin_listing(1);
    put_value(&mut state, "a", 10, 1, "x");
    assert_eq!(state.lease_facts(10, false), None);
    state.lease_listed(10, 2);
    assert_eq!(state.lease_facts(10, false), None, "one of two keys");
    put_value(&mut state, "b", 10, 2, "x");
    assert_eq!(state.lease_facts(10, false).expect("listed").keys, 2);
    state.lease_listed(11, 0);
    assert_eq!(state.lease_facts(11, false), Some(LeaseFacts::default()));
    assert_eq!(state.lease_facts(12, false), None);
}
