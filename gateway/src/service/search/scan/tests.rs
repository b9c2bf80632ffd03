//! Unit tests of matches and previews.

use super::*;

const BOTH: Places = Places {
    keys: true,
    values: true,
};
const VALUES: Places = Places {
    keys: false,
    values: true,
};

fn entry(key: &[u8], value: &[u8]) -> KeyValue {
    KeyValue {
        key: key.to_vec(),
        value: value.to_vec(),
        ..KeyValue::default()
    }
}

fn examined(pattern: &str, places: Places, value: &[u8]) -> Option<SearchMatch> {
    let pattern = Regex::new(pattern).expect("valid");
    examine(&entry(b"/key/\xff", value), &pattern, places)
}

/// The bytes of the value that each range points to.
fn pointed(found: &SearchMatch, value: &[u8]) -> Vec<Vec<u8>> {
    let offset = found.offset.expect("a preview");
    let preview = found.preview.as_ref().expect("a preview");
    assert!(preview.len() <= PREVIEW);
    assert_eq!(preview.0, value[offset..offset + preview.len()]);
    let ranges = found.ranges.iter();
    ranges
        .map(|[start, end]| preview.0[*start..*end].to_vec())
        .collect()
}

#[test]
fn a_key_is_searched_before_its_value() {
    let found = examined("e|v", BOTH, b"value").expect("matches");
    assert_eq!(
        (found.place, found.ranges),
        (SearchPlace::Key, vec![[2, 3]])
    );
    assert_eq!(found.preview, Some("value".into()));
    let found = examined("e|v", VALUES, b"value").expect("matches");
    assert_eq!(found.place, SearchPlace::Value);
    assert_eq!(found.ranges, [[0, 1], [4, 5]]);
    assert!(examined("key", VALUES, b"value").is_none());
    let keys = Places {
        keys: true,
        values: false,
    };
    let found = examined("(?-u)\\xff", keys, b"").expect("matches");
    assert_eq!((found.ranges, found.preview), (vec![[5, 6]], None));
}

#[test]
fn a_preview_surrounds_the_first_match() {
    let value = [&[b'a'; 1000][..], b"needle", &[b'b'; 1000]].concat();
    let found = examined("needle", BOTH, &value).expect("matches");
    assert_eq!(found.offset, Some(960));
    assert_eq!(found.size, Some(2006));
    assert_eq!(pointed(&found, &value), [b"needle"]);
    // Near the end, the room after the match is given to what is before it.
    let end = [&[b'a'; 1000][..], b"needle"].concat();
    let found = examined("needle", BOTH, &end).expect("matches");
    assert_eq!(found.offset, Some(806));
    assert_eq!(pointed(&found, &end), [b"needle"]);
}

#[test]
fn long_empty_and_many_matches_stay_within_the_preview() {
    let value = vec![b'a'; 5000];
    let found = examined("a+", BOTH, &value).expect("matches");
    assert_eq!(found.ranges, [[0, PREVIEW]]);
    let found = examined("a", VALUES, &value).expect("matches");
    assert_eq!(found.ranges.len(), MAX_RANGES);
    let found = examined("$", VALUES, &value).expect("matches");
    assert_eq!(found.ranges, [[PREVIEW, PREVIEW]]);
    let found = examined("^|$", VALUES, &value).expect("matches");
    assert_eq!(found.ranges, [[0, 0]]);
    assert_eq!(
        examined("$", VALUES, b"").expect("matches").ranges,
        [[0, 0]]
    );
}

#[test]
fn no_character_is_cut() {
    for filler in ["ä", "€", "😀"] {
        for shift in 0..4 {
            let value = [
                &"x".repeat(shift),
                &filler.repeat(300),
                "needle",
                &filler.repeat(300),
            ]
            .concat();
            let found = examined("needle", BOTH, value.as_bytes()).expect("matches");
            let preview = found.preview.clone().expect("a preview");
            assert!(preview.as_str().is_some(), "{filler} {shift}");
            assert!(preview.len() > PREVIEW - 8);
            assert_eq!(pointed(&found, value.as_bytes()), [b"needle"]);
        }
    }
    // Bytes that only look like parts of characters.
    let binary = vec![0x80; 1000];
    let found = examined("(?-u)\\x80$", BOTH, &binary).expect("matches");
    assert_eq!(pointed(&found, &binary), [[0x80]]);
}

#[test]
fn a_scan_ends_where_it_is_full_or_stopped() {
    let kvs: Vec<_> = (0..10)
        .map(|n| entry(format!("k{n}").as_bytes(), b""))
        .collect();
    let pattern = Regex::new("k[02468]").expect("valid");
    let all = scan(&kvs, &pattern, BOTH, 100, || false);
    assert_eq!((all.matches.len(), all.keys), (5, 10));
    let full = scan(&kvs, &pattern, BOTH, 2, || false);
    assert_eq!((full.matches.len(), full.keys), (2, 3));
    let stopped = scan(&kvs, &pattern, BOTH, 100, || true);
    assert_eq!((stopped.matches.len(), stopped.keys), (0, 0));
}
