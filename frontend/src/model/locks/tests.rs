//! The board, told by a stream.

use shared::{Bytes, Claim, LeaseId, Lock, LockKind, ServerMessage};

use super::{Board, Lanes, hue, label};

fn claim(name: &str, token: i64, ttl: i64) -> Claim {
    Claim {
        key: Bytes::from(format!("k/{token:x}")),
        name: Some(name.to_owned()),
        value: None,
        lease: LeaseId(token),
        ttl: Some(ttl),
        granted_ttl: Some(60),
        fencing_token: token,
        first_seen: "1970-01-01T00:00:10Z".to_owned(),
    }
}

fn lock(name: &str, holder: Option<Claim>, waiters: Vec<Claim>) -> ServerMessage {
    ServerMessage::Lock(Lock {
        name: Bytes::from(name),
        kind: LockKind::Mutex,
        certain: true,
        holder,
        waiters: Some(waiters),
        readers: Vec::new(),
    })
}

fn progress() -> ServerMessage {
    ServerMessage::LocksProgress {
        revision: 1,
        partial: false,
    }
}

fn names(board: &Board) -> Vec<String> {
    let names = board.names(None, "").into_iter();
    names
        .map(|name| String::from_utf8(name).expect("names are text here"))
        .collect()
}

/// A board that has listed one lock, held by `api-7` with token 5, at 20 s.
fn board() -> Board {
    let mut board = Board::default();
    board.connected(20_000.0);
    board.take(
        lock(
            "deploy",
            Some(claim("api-7", 5, 43)),
            vec![claim("api-2", 9, 50)],
        ),
        20_000.0,
    );
    board.take(progress(), 20_000.0);
    board
}

#[test]
fn a_lock_is_not_gone_while_the_listing_goes_on() {
    let mut board = board();
    board.lost(25_000.0);
    board.connected(26_000.0);
    board.take(
        ServerMessage::LocksProgress {
            revision: 1,
            partial: true,
        },
        27_000.0,
    );
    assert_eq!(names(&board), ["deploy"]);
    board.take(progress(), 28_000.0);
    assert!(names(&board).is_empty());
}

#[test]
fn a_lease_drains_between_two_messages() {
    let board = board();
    let ttl = board
        .get(b"deploy")
        .and_then(super::Tracked::ttl)
        .expect("seconds are known");
    assert_eq!(
        (ttl.left(20_000.0), ttl.left(30_500.0), ttl.left(99_000.0)),
        (43, 33, 0)
    );
    assert!(
        (ttl.renewed() - 3_000.0).abs() < 1e-6,
        "17 of 60 seconds are used"
    );
}

#[test]
fn low_leases_alarm_and_renewal_ends_it() {
    let mut board = board();
    assert!(board.alarming(50_000.0).is_empty());
    assert_eq!(board.alarming(52_000.0), [b"deploy".to_vec()]);
    board.take(
        lock("deploy", Some(claim("api-7", 5, 60)), vec![]),
        52_500.0,
    );
    assert!(board.alarming(53_000.0).is_empty());
    let every = board
        .get(b"deploy")
        .and_then(|tracked| tracked.renewal_every);
    assert_eq!(every, Some(49_500.0), "from 3.0 s to 52.5 s");
}

#[test]
fn a_hand_over_is_seen_and_timed() {
    let mut board = board();
    board.take(
        lock("deploy", Some(claim("api-2", 9, 60)), vec![]),
        30_000.0,
    );
    let tracked = board.get(b"deploy").expect("is there");
    assert_eq!(
        tracked.held(34_000.0),
        Some(4_000.0),
        "since the hand-over, not since it first waited"
    );
    let spans: Vec<_> = tracked
        .spans
        .iter()
        .map(|span| (span.who.as_str(), span.from, span.to))
        .collect();
    assert_eq!(
        spans,
        [
            ("api-7", 20_000.0, Some(30_000.0)),
            ("api-2", 30_000.0, None)
        ]
    );
}

#[test]
fn a_holder_that_was_found_holding_counts_from_first_seen() {
    let board = board();
    let tracked = board.get(b"deploy").expect("is there");
    assert_eq!(tracked.held(25_000.0), Some(15_000.0));
    let waiter = tracked
        .lock
        .waiters
        .as_ref()
        .and_then(|waiters| waiters.first())
        .expect("waits");
    assert_eq!(tracked.waited(waiter, 25_000.0), Some(15_000.0));
}

