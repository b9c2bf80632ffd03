//! The shape of a transaction, kept while etcd runs it: enough to decode the responses, and to name the
//! op that an error is about, which etcd never does.

use std::collections::HashSet;

use shared::{Code, DeleteResult, GetResult, OpResult, PutResult, TxnResult};

use crate::etcd::{Op, OpResponse, Range, Txn, entry};
use crate::failure::Failure;

/// etcd's default limit of ops (`--max-txn-ops`).
const USUAL_OPS: usize = 128;

/// A transaction without its values.
#[derive(Clone, Debug)]
pub(in crate::service) struct Outline {
    compares: usize,
    then: Vec<Part>,
    or_else: Vec<Part>,
}

/// An op without its value.
#[derive(Clone, Debug)]
enum Part {
    Put {
        key: Vec<u8>,
        /// A lease id; 0 with `keep`.
        lease: i64,
        keep: bool,
        prev: bool,
    },
    Get {
        keys_only: bool,
    },
    Delete {
        range: Range,
        prev: bool,
    },
    Txn(Outline),
}

/// In a transaction the missing thing is named in the body, never in the path.
pub(super) fn named_by_body(failure: Failure) -> Failure {
    match failure.code {
        Code::LeaseNotFound | Code::KeyNotFound => failure.named_elsewhere(),
        _ => failure,
    }
}

impl Part {
    fn of(op: &Op) -> Self {
        match op {
            Op::Put(put) => Self::Put {
                key: put.key.clone(),
                lease: put.lease,
                keep: put.ignore_lease,
                prev: put.prev,
            },
            Op::Get(_, get) => Self::Get {
                keys_only: get.keys_only,
            },
            Op::Delete(delete) => Self::Delete {
                range: delete.range.clone(),
                prev: delete.prev,
            },
            Op::Txn(txn) => Self::Txn(Outline::of(txn)),
        }
    }

    /// etcd's response as an API result.
    fn result(self, response: OpResponse) -> OpResult {
        let prev = matches!(
            self,
            Self::Put { prev: true, .. } | Self::Delete { prev: true, .. }
        );
        let keys_only = matches!(self, Self::Get { keys_only: true });
        match response {
            OpResponse::Put(before) => OpResult::Put(PutResult {
                prev: prev.then(|| before.map(|kv| entry(kv, false))),
            }),
            OpResponse::Get(kvs, count, more) => OpResult::Get(GetResult {
                entries: kvs.into_iter().map(|kv| entry(kv, keys_only)).collect(),
                count,
                more,
            }),
            OpResponse::Delete(deleted, before) => OpResult::Delete(DeleteResult {
                deleted,
                prev: prev.then(|| before.into_iter().map(|kv| entry(kv, false)).collect()),
            }),
            OpResponse::Txn(succeeded, responses) => OpResult::Txn(TxnResult {
                succeeded,
                responses: match self {
                    Self::Txn(outline) => outline.results(succeeded, responses),
                    // etcd sends a transaction response only for a transaction.
                    Self::Put { .. } | Self::Get { .. } | Self::Delete { .. } => Vec::new(),
                },
            }),
        }
    }
}

impl Outline {
    pub(in crate::service) fn of(txn: &Txn) -> Self {
        let parts = |ops: &[Op]| ops.iter().map(Part::of).collect();
        Self {
            compares: txn.compare.len(),
            then: parts(&txn.then),
            or_else: parts(&txn.or_else),
        }
    }

    /// etcd's responses as API results, for the branch that ran.
    pub(in crate::service) fn results(
        self,
        succeeded: bool,
        responses: Vec<OpResponse>,
    ) -> Vec<OpResult> {
        let branch = if succeeded { self.then } else { self.or_else };
        let responses = branch.into_iter().zip(responses);
        responses.map(|(part, one)| part.result(one)).collect()
    }

    /// The failure with the path in the body that caused it, if only one is possible.
    pub(in crate::service) fn name(&self, failure: Failure) -> Failure {
        let place = match failure.code {
            Code::TooManyOps => self.too_many(USUAL_OPS, ""),
            Code::DuplicateKey => [&self.then, &self.or_else]
                .into_iter()
                .zip(["then", "else"])
                .find_map(|(parts, name)| Written::by(parts, name).err()),
            Code::LeaseNotFound => self.only(
                &|part| {
                    matches!(
                        part,
                        Part::Put { lease: 1.., .. } | Part::Put { lease: ..=-1, .. }
                    )
                },
                "lease",
            ),
            Code::KeyNotFound => {
                self.only(&|part| matches!(part, Part::Put { keep: true, .. }), "key")
            }
            _ => None,
        };
        let mut failure = named_by_body(failure);
        if let Some(place) = place {
            failure.detail = format!("{place}: {}", failure.detail);
        }
        failure
    }

