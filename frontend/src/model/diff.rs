//! A line diff, for two values of a key.

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// In both.
    Same,
    /// Only in the old text.
    Old,
    /// Only in the new text.
    New,
}

/// A line and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiffLine<'a> {
    /// What became of it.
    pub(crate) side: Side,
    /// The line, without its end.
    pub(crate) text: &'a str,
}

/// Cells of the comparison table that are worth their time; above it the parts that differ are shown
/// one after the other.
const CELLS: usize = 4_000_000;

/// The lines of both texts, old before new wherever they differ; the shortest such list, unless the
/// texts are very long.
pub(crate) fn lines<'a>(old: &'a str, new: &'a str) -> Vec<DiffLine<'a>> {
    let old: Vec<&str> = old.split('\n').collect();
    let new: Vec<&str> = new.split('\n').collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old_middle, new_middle) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);

    let mut out = Vec::with_capacity(old.len() + new_middle.len());
    push(&mut out, Side::Same, &old[..head]);
    if old_middle.len().saturating_mul(new_middle.len()) > CELLS {
        push(&mut out, Side::Old, old_middle);
        push(&mut out, Side::New, new_middle);
    } else {
        compare(&mut out, old_middle, new_middle);
    }
    push(&mut out, Side::Same, &old[old.len() - tail..]);
    out
}

fn push<'a>(out: &mut Vec<DiffLine<'a>>, side: Side, lines: &[&'a str]) {
    out.extend(lines.iter().map(|text| DiffLine { side, text }));
}

/// By the longest common subsequence.
fn compare<'a>(out: &mut Vec<DiffLine<'a>>, old: &[&'a str], new: &[&'a str]) {
    let width = new.len() + 1;
    // `longest[a * width + b]`: how many lines `old[a..]` and `new[b..]` have in common, in order.
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            longest[a * width + b] = if old[a] == new[b] {
                longest[(a + 1) * width + b + 1] + 1
            } else {
                longest[(a + 1) * width + b].max(longest[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    while a < old.len() && b < new.len() {
        if old[a] == new[b] {
            push(out, Side::Same, &old[a..=a]);
            (a, b) = (a + 1, b + 1);
        } else if longest[(a + 1) * width + b] >= longest[a * width + b + 1] {
            push(out, Side::Old, &old[a..=a]);
            a += 1;
        } else {
            push(out, Side::New, &new[b..=b]);
            b += 1;
        }
    }
    push(out, Side::Old, &old[a..]);
    push(out, Side::New, &new[b..]);
}

#[cfg(test)]
mod tests {
    use super::{Side, lines};

    fn drawn(old: &str, new: &str) -> String {
        let drawn = lines(old, new).into_iter().map(|line| {
            let sign = match line.side {
                Side::Same => ' ',
                Side::Old => '-',
                Side::New => '+',
            };
            format!("{sign}{}", line.text)
        });
        drawn.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn changes_stand_old_before_new() {
        for (old, new, expected) in [
            ("a\nb\nc", "a\nx\nc", " a|-b|+x| c"),
            ("a", "a", " a"),
            ("", "a", "-|+a"),
            ("a\nb", "b", "-a| b"),
            ("b", "a\nb\nc", "+a| b|+c"),
            ("a\nb\nc\nd", "b\nx\nd", "-a| b|-c|+x| d"),
            ("a\na\na", "a\na", " a| a|-a"),
        ] {
            assert_eq!(drawn(old, new), expected, "{old:?} {new:?}");
        }
    }

    #[test]
    fn both_texts_can_be_read_back() {
        let (old, new) = ("1\n2\n3\n4\n5\n6", "0\n2\n3\nx\n5\n7\n6");
        let lines = lines(old, new);
        let side = |other: Side| {
            let of = lines
                .iter()
                .filter(|line| line.side != other)
                .map(|line| line.text);
            of.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            (side(Side::New), side(Side::Old)),
            (old.to_owned(), new.to_owned())
        );
    }

    #[test]
    fn very_long_texts_are_not_compared_line_by_line() {
        let old: String = (0..3000).map(|n| format!("a{n}\n")).collect();
        let new: String = (0..3000).map(|n| format!("b{n}\n")).collect();
        assert_eq!(lines(&old, &new).len(), 6001);
    }
}
