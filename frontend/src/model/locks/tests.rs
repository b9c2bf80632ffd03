//! The board, fed by a stream.

use std::collections::BTreeSet;

use shared::{Bytes, Claim, LeaseId, Lock, LockKind, LockList, ServerMessage};

use super::tracked::HeldFor;
use super::{Board, Lanes, ListFilter, ListRow, hue, label, list_rows};

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
        held_since: holder.as_ref().map(|_| "1970-01-01T00:00:12Z".to_owned()),
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
    let locks = board.matching("");
    locks
        .map(|lock| lock.name.to_lossy().into_owned())
        .collect()
}

/// A board that has listed one lock, held by `api-7` with token 5, at 20 s.
fn board() -> Board {
    let mut board = Board::default();
    board.on_connect(20_000.0);
    board.apply(
        lock(
            "deploy",
            Some(claim("api-7", 5, 43)),
            vec![claim("api-2", 9, 50)],
        ),
        20_000.0,
    );
    board.apply(progress(), 20_000.0);
    board
}

#[test]
fn a_lock_is_kept_while_the_listing_is_incomplete() {
    let mut board = board();
    board.on_loss(25_000.0);
    board.on_connect(26_000.0);
    board.apply(
        ServerMessage::LocksProgress {
            revision: 1,
            partial: true,
        },
        27_000.0,
    );
    assert_eq!(names(&board), ["deploy"]);
    board.apply(progress(), 28_000.0);
    assert!(names(&board).is_empty());
}

#[test]
fn a_lease_counts_down_between_two_messages() {
    let board = board();
    let ttl = board
        .get(b"deploy")
        .and_then(super::Tracked::ttl)
        .expect("the TTL is known");
    assert_eq!(
        (
            ttl.seconds_left(20_000.0),
            ttl.seconds_left(30_500.0),
            ttl.seconds_left(99_000.0)
        ),
        (43, 33, 0)
    );
    assert!(
        (ttl.renewed() - 3_000.0).abs() < 1e-6,
        "17 of 60 seconds are used"
    );
}

#[test]
fn a_renewal_ends_the_warning_of_an_expiring_lease() {
    let mut board = board();
    assert!(board.expiring(50_000.0).is_empty());
    assert_eq!(board.expiring(52_000.0), [b"deploy".to_vec()]);
    board.apply(
        lock("deploy", Some(claim("api-7", 5, 60)), vec![]),
        52_500.0,
    );
    assert!(board.expiring(53_000.0).is_empty());
    let every = board
        .get(b"deploy")
        .and_then(|tracked| tracked.renewal_every);
    assert_eq!(every, Some(49_500.0), "from 3.0 s to 52.5 s");
}

#[test]
fn a_hand_over_is_observed_and_timed() {
    let mut board = board();
    board.apply(
        lock("deploy", Some(claim("api-2", 9, 60)), vec![]),
        30_000.0,
    );
    let tracked = board.get(b"deploy").expect("the lock is known");
    assert_eq!(
        tracked.held_for(34_000.0, 0.0),
        Some(held_for(4_000.0, false)),
        "since the hand-over, not since it first waited"
    );
    let spans: Vec<_> = tracked
        .spans
        .iter()
        .map(|span| (span.owner.as_str(), span.from, span.to))
        .collect();
    assert_eq!(
        spans,
        [
            ("api-7", 20_000.0, Some(30_000.0)),
            ("api-2", 30_000.0, None)
        ]
    );
}

fn held_for(millis: f64, at_least: bool) -> HeldFor {
    HeldFor { millis, at_least }
}

#[test]
fn a_lock_is_held_at_least_since_the_gateway_observed_its_holder() {
    let board = board();
    let tracked = board.get(b"deploy").expect("the lock is known");
    // Not since 10 s, when its key was first seen: it may have waited after that.
    assert_eq!(
        tracked.held_for(25_000.0, 0.0),
        Some(held_for(13_000.0, true))
    );
    let waiter = tracked
        .lock
        .waiters
        .as_ref()
        .and_then(|waiters| waiters.first())
        .expect("a waiter");
    assert_eq!(
        super::Tracked::waited(waiter, 25_000.0, 0.0),
        Some(15_000.0)
    );
}

