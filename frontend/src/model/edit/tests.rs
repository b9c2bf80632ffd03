use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::text::Change;
use super::*;

/// The characters of the text area, each with the bytes that it stands for.
fn units(text: &EditedText) -> Vec<(char, String)> {
    let raw = text.text();
    let mut out = Vec::new();
    for (line, end) in lines(&raw) {
        out.extend(line.chars().map(|c| (c, c.to_string())));
        out.extend(end.map(|end| ('\n', end.as_str().to_owned())));
    }
    out
}

fn displayed_text(units: &[(char, String)]) -> String {
    units.iter().map(|(c, _)| *c).collect()
}

fn bytes(units: &[(char, String)]) -> String {
    units.iter().map(|(_, raw)| raw.as_str()).collect()
}

/// Texts in which everything that a text area or an editor might change is frequent. `\r` before `\n`
/// counts as one line end, not two.
fn texts(max_pieces: usize) -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "a", "b", "\n", "\r\n", "\r", "\t", " ", "\u{feff}", "占", "🔒", "\u{2028}", "\u{202e}",
        "\"", "e\u{301}",
    ];
    vec(select(PIECES), 0..max_pieces).prop_map(|pieces| pieces.concat())
}

/// Typed or pasted texts: a text area turns every line end into `\n`.
fn insertions() -> impl Strategy<Value = String> {
    vec(select(&["a", "b", "\n", "\t", "占", "x\ny"][..]), 0..6).prop_map(|pieces| pieces.concat())
}

/// Replaces a range of characters as typing in a text area does; returns the characters kept at either end, the new
/// value and the caret.
fn typed(
    units: &[(char, String)],
    at: Index,
    length: Index,
    text: &str,
) -> (usize, usize, String, usize) {
    let start = at.index(units.len() + 1);
    let end = start + length.index(units.len() - start + 1);
    let before = displayed_text(&units[..start]) + text;
    let caret = before.encode_utf16().count();
    let value = before + &displayed_text(&units[end..]);
    (start, units.len() - end, value, caret)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_unedited_text_keeps_every_byte(text in texts(40)) {
        let mut edited = EditedText::new(&text);
        prop_assert_eq!(edited.text(), text.as_str());
        prop_assert!(!edited.window_text().contains('\r'));
        let value = edited.window_text().to_owned();
        edited.input(&value, Some(0), Change::Typed);
        edited.input(&value, None, Change::Restored);
        prop_assert_eq!(edited.text(), text);
    }

    #[test]
    fn edits_keep_the_bytes_around_them(
        text in texts(40),
        edits in vec((any::<Index>(), any::<Index>(), insertions()), 1..8),
    ) {
        let mut edited = EditedText::new(&text);
        let mut before = units(&edited);
        for (at, length, inserted) in edits {
            let (head, tail, value, caret) = typed(&before, at, length, &inserted);
            edited.input(&value, Some(caret), Change::Typed);
            prop_assert_eq!(edited.window_text(), value.as_str());
            let raw = edited.text();
            let (start, end) = (bytes(&before[..head]), bytes(&before[before.len() - tail..]));
            prop_assert!(raw.len() >= start.len() + end.len());
            prop_assert!(raw.starts_with(&start), "{:?} does not start with {:?}", raw, start);
            prop_assert!(raw.ends_with(&end), "{:?} does not end with {:?}", raw, end);
            let middle = &raw[start.len()..raw.len() - end.len()];
            prop_assert_eq!(middle.replace("\r\n", "\n").replace('\r', "\n"), inserted);
            // A deletion may make `\r` and `\n` adjacent: from then on they are one line end.
            edited = EditedText::new(&raw);
            before = units(&edited);
        }
    }

    #[test]
    fn undo_and_redo_restore_every_byte(
        text in texts(40),
        edits in vec((any::<Index>(), any::<Index>(), insertions()), 1..8),
        back in any::<Index>(),
    ) {
        let mut edited = EditedText::new(&text);
        let mut states = vec![(edited.window_text().to_owned(), edited.text())];
        for (at, length, inserted) in edits {
            let before: Vec<(char, String)> =
                edited.window_text().chars().map(|c| (c, c.to_string())).collect();
            let (_, _, value, caret) = typed(&before, at, length, &inserted);
            edited.input(&value, Some(caret), Change::Typed);
            states.push((edited.window_text().to_owned(), edited.text()));
        }
        // One undo of the browser reverts any number of changes, but never to a state that looks like a
        // nearer one.
        let last = states.len() - 1;
        let to = back.index(states.len());
        let nearest = |range: std::ops::Range<usize>, value: &str| {
            range.into_iter().filter(|at| states[*at].0 == value).collect::<Vec<_>>()
        };
        let value = states[to].0.clone();
        let expected = nearest(0..last, &value).last().copied().unwrap_or(last);
        edited.input(&value, None, Change::Restored);
        prop_assert_eq!(edited.text(), states[expected].1.as_str());
        let value = states[last].0.clone();
        if nearest(0..last, &value).is_empty() {
            edited.input(&value, None, Change::Restored);
            prop_assert_eq!(edited.text(), states[last].1.as_str());
        }
    }

    #[test]
    fn every_encoding_round_trips(value in vec(any::<u8>(), 0..300)) {
        for encoding in super::super::value::editable_encodings(&value) {
            prop_assert_eq!(Edited::new(&value, encoding).value(), Ok(value.clone()), "{:?}", encoding);
        }
    }

    #[test]
    fn a_text_keeps_its_bytes_in_every_encoding(text in texts(60)) {
        for encoding in super::super::value::editable_encodings(text.as_bytes()) {
            let edited = Edited::new(text.as_bytes(), encoding);
            prop_assert_eq!(edited.value(), Ok(text.clone().into_bytes()), "{:?}", encoding);
            let again = Edited::from_text(&edited.text(), encoding);
            prop_assert_eq!(again.value(), Ok(text.clone().into_bytes()), "{:?}", encoding);
        }
    }
}

