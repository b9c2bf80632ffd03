//! The diff of an event: what it changed, line by line.

use shared::{Bytes, Event};

use super::row::value_of;
use crate::model::diff::{self, Change, Line};
use crate::model::json;

#[cfg(test)]
mod tests;

/// Limit of lines shown of a value; the rest is in the Explorer.
const MAX_LINES: usize = 200;

/// Equal lines shown around a change in a long value.
const CONTEXT: usize = 3;

/// Limit of characters shown per line.
const MAX_LINE_CHARS: usize = 1_000;

/// Bytes per line of hex.
const HEX_ROW: usize = 16;

/// The heading above the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heading {
    /// The value changed; the lines need no heading.
    Changed,
    /// The key did not exist before.
    Created,
    /// The previous value is the same.
    Same,
    /// The previous value is unknown: compacted.
    PrevUnknown,
    /// The key was deleted; the lines are its last value.
    Deleted,
    /// The key was deleted, and its last value is unknown: compacted.
    DeletedUnknown,
    /// The value is empty, as before.
    Empty,
}

/// The diff of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventDiff {
    /// The heading above the lines.
    pub(crate) heading: Heading,
    /// The lines.
    pub(crate) lines: Vec<Change>,
    /// The number of lines omitted at the end.
    pub(crate) more: usize,
    /// Whether the lines are hex.
    pub(crate) hex: bool,
}

/// Computes the diff of an event.
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
                .map(|line| wrap(Line::unmarked(line.trim_end_matches('\r'))))
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

/// The whole diff, or if it is too long only the changes with some context.
fn compare(before: &str, now: &str) -> Vec<Change> {
    let lines = diff::lines(before, now, None);
    if lines.len() <= MAX_LINES {
        return lines;
    }
    let brief = diff::lines(before, now, Some(CONTEXT));
    if brief.is_empty() { lines } else { brief }
}

/// The form in which values are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Hex,
    Formatted,
    AsTheyAre,
}

/// Chooses the form. JSON is formatted, unless that would hide a change.
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
