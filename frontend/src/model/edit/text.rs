//! A text being edited in a text area. Each change of the text area's value is applied as one
//! splice, so that everything outside of it keeps its bytes, whatever its line ends.
//!
//! A text area takes seconds to lay out tens of thousands of lines, so a long text is shown one window at a time.

use std::ops::Range;

use super::ends::{LineEnd, LineEnds, inherit, join, split, summary};

/// Texts up to these limits are shown whole.
const WHOLE_BYTES: usize = 256 * 1024;
const WHOLE_LINES: usize = 5_000;

/// The limits of a window of a longer text. A line is never split.
const WINDOW_BYTES: usize = 128 * 1024;
const WINDOW_LINES: usize = 2_000;

/// Limit of changes that can be undone with their line ends. The text area's own undo reaches further back.
const MAX_UNDO_STEPS: usize = 10_000;

/// A piece of text with the ends of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fragment {
    /// The text with `\n` only.
    pub(super) text: String,
    /// The actual end for each `\n`.
    pub(super) ends: Vec<LineEnd>,
}

/// One change of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Splice {
    /// Offset in bytes from the window's start.
    at: usize,
    removed: Fragment,
    inserted: Fragment,
}

/// A text that is being edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EditedText {
    all: Fragment,
    /// The range of `all.text` that the text area shows, in bytes.
    window: Range<usize>,
    /// The number of line ends before the window.
    before: usize,
    /// Changes of this window, oldest first. The first `applied` are in effect; later ones have been undone.
    splices: Vec<Splice>,
    applied: usize,
}

/// How the text area's value changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// By typing, deleting or dropping.
    Typed,
    /// By undo or redo.
    Restored,
    /// By pasting this text, whose line ends the text area has normalised.
    Pasted(&'a str),
}

/// The range of lines in the window, counted from 1, and the number of all lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowLines {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) all: usize,
}

impl EditedText {
    /// Starts with a text and shows its first window.
    pub(crate) fn new(text: &str) -> Self {
        let (text, ends) = split(text);
        let mut edited = Self {
            all: Fragment { text, ends },
            window: 0..0,
            before: 0,
            splices: Vec::new(),
            applied: 0,
        };
        edited.show_line(1);
        edited
    }

    /// The text area's value, with `\n` only.
    pub(crate) fn window_text(&self) -> &str {
        &self.all.text[self.window.clone()]
    }

    /// The whole text with its actual line ends.
    pub(crate) fn text(&self) -> String {
        join(&self.all.text, &self.all.ends)
    }

    /// The size of the whole text with its actual line ends, in bytes.
    pub(crate) fn len(&self) -> usize {
        let returns = self.all.ends.iter().filter(|end| **end == LineEnd::CrLf);
        self.all.text.len() + returns.count()
    }

    /// The kinds of line ends of the whole text.
    pub(crate) fn ends(&self) -> LineEnds {
        summary(&self.all.ends)
    }

    /// The lines in the window; `None` if the text is shown whole.
    pub(crate) fn window_lines(&self) -> Option<WindowLines> {
        if self.window == (0..self.all.text.len()) {
            return None;
        }
        let shown = newlines(self.window_text());
        // A window that ends with a line end does not show the next line.
        let next = usize::from(
            !self.window_text().ends_with('\n') || self.window.end == self.all.text.len(),
        );
        Some(WindowLines {
            first: self.before + 1,
            last: self.before + shown + next,
            all: self.all.ends.len() + 1,
        })
    }

    /// The UTF-16 offset in the window of a line, counted from 1.
    pub(crate) fn caret_of_line(&self, line: usize) -> usize {
        let lines = self.window_text().split_inclusive('\n');
        let before = line.saturating_sub(self.before + 1);
        lines
            .take(before)
            .map(|line| line.chars().map(char::len_utf16).sum::<usize>())
            .sum()
    }

    /// Shows the window that contains a line, counted from 1. Earlier changes can then no longer be undone: the text
    /// area's own undo history is lost, too.
    pub(crate) fn show_line(&mut self, line: usize) {
        self.splices.clear();
        self.applied = 0;
        self.before = 0;
        if self.all.text.len() <= WHOLE_BYTES && self.all.ends.len() < WHOLE_LINES {
            self.window = 0..self.all.text.len();
            return;
        }
        let (mut start, mut at, mut lines) = (0, 0, 0);
        for piece in self.all.text.split_inclusive('\n') {
            let full = lines == WINDOW_LINES || at - start + piece.len() > WINDOW_BYTES;
            if lines > 0 && full {
                if self.before + lines >= line {
                    break;
                }
                self.before += lines;
                (start, lines) = (at, 0);
            }
            at += piece.len();
            lines += 1;
        }
        self.window = start..at;
    }

    /// Applies the text area's new `value`. Its selection ends at `caret`, in UTF-16 code units. Inserted lines get
    /// the line ends of the lines around them; where there are none yet, pasted lines keep their own. If the window
    /// became too large for a text area, another one is shown, and the line of the caret is returned: the caller must
    /// refill the text area.
    pub(crate) fn input(
        &mut self,
        value: &str,
        caret: Option<usize>,
        change: Change<'_>,
    ) -> Option<usize> {
        self.follow(value, caret, change);
        if self.window.len() <= 2 * WHOLE_BYTES && newlines(value) <= 2 * WHOLE_LINES {
            return None;
        }
        let line = self.before + newlines(caret_prefix(value, caret)) + 1;
        self.show_line(line);
        Some(line)
    }

