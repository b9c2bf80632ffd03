//! Line diff of two texts, with the changes within lines and of line ends.

mod compare;
mod formatting;
mod visible;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use compare::{Compared, compare, shorten};
pub(crate) use formatting::same_formatting;
use imara_diff::{Algorithm, Diff, InternedInput, Interner};
pub(crate) use visible::visible;

use super::edit::{self, LineEnd};

/// A line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// In both texts.
    Same(Line),
    /// Only in the old text.
    Removed(Line),
    /// Only in the new text.
    Added(Line),
    /// The number of equal lines omitted here.
    Skipped(usize),
}

/// A line of a diff as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) pieces: Vec<Piece>,
    /// How the line ends, if that is part of the difference.
    pub(crate) end: Option<End>,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Equal in the other version of the line, or there is no other version.
    Same(String),
    /// Different in the other version.
    Changed(String),
    /// The number of characters omitted here.
    Omitted(usize),
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a line end.
    With(LineEnd),
    /// The text ends without a line end.
    Without,
}

impl Line {
    /// A line without marks.
    pub(crate) fn unmarked(text: impl Into<String>) -> Self {
        Self {
            pieces: vec![Piece::Same(text.into())],
            end: None,
        }
    }

    /// The text of the line.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Same(text) | Piece::Changed(text) => text.as_str(),
            Piece::Omitted(_) => "…",
        });
        pieces.collect()
    }
}

/// A line of a text, with its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct RawLine<'a> {
    text: &'a str,
    end: Option<LineEnd>,
}

impl RawLine<'_> {
    fn end(self) -> End {
        self.end.map_or(End::Without, End::With)
    }
}

fn raw_lines(text: &str) -> Vec<RawLine<'_>> {
    edit::lines(text)
        .map(|(text, end)| RawLine { text, end })
        .collect()
}

/// The hunks that differ between two sequences.
fn hunks<T: std::hash::Hash + Eq + Copy>(old: &[T], new: &[T]) -> Vec<imara_diff::Hunk> {
    let mut input = InternedInput {
        before: Vec::with_capacity(old.len()),
        after: Vec::with_capacity(new.len()),
        interner: Interner::new(old.len() + new.len()),
    };
    input.update_before(old.iter().copied());
    input.update_after(new.iter().copied());
    // As in Git: the shortest edit script as long as that is cheap, and never quadratic.
    Diff::compute(Algorithm::Myers, &input).hunks().collect()
}

/// Pairs of lines that are equal, or that replace each other.
pub(crate) fn matching_lines(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::with_capacity(old.len().min(new.len()));
    let (mut before, mut after) = (0, 0);
    for hunk in hunks(old, new) {
        let start = hunk.before.start as usize;
        pairs.extend((before..start).zip(after..));
        let replaced = (start..hunk.before.end as usize)
            .zip(hunk.after.start as usize..hunk.after.end as usize);
        pairs.extend(replaced);
        (before, after) = (hunk.before.end as usize, hunk.after.end as usize);
    }
    pairs.extend((before..old.len()).zip(after..new.len()));
    pairs
}

/// The diff of two texts, with `context` equal lines around each change, or all of them if it is `None`. Empty if
/// nothing differs and `context` is given.
pub(crate) fn lines(old: &str, new: &str, context: Option<usize>) -> Vec<Change> {
    let (old, new) = (raw_lines(old), raw_lines(new));
    let hunks = hunks(&old, &new);
    if hunks.is_empty() && context.is_some() {
        return Vec::new();
    }
    let usual = usual_end(&old).or_else(|| usual_end(&new));
    let mut out = Vec::new();
    let mut before = 0;
    for (at, hunk) in hunks.iter().enumerate() {
        let (start, end) = (hunk.before.start as usize, hunk.before.end as usize);
        same(&mut out, &old[before..start], context, at > 0, true);
        let removed = &old[start..end];
        let added = &new[hunk.after.start as usize..hunk.after.end as usize];
        changed(&mut out, removed, added, usual);
        before = end;
    }
    same(&mut out, &old[before..], context, !hunks.is_empty(), false);
    out
}

/// The most frequent line end.
fn usual_end(lines: &[RawLine<'_>]) -> Option<End> {
    let count = |end| lines.iter().filter(|line| line.end == Some(end)).count();
    [LineEnd::Lf, LineEnd::CrLf, LineEnd::Cr]
        .into_iter()
        .map(|end| (count(end), end))
        .filter(|(count, _)| *count > 0)
        .max_by_key(|(count, _)| *count)
        .map(|(_, end)| End::With(end))
}

/// Pushes equal lines; `after` and `before` tell whether they follow a change and precede one.
fn same(
    out: &mut Vec<Change>,
    lines: &[RawLine<'_>],
    context: Option<usize>,
    after: bool,
    before: bool,
) {
    let context = context.unwrap_or(lines.len());
    let head = if after { context } else { 0 };
    let tail = if before { context } else { 0 };
    let show = |line: &RawLine<'_>| Change::Same(Line::unmarked(line.text));
    // Without any change around them, all lines are context.
    if lines.len() <= head + tail || !(after || before) {
        out.extend(lines.iter().map(show));
        return;
    }
    out.extend(lines[..head].iter().map(show));
    out.push(Change::Skipped(lines.len() - head - tail));
    out.extend(lines[lines.len() - tail..].iter().map(show));
}

/// Pushes removed lines and those that replace them.
fn changed(
    out: &mut Vec<Change>,
    removed: &[RawLine<'_>],
    added: &[RawLine<'_>],
    usual: Option<End>,
) {
    let unpaired = |line: &RawLine<'_>| {
        let mut shown = Line::unmarked(line.text);
        shown.end = usual
            .filter(|usual| *usual != line.end())
            .map(|_| line.end());
        shown
    };
    let mut left: Vec<Line> = removed.iter().map(unpaired).collect();
    let mut right: Vec<Line> = added.iter().map(unpaired).collect();
    for (a, b) in words::pairs(removed, added) {
        let (old, new) = (removed[a], added[b]);
        (left[a], right[b]) = words::compare(old.text, new.text);
        if old.end != new.end {
            (left[a].end, right[b].end) = (Some(old.end()), Some(new.end()));
        }
    }
    out.extend(left.into_iter().map(Change::Removed));
    out.extend(right.into_iter().map(Change::Added));
}

/// The numbers of added and of removed lines.
pub(crate) fn tally(changes: &[Change]) -> (usize, usize) {
    let count = |is: fn(&Change) -> bool| changes.iter().filter(|change| is(change)).count();
    (
        count(|change| matches!(change, Change::Added(_))),
        count(|change| matches!(change, Change::Removed(_))),
    )
}
