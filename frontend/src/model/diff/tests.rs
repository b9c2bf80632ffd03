use proptest::prelude::*;

use super::*;

fn text_of(line: &Line) -> String {
    let mut out = String::new();
    for piece in &line.pieces {
        match piece {
            Piece::Same(text) => out.push_str(text),
            Piece::Changed(text) => out.extend(["[", text, "]"]),
            Piece::Omitted(count) => out.extend(["<", &count.to_string(), ">"]),
        }
    }
    match line.end {
        None => {}
        Some(End::With(LineEnd::Lf)) => out.push_str(" LF"),
        Some(End::With(LineEnd::CrLf)) => out.push_str(" CRLF"),
        Some(End::With(LineEnd::Cr)) => out.push_str(" CR"),
        Some(End::Without) => out.push_str(" none"),
    }
    out
}

fn render(changes: &[Change]) -> String {
    let mark = |change: &Change| match change {
        Change::Same(line) => format!(" {}", text_of(line)),
        Change::Removed(line) => format!("-{}", text_of(line)),
        Change::Added(line) => format!("+{}", text_of(line)),
        Change::Skipped(count) => format!("~{count}"),
    };
    changes.iter().map(mark).collect::<Vec<_>>().join("|")
}

fn check(old: &str, new: &str, expected: &str) {
    assert_eq!(
        render(&lines(old, new, None)),
        expected,
        "{old:?} to {new:?}"
    );
}

#[test]
fn lines_that_differ_are_found() {
    check("a\nb\nc\n", "a\nb\nc\n", " a| b| c");
    check("a\nb\nc\n", "a\nx\nc\n", " a|-b|+x| c");
    check("a\nc\n", "a\nb\nc\n", " a|+b| c");
    check("a\nb\nc\n", "b\n", "-a| b|-c");
    check("", "a\n", "+a");
    check("a\n", "", "-a");
}

#[test]
fn changes_within_a_line_are_marked() {
    check(
        "port = 8379 # live\n",
        "port = 8380 # live\n",
        "-port = [8379] # live|+port = [8380] # live",
    );
    check("name: a\n", "name: a \n", "-name: a|+name: a[ ]");
    check("\tname: a\n", "  name: a\n", "-[\t]name: a|+[  ]name: a");
    check("占用中\n", "占满中\n", "-占[用]中|+占[满]中");
    check(
        "one, two\nthree, four\n",
        "new\none, 2\nthree, 4\n",
        "-one, [two]|-three, [four]|+new|+one, [2]|+three, [4]",
    );
    // Nothing in common: the whole line changed.
    check("the beginning\n", "mine\n", "-the beginning|+mine");
    check("\u{feff}a = 1\n", "a = 1\n", "-[\u{feff}]a = 1|+a = 1");
}

#[test]
fn changed_line_ends_are_shown() {
    check("a\nb\n", "a\r\nb\n", "-a LF|+a CRLF| b");
    check("a\rb\n", "a\nb\n", "-a CR|+a LF| b");
    check("a\nb\n", "a\nb", " a|-b LF|+b none");
    check("a\nb", "a\nb\n", " a|-b none|+b LF");
    // A line end is shown only if it is part of the change, or unusual in a new line.
    check("a = 1\r\nb\r\n", "a = 2\r\nb\r\n", "-a = [1]|+a = [2]| b");
    check("a\r\nb\r\n", "a\r\nx\nb\r\n", " a|+x LF| b");
    check("a = 1", "a = 2", "-a = [1]|+a = [2]");
}

#[test]
fn equal_lines_are_omitted() {
    let old: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let mut new = old.clone();
    new[10] = "x".to_owned();
    let changes = lines(&old.join("\n"), &new.join("\n"), Some(2));
    assert_eq!(render(&changes), "~8| 8| 9|-10|+x| 11| 12|~7");
    assert_eq!(tally(&changes), (1, 1));
    assert_eq!(lines("a\nb", "a\nb", Some(3)), []);
    new[13] = "y".to_owned();
    let near = render(&lines(&old.join("\n"), &new.join("\n"), Some(2)));
    assert_eq!(near, "~8| 8| 9|-10|+x| 11| 12|-13|+y| 14| 15|~4");
}

