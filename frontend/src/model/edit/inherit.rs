//! The line ends of text that was typed or pasted, and so has `\n` only.

use super::ends::LineEnd;
use super::text::{Fragment, Surroundings};
use crate::model::diff::matching_lines;

/// The ends of the lines of an inserted text. A line that was there before keeps its end (a selection
/// that is pasted back, or indented, is replaced as a whole); a new one takes that of its surroundings.
pub(super) fn inherit(removed: &Fragment, inserted: &str, around: Surroundings) -> Vec<LineEnd> {
    let lines: Vec<&str> = inserted.split('\n').collect();
    let count = lines.len() - 1;
    if count == 0 {
        return Vec::new();
    }
    let mut ends: Vec<Option<LineEnd>> = vec![None; count];
    if removed.ends.len() == count {
        ends = removed.ends.iter().copied().map(Some).collect();
    } else if !removed.ends.is_empty() {
        let old: Vec<&str> = removed.text.split('\n').collect();
        for (was, is) in matching_lines(&old, &lines) {
            if let (Some(end), Some(place)) = (removed.ends.get(was), ends.get_mut(is)) {
                *place = Some(*end);
            }
        }
    }
    let usual = around.next.or(around.previous).unwrap_or(LineEnd::Lf);
    let mut last = around.previous;
    let mut out = Vec::with_capacity(count);
    for (at, end) in ends.into_iter().enumerate() {
        let begins = lines[at].is_empty() && (at > 0 || around.after_end);
        let closes = at + 1 == count && lines[count].is_empty() && around.before_end;
        let follows = around.next.filter(|_| closes);
        let fits =
            |end: &LineEnd| !(begins && merges(last, Some(*end)) || merges(Some(*end), follows));
        let end = [end, Some(usual), around.previous]
            .into_iter()
            .flatten()
            .find(fits)
            .unwrap_or(LineEnd::CrLf);
        last = Some(end);
        out.push(end);
    }
    out
}

/// Whether two line ends with nothing between them would be read as a single one: `\r` then `\n`.
fn merges(first: Option<LineEnd>, second: Option<LineEnd>) -> bool {
    first == Some(LineEnd::Cr) && second == Some(LineEnd::Lf)
}