    /// As [`Self::input`], but keeps the window, however large it becomes: for a field that shows the whole text.
    pub(crate) fn follow(&mut self, value: &str, caret: Option<usize>, change: Change<'_>) {
        let pasted = match change {
            Change::Restored if self.restore(value) => return,
            Change::Restored | Change::Typed => None,
            Change::Pasted(pasted) => Some(pasted),
        };
        self.splice(value, caret, pasted);
    }

    fn splice(&mut self, value: &str, caret: Option<usize>, pasted: Option<&str>) {
        let old = self.window_text();
        let caret = caret.map(|_| caret_prefix(value, caret).len());
        let (at, removed, inserted) = difference(old, value, caret);
        if removed == 0 && inserted.is_empty() {
            return;
        }
        let from = self.window.start + at;
        let first = self.before + newlines(&old[..at]);
        let count = newlines(&old[at..at + removed]);
        let removed = Fragment {
            text: old[at..at + removed].to_owned(),
            ends: self.all.ends[first..first + count].to_vec(),
        };
        let around = Surroundings {
            previous: first.checked_sub(1).map(|at| self.all.ends[at]),
            next: self.all.ends.get(first + count).copied(),
            after_end: from == 0 || self.all.text[..from].ends_with('\n'),
            before_end: self.all.text[from + removed.text.len()..].starts_with('\n'),
        };
        let has_no_ends = self.all.ends.len() == count;
        let pasted_ends = pasted
            .filter(|_| has_no_ends)
            .map(|pasted| split(pasted).1)
            .filter(|ends| ends.len() == newlines(inserted));
        let inserted = Fragment {
            ends: pasted_ends.unwrap_or_else(|| inherit(&removed, inserted, around)),
            text: inserted.to_owned(),
        };
        let splice = Splice {
            at,
            removed,
            inserted,
        };
        self.apply(at, &splice.removed, &splice.inserted);
        self.splices.truncate(self.applied);
        if self.splices.len() == MAX_UNDO_STEPS {
            self.splices.remove(0);
        }
        self.splices.push(splice);
        self.applied = self.splices.len();
    }

    fn apply(&mut self, at: usize, removed: &Fragment, inserted: &Fragment) {
        let from = self.window.start + at;
        let first = self.before + newlines(&self.window_text()[..at]);
        self.all
            .text
            .replace_range(from..from + removed.text.len(), &inserted.text);
        self.all.ends.splice(
            first..first + removed.ends.len(),
            inserted.ends.iter().copied(),
        );
        self.window.end = self.window.end + inserted.text.len() - removed.text.len();
    }

    /// Undoes or redoes up to the nearest state that was shown as `value`; false if there is none. One undo of the
    /// text area may revert several changes.
    fn restore(&mut self, value: &str) -> bool {
        let mut probe = self.window_text().to_owned();
        for at in (0..self.applied).rev() {
            let splice = &self.splices[at];
            let end = splice.at + splice.inserted.text.len();
            probe.replace_range(splice.at..end, &splice.removed.text);
            if probe == value {
                for at in (at..self.applied).rev() {
                    let splice = self.splices[at].clone();
                    self.apply(splice.at, &splice.inserted, &splice.removed);
                }
                self.applied = at;
                return true;
            }
        }
        probe.clear();
        probe.push_str(self.window_text());
        for at in self.applied..self.splices.len() {
            let splice = &self.splices[at];
            let end = splice.at + splice.removed.text.len();
            probe.replace_range(splice.at..end, &splice.inserted.text);
            if probe == value {
                for at in self.applied..=at {
                    let splice = self.splices[at].clone();
                    self.apply(splice.at, &splice.removed, &splice.inserted);
                }
                self.applied = at + 1;
                return true;
            }
        }
        false
    }
}

/// The surroundings of a splice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// The nearest line end before the splice.
    pub(super) previous: Option<LineEnd>,
    /// The nearest line end after the splice: that of its line.
    pub(super) next: Option<LineEnd>,
    /// Whether it starts at the start of a line.
    pub(super) after_end: bool,
    /// Whether it ends at the end of a line.
    pub(super) before_end: bool,
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// The text up to a caret in UTF-16 code units; the whole text without one.
fn caret_prefix(text: &str, caret: Option<usize>) -> &str {
    let Some(caret) = caret else { return text };
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= caret {
            return &text[..at];
        }
        units += c.len_utf16();
    }
    text
}

/// The smallest splice that turns `old` into `new`: its offset, the number of removed bytes, the inserted text.
///
/// The two texts alone do not show which of two equal lines was removed. After typing, pasting and deleting, the text
/// after the caret is unchanged: that decides.
fn difference<'a>(old: &str, new: &'a str, caret: Option<usize>) -> (usize, usize, &'a str) {
    let after = caret.map(|caret| &new[caret..]);
    let kept = after
        .filter(|after| old.ends_with(after))
        .map_or(0, str::len);
    let (mut old_end, mut new_end) = (old.len() - kept, new.len() - kept);
    let start = common_prefix(&old[..old_end], &new[..new_end]);
    let tail = common_suffix(&old[start..old_end], &new[start..new_end]);
    old_end -= tail;
    new_end -= tail;
    (start, old_end - start, &new[start..new_end])
}

fn common_prefix(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    (0..=same)
        .rev()
        .find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at))
        .unwrap_or(0)
}

fn common_suffix(a: &str, b: &str) -> usize {
    let pairs = a.bytes().rev().zip(b.bytes().rev());
    let same = pairs.take_while(|(a, b)| a == b).count();
    (0..=same)
        .rev()
        .find(|back| a.is_char_boundary(a.len() - back) && b.is_char_boundary(b.len() - back))
        .unwrap_or(0)
}
