use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use proptest::prelude::*;

use super::*;

/// Texts of every kind that could be mistaken for another.
const AMBIGUOUS: &[&str] = &[
    "\\",
    "\\x",
    "\\xFF",
    "\\u{41}",
    "/",
    " ",
    "  ",
    "\t",
    "\r",
    "\n",
    "\0",
    "\u{7F}",
    "\u{85}",
    "\u{A0}",
    "\u{AD}",
    "\u{301}",
    "\u{327}",
    "\u{34F}",
    "\u{61C}",
    "\u{115F}",
    "\u{180E}",
    "\u{200B}",
    "\u{200D}",
    "\u{202E}",
    "\u{202C}",
    "\u{2028}",
    "\u{2066}",
    "\u{20DD}",
    "\u{2800}",
    "\u{3000}",
    "\u{3164}",
    "\u{E000}",
    "\u{FE0F}",
    "\u{FEFF}",
    "\u{FFFD}",
    "\u{FFFF}",
    "\u{E0001}",
    "\u{E0100}",
    "\u{10FFFF}",
    "e",
    "é",
    "Å",
    "\u{212B}",
    "Ω",
    "\u{2126}",
    "\u{1100}",
    "\u{1161}",
    "\u{11A8}",
    "가",
    "א",
    "ب",
    "1",
    "占用",
    "🔒",
    "ก\u{E33}",
    "क\u{93F}",
];

fn key() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::sample::select(AMBIGUOUS).prop_map(|text| text.as_bytes().to_vec()),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        any::<u8>().prop_map(|byte| vec![byte]),
        (0x20_u8..0x7f).prop_map(|byte| vec![byte]),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Asserts that nothing in a shown text can be lost by a font, by HTML, or by normalisation.
fn assert_unambiguous(text: &str) {
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    assert!(nfc.is_normalized(text), "{text:?} is not NFC");
    assert_eq!(text.trim(), text);
    assert!(!text.contains("  "), "{text:?} has two blanks in a row");
    for c in text.chars() {
        let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c);
        let white = c.is_whitespace() && c != ' ';
        assert!(!ignorable && !white && !c.is_control(), "{c:?} in {text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn parse_inverts_the_display_form(key in key()) {
        let text = display(&key);
        prop_assert_eq!(parse(&text), Ok(key));
        assert_unambiguous(&text);
    }

    #[test]
    fn different_keys_have_different_texts(a in key(), b in key()) {
        prop_assert_eq!(display(&a) == display(&b), a == b);
    }

    #[test]
    fn canonically_equivalent_keys_are_shown_differently(key in key()) {
        if let Ok(text) = std::str::from_utf8(&key) {
            let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(text).into_owned();
            let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned();
            for other in [decomposed, composed] {
                prop_assert_eq!(display(other.as_bytes()) == display(&key), other == text);
            }
        }
    }

    #[test]
    fn a_path_is_shown_as_its_parts(parts in proptest::collection::vec(key(), 1..5)) {
        let shown_parts: Vec<String> = parts
            .iter()
            .flat_map(|part| part.split(|byte| *byte == b'/'))
            .map(display)
            .collect();
        prop_assert_eq!(display(&parts.join(&b'/')), shown_parts.join("/"));
    }

    #[test]
    fn text_appended_to_a_shown_prefix_is_appended_to_the_prefix(prefix in key(), typed in "[a-z0-9 /é占{}]{0,6}") {
        let whole = [prefix.as_slice(), typed.as_bytes()].concat();
        prop_assert_eq!(parse(&(display(&prefix) + &typed)), Ok(whole));
    }

    #[test]
    fn a_filter_finds_every_part_of_a_key(a in part(), middle in part(), b in part()) {
        let key = [a, middle.clone(), b].concat();
        prop_assert!(KeyFilter::new(&display(&middle)).matches(&key));
    }
}

/// A part of a key that is not cut within a character, and without letters whose lower case depends on
/// context.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[\\x00-\\x7f占🔒É\u{a0}\u{200b}]".prop_map(String::into_bytes),
        Just(vec![0xff]),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

#[test]
fn every_character_round_trips_in_every_position() {
    // The planes in between have ideographs, or are unassigned.
    let planes = ('\0'..='\u{1FFFF}')
        .chain('\u{E0000}'..='\u{E0FFF}')
        .chain('\u{10FF00}'..=char::MAX);
    for c in planes {
        let text = format!("{c}a{c}b/{c}{c}/{c}");
        let shown = display(text.as_bytes());
        assert_eq!(parse(&shown).as_deref(), Ok(text.as_bytes()), "{shown}");
        assert_unambiguous(&shown);
    }
}

#[test]
fn ordinary_keys_are_shown_as_they_are() {
    for key in [
        "",
        "/",
        "/a/b c",
        "/a//b/",
        "a.b-c_d:e",
        "占用",
        "/服务/节点-1",
        "🔒",
        "👍🏽",
        "naïve",
        "Ω",
        "한국어",
        "नमस्ते",
        "שלום",
        "مرحبا",
        "ภาษาไทย",
        "%41+?#&=",
        "'\"$`",
        "{}",
        "<b>",
    ] {
        assert_eq!(display(key.as_bytes()), key);
    }
}

