//! Unit tests of windows over a range.

use std::collections::BTreeSet;

use super::*;

/// A walk over a set of keys instead of an etcd; returns the keys, the calls and the keys walked.
fn walk(keys: &BTreeSet<Vec<u8>>, range: &Range, limit: usize) -> (Vec<Vec<u8>>, usize, usize) {
    walk_from(Walk::new(range, 0), keys, limit)
}

fn walk_from(
    mut walk: Walk,
    keys: &BTreeSet<Vec<u8>>,
    limit: usize,
) -> (Vec<Vec<u8>>, usize, usize) {
    let (mut seen, mut calls, mut cost) = (Vec::new(), 0, 0);
    while !walk.is_done() {
        let bound = walk.bound();
        let window = Range::between(walk.at.clone(), bound.clone());
        let all: Vec<_> = keys
            .iter()
            .filter(|key| window.contains(key))
            .cloned()
            .collect();
        let kvs: Vec<_> = all
            .iter()
            .take(limit)
            .map(|key| KeyValue {
                key: key.clone(),
                ..KeyValue::default()
            })
            .collect();
        walk.learn(bound, &kvs, all.len() > limit, all.len() as i64);
        seen.extend(kvs.into_iter().map(|kv| kv.key));
        calls += 1;
        cost += all.len();
        assert!(calls < 100_000, "the walk ends");
    }
    (seen, calls, cost)
}

#[test]
fn every_key_is_returned_once_in_order() {
    let keys: BTreeSet<Vec<u8>> = (0..3000_u32)
        .map(|n| format!("/k/{:x}/{n}", n.wrapping_mul(2_654_435_761)).into_bytes())
        .chain([
            vec![0xff, 0xff],
            vec![0xff],
            vec![0],
            b"/k".to_vec(),
            b"/k0".to_vec(),
        ])
        .collect();
    let (seen, ..) = walk(&keys, &Range::prefix(b""), 7);
    assert_eq!(seen, keys.iter().cloned().collect::<Vec<_>>());
    let below: Vec<_> = keys
        .iter()
        .filter(|key| key.starts_with(b"/k/"))
        .cloned()
        .collect();
    assert_eq!(walk(&keys, &Range::prefix(b"/k/"), 100).0, below);
}

#[test]
fn a_large_range_is_not_walked_again_for_each_page() {
    let keys: BTreeSet<Vec<u8>> = (0..60_000_u32)
        .map(|n| format!("/jobs/{n:06}").into_bytes())
        .collect();
    let (seen, calls, cost) = walk(&keys, &Range::prefix(b"/jobs/"), 1000);
    assert_eq!(seen.len(), 60_000);
    // Paging over the whole rest would walk 1.8 million keys in 60 calls.
    assert!(cost < 400_000, "{cost} keys walked in {calls} calls");
    assert!(calls < 400, "{calls} calls");
}
#[test]
fn leaving_a_folder_of_long_keys_takes_few_calls() {
    let long = "a".repeat(3000);
    let mut keys: BTreeSet<Vec<u8>> = (0..5)
        .map(|n| format!("/{long}/{n}").into_bytes())
        .collect();
    keys.extend((0..5).map(|n| format!("/b/{n}").into_bytes()));
    // As after a page of the first two keys.
    let range = Range::between(format!("/{long}/1\0").into_bytes(), None);
    let (seen, calls, _) = walk_from(Walk::new(&range, long.len() + 3), &keys, 100);
    assert_eq!(seen.len(), 8);
    assert!(calls < 200, "{calls} calls");
}

#[test]
fn a_forged_depth_is_harmless() {
    let mut walk = Walk::new(&Range::prefix(b"/"), usize::MAX);
    let bound = walk.bound();
    let one = KeyValue {
        key: b"/a".to_vec(),
        ..KeyValue::default()
    };
    walk.learn(bound, &[one], true, HEAVY + 1);
    assert_eq!(walk.bound(), Some(b"/a\x01".to_vec()));
}
