use super::*;

fn row_text(code: &CodeRows, index: usize) -> String {
    code.row(index)
        .pieces
        .into_iter()
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn every_line_is_a_row() {
    let code = CodeRows::text("a\n\nb".to_owned(), Vec::new());
    assert_eq!((code.rows(), code.lines()), (3, 3));
    assert_eq!(
        (row_text(&code, 0), row_text(&code, 1), row_text(&code, 2)),
        ("a".into(), String::new(), "b".into())
    );
    assert_eq!(CodeRows::text(String::new(), Vec::new()).rows(), 1);
}

#[test]
fn a_long_line_is_split_into_rows_between_characters() {
    let line = "占".repeat(300);
    let code = CodeRows::text(format!("{line}\nend"), Vec::new());
    let numbers: Vec<String> = (0..code.rows()).map(|row| code.row(row).gutter).collect();
    assert_eq!(numbers, ["1", "·", "·", "2"]);
    assert_eq!(
        (0..3).map(|row| row_text(&code, row)).collect::<String>(),
        line
    );
}

#[test]
fn colours_are_cut_to_their_row() {
    let (text, spans) = crate::model::json::pretty(r#"{"a":1}"#).expect("valid JSON");
    let code = CodeRows::text(text, spans);
    assert_eq!(
        code.row(1).pieces,
        [
            (TokenKind::Plain, "  ".to_owned()),
            (TokenKind::Key, "\"a\"".to_owned()),
            (TokenKind::Plain, ": ".to_owned()),
            (TokenKind::Number, "1".to_owned()),
        ]
    );
}

#[test]
fn hex_shows_sixteen_bytes_per_row() {
    let code = CodeRows::hex((0..=17).map(|byte| byte + 0x60).collect());
    assert_eq!(code.rows(), 2);
    assert_eq!(code.row(0).gutter, "000000");
    assert_eq!(
        row_text(&code, 0),
        "60 61 62 63 64 65 66 67  68 69 6a 6b 6c 6d 6e 6f  `abcdefghijklmno"
    );
    assert_eq!(code.row(1).gutter, "000010");
    assert!(row_text(&code, 1).starts_with("70 71    "));
    assert_eq!(CodeRows::hex(Vec::new()).rows(), 1);
}

#[test]
fn base64_is_wrapped() {
    let code = CodeRows::base64(&"A".repeat(100));
    assert_eq!(
        (
            code.rows(),
            row_text(&code, 0).len(),
            row_text(&code, 1).len()
        ),
        (2, 76, 24)
    );
}
