//! What differs between two texts, line by line.

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// In both.
    Same(String),
    /// In the old text only.
    Gone(String),
    /// In the new text only.
    New(String),
    /// So many equal lines left out.
    Skipped(usize),
}

/// Edits beyond which the middle is shown as replaced whole: the work grows with their square.
const MOST_EDITS: usize = 400;

/// The difference of two texts, whole.
pub(crate) fn lines(old: &str, new: &str) -> Vec<Change> {
    let old: Vec<&str> = old.split('\n').collect();
    let new: Vec<&str> = new.split('\n').collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let mut changes: Vec<Change> = old[..head]
        .iter()
        .map(|line| Change::Same((*line).to_owned()))
        .collect();
    middle(
        &old[head..old.len() - tail],
        &new[head..new.len() - tail],
        &mut changes,
    );
    changes.extend(
        old[old.len() - tail..]
            .iter()
            .map(|line| Change::Same((*line).to_owned())),
    );
    changes
}

/// The difference with long stretches of equal lines left out, but for `context` lines around what
/// changed. Empty when nothing did.
pub(crate) fn brief(old: &str, new: &str, context: usize) -> Vec<Change> {
    let all = lines(old, new);
    let changed: Vec<usize> = all
        .iter()
        .enumerate()
        .filter(|(_, change)| !matches!(change, Change::Same(_)))
        .map(|(at, _)| at)
        .collect();
    let near = |at: usize| {
        let next = changed.partition_point(|other| *other + context < at);
        changed
            .get(next)
            .is_some_and(|other| *other <= at + context)
    };
    let mut out = Vec::new();
    let mut skipped = 0;
    for (at, change) in all.iter().enumerate() {
        if near(at) {
            if skipped > 0 {
                out.push(Change::Skipped(skipped));
                skipped = 0;
            }
            out.push(change.clone());
        } else {
            skipped += 1;
        }
    }
    if skipped > 0 && !out.is_empty() {
        out.push(Change::Skipped(skipped));
    }
    out
}

/// Lines added and lines taken away.
pub(crate) fn tally(changes: &[Change]) -> (usize, usize) {
    let new = changes
        .iter()
        .filter(|change| matches!(change, Change::New(_)))
        .count();
    let gone = changes
        .iter()
        .filter(|change| matches!(change, Change::Gone(_)))
        .count();
    (new, gone)
}

/// Myers' shortest edit script, by its greedy form.
fn middle(old: &[&str], new: &[&str], out: &mut Vec<Change>) {
    let Some(trace) = trace(old, new) else {
        out.extend(old.iter().map(|line| Change::Gone((*line).to_owned())));
        out.extend(new.iter().map(|line| Change::New((*line).to_owned())));
        return;
    };
    let (mut x, mut y) = (old.len() as isize, new.len() as isize);
    let mut back = Vec::new();
    for (edits, furthest) in trace.iter().enumerate().rev() {
        let edits = edits as isize;
        let diagonal = x - y;
        // `furthest` holds the state before this edit; diagonals −edits…edits lie at 0…2·edits.
        let reach = |k: isize| furthest.get((k + edits) as usize).copied().unwrap_or(-1);
        let down =
            diagonal == -edits || (diagonal != edits && reach(diagonal - 1) < reach(diagonal + 1));
        let from_diagonal = if down { diagonal + 1 } else { diagonal - 1 };
        let from_x = if edits == 0 { 0 } else { reach(from_diagonal) };
        let from_y = from_x - from_diagonal;
        let (stop_x, stop_y) = match (edits, down) {
            (0, _) => (0, 0),
            (_, true) => (from_x, from_y + 1),
            (_, false) => (from_x + 1, from_y),
        };
        while x > stop_x && y > stop_y {
            x -= 1;
            y -= 1;
            back.push(Change::Same(old[x as usize].to_owned()));
        }
        if edits > 0 {
            if down {
                back.push(Change::New(new[from_y as usize].to_owned()));
            } else {
                back.push(Change::Gone(old[from_x as usize].to_owned()));
            }
            (x, y) = (from_x, from_y);
        }
    }
    out.extend(back.into_iter().rev());
}

