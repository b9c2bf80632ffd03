//! The protocol from the gateway's side.

use shared::{Bytes, ClientOp, RangeSpec, WatchRequest};

use super::{Session, SessionAction, WatchKey, WatchPhase, WatchUpdate};

fn request(prefix: &str) -> WatchRequest {
    WatchRequest {
        range: RangeSpec {
            prefix: Some(Bytes::from(prefix)),
            ..RangeSpec::default()
        },
        ..WatchRequest::default()
    }
}

/// A session with an open socket and one watch, and the request that was sent for it.
fn open(request: WatchRequest) -> (Session, WatchKey, WatchRequest) {
    let mut session = Session::default();
    let (key, actions) = session.watch(request);
    assert_eq!(actions, [], "nothing is sent before there is a socket");
    let sent = requested(&session.on_connect());
    (session, key, sent)
}

/// The session receives `text` from the gateway.
fn receive(session: &mut Session, text: &str, now: f64) -> Vec<SessionAction> {
    session.on_message(
        serde_json::from_str(text).expect("a message of the protocol"),
        now,
    )
}

/// The first watch request among `actions`.
fn requested(actions: &[SessionAction]) -> WatchRequest {
    let found = actions.iter().find_map(|action| match action {
        SessionAction::Send(ClientOp::Watch(request)) => Some(request.clone()),
        _ => None,
    });
    found.expect("a watch is requested")
}

/// The pulse among `actions`.
fn pulse(actions: &[SessionAction]) -> Option<String> {
    actions.iter().find_map(|action| match action {
        SessionAction::Send(ClientOp::Watch(request)) if request.range.key.is_some() => {
            Some(request.id.clone())
        }
        _ => None,
    })
}

fn delivered(actions: Vec<SessionAction>) -> Vec<WatchUpdate> {
    let updates = actions.into_iter().filter_map(|action| match action {
        SessionAction::Deliver(_, update) => Some(update),
        SessionAction::Send(_) => None,
    });
    updates.collect()
}