#[test]
fn gateway_times_are_corrected_by_the_clock_offset() {
    const HOUR: f64 = 3_600_000.0;
    for ahead in [HOUR, -HOUR] {
        // By the gateway's clock the lock arrives at 20 s and is examined at 25 s.
        let mut board = Board::default();
        board.on_connect(20_000.0 - ahead);
        let holder = Some(claim("api-7", 5, 43));
        board.apply(lock("deploy", holder, vec![]), 20_000.0 - ahead);
        let tracked = board.get(b"deploy").expect("the lock is known");
        let now = 25_000.0 - ahead;
        assert_eq!(tracked.held_for(now, ahead), Some(held_for(13_000.0, true)));
        let holder = tracked.lock.holder.as_ref().expect("the lock is held");
        assert_eq!(super::Tracked::waited(holder, now, ahead), Some(15_000.0));
        let ttl = tracked.ttl().expect("the TTL is known");
        assert_eq!(
            ttl.seconds_left(now),
            38,
            "a TTL does not depend on the clock"
        );
    }
}

#[test]
fn without_a_gateway_time_a_lock_is_held_since_this_page_observed_it() {
    let mut board = Board::default();
    board.on_connect(0.0);
    let ServerMessage::Lock(mut early) = lock("deploy", Some(claim("a", 1, 9)), vec![]) else {
        panic!("a lock");
    };
    early.held_since = None;
    board.apply(ServerMessage::Lock(early), 14_000.0);
    let held = |board: &Board| board.get(b"deploy")?.held_for(19_000.0, 0.0);
    assert_eq!(held(&board), Some(held_for(5_000.0, true)));
    // The gateway observed it earlier, and reports that later.
    board.apply(lock("deploy", Some(claim("a", 1, 9)), vec![]), 15_000.0);
    assert_eq!(held(&board), Some(held_for(7_000.0, true)));
}

#[test]
fn a_free_lock_leaves_the_list_and_is_remembered() {
    let mut board = board();
    board.apply(lock("deploy", None, vec![]), 30_000.0);
    assert_eq!((names(&board).len(), board.counts().locks), (0, 0));
    let spans = &board.get(b"deploy").expect("the lock is remembered").spans;
    assert_eq!(spans.back().and_then(|span| span.to), Some(30_000.0));
}

#[test]
fn a_listing_after_a_reconnect_removes_unlisted_locks() {
    let mut board = board();
    board.apply(lock("other", Some(claim("b", 7, 9)), vec![]), 21_000.0);
    board.on_loss(25_000.0);
    board.on_connect(40_000.0);
    board.apply(
        lock("deploy", Some(claim("api-2", 9, 60)), vec![]),
        40_000.0,
    );
    assert_eq!(
        names(&board),
        ["deploy", "other"],
        "nothing flickers before the listing is complete"
    );
    board.apply(progress(), 40_100.0);
    assert_eq!(names(&board), ["deploy"]);
    let deploy = board.get(b"deploy").expect("the lock is known");
    assert_eq!(
        deploy.spans[0].to,
        Some(25_000.0),
        "observed to hold only until the connection was lost"
    );
    assert_eq!(deploy.taken_over, None, "the hand-over was not observed");
    board.apply(lock("deploy", Some(claim("c", 11, 60)), vec![]), 50_000.0);
    assert_eq!(
        board.get(b"deploy").and_then(|tracked| tracked.taken_over),
        Some(50_000.0)
    );
}

#[test]
fn filters_match_names_and_owners() {
    let mut board = board();
    board.apply(lock("other", Some(claim("b", 7, 9)), vec![]), 21_000.0);
    for (text, found) in [
        ("DEP", 1),
        ("api-2", 1),
        ("b", 1),
        ("zz", 0),
        ("", 2),
        ("e", 2),
    ] {
        assert_eq!(board.matching(text).count(), found, "{text}");
    }
    let elections = ListFilter::Kind(LockKind::Election);
    assert!(list_rows(&board, elections, "", &BTreeSet::new(), None).is_empty());
}

#[test]
fn owners_without_a_name_are_labelled_by_value_or_lease() {
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
        board.apply(lock("deploy", Some(claim(who, token, 60)), vec![]), at);
    }
    let spans = &board.get(b"deploy").expect("the lock is known").spans;
    let lanes = Lanes::new(spans, 20_000.0, 70_000.0);
    assert_eq!(
        (lanes.window_s, lanes.handovers, lanes.longest),
        (60, 3, 20_000.0)
    );
    let owners: Vec<_> = lanes
        .lanes
        .iter()
        .map(|lane| (lane.owner.as_str(), lane.spans.len()))
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

