//! Diff within a line: of words, punctuation and whitespace.

use super::{Line, Piece, RawLine, hunks};

/// Limit of lines of a hunk for which similar pairs are searched; in longer hunks lines are paired in order. The work
/// grows with the product of the numbers of lines.
const MAX_PAIRED_LINES: usize = 100;

/// Lines that share less than this part are not versions of each other.
const MIN_SIMILARITY: f64 = 0.3;

/// Pairs of an old line and its new version, by index, in order.
pub(super) fn pairs(old: &[RawLine<'_>], new: &[RawLine<'_>]) -> Vec<(usize, usize)> {
    if old.len() == new.len() || old.len().max(new.len()) > MAX_PAIRED_LINES {
        return (0..old.len().min(new.len())).map(|at| (at, at)).collect();
    }
    let mut pairs = Vec::new();
    let mut next = 0;
    for (at, line) in old.iter().enumerate() {
        let version = (next..new.len()).find(|other| similar(line.text, new[*other].text));
        if let Some(version) = version {
            pairs.push((at, version));
            next = version + 1;
        }
    }
    pairs
}

/// Whether two lines are similar, judged cheaply by their common start and end.
fn similar(old: &str, new: &str) -> bool {
    let head = old
        .chars()
        .zip(new.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let (old_chars, new_chars) = (old.chars().count(), new.chars().count());
    let tail = old
        .chars()
        .rev()
        .zip(new.chars().rev())
        .take(old_chars.min(new_chars) - head)
        .take_while(|(a, b)| a == b)
        .count();
    (head + tail) as f64 >= MIN_SIMILARITY * old_chars.max(new_chars) as f64
}

/// Compares two versions of a line. If they have little in common, nothing is marked: all of it changed.
pub(super) fn compare(old: &str, new: &str) -> (Line, Line) {
    let (before, after) = (words(old), words(new));
    let hunks = hunks(&before, &after);
    let mut left = Pieces::default();
    let mut right = Pieces::default();
    let (mut at, mut at_new) = (0, 0);
    for hunk in hunks {
        let removed = hunk.before.start as usize..hunk.before.end as usize;
        let added = hunk.after.start as usize..hunk.after.end as usize;
        left.same(&before[at..removed.start]);
        right.same(&after[at_new..added.start]);
        (at, at_new) = (removed.end, added.end);
        left.changed(&before[removed]);
        right.changed(&after[added]);
    }
    left.same(&before[at..]);
    right.same(&after[at_new..]);
    let longest = old.trim().len().max(new.trim().len());
    if (left.kept as f64) < MIN_SIMILARITY * longest as f64 {
        return (Line::unmarked(old), Line::unmarked(new));
    }
    (left.line(), right.line())
}

/// Splits a line into runs of letters and digits, runs of one kind of whitespace, and single other characters:
/// punctuation, or characters of a script without spaces between words.
fn words(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => 1,
        ' ' => 2,
        '\t' => 3,
        // Latin with accents, Greek, Cyrillic, Hebrew, Arabic…, up to where CJK begins.
        c if c < '\u{1100}' && c.is_alphanumeric() => 1,
        _ => 0,
    };
    let mut words = Vec::new();
    let mut start = 0;
    let mut last = 0;
    for (at, c) in text.char_indices() {
        let kind = kind(c);
        if at > start && (kind == 0 || kind != last) {
            words.push(&text[start..at]);
            start = at;
        }
        last = kind;
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    /// Common bytes that are not whitespace.
    kept: usize,
}

impl Pieces {
    fn same(&mut self, words: &[&str]) {
        let text = words.concat();
        self.kept += words.iter().map(|word| word.trim().len()).sum::<usize>();
        if !text.is_empty() {
            self.pieces.push(Piece::Same(text));
        }
    }

    fn changed(&mut self, words: &[&str]) {
        let text = words.concat();
        if !text.is_empty() {
            self.pieces.push(Piece::Changed(text));
        }
    }

    fn line(self) -> Line {
        Line {
            pieces: self.pieces,
            end: None,
        }
    }
}
