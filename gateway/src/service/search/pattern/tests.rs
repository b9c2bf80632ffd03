use super::*;

fn regex(text: &str) -> Result<Regex> {
    Needle::Regex(text.to_owned()).compile(false)
}

fn contains(bytes: &[u8], ignore_case: bool) -> Regex {
    let needle = Needle::Contains(bytes.to_vec());
    needle.compile(ignore_case).expect("compiles")
}

#[test]
fn a_literal_matches_itself_only() {
    assert!(contains(b"a.c+", false).is_match(b"xa.c+x"));
    assert!(!contains(b"a.c+", false).is_match(b"abcc"));
    assert!(contains(b"\xff\0.", false).is_match(b"a\xff\0.b"));
    assert!(!contains(b"\xff\0.", false).is_match(b"a\xff\0xb"));
    assert!(!contains(b"abc", false).is_match(b"ABC"));
    assert!(contains("straße".as_bytes(), true).is_match("STRAßE".as_bytes()));
    assert!(contains(b"a\xff", true).is_match(b"A\xff"));
}

#[test]
fn an_expression_matches_bytes_without_unicode_mode() {
    let binary = regex(r"(?-u)^\xff[\x00-\x7f]$").expect("compiles");
    assert!(binary.is_match(b"\xff\0"));
    assert!(!binary.is_match(b"\xff\0\0"));
    assert!(regex("^[äö]$").expect("compiles").is_match("ä".as_bytes()));
}

#[test]
fn the_position_of_an_error_is_reported() {
    for (text, position) in [
        ("a(b", 1),
        ("äb)", 3),
        (r"\p{Unknown}", 0),
        ("a{2,1}", 1),
        ("[z-a]", 1),
    ] {
        let failure = regex(text).expect_err(text);
        assert_eq!(failure.facts.position, Some(position), "{text}: {failure}");
    }
}

#[test]
fn empty_and_oversized_patterns_are_refused() {
    assert!(regex("").is_err());
    assert!(regex(&"a".repeat(MAX_PATTERN)).is_ok());
    assert!(regex(&"a".repeat(MAX_PATTERN + 1)).is_err());
    assert!(Needle::Contains(Vec::new()).compile(false).is_err());
    assert!(
        Needle::Contains(vec![0xff; MAX_PATTERN])
            .compile(true)
            .is_ok()
    );
    let complex = regex(r"((\w{99}){99}){99}").expect_err("too large");
    assert!(complex.detail.contains("1 MiB"), "{complex}");
}
