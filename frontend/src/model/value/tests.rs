use super::*;

#[test]
fn the_best_lens_is_detected() {
    for (value, best) in [
        (&b"{\"a\":1}"[..], Lens::Json),
        (b" [1]", Lens::Json),
        (b"{broken", Lens::Text),
        (b"42", Lens::Text),
        (b"", Lens::Text),
        (b"a\r\n\tb", Lens::Text),
        (b"a\0b", Lens::Hex),
        (b"\xff\xfe\0", Lens::Hex),
    ] {
        assert_eq!(detect(value).best, best, "{value:?}");
    }
    assert_eq!(lenses(detect(b"\xff")), [Lens::Hex, Lens::Base64]);
    assert_eq!(
        lenses(detect(b"42")),
        [Lens::Json, Lens::Text, Lens::Hex, Lens::Base64]
    );
}

#[test]
fn every_encoding_round_trips() {
    let all: Vec<u8> = (0..=255).collect();
    for value in [
        &b""[..],
        b"a\nb",
        b"a\r\nb\r\n",
        b"a\rb",
        b"a\r\nb\n",
        "占用".as_bytes(),
        b"\xff\xfe\0",
        &all,
    ] {
        for encoding in editable_encodings(value) {
            assert_eq!(
                decode(&encode(value, encoding), encoding).as_deref(),
                Ok(value),
                "{encoding:?} {value:?}"
            );
        }
    }
}

#[test]
fn values_that_a_text_area_would_damage_are_not_edited_as_text() {
    for value in [&b"\xff"[..], b"a\0"] {
        assert!(
            !editable_encodings(value).contains(&Encoding::Text),
            "{value:?}"
        );
    }
}

#[test]
fn decoding_errors_name_the_cause() {
    assert_eq!(decode("0", Encoding::Hex), Err(DecodeError::OddDigits));
    assert_eq!(decode("0g", Encoding::Hex), Err(DecodeError::NotHex));
    assert_eq!(decode("!", Encoding::Base64), Err(DecodeError::NotBase64));
    assert_eq!(decode("AA\n==", Encoding::Base64), Ok(vec![0]));
}
