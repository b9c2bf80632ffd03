//! Unit tests of key ranges.

use super::*;

#[test]
fn a_spec_names_exactly_one_range() {
    let bytes = |text: &str| Some(text.into());
    let none = RangeSpec::default;
    for (spec, range) in [
        (
            RangeSpec {
                prefix: bytes(""),
                ..none()
            },
            Some(Range::prefix(b"")),
        ),
        (
            RangeSpec {
                key: bytes("\0"),
                ..none()
            },
            Some(Range::single(vec![0])),
        ),
        (
            RangeSpec {
                start: bytes("a"),
                end: bytes("\0"),
                ..none()
            },
            None,
        ),
        (
            RangeSpec {
                start: bytes(""),
                end: bytes("\0"),
                ..none()
            },
            None,
        ),
        (
            RangeSpec {
                key: bytes("a"),
                from: bytes("a"),
                ..none()
            },
            None,
        ),
        (none(), None),
    ] {
        assert_eq!(Range::try_from(spec.clone()).ok(), range, "{spec:?}");
    }
}

#[test]
fn a_prefix_ends_after_its_last_key() {
    assert_eq!(prefix_end(b"a/"), Some(b"a0".to_vec()));
    assert_eq!(prefix_end(&[0x61, 0xff]), Some(b"b".to_vec()));
    assert_eq!(prefix_end(&[0xff, 0xff]), None);
    assert_eq!(prefix_end(b""), None);
}

#[test]
fn the_empty_prefix_is_the_whole_keyspace() {
    let all = Range::prefix(b"");
    assert_eq!(
        (&all.key[..], all.end.as_deref()),
        (&[0][..], Some(&[0][..]))
    );
    assert!(all.contains(b"") == (b"".as_slice() >= [0].as_slice()));
    assert!(all.contains(&[0xff; 4]) && all.contains(b"a"));
}

#[test]
fn a_range_contains_its_start_and_not_its_end() {
    let range = Range::between(b"b".to_vec(), Some(b"d".to_vec()));
    assert!(
        range.contains(b"b")
            && range.contains(b"c/x")
            && !range.contains(b"d")
            && !range.contains(b"a")
    );
    assert!(Range::single("b").contains(b"b") && !Range::single("b").contains(b"b/"));
}

#[test]
fn adjacent_ranges_are_merged() {
    let between = |start: &str, end: &str| {
        Range::between(start.as_bytes().to_vec(), Some(end.as_bytes().to_vec()))
    };
    let check =
        |ranges: Vec<Range>, expected: Vec<Range>| assert_eq!(Range::union(ranges), expected);
    check(Vec::new(), Vec::new());
    check(
        vec![between("c", "d"), between("a", "b"), between("b", "c")],
        vec![between("a", "d")],
    );
    check(
        vec![between("a", "z"), between("b", "c"), Range::single("m")],
        vec![between("a", "z")],
    );
    check(
        vec![Range::single("a"), Range::prefix(b"a")],
        vec![Range::prefix(b"a")],
    );
    check(
        vec![Range::prefix(b""), between("b", "c")],
        vec![Range::prefix(b"")],
    );
    check(
        vec![Range::single("a"), Range::single("b")],
        vec![Range::single("a"), Range::single("b")],
    );
}

#[test]
fn ranges_intersect() {
    let check = |one: &Range, two: &Range, expected: Option<Range>| {
        assert_eq!(one.intersection(two), expected, "{one:?} and {two:?}");
        assert_eq!(two.intersection(one), expected, "{two:?} and {one:?}");
    };
    let all = Range::prefix(b"");
    let folder = Range::prefix(b"/a/");
    check(&all, &all, Some(all.clone()));
    check(&all, &folder, Some(folder.clone()));
    check(&folder, &Range::prefix(b"/b/"), None);
    let below = Range::between(b"/a/x".to_vec(), Some(b"/a0".to_vec()));
    let from = Range::between(b"/a/x".to_vec(), None);
    check(&folder, &from, Some(below));
    let key = Range::between(b"/a/k".to_vec(), Some(b"/a/k\0".to_vec()));
    check(&folder, &Range::single(b"/a/k"), Some(key));
    check(&folder, &Range::single(b"/b"), None);
}