fn opened_message(id: &str, revision: i64) -> String {
    format!(r#"{{"type":"opened","id":"{id}","cluster_id":"c1","revision":{revision}}}"#)
}

fn deletes(id: &str, revision: i64, keys: &[&str], more: bool) -> String {
    let events: Vec<String> = keys
        .iter()
        .map(|key| format!(r#"{{"type":"delete","key":"{key}","mod_revision":{revision}}}"#))
        .collect();
    let events = events.join(",");
    format!(
        r#"{{"type":"events","id":"{id}","revision":{revision},"events":[{events}],"more":{more}}}"#
    )
}

fn keys_of(updates: &[WatchUpdate]) -> Vec<String> {
    let events = updates.iter().flat_map(|update| match update {
        WatchUpdate::Events { events, .. } => events.as_slice(),
        _ => &[],
    });
    events
        .map(|event| event.key().to_lossy().into_owned())
        .collect()
}

/// Loses the socket at `at` and opens a new one: what is delivered to pages, and what is sent then.
fn lose(session: &mut Session, at: f64) -> (Vec<WatchUpdate>, Vec<SessionAction>) {
    let lost = delivered(session.on_disconnect(at));
    (lost, session.on_connect())
}

#[test]
fn a_watch_resumes_after_its_last_complete_revision() {
    let (mut session, key, sent) = open(request("/a/"));
    assert_eq!(sent.revision, None);
    assert_eq!(
        delivered(receive(&mut session, &opened_message(&sent.id, 10), 1.0)),
        [WatchUpdate::Opened { from: 10 }]
    );
    receive(&mut session, &deletes(&sent.id, 12, &["/a/x"], false), 2.0);
    let (lost, actions) = lose(&mut session, 5000.0);
    assert_eq!(lost, [WatchUpdate::Lost]);
    let sent = requested(&actions);
    assert_eq!(sent.revision, Some(13));
    let updates = delivered(receive(&mut session, &opened_message(&sent.id, 13), 9000.0));
    assert_eq!(
        updates,
        [WatchUpdate::Resumed {
            from: 13,
            outage: 4000.0,
            complete: true
        }]
    );
    assert_eq!(session.phase(key), Some(WatchPhase::Live));
}

#[test]
fn progress_moves_the_resume_point() {
    let (mut session, _, sent) = open(request("/a/"));
    receive(&mut session, &opened_message(&sent.id, 10), 1.0);
    receive(
        &mut session,
        &format!(r#"{{"type":"progress","id":"{}","revision":40}}"#, sent.id),
        2.0,
    );
    assert_eq!(session.head(), Some(40));
    assert_eq!(requested(&lose(&mut session, 5.0).1).revision, Some(41));
}

#[test]
fn a_watch_that_never_opened_is_requested_again_unchanged() {
    let (mut session, _, first) = open(WatchRequest {
        revision: Some(7),
        prev: true,
        ..request("/a/")
    });
    let (lost, actions) = lose(&mut session, 5.0);
    assert_eq!(lost, []);
    assert_eq!(
        requested(&actions),
        WatchRequest {
            id: requested(&actions).id,
            ..first
        }
    );
}

#[test]
fn pieces_of_a_revision_are_delivered_once_across_reconnects() {
    let (mut session, _, sent) = open(request("/a/"));
    receive(&mut session, &opened_message(&sent.id, 10), 1.0);
    let updates = delivered(receive(
        &mut session,
        &deletes(&sent.id, 10, &["1", "2", "3"], true),
        2.0,
    ));
    assert_eq!(keys_of(&updates), ["1", "2", "3"]);

    let sent = requested(&lose(&mut session, 5.0).1);
    assert_eq!(sent.revision, Some(10), "the revision is not complete");
    receive(&mut session, &opened_message(&sent.id, 10), 2000.0);
    assert_eq!(
        delivered(receive(
            &mut session,
            &deletes(&sent.id, 10, &["1", "2"], true),
            2001.0
        )),
        []
    );

    let sent = requested(&lose(&mut session, 6000.0).1);
    receive(&mut session, &opened_message(&sent.id, 10), 8000.0);
    let updates = delivered(receive(
        &mut session,
        &deletes(&sent.id, 10, &["1", "2", "3", "4"], true),
        8001.0,
    ));
    assert_eq!(keys_of(&updates), ["4"]);
    let updates = delivered(receive(
        &mut session,
        &deletes(&sent.id, 10, &["5"], false),
        8002.0,
    ));
    assert_eq!(keys_of(&updates), ["5"]);
    assert_eq!(requested(&lose(&mut session, 9000.0).1).revision, Some(11));
}

#[test]
fn compaction_during_an_outage_is_reported_and_not_complete() {
    let (mut session, _, sent) = open(request("/a/"));
    receive(&mut session, &opened_message(&sent.id, 10), 1.0);
    let sent = requested(&lose(&mut session, 5.0).1);
    let compacted = format!(
        r#"{{"type":"compacted","id":"{}","from":10,"to":30}}"#,
        sent.id
    );
    assert_eq!(
        delivered(receive(&mut session, &compacted, 2000.0)),
        [WatchUpdate::Compacted { from: 10, to: 30 }]
    );
    let updates = delivered(receive(&mut session, &opened_message(&sent.id, 30), 2005.0));
    assert_eq!(
        updates,
        [WatchUpdate::Resumed {
            from: 30,
            outage: 2000.0,
            complete: false
        }]
    );
}

#[test]
fn an_unannounced_gap_is_reported() {
    let (mut session, _, sent) = open(WatchRequest {
        revision: Some(5),
        ..request("/a/")
    });
    let updates = delivered(receive(&mut session, &opened_message(&sent.id, 9), 1.0));
    assert_eq!(
        updates,
        [
            WatchUpdate::Compacted { from: 5, to: 9 },
            WatchUpdate::Opened { from: 9 }
        ]
    );
}

#[test]
fn an_interrupted_snapshot_starts_over() {
    let (mut session, _, sent) = open(WatchRequest {
        snapshot: true,
        ..request("/a/")
    });
    receive(&mut session, &opened_message(&sent.id, 10), 1.0);
    let piece = |id: &str, more: bool| {
        format!(r#"{{"type":"snapshot","id":"{id}","revision":9,"entries":[],"more":{more}}}"#)
    };
    receive(&mut session, &piece(&sent.id, true), 2.0);
    // etcd delays the rest: the stream is alive, but nothing is complete.
    assert_eq!(receive(&mut session, r#"{"type":"idle"}"#, 3.0), []);
    let sent = requested(&lose(&mut session, 5.0).1);
    assert_eq!((sent.revision, sent.snapshot), (None, true));
    receive(&mut session, &opened_message(&sent.id, 12), 2000.0);
    let first = delivered(receive(&mut session, &piece(&sent.id, true), 2001.0));
    assert!(matches!(
        first.as_slice(),
        [WatchUpdate::Snapshot {
            first: true,
            last: false,
            ..
        }]
    ));
    let last = delivered(receive(&mut session, &piece(&sent.id, false), 2002.0));
    assert!(matches!(
        last.as_slice(),
        [WatchUpdate::Snapshot {
            first: false,
            last: true,
            ..
        }]
    ));
    let sent = requested(&lose(&mut session, 5000.0).1);
    assert_eq!(
        sent.revision,
        Some(10),
        "after a complete snapshot the watch resumes from a revision"
    );
}

#[test]
fn another_cluster_at_the_same_address_is_a_reset() {
    let (mut session, _, sent) = open(request("/a/"));
    receive(&mut session, &opened_message(&sent.id, 500), 1.0);
    let sent = requested(&lose(&mut session, 5.0).1);
    let other = format!(
        r#"{{"type":"opened","id":"{}","cluster_id":"c2","revision":500}}"#,
        sent.id
    );
    let actions = receive(&mut session, &other, 2000.0);
    assert_eq!(requested(&actions).revision, None);
    assert!(matches!(
        delivered(actions).as_slice(),
        [WatchUpdate::Reset { .. }]
    ));
}

#[test]
fn suspended_watches_resume_without_a_gap() {
    let (mut session, key, sent) = open(request("/a/"));
    receive(&mut session, &opened_message(&sent.id, 10), 1.0);
    receive(&mut session, &deletes(&sent.id, 14, &["x"], false), 2.0);
    let cancel = SessionAction::Send(ClientOp::Cancel {
        id: sent.id.clone(),
    });
    assert_eq!(session.suspend(key), [cancel]);
    assert_eq!(
        receive(&mut session, &deletes(&sent.id, 15, &["y"], false), 3.0),
        [],
        "late events are dropped"
    );
    assert_eq!(requested(&session.resume(key)).revision, Some(15));
}

#[test]
fn a_watch_from_the_past_receives_the_head() {
    let mut session = Session::default();
    session.watch(WatchRequest {
        revision: Some(3),
        ..request("/a/")
    });
    session.watch(WatchRequest {
        revision: Some(4),
        ..request("/b/")
    });
    let actions = session.on_connect();
    let sends = actions
        .iter()
        .filter(|action| matches!(action, SessionAction::Send(_)))
        .count();
    assert_eq!(sends, 3, "two watches and one pulse");
    let pulse = pulse(&actions).expect("a pulse is requested");
    let updates = delivered(receive(&mut session, &opened_message(&pulse, 91), 1.0));
    assert_eq!(
        updates,
        [
            WatchUpdate::Head { revision: 90 },
            WatchUpdate::Head { revision: 90 }
        ]
    );
    assert_eq!(session.head(), Some(90));
}

#[test]
fn a_refused_watch_stays_closed_and_a_transient_error_is_retried() {
    let (mut session, key, sent) = open(request("/a/"));
    let error = |code: &str| {
        format!(
            r#"{{"type":"error","id":"{}","code":"{code}","detail":"d"}}"#,
            sent.id
        )
    };
    receive(&mut session, &error("unavailable"), 1.0);
    assert_eq!(session.phase(key), Some(WatchPhase::Opening));
    let updates = delivered(receive(&mut session, &error("bad_request"), 2.0));
    assert!(matches!(
        updates.as_slice(),
        [WatchUpdate::Error { fatal: true, .. }]
    ));
    assert_eq!(session.phase(key), Some(WatchPhase::Closed));
    let (_, actions) = lose(&mut session, 5.0);
    assert_eq!(actions.len(), 1, "only the pulse is requested");
}

#[test]
fn a_cancelled_watch_delivers_nothing() {
    let (mut session, key, sent) = open(request("/a/"));
    receive(&mut session, &opened_message(&sent.id, 10), 1.0);
    assert_eq!(
        session.cancel(key),
        [SessionAction::Send(ClientOp::Cancel {
            id: sent.id.clone()
        })]
    );
    let closed = format!(
        r#"{{"type":"closed","id":"{}","code":"cancelled","detail":""}}"#,
        sent.id
    );
    assert_eq!(receive(&mut session, &closed, 2.0), []);
    assert_eq!(session.phase(key), None);
}

/// The ids of cancelled watches among `actions`.
fn cancelled(actions: &[SessionAction]) -> Vec<String> {
    let ids = actions.iter().filter_map(|action| match action {
        SessionAction::Send(ClientOp::Cancel { id }) => Some(id.clone()),
        _ => None,
    });
    ids.collect()
}

#[test]
fn other_folders_are_opened_where_the_watch_is_and_without_an_update() {
    let (mut session, key, first) = open(WatchRequest {
        revision: Some(5),
        collapse: Some(Bytes::from("/")),
        ..request("")
    });
    receive(&mut session, &opened_message(&first.id, 5), 0.0);
    receive(&mut session, &deletes(&first.id, 9, &["a"], false), 0.0);
    assert_eq!(session.position(key), Some(9));
    let actions = session.set_open(key, vec![Bytes::from("/")]);
    assert_eq!(cancelled(&actions), std::slice::from_ref(&first.id));
    let second = requested(&actions);
    assert_eq!(
        (second.revision, &second.open[..]),
        (Some(10), &[Bytes::from("/")][..])
    );
    let late = receive(&mut session, &deletes(&first.id, 10, &["b"], false), 0.0);
    assert!(delivered(late).is_empty(), "of the watch before");
    let opened = receive(&mut session, &opened_message(&second.id, 10), 0.0);
    assert!(delivered(opened).is_empty());
    let again = receive(&mut session, &deletes(&second.id, 10, &["b"], false), 0.0);
    assert_eq!(keys_of(&delivered(again)), ["b"]);
    // A loss of the connection is reported nevertheless.
    session.set_open(key, Vec::new());
    let lost = delivered(session.on_disconnect(1000.0));
    assert_eq!(lost, [WatchUpdate::Lost]);
    let third = requested(&session.on_connect());
    assert_eq!((third.revision, third.open.len()), (Some(11), 0));
    let resumed = receive(&mut session, &opened_message(&third.id, 11), 3000.0);
    let resumed = delivered(resumed);
    assert!(matches!(
        resumed[..],
        [WatchUpdate::Resumed { complete: true, .. }]
    ));
}

#[test]
fn counted_changes_are_delivered_after_the_events_of_their_message() {
    let (mut session, _, first) = open(WatchRequest {
        revision: Some(5),
        ..request("")
    });
    receive(&mut session, &opened_message(&first.id, 5), 0.0);
    let folder = r#"{"prefix":"a/","created":2,"revision":8}"#;
    let text = |events: &str| {
        let id = &first.id;
        format!(
            r#"{{"type":"events","id":"{id}","revision":9,"events":[{events}],"folders":[{folder}]}}"#
        )
    };
    let event = r#"{"type":"delete","key":"b","mod_revision":9}"#;
    let updates = delivered(receive(&mut session, &text(event), 0.0));
    let [
        WatchUpdate::Events { .. },
        WatchUpdate::Folders {
            after,
            revision,
            folders,
            unlisted: 0,
        },
    ] = &updates[..]
    else {
        panic!("{updates:?}");
    };
    assert_eq!((*after, *revision, folders[0].created), (4, 9, 2));
    let alone = delivered(receive(&mut session, &text(""), 0.0));
    assert!(matches!(alone[..], [WatchUpdate::Folders { after: 9, .. }]));
}