fn after(text: &str, value: &str, caret: usize) -> String {
    let mut edited = EditedText::new(text);
    edited.input(value, Some(caret), Change::Typed);
    assert_eq!(edited.window_text(), value);
    edited.text()
}

#[test]
fn a_new_line_inherits_its_line_end() {
    for (text, value, caret, expected) in [
        ("a\r\nb\r\n", "a\nx\nb\n", 3, "a\r\nx\r\nb\r\n"),
        ("a\nb\r\n", "a\nb\nc\n", 5, "a\nb\r\nc\r\n"),
        // Typed at the end of `a`, and in front of `b`.
        ("a\nb\r\n", "a\nx\nb\n", 3, "a\nx\nb\r\n"),
        ("a\nb\r\n", "a\nx\nb\n", 4, "a\nx\r\nb\r\n"),
        ("a\r\nb", "a\nb\n", 4, "a\r\nb\r\n"),
        ("a\rb\r", "a\nb\nc\n", 5, "a\rb\rc\r"),
        ("a", "a\nb", 3, "a\nb"),
        ("", "a\n", 2, "a\n"),
        // `\n` would merge with the `\r` before it.
        ("a\rb\n", "a\n\nb\n", 3, "a\r\rb\n"),
    ] {
        assert_eq!(after(text, value, caret), expected, "{text:?} to {value:?}");
    }
}

#[test]
fn of_two_equal_lines_the_one_at_the_caret_is_removed() {
    assert_eq!(after("a\r\na\n", "a\n", 0), "a\n");
    assert_eq!(after("a\r\na\n", "a\n", 2), "a\r\n");
}

#[test]
fn replacing_a_selection_keeps_the_ends_of_its_lines() {
    let text = "a\r\nb\nc\rd";
    assert_eq!(after(text, "\ta\n\tb\n\tc\nd", 9), "\ta\r\n\tb\n\tc\rd");
    // Pasted over everything with one more line, which is new and precedes a line that ends with `\n`.
    assert_eq!(after(text, "a\nnew\nb\nc\nd", 12), "a\r\nnew\nb\nc\rd");
}

