//! Choice of codings and media types.

use super::*;

#[test]
fn the_smallest_accepted_coding_is_chosen() {
    for (accept, encoding) in [
        ("gzip, deflate, br, zstd", Encoding::Brotli),
        ("br;q=0, gzip", Encoding::Gzip),
        ("GZIP;q=0.5", Encoding::Gzip),
        ("*", Encoding::Brotli),
        ("*;q=0", Encoding::Identity),
        ("br;q=nonsense", Encoding::Identity),
        ("identity", Encoding::Identity),
        ("", Encoding::Identity),
    ] {
        let value = HeaderValue::from_static(accept);
        assert_eq!(choose(Some(&value), true, true), encoding, "{accept}");
    }
    assert_eq!(
        choose(Some(&HeaderValue::from_static("br")), false, true),
        Encoding::Identity
    );
    assert_eq!(choose(None, true, true), Encoding::Identity);
}

fn accepting(values: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(ACCEPT, HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn a_wildcard_does_not_name_a_media_type() {
    let navigation = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    assert!(names(&accepting(&[navigation]), "text/html"));
    assert!(names(&accepting(&["a/b", "TEXT/HTML"]), "text/html"));
    assert!(!names(&accepting(&["*/*"]), "text/html"));
    assert!(!names(&accepting(&["application/json"]), "text/html"));
    let mut binary = HeaderMap::new();
    let value = HeaderValue::from_bytes(b"\xff").expect("an opaque value");
    binary.append(ACCEPT, value);
    assert!(!names(&binary, "text/html"));
}

#[test]
fn the_most_specific_range_decides_about_html() {
    let allowed = |accepts: &[&'static str]| allows_html(&accepting(accepts));
    assert!(allowed(&[]), "no header");
    for accept in [
        "",
        "*/*",
        "text/*",
        "text/html",
        "TEXT/HTML;q=0.1",
        "text/html;level=1;q=0.4",
        "application/json, */*;q=0.1",
        "text/html, */*;q=0",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ] {
        assert!(allowed(&[accept]), "{accept}");
    }
    for accept in [
        "application/json",
        "text/plain",
        "text/html;q=0",
        "text/html; q=0.000, */*",
        "text/*;q=0, */*",
        "*/*;q=0",
        "*/*;q=nonsense",
        "html",
    ] {
        assert!(!allowed(&[accept]), "{accept}");
    }
    assert!(allowed(&["application/json", "*/*"]), "two headers");
    assert!(!allowed(&["application/json", "*/*;q=0"]), "two headers");
}
