//! Unit tests of the positions of samples.

use super::*;

/// The positions at which a set of keys is sampled, and how many keys are at each or after it; and the sampled keys.
fn positions<'a>(keys: &'a [String], range: &Range) -> (Vec<(String, usize)>, Vec<&'a String>) {
    let mut steps = Steps::new(range.exclusive_end());
    let mut at = range.key.clone();
    let (mut positions, mut sampled) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        let rest: Vec<_> = keys
            .iter()
            .filter(|key| key.as_bytes() >= &at[..])
            .collect();
        positions.push((String::from_utf8_lossy(&at).into_owned(), rest.len()));
        let sample = &rest[..rest.len().min(SAMPLE_KEYS as usize)];
        sampled.extend(sample);
        if sample.len() == rest.len() {
            break;
        }
        let (first, last) = (sample[0].as_bytes(), sample[sample.len() - 1].as_bytes());
        let next = steps.next(first, last);
        assert!(next > last.to_vec() && range.contains(&next), "{next:?}");
        at = next;
    }
    (positions, sampled)
}

#[test]
fn samples_are_spread_over_the_range() {
    let keys: Vec<_> = (0..200_000).map(|n| format!("/jobs/{n:06}")).collect();
    for range in [Range::prefix(b"/jobs/"), Range::prefix(b"")] {
        let (positions, _) = positions(&keys, &range);
        assert!(positions.len() < SAMPLES, "{positions:?}");
        // No sample stands for more than half of the keys.
        for pair in positions.windows(2) {
            assert!(pair[0].1 - pair[1].1 <= 100_000, "{positions:?}");
        }
        let last = positions.last().expect("a position").1;
        assert!(last <= 100_000, "{positions:?}");
    }
}

#[test]
fn folders_of_different_sizes_are_all_sampled() {
    let folder = |name: &str, keys: u32| {
        let name = name.to_owned();
        (0..keys).map(move |n| format!("/{name}/{n:05}"))
    };
    let mut keys: Vec<_> = folder("a", 100)
        .chain(folder("big", 5000))
        .chain(folder("c", 70))
        .chain(folder("d", 1000))
        .collect();
    keys.sort();
    let (positions, sampled) = positions(&keys, &Range::prefix(b"/"));
    assert!(positions.len() < SAMPLES, "{positions:?}");
    for folder in ["/a/", "/big/", "/c/", "/d/"] {
        assert!(
            sampled.iter().any(|key| key.starts_with(folder)),
            "{folder}: {positions:?}"
        );
    }
}

#[test]
fn a_total_is_exact_if_all_keys_were_read() {
    let sample = Sample {
        keys: 4,
        bytes: 40,
        rest: 10,
    };
    let totals = || Totals {
        exact: true,
        ..Totals::default()
    };
    let mut all = totals();
    all.add(sample, 4);
    assert!(all.exact && (all.bytes - 40.0).abs() < 0.1);
    let mut part = totals();
    part.add(sample, 10);
    assert!(!part.exact && (part.bytes - 100.0).abs() < 0.1);
}
