//! A panel, from opening to clearing.

use shared::{Bytes, Entry, Event};

use super::{KEEP, Note, Row, RowBody, Status, Stream, When, one_line, relative};
use crate::model::live::WatchUpdate;

fn put(key: &str, value: &str, revision: i64) -> Event {
    let entry = Entry {
        key: Bytes::from(key),
        value: Some(Bytes::from(value)),
        create_revision: revision,
        mod_revision: revision,
        version: 1,
        lease: None,
    };
    Event::Put {
        entry,
        size: None,
        prev: Some(None),
    }
}

fn open(from: i64) -> Stream {
    let mut stream = Stream::new(false);
    stream.apply(WatchUpdate::Opened { from }, 0.0);
    stream
}

fn events(stream: &mut Stream, revisions: std::ops::RangeInclusive<i64>) {
    let last = *revisions.end();
    let events = revisions
        .map(|revision| put(&format!("/a/{revision}"), "v", revision))
        .collect();
    stream.apply(
        WatchUpdate::Events {
            revision: last,
            events,
        },
        1000.0,
    );
}

fn revisions(stream: &Stream) -> Vec<i64> {
    stream.visible_rows().filter_map(Row::revision).collect()
}

fn times(stream: &Stream) -> Vec<When> {
    let times = stream.visible_rows().filter_map(|row| match row.body {
        RowBody::Event { when, .. } => Some(when),
        RowBody::Note { .. } => None,
    });
    times.collect()
}

#[test]
fn the_newest_event_is_first() {
    let mut stream = open(5);
    assert_eq!(stream.status(), &Status::Live);
    events(&mut stream, 5..=7);
    assert_eq!(revisions(&stream), [7, 6, 5]);
    assert_eq!((stream.kept_count(), stream.complete_from()), (3, Some(5)));
}

#[test]
fn events_during_a_pause_are_held_back_and_counted() {
    let mut stream = open(5);
    events(&mut stream, 5..=5);
    stream.pause();
    events(&mut stream, 6..=9);
    assert_eq!((stream.held_count(), revisions(&stream)), (4, vec![5]));
    stream.resume();
    assert_eq!(
        (stream.held_count(), revisions(&stream)),
        (0, vec![9, 8, 7, 6, 5])
    );
    assert_eq!(stream.complete_from(), Some(5));
}

#[test]
fn a_full_pause_is_reported_and_loses_no_held_event() {
    let mut stream = open(1);
    events(&mut stream, 1..=10);
    stream.pause();
    events(&mut stream, 11..=10 + KEEP as i64 - 1);
    assert!(!stream.full());
    events(&mut stream, 10 + KEEP as i64..=10 + KEEP as i64);
    assert!(stream.full());
    stream.resume();
    assert_eq!(stream.kept_count(), KEEP);
    assert_eq!(
        revisions(&stream).last(),
        Some(&11),
        "only rows shown before the pause are dropped"
    );
    assert_eq!(stream.complete_from(), Some(11));
}

#[test]
fn dropping_the_oldest_moves_the_start_of_completeness() {
    let mut stream = open(1);
    events(&mut stream, 1..=KEEP as i64 + 3);
    assert_eq!(
        (stream.kept_count(), stream.complete_from()),
        (KEEP, Some(4))
    );
}

#[test]
fn large_values_are_bounded_in_bytes() {
    let mut stream = open(1);
    let large = "x".repeat(12 << 20);
    for revision in 1..=3 {
        stream.apply(
            WatchUpdate::Events {
                revision,
                events: vec![put("/a/k", &large, revision)],
            },
            0.0,
        );
    }
    assert_eq!(revisions(&stream), [3, 2]);
    assert_eq!(stream.complete_from(), Some(2));
}

#[test]
fn clearing_moves_the_start_of_completeness() {
    let mut stream = open(5);
    events(&mut stream, 5..=7);
    stream.apply(WatchUpdate::Progress { revision: 20 }, 1.0);
    stream.clear();
    assert_eq!((stream.kept_count(), stream.complete_from()), (0, Some(21)));
    stream.pause();
    events(&mut stream, 22..=23);
    stream.clear();
    assert_eq!(
        stream.complete_from(),
        Some(22),
        "held events are not cleared"
    );
}