/// A leased key with a name like a lock's.
fn guess(name: &str) -> ServerMessage {
    ServerMessage::Lock(Lock {
        name: Bytes::from(name),
        kind: LockKind::SingleKey,
        certain: false,
        holder: Some(claim("", 3, 1)),
        held_since: None,
        waiters: None,
        readers: Vec::new(),
    })
}

/// The board of `deploy`, with 300 events of a node named `master` and one other guess.
fn board_with_guesses() -> Board {
    let mut board = board();
    for n in 0..300 {
        board.apply(
            guess(&format!("/registry/events/default/master.{n:03}")),
            20_000.0,
        );
    }
    board.apply(guess("/cron/lock/ado"), 20_000.0);
    board
}

fn render_rows(
    board: &Board,
    shown: ListFilter,
    text: &str,
    toggled: &[&str],
    selected: &str,
) -> Vec<String> {
    let toggled: BTreeSet<Vec<u8>> = toggled.iter().map(|prefix| (*prefix).into()).collect();
    let rows = list_rows(board, shown, text, &toggled, Some(selected.as_bytes()));
    rows.iter()
        .map(|row| match row {
            ListRow::Lock { name, prefix } => {
                String::from_utf8_lossy(&name[*prefix..]).into_owned()
            }
            ListRow::Guesses(count) => format!("guesses {count}"),
            ListRow::Group { prefix, keys, open } => {
                format!("{} {keys} {open}", String::from_utf8_lossy(prefix))
            }
        })
        .collect()
}

#[test]
fn guesses_follow_the_locks_and_are_grouped() {
    let board = board_with_guesses();
    let collapsed = "/registry/events/default/ 300 false";
    assert_eq!(
        render_rows(&board, ListFilter::All, "", &[], ""),
        ["deploy", "guesses 301", "/cron/lock/ado", collapsed]
    );
    let counts = board.counts();
    assert_eq!(
        (counts.locks, counts.single_keys, counts.guesses),
        (1, 0, 301)
    );
    assert_eq!(
        render_rows(&board, ListFilter::Guesses, "", &[], ""),
        ["/cron/lock/ado", collapsed]
    );
    assert_eq!(
        render_rows(&board, ListFilter::Kind(LockKind::Mutex), "", &[], ""),
        ["deploy"]
    );
    assert!(render_rows(&board, ListFilter::Kind(LockKind::SingleKey), "", &[], "").is_empty());
    // A link to one of them, in a collapsed group.
    assert_eq!(
        render_rows(
            &board,
            ListFilter::All,
            "",
            &[],
            "/registry/events/default/master.007"
        )[3..],
        [collapsed, "master.007"]
    );
}

#[test]
fn a_group_opens_by_a_press_and_while_a_filter_is_typed() {
    let board = board_with_guesses();
    let prefix = "/registry/events/default/";
    let rows = render_rows(&board, ListFilter::All, "", &[prefix], "");
    assert_eq!((rows.len(), rows[4].as_str()), (304, "master.000"));
    let rows = render_rows(&board, ListFilter::All, "master.00", &[], "");
    assert_eq!((rows.len(), rows[2].as_str()), (12, "master.000"));
    assert_eq!(
        render_rows(&board, ListFilter::All, "master.00", &[prefix], "").len(),
        2
    );
}

#[test]
fn an_expiring_guess_is_not_reported() {
    let board = board_with_guesses();
    assert!(
        board.expiring(21_000.0).is_empty(),
        "1 of 60 s is left of 301 guesses"
    );
}

#[test]
fn an_incomplete_list_is_counted_and_reported() {
    let page = |names: &[&str], next: Option<&str>| LockList {
        header: shared::Header {
            cluster_id: shared::MemberId(1),
            member_id: shared::MemberId(1),
            revision: 1,
            raft_term: 1,
        },
        locks: names
            .iter()
            .filter_map(|name| match lock(name, Some(claim("a", 1, 9)), vec![]) {
                ServerMessage::Lock(lock) => Some(lock),
                _ => None,
            })
            .collect(),
        partial: false,
        next: next.map(str::to_owned),
    };
    let mut board = Board::default();
    board.apply_list(page(&["a", "b"], Some("cursor")), 1_000.0);
    assert_eq!(
        (board.counts().locks, board.more(), board.listed()),
        (2, true, true)
    );
    board.apply_list(page(&["b", "c"], None), 2_000.0);
    assert_eq!(
        (names(&board).join(""), board.more()),
        ("bc".to_owned(), false)
    );
}