    fn branches(&self) -> [(&'static str, &[Part]); 2] {
        [("then", &self.then), ("else", &self.or_else)]
    }

    /// The outermost transaction with more ops than the enclosing ones leave room for.
    fn too_many(&self, most: usize, place: &str) -> Option<String> {
        let ops = self.compares.max(self.then.len()).max(self.or_else.len());
        let dot = if place.is_empty() { "" } else { "." };
        if ops > most {
            let [compares, then, or_else] = [self.compares, self.then.len(), self.or_else.len()];
            let name = match ops {
                n if n == then => "then",
                n if n == or_else => "else",
                n => {
                    debug_assert_eq!(n, compares);
                    "compare"
                }
            };
            return Some(format!("{place}{dot}{name}"));
        }
        self.branches().into_iter().find_map(|(name, parts)| {
            parts.iter().enumerate().find_map(|(n, part)| match part {
                Part::Txn(inner) => {
                    inner.too_many(most - ops, &format!("{place}{dot}{name}[{n}].txn"))
                }
                _ => None,
            })
        })
    }

    /// The path of the only put that matches `suspected`; `None` if there are several.
    fn only(&self, suspected: &dyn Fn(&Part) -> bool, member: &str) -> Option<String> {
        let mut places = Vec::new();
        self.find(suspected, "", &mut places);
        match &places[..] {
            [place] => Some(format!("{place}.put.{member}")),
            _ => None,
        }
    }

    fn find(&self, suspected: &dyn Fn(&Part) -> bool, place: &str, places: &mut Vec<String>) {
        let dot = if place.is_empty() { "" } else { "." };
        for (name, parts) in self.branches() {
            for (n, part) in parts.iter().enumerate() {
                let place = format!("{place}{dot}{name}[{n}]");
                match part {
                    Part::Txn(inner) => inner.find(suspected, &format!("{place}.txn"), places),
                    part if suspected(part) => places.push(place),
                    _ => {}
                }
            }
        }
    }
}

/// The keys a branch writes, by etcd's duplicate-key rule: a put conflicts with another put or a
/// delete in the same branch, nested transactions included; the two branches of one transaction
/// never conflict.
#[derive(Default)]
struct Written {
    puts: HashSet<Vec<u8>>,
    deletes: Vec<Range>,
}

impl Written {
    /// All written keys, or the path of the first put that writes a key twice.
    fn by(parts: &[Part], place: &str) -> Result<Self, String> {
        let mut written = Self::default();
        for part in parts {
            if let Part::Delete { range, .. } = part {
                written.deletes.push(range.clone());
            }
        }
        for (n, part) in parts.iter().enumerate() {
            if let Part::Txn(inner) = part {
                let place = format!("{place}[{n}].txn");
                let then = Self::by(&inner.then, &format!("{place}.then"))?;
                let or_else = Self::by(&inner.or_else, &format!("{place}.else"))?;
                for (key, other) in then
                    .puts
                    .iter()
                    .map(|key| (key, None))
                    .chain(or_else.puts.iter().map(|key| (key, Some(&then.puts))))
                {
                    let before =
                        written.puts.contains(key) && !other.is_some_and(|then| then.contains(key));
                    if before || written.deletes(key) {
                        return Err(place);
                    }
                    written.puts.insert(key.clone());
                }
                written.deletes.extend(then.deletes);
                written.deletes.extend(or_else.deletes);
            }
        }
        for (n, part) in parts.iter().enumerate() {
            if let Part::Put { key, .. } = part
                && (written.deletes(key) || !written.puts.insert(key.clone()))
            {
                return Err(format!("{place}[{n}].put.key"));
            }
        }
        Ok(written)
    }

    fn deletes(&self, key: &[u8]) -> bool {
        self.deletes.iter().any(|range| range.contains(key))
    }
}

#[cfg(test)]
mod tests;