/// For every number of edits how far each diagonal got before it; `None` beyond the most edits.
fn trace(old: &[&str], new: &[&str]) -> Option<Vec<Vec<isize>>> {
    let (n, m) = (old.len() as isize, new.len() as isize);
    let mut trace = Vec::new();
    let mut furthest: Vec<isize> = Vec::new();
    for edits in 0..=(MOST_EDITS as isize).min(n + m) {
        // The state before, widened to this round's diagonals.
        let mut before = vec![-1; (2 * edits + 1) as usize];
        for (at, x) in furthest.iter().enumerate() {
            before[at + 1] = *x;
        }
        let mut now = before.clone();
        trace.push(before.clone());
        for k in (-edits..=edits).step_by(2) {
            let reach = |k: isize| before.get((k + edits) as usize).copied().unwrap_or(-1);
            let mut x = if edits == 0 {
                0
            } else if k == -edits || (k != edits && reach(k - 1) < reach(k + 1)) {
                reach(k + 1)
            } else {
                reach(k - 1) + 1
            };
            let mut y = x - k;
            while x < n && y < m && old[x as usize] == new[y as usize] {
                x += 1;
                y += 1;
            }
            now[(k + edits) as usize] = x;
            if x >= n && y >= m {
                return Some(trace);
            }
        }
        furthest = now;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Change, brief, lines, tally};

    fn shown(changes: &[Change]) -> String {
        let mark = |change: &Change| match change {
            Change::Same(line) => format!(" {line}"),
            Change::Gone(line) => format!("-{line}"),
            Change::New(line) => format!("+{line}"),
            Change::Skipped(count) => format!("~{count}"),
        };
        changes.iter().map(mark).collect::<Vec<_>>().join("|")
    }

    fn check(old: &str, new: &str, expected: &str) {
        assert_eq!(
            shown(&lines(&old.replace(' ', "\n"), &new.replace(' ', "\n"))),
            expected,
            "{old} → {new}"
        );
    }

    #[test]
    fn the_shortest_difference_is_found() {
        check("a b c", "a b c", " a| b| c");
        check("a b c", "a x c", " a|-b|+x| c");
        check("a c", "a b c", " a|+b| c");
        check("a b c", "b", "-a| b|-c");
        check("a b c a b b a", "c b a b a c", "-a|-b| c|+b| a| b|-b| a|+c");
        check("", "a", "-|+a");
    }

    #[test]
    fn both_texts_can_be_read_back() {
        let texts = [
            "",
            "a",
            "a\nb\nc",
            "c\nb\na\n",
            "x\ny\nx\ny",
            "b\na\nx\nc\ny\n\n",
            "a\nx\nb\ny\nc\nz",
        ];
        for old in texts {
            for new in texts {
                let changes = lines(old, new);
                let side = |gone: bool| {
                    let kept = changes.iter().filter_map(|change| match change {
                        Change::Same(line) => Some(line.as_str()),
                        Change::Gone(line) => gone.then_some(line.as_str()),
                        Change::New(line) => (!gone).then_some(line.as_str()),
                        Change::Skipped(_) => None,
                    });
                    kept.collect::<Vec<_>>().join("\n")
                };
                assert_eq!(
                    (side(true).as_str(), side(false).as_str()),
                    (old, new),
                    "{old:?} {new:?}"
                );
            }
        }
    }

    #[test]
    fn equal_stretches_are_left_out() {
        let old: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let mut new = old.clone();
        new[10] = "x".to_owned();
        let changes = brief(&old.join("\n"), &new.join("\n"), 2);
        assert_eq!(shown(&changes), "~8| 8| 9|-10|+x| 11| 12|~7");
        assert_eq!(tally(&changes), (1, 1));
        assert_eq!(brief("a\nb", "a\nb", 3), []);
    }

    #[test]
    fn texts_without_anything_in_common_are_replaced_whole() {
        let old: Vec<String> = (0..2000).map(|n| format!("a{n}")).collect();
        let new: Vec<String> = (0..2000).map(|n| format!("b{n}")).collect();
        assert_eq!(
            tally(&lines(&old.join("\n"), &new.join("\n"))),
            (2000, 2000)
        );
    }
}
