//! Unit tests of comparing hashes.

use super::super::reach::Unreached;
use super::*;
use crate::etcd::MemberFact;

fn listed(id: u64) -> Found {
    Found {
        fact: MemberFact {
            id: MemberId(id),
            name: String::new(),
            learner: false,
            client_urls: Vec::new(),
            peer_urls: Vec::new(),
        },
        reached: Err(Unreached::Silent),
        misadvertised: Vec::new(),
    }
}

/// Each hash with its compact revision; `None` where the member is unreachable.
fn check(hashes: &[Option<(u32, i64)>], verdict: HashVerdict, differ: &[u64]) {
    let found: Vec<_> = (1..=hashes.len() as u64).map(listed).collect();
    let responses = hashes.iter().map(|hash| match hash {
        Some((hash, compact_revision)) => Ok(HashFact {
            hash: *hash,
            compact_revision: *compact_revision,
            hash_revision: 9,
        }),
        None => Err(Failure::new(Code::Unavailable, "unreachable")),
    });
    let responses: Vec<_> = responses.collect();
    let differ: Vec<_> = differ.iter().map(|id| MemberId(*id)).collect();
    assert_eq!(compare(&found, &responses), (verdict, differ), "{hashes:?}");
}

#[test]
fn only_hashes_of_the_same_history_are_compared() {
    check(&[Some((1, -1))], HashVerdict::Same, &[]);
    check(&[Some((1, 5)); 3], HashVerdict::Same, &[]);
    check(
        &[Some((1, 5)), Some((2, 5)), Some((1, 5))],
        HashVerdict::Different,
        &[2],
    );
    check(
        &[Some((1, 5)), Some((2, 5))],
        HashVerdict::Different,
        &[1, 2],
    );
    check(
        &[Some((1, 5)), Some((2, 6)), Some((1, 5))],
        HashVerdict::Incomplete,
        &[],
    );
    check(&[Some((1, 5)), None], HashVerdict::Incomplete, &[]);
    check(
        &[Some((1, 5)), Some((2, 5)), None, Some((1, 5))],
        HashVerdict::Different,
        &[2],
    );
}
