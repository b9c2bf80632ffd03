//! Compares two values in the most useful form, shortened to what a page can show.

use super::formatting::same_formatting;
use super::{Change, Line, Piece, lines};
use crate::model::json;
use crate::model::value::{Encoding, detect, encode};

/// Equal lines shown around a change.
const CONTEXT: usize = 3;

/// Limit of characters shown per line.
const MAX_LINE_CHARS: usize = 2_000;

/// Characters kept next to a change in a long equal stretch.
const AROUND: usize = 80;

/// The form in which two values were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    AsTheyAre,
    Formatted,
    Hex,
}

/// The differing lines of two values, and the form in which they were compared.
pub(crate) fn compare(old: &[u8], new: &[u8]) -> (Vec<Change>, Compared) {
    let (Ok(old_text), Ok(new_text)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else {
        let hex = lines(
            &encode(old, Encoding::Hex),
            &encode(new, Encoding::Hex),
            Some(CONTEXT),
        );
        return (hex, Compared::Hex);
    };
    // The diff of JSON on a single line says little, so it is formatted; but formatting must not hide a change.
    let one_line = !old_text.trim().contains('\n') || !new_text.trim().contains('\n');
    if one_line && detect(old).json && detect(new).json && same_formatting(old_text, new_text) {
        let pretty = |text| json::pretty(text).map(|(text, _)| text).unwrap_or_default();
        let changes = lines(&pretty(old_text), &pretty(new_text), Some(CONTEXT));
        if !changes.is_empty() {
            return (shortened(changes), Compared::Formatted);
        }
    }
    (
        shortened(lines(old_text, new_text, Some(CONTEXT))),
        Compared::AsTheyAre,
    )
}

fn shortened(mut changes: Vec<Change>) -> Vec<Change> {
    for change in &mut changes {
        match change {
            Change::Same(line) | Change::Removed(line) | Change::Added(line) => {
                shorten(line, MAX_LINE_CHARS);
            }
            Change::Skipped(_) => {}
        }
    }
    changes
}

/// Shortens a line to `max_chars` characters: first the unchanged stretches, then the end.
pub(crate) fn shorten(line: &mut Line, max_chars: usize) {
    let length = |text: &str| text.chars().count();
    let chars = |piece: &Piece| match piece {
        Piece::Same(text) | Piece::Changed(text) => length(text),
        Piece::Omitted(_) => 1,
    };
    if line.pieces.iter().map(chars).sum::<usize>() <= max_chars {
        return;
    }
    let mut out = Vec::new();
    let last = line.pieces.len() - 1;
    for (at, piece) in std::mem::take(&mut line.pieces).into_iter().enumerate() {
        let single = last == 0;
        match piece {
            Piece::Same(text) if !single && length(&text) > 2 * AROUND => {
                // At the ends of a line only the side next to a change is kept.
                let head = if at == 0 { 0 } else { AROUND };
                let tail = if at == last { 0 } else { AROUND };
                let middle = length(&text) - head - tail;
                let (start, rest) = split_at(&text, head);
                let (_, end) = split_at(rest, middle);
                out.push(Piece::Same(start.to_owned()));
                out.push(Piece::Omitted(middle));
                out.push(Piece::Same(end.to_owned()));
            }
            piece => out.push(piece),
        }
    }
    let mut room = max_chars;
    let mut omitted = 0;
    for piece in out {
        let size = chars(&piece);
        if room >= size {
            room -= size;
            if size > 0 {
                line.pieces.push(piece);
            }
            continue;
        }
        match piece {
            Piece::Omitted(count) => omitted += count,
            Piece::Same(ref text) | Piece::Changed(ref text) => {
                let (shown, _) = split_at(text, room);
                omitted += size - room;
                let shown = shown.to_owned();
                if room > 0 {
                    line.pieces.push(match piece {
                        Piece::Changed(_) => Piece::Changed(shown),
                        _ => Piece::Same(shown),
                    });
                }
            }
        }
        room = 0;
    }
    if omitted > 0 {
        line.pieces.push(Piece::Omitted(omitted));
    }
}

fn split_at(text: &str, chars: usize) -> (&str, &str) {
    let at = text
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| at);
    text.split_at(at)
}
