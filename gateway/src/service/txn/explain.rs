//! Explains what a transaction would do now. etcd itself evaluates the comparisons, so that its rules apply:
//! each comparison becomes a nested transaction that changes nothing, all of them inside one.

use shared::{Code, CompareOp, CompareTarget, Entry, ExplainedCompare, Explanation, Header};

use super::TxnService;
use crate::etcd::{Compare, Condition, Get, KeyValue, Op, OpResponse, Range, Txn, entry};
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::service::kv::{Export, PageQuery};

/// Comparisons per group; the groups are ops of one transaction. etcd counts the ops of each level
/// against the same limit of 128: 60 + 60 + 1 is below it.
const GROUP: usize = 60;
/// The limit on comparisons in one request.
const MAX_COMPARISONS: usize = GROUP * GROUP;
/// Keys of a range read along with the comparison, to find one that fails it.
const SAMPLE: i64 = 16;
/// Keys of a range scanned when none of the first fails it.
const SCAN_LIMIT: i64 = 10_000;
/// The most failing keys shown per range.
const MAX_SHOWN: usize = 10;

/// A comparison of the request: its path in the body, and its transaction.
struct Found<'a> {
    place: String,
    compare: &'a Compare,
    /// The number of its transaction.
    txn: usize,
}

/// A transaction of the body: the index of the enclosing one and the branch it is in.
struct Around {
    outer: Option<(usize, bool)>,
}

/// Every comparison of a transaction and its nested ones, in the order of the body.
fn collect<'a>(
    txn: &'a Txn,
    place: &str,
    outer: Option<(usize, bool)>,
    found: &mut Vec<Found<'a>>,
    txns: &mut Vec<Around>,
) {
    let number = txns.len();
    txns.push(Around { outer });
    let dot = if place.is_empty() { "" } else { "." };
    found.extend(txn.compare.iter().enumerate().map(|(n, compare)| Found {
        place: format!("{place}{dot}compare[{n}]"),
        compare,
        txn: number,
    }));
    for (name, branch, ops) in [("then", true, &txn.then), ("else", false, &txn.or_else)] {
        for (n, op) in ops.iter().enumerate() {
            if let Op::Txn(inner) = op {
                let place = format!("{place}{dot}{name}[{n}].txn");
                collect(inner, &place, Some((number, branch)), found, txns);
            }
        }
    }
}

/// A transaction that only compares: its response says whether the comparison holds, and returns the
/// compared keys.
fn probe(compare: &Compare) -> Op {
    // Only values and leases need more than the index; leases, because keys-only responses lack them.
    let get = Get {
        limit: if compare.range.is_one() { 1 } else { SAMPLE },
        keys_only: !matches!(
            compare.condition,
            Condition::Value(_) | Condition::Number(CompareTarget::Lease, _)
        ),
        ..Get::default()
    };
    let read = Op::Get(compare.range.clone(), get);
    Op::Txn(Txn {
        compare: vec![compare.clone()],
        then: if compare.range.is_one() {
            vec![read.clone()]
        } else {
            Vec::new()
        },
        or_else: vec![read],
    })
}

/// Whether a single key satisfies the comparison, by etcd's rules.
fn meets(compare: &Compare, kv: &KeyValue) -> bool {
    let order = match &compare.condition {
        Condition::Value(value) => kv.value.cmp(value),
        Condition::Number(target, number) => match target {
            CompareTarget::Version => kv.version,
            CompareTarget::CreateRevision => kv.create_revision,
            CompareTarget::ModRevision | CompareTarget::Value => kv.mod_revision,
            CompareTarget::Lease => kv.lease,
        }
        .cmp(number),
    };
    match compare.op {
        CompareOp::Equal => order.is_eq(),
        CompareOp::NotEqual => order.is_ne(),
        CompareOp::Less => order.is_lt(),
        CompareOp::Greater => order.is_gt(),
    }
}

/// The key as the response shows it: with the value only if that was compared.
fn shown_entry(compare: &Compare, kv: KeyValue) -> Entry {
    let lease = kv.lease;
    let mut entry = entry(kv, !matches!(compare.condition, Condition::Value(_)));
    if matches!(
        compare.condition,
        Condition::Number(CompareTarget::Lease, _)
    ) {
        entry.lease = shared::LeaseId::from_raw(lease);
    }
    entry
}