#[test]
fn ambiguous_characters_are_escaped() {
    for (key, text) in [
        (&b"\xff"[..], r"\xFF"),
        (br"\xFF", r"\\xFF"),
        (br"D:\xdata/", r"D:\\xdata/"),
        (b" a", r"\x20a"),
        (b"a ", r"a\x20"),
        (b"a  b", r"a\x20\x20b"),
        (b"a /b", r"a\x20/b"),
        (b"a\nb\r", r"a\x0Ab\x0D"),
        (b"\0", r"\x00"),
        ("a\u{A0}b".as_bytes(), r"a\u{A0}b"),
        ("a\u{200B}b".as_bytes(), r"a\u{200B}b"),
        ("gpj.\u{202E}exe".as_bytes(), r"gpj.\u{202E}exe"),
        ("\u{85}".as_bytes(), r"\u{85}"),
        ("\u{FEFF}a".as_bytes(), r"\u{FEFF}a"),
        ("a\u{3000}b".as_bytes(), r"a\u{3000}b"),
        ("\u{301}".as_bytes(), r"\u{301}"),
        ("/\u{301}".as_bytes(), r"/\u{301}"),
        ("e\u{301}".as_bytes(), r"e\u{301}"),
        ("\u{212B}".as_bytes(), r"\u{212B}"),
        ("\u{1100}\u{1161}".as_bytes(), "\u{1100}\\u{1161}"),
        ("\u{3164}".as_bytes(), r"\u{3164}"),
        ("❤\u{FE0F}".as_bytes(), r"❤\u{FE0F}"),
        ("\u{E000}".as_bytes(), r"\u{E000}"),
        (b"\xe5\x8d", r"\xE5\x8D"),
        (b"a \xff", r"a \xFF"),
    ] {
        assert_eq!(display(key), text);
    }
}

#[test]
fn any_escape_may_be_typed() {
    for (text, bytes) in [
        (r"\xff\xFE\x00", &b"\xff\xfe\0"[..]),
        (r"\u{e9}\u{00E9}\u{1F512}", "éé🔒".as_bytes()),
        (r"C:\\new", br"C:\new"),
        ("a  b ", b"a  b "),
        ("a\u{A0}b", "a\u{A0}b".as_bytes()),
        (r"\xe5\x8d\xa0", "占".as_bytes()),
    ] {
        assert_eq!(parse(text).as_deref(), Ok(bytes), "{text}");
    }
}

#[test]
fn an_invalid_escape_is_named() {
    for (text, found) in [
        (r"C:\new", r"\n"),
        (r"a\", r"\"),
        (r"a\xZZ", r"\xZZ"),
        (r"a\x1", r"\x1"),
        (r"\x+1", r"\x+1"),
        (r"\u0041", r"\u"),
        (r"\u{}", r"\u{}"),
        (r"\u{110000}b", r"\u{110000}"),
        (r"\u{D800}", r"\u{D800}"),
        (r"\u{+41}", r"\u{+41}"),
        (r"\u{41", r"\u{"),
        ("\\\u{202E}", "\\\\u{202E}"),
        ("\\占", "\\占"),
        ("\\x占", "\\x占"),
    ] {
        let error = parse(text).expect_err("a bad escape");
        assert_eq!(error.found, found, "{text}");
    }
}

#[test]
fn a_reading_is_offered_for_ambiguous_texts() {
    for (text, reading_of_it) in [
        ("/a/b", None),
        ("占用 🔒", None),
        (r"C:\\new", None),
        (r"D:\xdata/b", Some(r"D:\xDAta/b")),
        (r"\xFF", Some(r"\xFF")),
        ("a ", Some(r"a\x20")),
        ("a\u{200B}", Some(r"a\u{200B}")),
        (r"\q", None),
    ] {
        assert_eq!(reading(text).as_deref(), reading_of_it, "{text}");
    }
}

#[test]
fn a_filter_reads_escapes_and_ignores_letter_case() {
    for (text, key, found) in [
        ("", &b"/a"[..], true),
        ("CRON", b"/cron/jobs", true),
        (r"\xFF", b"a\xffb", true),
        (r"\xff", b"a\xffb", true),
        (r"\xFF", br"a\xFFb", false),
        (r"\\xFF", br"a\xFFb", true),
        ("É", "caf\u{E9}".as_bytes(), true),
        // While an escape is being typed, it is matched against the display form.
        (r"\xF", b"a\xffb", true),
        (r"\", b"a\xffb", true),
        (r"\", b"ab", false),
        (" ", b"a b", true),
    ] {
        assert_eq!(KeyFilter::new(text).matches(key), found, "{text:?}");
    }
}

#[test]
fn foreign_texts_cannot_change_the_text_direction() {
    assert_eq!(
        escape_invisible("there is no key a\u{202E}b, 占 \\ \r\u{AD}"),
        r"there is no key a\u{202E}b, 占 \ \x0D\u{AD}"
    );
}

#[test]
fn only_right_to_left_texts_are_isolated() {
    assert_eq!(in_sentence("/a/占用".as_bytes()), "/a/占用");
    assert_eq!(in_sentence("/שלום".as_bytes()), "\u{2066}/שלום\u{2069}");
    // Escaped, it has no effect on the direction.
    assert_eq!(in_sentence("\u{202E}".as_bytes()), r"\u{202E}");
}