#[test]
fn the_filter_matches_keys_and_values_and_keeps_notes() {
    let mut stream = open(1);
    stream.apply(
        WatchUpdate::Events {
            revision: 1,
            events: vec![put("/a/Job", "x", 1), put("/a/k", "A JOB", 1)],
        },
        0.0,
    );
    stream.set_filter(" job ");
    events(&mut stream, 2..=4);
    stream.apply(WatchUpdate::Lagged { resume_from: 5 }, 0.0);
    assert_eq!(stream.visible_rows().count(), 3);
    assert_eq!(revisions(&stream), [1, 1]);
    stream.set_filter("");
    assert_eq!(stream.visible_rows().count(), 6);
}

#[test]
fn only_events_received_live_have_a_time() {
    let mut stream = Stream::new(true);
    stream.apply(WatchUpdate::Opened { from: 3 }, 0.0);
    events(&mut stream, 3..=5);
    stream.apply(WatchUpdate::Head { revision: 4 }, 1.0);
    events(&mut stream, 6..=6);
    let received = When::Received(1000.0);
    assert_eq!(
        times(&stream),
        [received, received, When::History, When::History]
    );
}

#[test]
fn events_during_an_outage_are_history() {
    let mut stream = open(1);
    events(&mut stream, 1..=1);
    stream.apply(WatchUpdate::Lost, 2000.0);
    assert_eq!(stream.status(), &Status::Lost);
    stream.apply(
        WatchUpdate::Resumed {
            from: 2,
            outage: 4200.0,
            complete: true,
        },
        6200.0,
    );
    stream.apply(WatchUpdate::Head { revision: 2 }, 6201.0);
    events(&mut stream, 2..=3);
    let received = When::Received(1000.0);
    assert_eq!(times(&stream), [received, When::History, received]);
    let notes = stream.visible_rows().filter(|row| {
        matches!(
            &row.body,
            RowBody::Note {
                note: Note::Resumed {
                    from: 2,
                    complete: true,
                    ..
                },
                ..
            }
        )
    });
    assert_eq!(notes.count(), 1);
}

#[test]
fn compaction_and_reset_restart_completeness() {
    let mut stream = open(1);
    events(&mut stream, 1..=3);
    stream.apply(WatchUpdate::Compacted { from: 4, to: 30 }, 0.0);
    assert_eq!(stream.complete_from(), Some(30));
    stream.apply(
        WatchUpdate::Reset {
            reason: "data restored".to_owned(),
            revision: 9,
        },
        0.0,
    );
    assert_eq!(stream.complete_from(), Some(10));
}

#[test]
fn keys_are_shown_relative_to_their_prefix() {
    for (key, prefix, shown) in [
        ("/a/b", "/a/", "b"),
        ("/a/", "/a/", "/a/"),
        ("/x", "/a/", "/x"),
        ("/a/b", "", "/a/b"),
    ] {
        assert_eq!(
            relative(key.as_bytes(), prefix.as_bytes()),
            shown.as_bytes()
        );
    }
}

#[test]
fn values_fit_on_a_line() {
    for (value, limit, line) in [
        (&b"{\n  \"a\": 1\n}"[..], 40, "{ \"a\": 1 }"),
        (b"", 40, ""),
        ("占用".as_bytes(), 1, "占"),
        (b"\xff\xfe\x00", 40, "ff fe 00"),
        (b"a\x1bb", 40, "a\u{fffd}b"),
        (b"abcdef", 3, "abc"),
    ] {
        assert_eq!(one_line(value, limit), line);
    }
}

#[test]
fn events_from_a_suspension_are_history() {
    let mut stream = open(1);
    stream.reopen();
    assert_eq!(stream.status(), &Status::Opening);
    events(&mut stream, 1..=2);
    stream.apply(WatchUpdate::Head { revision: 1 }, 0.0);
    assert_eq!(times(&stream), [When::Received(1000.0), When::History]);
    let mut never_opened = Stream::new(false);
    never_opened.reopen();
    events(&mut never_opened, 1..=1);
    assert_eq!(times(&never_opened), [When::Received(1000.0)]);
}
