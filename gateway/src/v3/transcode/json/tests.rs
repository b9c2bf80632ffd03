use super::*;

fn skips(text: &str) -> bool {
    let mut reader = Reader::new(text.as_bytes());
    reader.skip().is_ok() && reader.is_empty()
}

#[test]
fn only_well_formed_values_are_skipped() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for good in [
        "0",
        "-0.5e+7",
        "\"\\u00e4\\ud83d\\ude00\\n\"",
        "[]",
        "{}",
        " [1 , {\"a\":null}]\n",
        "true",
        "\"ä\"",
        &deep,
    ] {
        assert!(skips(good), "{good:.40}");
    }
    for bad in [
        "",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "tru",
        "nulll",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":1,}",
        "\"a",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "[1}",
        "{\"a\":1]",
        "[1 2]",
        "NaN",
    ] {
        assert!(!skips(bad), "{bad}");
    }
    let mut reader = Reader::new(b"\"\xff\"");
    assert!(reader.skip().is_err(), "a string must be UTF-8");
}

#[test]
fn integers_are_read_in_every_form() {
    for (text, value) in [
        ("0", 0),
        ("-0", 0),
        ("12", 12),
        ("1.2e1", 12),
        ("120E-1", 12),
        ("1.20e+1", 12),
        ("0.00e99", 0),
        ("-9223372036854775808", i128::from(i64::MIN)),
        ("18446744073709551615", i128::from(u64::MAX)),
        ("1e19", 10_000_000_000_000_000_000),
    ] {
        assert_eq!(integer(text), Some(value), "{text}");
    }
    for text in [
        "1.5",
        "1e-1",
        "12e-2",
        "1e20",
        "1e999999999999",
        "10e-2",
        "0.1",
    ] {
        assert_eq!(integer(text), None, "{text}");
    }
}

#[test]
fn errors_name_line_and_column() {
    let text = b"{\n  \"a\": x}";
    let found = Reader::new(text).skip().expect_err("x is not a value");
    assert_eq!(found.describe(text), "(line 2:8): invalid value `x`");
}