impl TxnService {
    /// What the transaction would do now: the result of every comparison, all at one revision.
    pub async fn explain(&self, caller: &Caller, txn: &Txn) -> Result<Explanation> {
        let (mut found, mut txns) = (Vec::new(), Vec::new());
        collect(txn, "", None, &mut found, &mut txns);
        if found.len() > MAX_COMPARISONS {
            let detail = format!(
                "{} comparisons; the limit is {MAX_COMPARISONS}",
                found.len()
            );
            return Err(Failure::new(Code::TooManyOps, detail));
        }
        let groups = found.chunks(GROUP).map(|group| {
            Op::Txn(Txn {
                then: group
                    .iter()
                    .map(|comparison| probe(comparison.compare))
                    .collect(),
                ..Txn::default()
            })
        });
        let probes = Txn {
            then: groups.collect(),
            ..Txn::default()
        };
        let response = self.etcd.txn(caller, probes).await?;
        let results = response
            .responses
            .into_iter()
            .flat_map(|group| match group {
                OpResponse::Txn(_, results) => results,
                _ => Vec::new(),
            });
        let mut compares = Vec::with_capacity(found.len());
        let mut all_hold = vec![true; txns.len()];
        for (one, result) in found.iter().zip(results) {
            let OpResponse::Txn(holds, reads) = result else {
                continue;
            };
            all_hold[one.txn] &= holds;
            let read = reads.into_iter().next();
            let (entries, more) = self
                .entries(caller, one.compare, holds, read, &response.header)
                .await?;
            compares.push(ExplainedCompare {
                place: one.place.clone(),
                holds,
                reached: false,
                entries,
                more,
            });
        }
        if compares.len() != found.len() {
            let detail = "etcd's response to the transaction lacks some of its ops";
            return Err(Failure::new(Code::Internal, detail));
        }
        for (compare, one) in compares.iter_mut().zip(&found) {
            let mut txn = one.txn;
            compare.reached = loop {
                match txns[txn].outer {
                    None => break true,
                    Some((outer, branch)) if all_hold[outer] == branch => txn = outer,
                    Some(_) => break false,
                }
            };
        }
        Ok(Explanation {
            header: response.header,
            succeeds: all_hold[0],
            compares,
        })
    }

    /// The entries shown for a comparison, and whether there may be more.
    async fn entries(
        &self,
        caller: &Caller,
        compare: &Compare,
        holds: bool,
        read: Option<OpResponse>,
        header: &Header,
    ) -> Result<(Vec<Entry>, bool)> {
        let Some(OpResponse::Get(kvs, _, more)) = read else {
            return Ok((Vec::new(), false));
        };
        if compare.range.is_one() {
            let entries = kvs.into_iter().map(|kv| shown_entry(compare, kv));
            return Ok((entries.collect(), false));
        }
        debug_assert!(!holds, "a range that holds is not read");
        let mut failing: Vec<_> = kvs.into_iter().filter(|kv| !meets(compare, kv)).collect();
        let mut more = more;
        if failing.is_empty() && more {
            (failing, more) = self.scan_failing(caller, compare, header.revision).await?;
        }
        more |= failing.len() > MAX_SHOWN;
        failing.truncate(MAX_SHOWN);
        let entries = failing.into_iter().map(|kv| shown_entry(compare, kv));
        Ok((entries.collect(), more))
    }

    /// The keys among the first 10,000 of a range that fail the comparison, at the revision it was
    /// evaluated at; and whether there may be more.
    async fn scan_failing(
        &self,
        caller: &Caller,
        compare: &Compare,
        revision: i64,
    ) -> Result<(Vec<KeyValue>, bool)> {
        let query = PageQuery::whole(Range::clone(&compare.range), revision);
        let mut export = Export::new(self.etcd.clone(), caller.clone(), query);
        let mut seen = 0;
        while seen < SCAN_LIMIT && !caller.is_half_spent() {
            let Some(kvs) = export.next_raw().await? else {
                return Ok((Vec::new(), false));
            };
            seen += kvs.len() as i64;
            let failing: Vec<_> = kvs.into_iter().filter(|kv| !meets(compare, kv)).collect();
            if !failing.is_empty() {
                return Ok((failing, true));
            }
        }
        Ok((Vec::new(), true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_branches_match_the_body() {
        let inner = |key: &[u8]| {
            Op::Txn(Txn {
                compare: vec![Compare::absent(key)],
                ..Txn::default()
            })
        };
        let txn = Txn {
            compare: vec![Compare::absent(b"a"), Compare::absent(b"b")],
            then: vec![Op::get(b"x"), inner(b"c")],
            or_else: vec![inner(b"d")],
        };
        let (mut found, mut txns) = (Vec::new(), Vec::new());
        collect(&txn, "", None, &mut found, &mut txns);
        let places: Vec<_> = found
            .iter()
            .map(|comparison| &comparison.place[..])
            .collect();
        let expected = [
            "compare[0]",
            "compare[1]",
            "then[1].txn.compare[0]",
            "else[0].txn.compare[0]",
        ];
        assert_eq!(places, expected);
        let outer: Vec<_> = txns.iter().map(|txn| txn.outer).collect();
        assert_eq!(outer, [None, Some((0, true)), Some((0, false))]);
    }

    #[test]
    fn comparisons_follow_etcds_rules() {
        let kv = KeyValue {
            value: b"m".to_vec(),
            version: 3,
            ..KeyValue::default()
        };
        let value = |op, value: &[u8]| Compare {
            range: Range::single("k"),
            op,
            condition: Condition::Value(value.to_vec()),
        };
        assert!(meets(&value(CompareOp::Greater, b"l"), &kv));
        assert!(!meets(&value(CompareOp::Less, b"l"), &kv));
        assert!(meets(&value(CompareOp::NotEqual, b""), &kv));
        assert!(meets(&Compare::exists(b"k"), &kv));
        assert!(!meets(&Compare::absent(b"k"), &kv));
    }
}
