use super::{TokenKind, pretty};

fn check(source: &str, expected: &str) {
    assert_eq!(
        pretty(source).map(|(text, _)| text).as_deref(),
        Some(expected),
        "{source}"
    );
}

#[test]
fn documents_are_indented() {
    check(
        r#"{"a":1,"b":[true,null],"c":{},"d":[ ]}"#,
        "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ],\n  \"c\": {},\n  \"d\": []\n}",
    );
    check(" [ ] ", "[]");
    check("-0.5e+10", "-0.5e+10");
    check(r#""\u00e9\n""#, r#""\u00e9\n""#);
}

#[test]
fn numbers_keep_every_digit() {
    check(
        "[12345678901234567890.10]",
        "[\n  12345678901234567890.10\n]",
    );
}

#[test]
fn invalid_json_is_refused() {
    for source in [
        "",
        "{",
        "[1,]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "01",
        "1.",
        "+1",
        "nul",
        "[1 2]",
        "{\"a\":1]",
        "\"\n\"",
        "\"\\x\"",
        "1 2",
        "[,1]",
        "{\"a\":1,}",
    ] {
        assert_eq!(pretty(source), None, "{source}");
    }
    let deep = "[".repeat(600) + &"]".repeat(600);
    assert_eq!(pretty(&deep), None);
}

#[test]
fn spans_cover_their_tokens() {
    let (text, spans) = pretty(r#"{"k":"v","n":-1,"t":true}"#).expect("valid JSON");
    let seen: Vec<_> = spans
        .iter()
        .map(|span| (&text[span.start as usize..span.end as usize], span.kind))
        .collect();
    assert_eq!(
        seen,
        [
            ("\"k\"", TokenKind::Key),
            ("\"v\"", TokenKind::Text),
            ("\"n\"", TokenKind::Key),
            ("-1", TokenKind::Number),
            ("\"t\"", TokenKind::Key),
            ("true", TokenKind::Literal),
        ]
    );
}
