use shared::{Bytes, Entry, Event};

use super::{Heading, MAX_LINES, diff, event_diff};
use crate::model::diff::{Change, End, Line, Piece};
use crate::model::edit::LineEnd;

fn entry(value: &[u8], version: i64) -> Entry {
    Entry {
        key: Bytes::from("k"),
        value: Some(Bytes::from(value)),
        create_revision: 1,
        mod_revision: version,
        version,
        lease: None,
    }
}

fn put(before: Option<&[u8]>, now: &[u8], version: i64) -> Event {
    Event::Put {
        entry: entry(now, version),
        size: None,
        prev: Some(before.map(|value| entry(value, version - 1))),
    }
}

#[test]
fn json_is_compared_member_by_member() {
    let shown = event_diff(&put(Some(br#"{"w":5,"z":"a"}"#), br#"{"w":10,"z":"a"}"#, 2));
    assert_eq!((shown.heading, shown.hex), (Heading::Changed, false));
    let line = |value: &str| Line {
        pieces: vec![
            Piece::Same("  \"w\": ".to_owned()),
            Piece::Changed(value.to_owned()),
            Piece::Same(",".to_owned()),
        ],
        end: None,
    };
    let (removed, added) = (Change::Removed(line("5")), Change::Added(line("10")));
    assert_eq!(shown.lines[1..3], [removed, added]);
}

#[test]
fn every_kind_of_event_has_its_heading() {
    let delete = |prev: Option<Entry>| Event::Delete {
        key: Bytes::from("k"),
        mod_revision: 9,
        prev: Some(prev),
    };
    for (event, heading, lines) in [
        (put(None, b"a\nb", 1), Heading::Created, 2),
        (put(None, b"a", 3), Heading::PrevUnknown, 1),
        (put(Some(b"a"), b"a", 3), Heading::Same, 1),
        (put(Some(b""), b"", 3), Heading::Empty, 0),
        (delete(Some(entry(b"a", 2))), Heading::Deleted, 1),
        (delete(None), Heading::DeletedUnknown, 0),
    ] {
        let shown = event_diff(&event);
        assert_eq!(
            (shown.heading, shown.lines.len()),
            (heading, lines),
            "{event:?}"
        );
    }
}

#[test]
fn binary_values_are_compared_in_hex() {
    let shown = event_diff(&put(Some(b"\xff\x00"), b"\xff\x01", 2));
    assert!(shown.hex);
    let line = |changed: &str| Line {
        pieces: vec![
            Piece::Same("ff ".to_owned()),
            Piece::Changed(changed.to_owned()),
        ],
        end: None,
    };
    assert_eq!(
        shown.lines,
        [Change::Removed(line("00")), Change::Added(line("01"))]
    );
}

#[test]
fn a_change_far_down_a_long_value_is_shown() {
    let old = "x\n".repeat(1000);
    let new = format!("{old}end");
    let shown = event_diff(&put(Some(old.as_bytes()), new.as_bytes(), 2));
    assert!(
        shown
            .lines
            .iter()
            .any(|line| matches!(line, Change::Added(line) if line.text() == "end")),
        "{:?}",
        shown.lines
    );
    assert!(shown.lines.len() < 10);
}

#[test]
fn changed_line_ends_and_whitespace_are_shown() {
    let shown = event_diff(&put(Some(b"a\nb"), b"a\r\nb", 2));
    let line = |end| Line {
        pieces: vec![Piece::Same("a".to_owned())],
        end: Some(End::With(end)),
    };
    assert_eq!(
        shown.lines[..2],
        [
            Change::Removed(line(LineEnd::Lf)),
            Change::Added(line(LineEnd::CrLf))
        ]
    );
    let shown = event_diff(&put(Some(br#"{"a":1}"#), br#"{"a": 1}"#, 2));
    assert_eq!(diff::tally(&shown.lines), (1, 1), "{:?}", shown.lines);
}

#[test]
fn long_values_are_truncated() {
    let shown = event_diff(&put(None, "x\n".repeat(500).as_bytes(), 1));
    assert_eq!((shown.lines.len(), shown.more), (MAX_LINES, 301));
}