#[test]
fn a_gateway_whose_clock_is_ahead_does_not_give_negative_times() {
    let mut board = Board::default();
    board.connected(0.0);
    board.take(lock("deploy", Some(claim("a", 1, 9)), vec![]), 4_000.0);
    assert_eq!(
        board
            .get(b"deploy")
            .and_then(|tracked| tracked.held(9_000.0)),
        Some(5_000.0)
    );
}

#[test]
fn what_is_gone_leaves_the_list_and_is_remembered() {
    let mut board = board();
    board.take(lock("deploy", None, vec![]), 30_000.0);
    assert_eq!((names(&board).len(), board.counts().all), (0, 0));
    let spans = &board.get(b"deploy").expect("is remembered").spans;
    assert_eq!(spans.back().and_then(|span| span.to), Some(30_000.0));
}

#[test]
fn a_listing_after_a_loss_removes_what_it_does_not_name() {
    let mut board = board();
    board.take(lock("other", Some(claim("b", 7, 9)), vec![]), 21_000.0);
    board.lost(25_000.0);
    board.connected(40_000.0);
    board.take(
        lock("deploy", Some(claim("api-2", 9, 60)), vec![]),
        40_000.0,
    );
    assert_eq!(
        names(&board),
        ["deploy", "other"],
        "nothing flickers before the listing is complete"
    );
    board.take(progress(), 40_100.0);
    assert_eq!(names(&board), ["deploy"]);
    let deploy = board.get(b"deploy").expect("is there");
    assert_eq!(
        deploy.spans[0].to,
        Some(25_000.0),
        "known to hold until the loss, no longer"
    );
    assert_eq!(deploy.taken_over, None, "when it took over is not known");
    board.take(lock("deploy", Some(claim("c", 11, 60)), vec![]), 50_000.0);
    assert_eq!(
        board.get(b"deploy").and_then(|tracked| tracked.taken_over),
        Some(50_000.0)
    );
}

#[test]
fn filters_look_at_names_and_owners() {
    let mut board = board();
    board.take(lock("other", Some(claim("b", 7, 9)), vec![]), 21_000.0);
    for (text, found) in [
        ("DEP", 1),
        ("api-2", 1),
        ("b", 1),
        ("zz", 0),
        ("", 2),
        ("e", 2),
    ] {
        assert_eq!(board.names(None, text).len(), found, "{text}");
    }
    assert!(board.names(Some(LockKind::Election), "").is_empty());
}

#[test]
fn owners_without_a_name_are_known_by_value_or_lease() {
    let mut owner = Claim {
        name: None,
        ..claim("", 0xa1, 1)
    };
    assert_eq!(label(&owner), ("a1".to_owned(), true));
    owner.value = Some(Bytes::from("node-3\n"));
    assert_eq!(label(&owner), ("node-3".to_owned(), false));
    assert_eq!(hue("node-3"), hue("node-3"));
}

#[test]
fn lanes_widen_with_age_and_count_hand_overs() {
    let mut board = board();
    for (at, who, token) in [
        (30_000.0, "api-2", 9),
        (40_000.0, "node-1", 12),
        (50_000.0, "api-7", 14),
    ] {
        board.take(lock("deploy", Some(claim(who, token, 60)), vec![]), at);
    }
    let spans = &board.get(b"deploy").expect("is there").spans;
    let lanes = Lanes::new(spans, 20_000.0, 70_000.0);
    assert_eq!(
        (lanes.window_s, lanes.handovers, lanes.longest),
        (60, 3, 20_000.0)
    );
    let owners: Vec<_> = lanes
        .lanes
        .iter()
        .map(|lane| (lane.who.as_str(), lane.spans.len()))
        .collect();
    assert_eq!(owners, [("api-7", 2), ("api-2", 1), ("node-1", 1)]);
    let (from, to, lasts) = lanes.lanes[0].spans[1];
    assert!((from - 40.0 / 60.0).abs() < 1e-9 && (to - 1.0).abs() < 1e-9 && lasts);
    let later = Lanes::new(spans, 20_000.0, 20_000.0 + 400_000.0);
    assert_eq!(
        (later.window_s, later.handovers, later.lanes.len()),
        (300, 0, 1)
    );
}
