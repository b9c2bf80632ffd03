//! Line ends. A text area's value has `\n` only, so a text is kept as what the text area shows and,
//! beside it, the end that each line really has.

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
    /// The characters themselves.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}

/// The line ends of a text, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnds {
    /// All the same, or none at all (then `Lf`).
    All(LineEnd),
    /// More than one kind.
    Mixed,
}

/// A text as lines without their ends, each with its end; the last has none unless it is empty and
/// left out. `"a\r\nb"` gives `("a", Some(CrLf))`, `("b", None)`; `""` gives nothing.
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

/// A text as a text area shows it, and the ends of its lines in order.
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

/// The reverse of [`split`].
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

/// What kind of line ends there are.
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