#[test]
fn a_long_text_is_edited_one_window_at_a_time() {
    let line = |at: usize| {
        format!(
            "line {at}{}",
            if at.is_multiple_of(3) { "\r\n" } else { "\n" }
        )
    };
    let text: String = (1..=100_000).map(line).collect();
    let mut edited = EditedText::new(&text);
    assert!(edited.window_text().len() < 200_000);
    let window = |edited: &EditedText| edited.window_lines().expect("the text has a window");
    assert_eq!((window(&edited).first, window(&edited).all), (1, 100_001));

    edited.show_line(50_000);
    let WindowLines { first, last, .. } = window(&edited);
    assert!(first <= 50_000 && 50_000 <= last, "{first} to {last}");
    let caret = edited.caret_of_line(50_000);
    let value = edited.window_text().to_owned();
    assert!(value[caret..].starts_with("line 50000\n"));
    let value = format!("{}new\n{}", &value[..caret], &value[caret..]);
    assert_eq!(edited.input(&value, Some(caret + 4), Change::Typed), None);
    let expected = text.replace("line 50000\n", "new\nline 50000\n");
    assert!(edited.text() == expected);

    let last = window(&edited).last;
    edited.show_line(last + 1);
    let next = window(&edited);
    assert!(
        next.first <= last + 1 && last < next.last,
        "{next:?} after {last}"
    );
    edited.show_line(100_002);
    assert_eq!(window(&edited).last, window(&edited).all);
    assert!(edited.window_text().ends_with("line 100000\n"));
    assert!(edited.text() == expected);

    // Pasted: too much for a text area.
    let mut edited = EditedText::new("a\r\nb");
    let pasted = format!("a\n{text}b").replace('\r', "");
    let caret = pasted.len() - 1;
    assert!(edited.input(&pasted, Some(caret), Change::Typed).is_some());
    assert!(edited.window_lines().is_some());
    assert!(edited.text().starts_with("a\r\nline 1\r\n"));
}

#[test]
fn tab_indents_and_shift_tab_unindents() {
    let plain = |text: &str, from: usize, to: usize, back: bool| {
        let done = indent(text, from..to, back)?;
        let units: Vec<u16> = text.encode_utf16().collect();
        let part = |range: std::ops::Range<usize>| {
            String::from_utf16(&units[range]).expect("the range ends at characters")
        };
        let text = part(0..done.range.start) + &done.text + &part(done.range.end..units.len());
        Some((text, done.selection))
    };
    let some = |text: &str, from, to| Some((text.to_owned(), from..to));
    assert_eq!(plain("ab", 1, 1, false), some("a\tb", 2, 2));
    assert_eq!(plain("a:\n  b\n", 7, 7, false), some("a:\n  b\n  ", 9, 9));
    assert_eq!(plain("🔒\nb\nc", 0, 4, false), some("\t🔒\n\tb\nc", 0, 6));
    // The last line is indented only if some of it is selected.
    assert_eq!(plain("a\nb\nc", 0, 4, false), some("\ta\n\tb\nc", 0, 5));
    assert_eq!(plain("\ta\n\n\tb", 0, 6, true), some("a\n\nb", 0, 4));
    assert_eq!(plain("a:\n  b", 6, 6, true), some("a:\nb", 4, 4));
    assert_eq!(plain("a", 0, 0, true), None);
}

#[test]
fn a_text_pasted_into_an_empty_area_keeps_its_line_ends() {
    for pasted in ["a\r\nb\r\n", "a\rb", "a\nb\r\nc", "\r\n", "one line"] {
        let mut edited = EditedText::new("");
        let value = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let caret = value.chars().count();
        edited.input(&value, Some(caret), Change::Pasted(pasted));
        assert_eq!(edited.text(), pasted);

        // Also around a text on one line, and over a selection of everything.
        let mut around = EditedText::new("xy");
        let value = format!("x{value}y");
        around.input(&value, Some(caret + 1), Change::Pasted(pasted));
        assert_eq!(around.text(), format!("x{pasted}y"));
    }
}

#[test]
fn a_text_pasted_between_lines_gets_their_line_ends() {
    let mut edited = EditedText::new("a\r\nb\r\n");
    edited.input("a\nx\ny\nb\n", Some(6), Change::Pasted("x\ny\n"));
    assert_eq!(edited.text(), "a\r\nx\r\ny\r\nb\r\n");
}
