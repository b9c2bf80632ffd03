use std::collections::BTreeMap;

use proptest::prelude::*;
use shared::{Bytes, Isolation, LeaseId, StmRead};

use super::*;

fn settings(isolation: Isolation) -> Settings {
    Settings {
        prefix: b"lab/".to_vec(),
        clients: 3,
        accounts: 5,
        transfers: 10,
        isolation,
    }
}

fn read(key: &str, mod_revision: i64, value: &str) -> StmRead {
    StmRead {
        key: key.into(),
        mod_revision,
        value: Some(value.into()),
    }
}

#[test]
fn a_transfer_keeps_the_sum_and_names_what_it_read() {
    let settings = settings(Isolation::SerializableSnapshot);
    let reads = [read("lab/0", 7, "100"), read("lab/3", 9, "40")];
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let step = transfer(&settings, 11, &reads, LeaseId(0x1f), &mut random);
        let Step::Commit(commit) = step else {
            panic!("{step:?}")
        };
        assert_eq!(commit.revision, Some(11));
        let marks: Vec<_> = commit.reads.iter().map(|mark| mark.mod_revision).collect();
        assert_eq!(marks, [7, 9]);
        let writes: BTreeMap<_, i64> = commit
            .writes
            .iter()
            .map(|write| {
                let put = write.put.as_ref().expect("a put");
                assert_eq!(put.lease.as_deref(), Some("1f"));
                let balance = put.value.to_lossy().parse().expect("a number");
                (put.key.clone(), balance)
            })
            .collect();
        assert_eq!(writes.len(), 2);
        assert_eq!(writes.values().sum::<i64>(), 140);
        assert!(writes.values().all(|balance| *balance >= 0), "{writes:?}");
    }
}

#[test]
fn empty_and_foreign_balances_are_not_transferred() {
    let settings = settings(Isolation::ReadCommitted);
    let step = |a: &str, b: &str| {
        let reads = [read("lab/0", 1, a), read("lab/1", 1, b)];
        transfer(&settings, 1, &reads, LeaseId(1), &mut Random::new(5))
    };
    assert_eq!(step("0", "0"), Step::Nothing);
    assert_eq!(step("100", "mine"), Step::Disturbed(Bytes::from("lab/1")));
    // From the account that has something.
    let Step::Commit(commit) = step("0", "1") else {
        panic!("there is something to transfer")
    };
    let keys: Vec<_> = commit
        .writes
        .iter()
        .filter_map(|write| write.put.as_ref())
        .map(|put| {
            (
                put.key.to_lossy().into_owned(),
                put.value.to_lossy().into_owned(),
            )
        })
        .collect();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(keys, [pair("lab/1", "0"), pair("lab/0", "1")]);
}

#[test]
fn the_next_attempt_is_computed_from_the_conflicts_reads() {
    let settings = settings(Isolation::Serializable);
    let reads = [read("lab/0", 7, "100"), read("lab/3", 9, "40")];
    let mut random = Random::new(1);
    let Step::Commit(commit) = transfer(&settings, 11, &reads, LeaseId(1), &mut random) else {
        panic!("there is something to transfer")
    };
    let now = vec![read("lab/3", 12, "50"), read("lab/0", 7, "100")];
    let next = reads_after_conflict(&commit, now).expect("both keys were returned");
    assert_eq!(next, [read("lab/0", 7, "100"), read("lab/3", 12, "50")]);
    assert_eq!(
        reads_after_conflict(&commit, vec![read("lab/0", 7, "1")]),
        None
    );
}

#[test]
fn weak_levels_read_one_key_after_the_other() {
    for (isolation, requests) in [
        (Isolation::SerializableSnapshot, 1),
        (Isolation::Serializable, 1),
        (Isolation::RepeatableReads, 2),
        (Isolation::ReadCommitted, 2),
    ] {
        assert_eq!(settings(isolation).reads(0, 1).len(), requests);
    }
}

#[test]
fn a_tally_counts_and_ignores_older_reads() {
    let settings = settings(Isolation::Serializable);
    let mut tally = Tally::new(&settings);
    assert_eq!((tally.sum(), tally.conflict_rate()), (None, None));
    let begun = (0..20).filter(|_| tally.begin(&settings)).count();
    assert_eq!(begun, 10);
    tally.attempted(1, false);
    tally.attempted(1, true);
    tally.attempted(0, true);
    assert_eq!((tally.attempts, tally.commits, tally.conflicts), (3, 2, 1));
    assert_eq!(
        tally.clients[1],
        ClientTally {
            commits: 1,
            conflicts: 1
        }
    );
    assert_eq!(tally.conflict_rate().as_deref(), Some("33 %"));
    tally.observe(20, &[read("lab/0", 1, "60"), read("lab/1", 1, "140")]);
    tally.observe(19, &[read("lab/0", 1, "1"), read("lab/1", 1, "1")]);
    assert_eq!((tally.sum(), tally.revision), (Some(200), 20));
    tally.observe(21, &[read("lab/0", 1, "x"), read("lab/1", 1, "1")]);
    assert_eq!(tally.sum(), None);
}

proptest! {
    #[test]
    fn two_accounts_differ(seed in any::<u64>(), accounts in 2_usize..=16) {
        let mut random = Random::new(seed);
        for _ in 0..50 {
            let (from, to) = random.two(accounts);
            prop_assert!(from != to && from < accounts && to < accounts);
        }
    }
}

#[test]
fn a_commit_as_a_transaction_compares_what_its_level_checks() {
    for (isolation, compares) in [
        (Isolation::SerializableSnapshot, 4),
        (Isolation::Serializable, 2),
        (Isolation::RepeatableReads, 2),
        (Isolation::ReadCommitted, 0),
    ] {
        let reads = [read("lab/0", 7, "100"), read("lab/3", 9, "40")];
        let step = transfer(
            &settings(isolation),
            11,
            &reads,
            LeaseId(1),
            &mut Random::new(1),
        );
        let Step::Commit(commit) = step else {
            panic!("{step:?}")
        };
        let txn = as_txn(&commit);
        assert_eq!(
            (txn.compare.len(), txn.then.len()),
            (compares, 2),
            "{isolation:?}"
        );
    }
}
