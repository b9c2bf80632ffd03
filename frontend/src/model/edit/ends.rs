//! Line ends. A text area's value has `\n` only, so a text is stored as the text area shows it, together with
//! the actual end of each line.

use super::text::{Fragment, Surroundings};
use crate::model::diff::matching_lines;

/// The end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LineEnd {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

impl LineEnd {
    /// The characters of the line end.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}

/// The line ends of a whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnds {
    /// All the same; `Lf` if there are none.
    All(LineEnd),
    /// More than one kind.
    Mixed,
}

/// The lines of a text, each with its end. The last line has no end; it is omitted if it is empty.
/// `"a\r\nb"` gives `("a", Some(CrLf))`, `("b", None)`; `""` gives nothing.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (&str, Option<LineEnd>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(at) = rest.find(['\n', '\r']) else {
            return Some((std::mem::take(&mut rest), None));
        };
        let (line, tail) = rest.split_at(at);
        let end = if tail.starts_with("\r\n") {
            LineEnd::CrLf
        } else if tail.starts_with('\r') {
            LineEnd::Cr
        } else {
            LineEnd::Lf
        };
        rest = &tail[end.as_str().len()..];
        Some((line, Some(end)))
    })
}

/// Splits a text into what a text area shows and the ends of its lines in order.
pub(super) fn split(text: &str) -> (String, Vec<LineEnd>) {
    if !text.contains('\r') {
        return (
            text.to_owned(),
            vec![LineEnd::Lf; text.matches('\n').count()],
        );
    }
    let mut shown = String::with_capacity(text.len());
    let mut ends = Vec::new();
    for (line, end) in lines(text) {
        shown.push_str(line);
        if let Some(end) = end {
            shown.push('\n');
            ends.push(end);
        }
    }
    (shown, ends)
}

/// The inverse of [`split`].
pub(super) fn join(shown: &str, ends: &[LineEnd]) -> String {
    if ends.iter().all(|end| *end == LineEnd::Lf) {
        return shown.to_owned();
    }
    let mut text = String::with_capacity(shown.len() + ends.len());
    let mut ends = ends.iter();
    for (at, line) in shown.split('\n').enumerate() {
        if at > 0 {
            text.push_str(ends.next().map_or("\n", |end| end.as_str()));
        }
        text.push_str(line);
    }
    text
}

/// Which kinds of line ends there are.
pub(crate) fn summary(ends: &[LineEnd]) -> LineEnds {
    let Some(first) = ends.first() else {
        return LineEnds::All(LineEnd::Lf);
    };
    if ends.iter().all(|end| end == first) {
        LineEnds::All(*first)
    } else {
        LineEnds::Mixed
    }
}

/// The line ends of text that was typed or pasted, and so has `\n` only. A line that existed before keeps its end (a
/// selection that is pasted back, or indented, is replaced as a whole); a new one gets that of its surroundings.
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
            if let (Some(end), Some(slot)) = (removed.ends.get(was), ends.get_mut(is)) {
                *slot = Some(*end);
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

/// Whether two adjacent line ends would be parsed as a single one: `\r` followed by `\n`.
fn merges(first: Option<LineEnd>, second: Option<LineEnd>) -> bool {
    first == Some(LineEnd::Cr) && second == Some(LineEnd::Lf)
}
