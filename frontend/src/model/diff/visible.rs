//! Makes invisible characters visible in a diff.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A piece of a diff as it is shown. If it `changed`, spaces and tabs are drawn where it has nothing else, and
/// characters without width are replaced by their code. Control characters and those that change the text direction are
/// always replaced, since they would change how the rest reads.
pub(crate) fn visible(text: &str, changed: bool) -> Cow<'_, str> {
    let is_blank = changed && text.chars().all(|c| matches!(c, ' ' | '\t'));
    let is_replaced = |c: char| is_disturbing(c) || (changed && is_invisible(c));
    if !is_blank && !text.chars().any(is_replaced) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            ' ' if is_blank => out.push('·'),
            '\t' if is_blank => out.push_str("→\t"),
            c if is_replaced(c) => {
                write!(out, "⟨U+{:04X}⟩", u32::from(c)).expect("writing to a String never fails");
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_disturbing(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{a0}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2000}'..='\u{200d}'
            | '\u{202f}'
            | '\u{205f}'..='\u{206f}'
            | '\u{3000}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}
