//! Unit tests of the outline of a transaction.

use super::*;
use crate::etcd::{Compare, Put};

fn put(key: &str) -> Op {
    Op::Put(Put {
        key: key.into(),
        ..Put::default()
    })
}

fn then(ops: Vec<Op>) -> Txn {
    Txn {
        then: ops,
        ..Txn::default()
    }
}

fn check(txn: &Txn, code: Code, place: Option<&str>) {
    let named = Outline::of(txn).name(Failure::new(code, "no"));
    let expected = place.map_or("no".to_owned(), |place| format!("{place}: no"));
    assert_eq!(named.detail, expected);
}

#[test]
fn a_key_written_twice_is_named() {
    let duplicate = |txn: &Txn, place| check(txn, Code::DuplicateKey, place);
    duplicate(
        &then(vec![put("a"), put("b"), put("a")]),
        Some("then[2].put.key"),
    );
    duplicate(
        &then(vec![put("a"), Op::delete(b"a")]),
        Some("then[0].put.key"),
    );
    let inner = then(vec![put("a")]);
    let both = then(vec![Op::Txn(inner.clone()), put("a")]);
    duplicate(&both, Some("then[1].put.key"));
    let apart = Txn {
        or_else: vec![Op::Txn(inner.clone()), Op::Txn(inner.clone())],
        ..Txn::default()
    };
    duplicate(&apart, Some("else[1].txn"));
    let exclusive = Txn {
        or_else: inner.then.clone(),
        ..inner
    };
    duplicate(&then(vec![Op::Txn(exclusive)]), None);
}

#[test]
fn too_many_ops_name_the_branch() {
    let too_many = |txn: &Txn, place| check(txn, Code::TooManyOps, place);
    let gets = |n| vec![Op::get(b"a"); n];
    too_many(&then(gets(129)), Some("then"));
    too_many(&then(gets(128)), None);
    let mut txn = then(gets(100));
    txn.then.push(Op::Txn(then(gets(27))));
    too_many(&txn, None);
    txn.then.push(Op::Txn(then(gets(27))));
    too_many(&txn, Some("then[100].txn.then"));
    let compares = Txn {
        compare: vec![Compare::absent(b"a"); 129],
        ..Txn::default()
    };
    too_many(&compares, Some("compare"));
}

#[test]
fn the_only_put_with_a_lease_is_named() {
    let lease = |lease| {
        Op::Put(Put {
            key: b"a".to_vec(),
            lease,
            ..Put::default()
        })
    };
    let missing = |txn: &Txn, place| check(txn, Code::LeaseNotFound, place);
    missing(&then(vec![put("b"), lease(-9)]), Some("then[1].put.lease"));
    missing(&then(vec![lease(7), lease(8)]), None);
    let inner = then(vec![Op::Txn(then(vec![lease(7)]))]);
    missing(&inner, Some("then[0].txn.then[0].put.lease"));
}
