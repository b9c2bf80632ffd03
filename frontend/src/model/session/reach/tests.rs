use shared::{Bytes, RangeSpec};

use super::{RangeWords, covers};

#[expect(
    clippy::unnecessary_wraps,
    reason = "the members of a range are optional"
)]
fn bytes(text: &[u8]) -> Option<Bytes> {
    Some(Bytes(text.to_vec()))
}

fn key(key: &[u8]) -> RangeSpec {
    RangeSpec {
        key: bytes(key),
        ..RangeSpec::default()
    }
}

fn prefix(prefix: &[u8]) -> RangeSpec {
    RangeSpec {
        prefix: bytes(prefix),
        ..RangeSpec::default()
    }
}

fn between(start: &[u8], end: &[u8]) -> RangeSpec {
    RangeSpec {
        start: bytes(start),
        end: bytes(end),
        ..RangeSpec::default()
    }
}

fn from(from: &[u8]) -> RangeSpec {
    RangeSpec {
        from: bytes(from),
        ..RangeSpec::default()
    }
}

#[test]
fn a_range_is_covered_by_one_that_contains_it() {
    for (may, wanted, is_covered) in [
        (prefix(b"/a/"), key(b"/a/x"), true),
        (prefix(b"/a/"), key(b"/a/"), true),
        (prefix(b"/a/"), key(b"/a"), false),
        (prefix(b"/a/"), key(b"/b"), false),
        (prefix(b"/a/"), prefix(b"/a/b/"), true),
        (prefix(b"/a/"), prefix(b"/"), false),
        (prefix(b"/a/"), prefix(b""), false),
        (prefix(b"/a/"), from(b"/a/"), false),
        (prefix(b""), from(b"/a/"), true),
        (prefix(b""), prefix(b""), true),
        (from(b"\0"), prefix(b""), true),
        (from(b"/a"), key(b"\xff\xff"), true),
        (prefix(b"\xff"), from(b"\xff"), true),
        (prefix(b"\xff"), prefix(b"\xff\xff"), true),
        (between(b"a", b"c"), prefix(b"b"), true),
        (between(b"a", b"b"), prefix(b"a"), true),
        (between(b"a", b"ab"), prefix(b"a"), false),
        (key(b"x"), key(b"x"), true),
        (key(b"x"), key(b"x\0"), false),
        (key(b"x"), prefix(b"x"), false),
    ] {
        let ranges = [key(b"\x01"), may.clone()];
        assert_eq!(covers(&ranges, &wanted), is_covered, "{may:?} {wanted:?}");
    }
    assert!(!covers(&[], &key(b"x")));
}

#[test]
fn a_range_has_words() {
    let all = Some(RangeWords::All);
    assert_eq!(RangeWords::of(&prefix(b"")), all);
    assert_eq!(RangeWords::of(&from(b"\0")), all);
    let words = RangeWords::Between(b"a".to_vec(), b"b".to_vec());
    assert_eq!(RangeWords::of(&between(b"a", b"b")), Some(words));
    assert_eq!(RangeWords::of(&RangeSpec::default()), None);
}
