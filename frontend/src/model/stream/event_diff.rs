//! An event shown: what it changed, line by line.

use shared::{Bytes, Event};

use super::row::value_of;
use crate::model::diff::{self, Change, Line};
use crate::model::json;

/// Lines that are shown of a value; the rest is in the Explorer.
const MAX_LINES: usize = 200;

/// Equal lines shown around a change in a long value.
const CONTEXT: usize = 3;

/// Characters that are shown of a line.
const MAX_LINE_CHARS: usize = 1_000;

/// Bytes on a line of hex.
const HEX_ROW: usize = 16;

/// What is to be said above the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heading {
    /// Nothing: the lines speak.
    Changed,
    /// The key did not exist before.
    Created,
    /// The value before is the same.
    Same,
    /// The value before is compacted.
    PrevUnknown,
    /// The key is deleted; the lines are its last value.
    Deleted,
    /// The key is deleted, and its last value compacted.
    DeletedUnknown,
    /// The value, now and before, is empty.
    Empty,
}

/// An event shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventDiff {
    /// What is to be said above the lines.
    pub(crate) heading: Heading,
    /// The lines.
    pub(crate) lines: Vec<Change>,
    /// Lines left out at the end.
    pub(crate) more: usize,
    /// Whether the lines are hex.
    pub(crate) hex: bool,
}

/// Opens an event.
pub(crate) fn event_diff(event: &Event) -> EventDiff {
    let empty = Bytes::default();
    let now = value_of(event).unwrap_or(&empty);
    let (heading, before) = match event {
        Event::Delete { .. } if event.prev().is_some() => (Heading::Deleted, None),
        Event::Delete { .. } => (Heading::DeletedUnknown, None),
        Event::Put { entry, .. } if entry.version == 1 => (Heading::Created, None),
        Event::Put { .. } => match event.prev().and_then(|prev| prev.value.as_ref()) {
            None => (Heading::PrevUnknown, None),
            Some(before) if before == now => (Heading::Same, None),
            Some(before) => (Heading::Changed, Some(before)),
        },
    };
    let hex = [Some(now), before]
        .into_iter()
        .flatten()
        .any(|value| !is_text(value));
    let form = form(now, before, hex);
    let mut lines = match before {
        Some(before) => compare(&text(before, form), &text(now, form)),
        None if now.is_empty() => Vec::new(),
        None => {
            let wrap = match heading {
                Heading::Created => Change::Added,
                Heading::Deleted => Change::Removed,
                _ => Change::Same,
            };
            text(now, form)
                .split('\n')
                .map(|line| wrap(Line::plain(line.trim_end_matches('\r'))))
                .collect()
        }
    };
    let more = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    for change in &mut lines {
        match change {
            Change::Same(line) | Change::Removed(line) | Change::Added(line) => {
                diff::shorten(line, MAX_LINE_CHARS);
            }
            Change::Skipped(_) => {}
        }
    }
    let heading = if lines.is_empty() && heading == Heading::Same {
        Heading::Empty
    } else {
        heading
    };
    EventDiff {
        heading,
        lines,
        more,
        hex,
    }
}

/// Whole, or where that is too long only what changed, with a little around it.
fn compare(before: &str, now: &str) -> Vec<Change> {
    let lines = diff::lines(before, now, None);
    if lines.len() <= MAX_LINES {
        return lines;
    }
    let brief = diff::lines(before, now, Some(CONTEXT));
    if brief.is_empty() { lines } else { brief }
}

/// How values are written in lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Hex,
    Formatted,
    AsTheyAre,
}

/// JSON is formatted, unless that would hide a change.
fn form(now: &Bytes, before: Option<&Bytes>, hex: bool) -> Form {
    if hex {
        return Form::Hex;
    }
    let json = |value: &Bytes| {
        let text = value.to_lossy();
        text.trim_start().starts_with(['{', '[']) && json::pretty(&text).is_some()
    };
    let formatted = json(now)
        && before.is_none_or(|before| {
            json(before) && diff::same_formatting(&before.to_lossy(), &now.to_lossy())
        });
    if formatted {
        Form::Formatted
    } else {
        Form::AsTheyAre
    }
}

fn is_text(value: &Bytes) -> bool {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    value.as_str().is_some_and(|text| !text.contains(odd))
}

fn text(value: &Bytes, form: Form) -> String {
    let text = value.to_lossy();
    match form {
        Form::Hex => {
            let lines = value.0.chunks(HEX_ROW).take(MAX_LINES + 1).map(|line| {
                line.iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Form::Formatted => json::pretty(&text).map_or_else(|| text.into_owned(), |(text, _)| text),
        Form::AsTheyAre => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
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
        let (gone, new) = (Change::Removed(line("5")), Change::Added(line("10")));
        assert_eq!(shown.lines[1..3], [gone, new]);
    }

    #[test]
    fn every_kind_of_event_says_what_it_is() {
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
    fn bytes_are_compared_in_hex() {
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
    fn changed_line_ends_and_blanks_are_shown() {
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
    fn long_values_are_cut() {
        let shown = event_diff(&put(None, "x\n".repeat(500).as_bytes(), 1));
        assert_eq!((shown.lines.len(), shown.more), (MAX_LINES, 301));
    }
}
