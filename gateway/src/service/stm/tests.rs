//! Unit tests of the conditions of commits.

use super::*;

fn commit(isolation: Isolation, revision: Option<i64>, reads: &[(&str, i64)]) -> Commit {
    Commit {
        isolation,
        revision,
        reads: reads.iter().map(|(key, at)| ((*key).into(), *at)).collect(),
        writes: vec![Write::Delete(b"w".to_vec())],
    }
}

fn check(commit: &Commit, expected: &[(&str, KeyCondition)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(key, d)| (key.as_bytes(), *d))
        .collect();
    assert_eq!(
        commit.conditions().expect("complete"),
        expected,
        "{commit:?}"
    );
}

#[test]
fn each_isolation_has_the_checks_of_etcds_client() {
    let reads = [("r", 7), ("absent", 0)];
    let read = [("r", KeyCondition::At(7)), ("absent", KeyCondition::At(0))];
    check(&commit(Isolation::ReadCommitted, None, &reads), &[]);
    check(&commit(Isolation::RepeatableReads, None, &reads), &read);
    check(&commit(Isolation::Serializable, Some(9), &reads), &read);
    let snapshot = commit(Isolation::SerializableSnapshot, Some(9), &reads);
    check(
        &snapshot,
        &[read[0], read[1], ("w", KeyCondition::Before(10))],
    );
}

#[test]
fn serializable_snapshot_requires_a_revision() {
    let snapshot = |revision, reads| commit(Isolation::SerializableSnapshot, revision, reads);
    assert!(snapshot(None, &[("r", 7)]).conditions().is_err());
    check(&snapshot(None, &[]), &[]);
    check(
        &snapshot(Some(i64::MAX), &[]),
        &[("w", KeyCondition::Before(i64::MAX))],
    );
}

#[test]
fn conditions_become_etcd_comparisons() {
    assert!(KeyCondition::At(0).holds(0) && !KeyCondition::At(0).holds(3));
    assert!(KeyCondition::Before(10).holds(9) && !KeyCondition::Before(10).holds(10));
}

#[test]
fn reads_and_writes_are_limited_to_128() {
    let of = |isolation, reads: usize, writes: usize| {
        let commit = Commit {
            isolation,
            revision: Some(1),
            reads: vec![(b"r".to_vec(), 1); reads],
            writes: vec![Write::Delete(b"w".to_vec()); writes],
        };
        commit.check().is_ok()
    };
    assert!(of(Isolation::SerializableSnapshot, 64, 64));
    assert!(!of(Isolation::SerializableSnapshot, 65, 64));
    assert!(of(Isolation::Serializable, 128, 128));
    assert!(!of(Isolation::RepeatableReads, 129, 0));
    assert!(!of(Isolation::ReadCommitted, 0, 129));
}