#[test]
fn texts_with_nothing_in_common_are_replaced_whole() {
    let text = |name: char| {
        let lines: Vec<String> = (0..100_000).map(|n| format!("{name}{n}\n")).collect();
        lines.concat()
    };
    assert_eq!(
        tally(&lines(&text('a'), &text('b'), Some(3))),
        (100_000, 100_000)
    );
}

#[test]
fn json_on_one_line_is_formatted_unless_that_hides_a_change() {
    let compared = |old: &str, new: &str| {
        let (changes, how) = compare(old.as_bytes(), new.as_bytes());
        (render(&changes), how)
    };
    let formatted = "~1|   \"a\": 1,|-  \"b\": [2]|+  \"b\": [3]| }".to_owned();
    let (changes, how) = compared(r#"{"a":1,"b":2}"#, r#"{"a":1,"b":3}"#);
    assert_eq!(how, Compared::Formatted);
    assert!(changes.ends_with(&formatted["~1|".len()..]), "{changes}");
    let (_, how) = compared(r#"{"a": 1, "b": 2}"#, r#"{"a": 1, "b": 3}"#);
    assert_eq!(how, Compared::Formatted, "one rule for both");
    for (old, new, expected) in [
        (
            "{\"a\":1}\n",
            "{\"a\":2}",
            "-{\"a\":[1]} LF|+{\"a\":[2]} none",
        ),
        ("{\"a\":1}", "{\"a\": 2}", "-{\"a\":[1]}|+{\"a\":[ 2]}"),
        ("{\"a\":1}", "{\"a\": 1}", "-{\"a\":1}|+{\"a\":[ ]1}"),
        ("[1,2]", "[1,\t2]", "-[1,2]|+[1,[\t]2]"),
    ] {
        assert_eq!(
            compared(old, new),
            (expected.to_owned(), Compared::AsTheyAre)
        );
    }
}

#[test]
fn a_change_far_into_a_long_line_is_shown() {
    let line = |end: &str| format!("{}{end}", "word ".repeat(20_000));
    let (changes, _) = compare(line("one").as_bytes(), line("two").as_bytes());
    let tail = "word ".repeat(16);
    assert_eq!(
        render(&changes),
        format!("-<99920>{tail}[one]|+<99920>{tail}[two]")
    );
    let mut long = Line::unmarked("占".repeat(3_000));
    shorten(&mut long, 2_000);
    assert_eq!(text_of(&long), "占".repeat(2_000) + "<1000>");
}

#[test]
fn invisible_characters_are_made_visible() {
    for (text, changed, expected) in [
        ("a b\tc", true, "a b\tc"),
        ("  ", true, "··"),
        ("  ", false, "  "),
        ("\t", true, "→\t"),
        ("\u{feff}", true, "⟨U+FEFF⟩"),
        ("a\u{200b}", false, "a\u{200b}"),
        ("a\u{202e}b", false, "a⟨U+202E⟩b"),
        ("\0", false, "⟨U+0000⟩"),
    ] {
        assert_eq!(visible(text, changed), expected);
    }
}

#[test]
fn lines_are_matched_by_content_and_position() {
    assert_eq!(
        matching_lines(&["a", "b", "c"], &["a", "x", "b", "y"]),
        [(0, 0), (1, 2), (2, 3)]
    );
}

proptest! {
    #[test]
    fn both_texts_can_be_reconstructed(old in "[ab \n\r]{0,24}", new in "[ab \n\r]{0,24}") {
        let changes = lines(&old, &new, None);
        let side = |old_side: bool| {
            let lines = changes.iter().filter_map(|change| match change {
                Change::Same(line) => Some(line.text()),
                Change::Removed(line) => old_side.then(|| line.text()),
                Change::Added(line) => (!old_side).then(|| line.text()),
                Change::Skipped(_) => None,
            });
            lines.collect::<Vec<_>>()
        };
        let texts = |text: &str| edit::lines(text).map(|(line, _)| line.to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(side(true), texts(&old));
        prop_assert_eq!(side(false), texts(&new));
        // Every difference is visible.
        let (added, removed) = tally(&changes);
        prop_assert_eq!(added + removed == 0, old == new);
    }
}
