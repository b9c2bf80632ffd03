//! Lists, readings, and what a viewer receives.

use shared::LeaseKind;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn reading(at: Instant, ttl: i64) -> Reading {
    Reading {
        time: LeaseTime { ttl, granted: 60 },
        at,
        at_ms: 0,
    }
}

/// A state with these leases, and a viewer that has received them.
fn viewed(ids: &[i64], now: Instant) -> (State, u64) {
    let mut state = State::default();
    assert_eq!(state.list(ids, true, now), ids);
    let viewer = state.open(Arc::default());
    let _ = state.take_changes(viewer, 0);
    (state, viewer)
}

/// What a viewer receives: ids with TTLs, `-` for a lease that has ended and `?` for a hidden one.
fn received(state: &mut State, viewer: u64) -> Vec<String> {
    let Some(changes) = state.take_changes(viewer, 0) else {
        return Vec::new();
    };
    let gone = changes.gone.iter().map(|id| format!("-{id}"));
    let hidden = changes.hidden.iter().map(|id| format!("?{id}"));
    let leases = changes.leases.iter().map(|lease| match lease.ttl {
        Some(ttl) => format!("{}:{ttl}", lease.id),
        None => lease.id.to_string(),
    });
    gone.chain(hidden).chain(leases).collect()
}

#[test]
fn a_viewer_receives_every_lease_and_then_what_a_countdown_does_not_show() {
    let now = Instant::now();
    let mut state = State::default();
    state.list(&[1, 2], true, now);
    let viewer = state.open(Arc::default());
    assert_eq!(received(&mut state, viewer), ["1", "2"]);
    state.read(1, reading(now, 30), false);
    assert_eq!(received(&mut state, viewer), ["1:30"]);
    state.read(1, reading(now + 10 * SECOND, 19), false);
    assert!(received(&mut state, viewer).is_empty(), "as counted down");
    state.read(1, reading(now + 20 * SECOND, 59), false);
    assert_eq!(received(&mut state, viewer), ["1:59"], "renewed");
    state.read(1, reading(now + 5 * SECOND, 7), false);
    assert!(received(&mut state, viewer).is_empty(), "an older response");
    // Another viewer starts with everything, in its latest state.
    let another = state.open(Arc::default());
    assert_eq!(received(&mut state, another), ["1:59", "2"]);
}

#[test]
fn a_lease_missing_from_a_list_ends_only_by_its_own_reading() {
    let now = Instant::now();
    let (mut state, viewer) = viewed(&[1, 2], now);
    state.read(1, reading(now, 30), false);
    state.read(2, reading(now, 30), false);
    let _ = received(&mut state, viewer);
    state.list(&[2], true, now);
    assert!(received(&mut state, viewer).is_empty());
    assert_eq!(state.take_due(now, 10, 0, true), [1], "read at once");
    state.read(1, reading(now + SECOND, 29), false);
    assert!(received(&mut state, viewer).is_empty(), "it still exists");
    state.read(1, reading(now + 2 * SECOND, -1), false);
    assert_eq!(received(&mut state, viewer), ["-1"]);
    // A member that lags behind still lists it.
    assert!(state.list(&[1, 2], true, now + 3 * SECOND).is_empty());
    assert_eq!(state.list(&[1, 2], true, now + 9 * SECOND), [1]);
    assert_eq!(received(&mut state, viewer), ["1"]);
}

#[test]
fn a_lease_that_is_visible_by_its_keys_alone_is_hidden_without_any() {
    let now = Instant::now();
    let (mut state, viewer) = viewed(&[1, 2], now);
    state.list(&[], false, now);
    assert!(state.take_due(now, 10, 0, true).is_empty(), "incomplete");
    state.list(&[2], true, now);
    assert_eq!(state.take_due(now, 10, 0, true), [1]);
    state.read(1, reading(now, 30), true);
    assert_eq!(received(&mut state, viewer), ["?1"]);
    state.hide_all();
    assert_eq!(received(&mut state, viewer), ["?2"]);
}

#[test]
fn leases_that_are_shown_are_read_often_and_others_rarely() {
    let now = Instant::now();
    let (mut state, viewer) = viewed(&[1, 2, 3], now);
    assert!(
        state.take_due(now, 10, 10, true).is_empty(),
        "others do that"
    );
    state.show(viewer, &[LeaseId(3)]);
    assert_eq!(state.take_due(now, 2, 0, false), [3, 1], "never read");
    assert_eq!(
        state.take_due(now, 2, 0, false),
        [2],
        "1 and 3 are in flight"
    );
    for id in 1..=3 {
        state.read(id, reading(now, 20), false);
    }
    let mut due = |seconds: u32, rest| state.take_due(now + seconds * SECOND, 10, rest, false);
    assert!(due(9, 10).is_empty());
    assert_eq!(due(10, 10), [3], "a third of 60 s, at most 10 s");
    assert!(due(20, 10).is_empty());
    assert_eq!(due(21, 1), [1], "its TTL has passed, so it was renewed");
    assert_eq!(due(61, 10), [2]);
}

#[test]
fn a_failed_request_is_repeated() {
    let now = Instant::now();
    let (mut state, _) = viewed(&[1], now);
    assert_eq!(state.take_due(now, 10, 10, false), [1]);
    assert!(state.take_due(now, 10, 10, false).is_empty());
    state.read_failed(1);
    assert_eq!(state.take_due(now, 10, 10, false), [1]);
}

#[test]
fn keys_are_sent_when_they_change_and_kept_while_they_are_unknown() {
    let now = Instant::now();
    let (mut state, viewer) = viewed(&[1], now);
    let facts = LeaseFacts {
        keys: 2,
        kinds: vec![LeaseKind::Lock, LeaseKind::Plain],
        first_key: Some(b"a/1".to_vec()),
        queue: Some(b"a".to_vec()),
        holder: Some("api-7".to_owned()),
    };
    state.learn(1, Some(facts.clone()), Some(reading(now, 30)));
    let changes = state.take_changes(viewer, 7).expect("a change");
    assert_eq!(changes.now, 7);
    let expected = LiveLease {
        id: LeaseId(1),
        ttl: Some(30),
        granted_ttl: Some(60),
        read_at: Some(0),
        key_count: Some(2),
        kinds: Some(facts.kinds.clone()),
        first_key: Some("a/1".into()),
        queue: Some("a".into()),
        holder: Some("api-7".to_owned()),
    };
    assert_eq!(changes.leases, [expected]);
    state.learn(1, Some(facts), None);
    state.learn(1, None, None);
    assert!(state.take_changes(viewer, 0).is_none());
    state.learn(1, Some(LeaseFacts::default()), None);
    let changes = state.take_changes(viewer, 0).expect("a change");
    assert_eq!(changes.leases[0].key_count, Some(0));
    assert_eq!(changes.leases[0].kinds, Some(Vec::new()));
}

#[test]
fn ten_thousand_leases_are_listed_and_sent_in_batches() {
    let now = Instant::now();
    let ids: Vec<i64> = (0..MAX_LEASES as i64 + 5).collect();
    let mut state = State::default();
    assert_eq!(state.list(&ids, true, now).len(), MAX_LEASES);
    assert_eq!(state.len(), MAX_LEASES);
    let viewer = state.open(Arc::default());
    let mut sent = 0;
    while let Some(changes) = state.take_changes(viewer, 0) {
        assert!(changes.leases.len() <= BATCH);
        sent += changes.leases.len();
    }
    assert_eq!(sent, MAX_LEASES);
    assert!(state.any_unread());
}
