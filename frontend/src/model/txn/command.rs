//! A transaction as command lines for a terminal.
//!
//! `etcdctl txn` reads a text: comparisons, ops if all hold, ops otherwise, each part ended by an empty line. It
//! cannot express everything; where it cannot, the reason and the member are named instead.

use std::fmt::Write as _;

use shared::{
    CompareOp, CompareRequest, CompareTarget, CompareValue, DeleteOp, GetOp, OpRequest, PutOp,
    SortOrder, SortTarget, TxnRequest,
};

use super::place::child;
use super::{Body, compact, print};
use crate::model::command::{argument, go_string, quoted};

/// Length of an argument above which the body is passed by a here-document.
const MAX_ARGUMENT: usize = 2000;

/// Why `etcdctl txn` cannot express a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Its comparisons are of single keys.
    RangeCompare,
    /// It does not parse the operand of a comparison of leases.
    LeaseCompare,
    /// It has no nested transactions.
    Nested,
}

/// The member that `etcdctl txn` cannot express.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoEtcdctl {
    pub(crate) place: String,
    pub(crate) reason: Reason,
}

/// The `curl` line; `base` is the API's URL, including `/api/v1/`.
pub(crate) fn curl(body: &Body, base: &str, explain: bool) -> String {
    let route = match (body, explain) {
        (Body::Txn(_), true) => "txn?explain",
        (Body::Txn(_), false) => "txn",
        (Body::Single(_), _) => "do",
    };
    post(&compact(body), || print(body), &format!("{base}{route}"))
}

/// `curl` with a JSON body; a long one is passed as `text`, in a here-document.
pub(crate) fn post(json: &str, text: impl FnOnce() -> String, url: &str) -> String {
    let url = quoted(url);
    if json.len() <= MAX_ARGUMENT {
        format!("curl --json {} {url}", quoted(json))
    } else {
        format!("curl --json @- {url} <<'EOF'\n{}\nEOF", text())
    }
}

/// The `etcdctl` line.
pub(crate) fn etcdctl(body: &Body) -> Result<String, NoEtcdctl> {
    match body {
        Body::Txn(request) => txn(request),
        Body::Single(request) => {
            let line = op(request, "op", &|bytes| argument_or_none(bytes));
            match line {
                Ok(Some(words)) if request.get.as_ref().is_some_and(|get| get.count_only) => {
                    // A count is printed in this format only.
                    Ok(format!("etcdctl -w fields {words}"))
                }
                Ok(Some(words)) => Ok(format!("etcdctl {words}")),
                Err(error) => Err(error),
                // A shell cannot pass a NUL byte, but the text of a transaction can have one.
                Ok(None) => txn(&TxnRequest {
                    then: vec![request.clone()],
                    ..TxnRequest::default()
                }),
            }
        }
    }
}

fn argument_or_none(bytes: &[u8]) -> Option<String> {
    // The words come after `--`, so that a dash at the start needs no care.
    let word = argument(bytes).ok()?;
    Some(word.strip_prefix("-- ").map_or(word.clone(), str::to_owned))
}

fn txn(request: &TxnRequest) -> Result<String, NoEtcdctl> {
    let mut text = String::from("etcdctl txn <<'EOF'\n");
    for (n, one) in request.compare.iter().enumerate() {
        text.push_str(&compare(one, &child("", "compare", n))?);
        text.push('\n');
    }
    text.push('\n');
    for (name, ops) in [("then", &request.then), ("else", &request.or_else)] {
        for (n, one) in ops.iter().enumerate() {
            let line = op(one, &child("", name, n), &|bytes| Some(go_string(bytes)))?;
            text.push_str(&line.unwrap_or_default());
            text.push('\n');
        }
        text.push('\n');
    }
    text.push_str("EOF");
    Ok(text)
}

fn refuse<T>(place: &str, reason: Reason) -> Result<T, NoEtcdctl> {
    Err(NoEtcdctl {
        place: place.to_owned(),
        reason,
    })
}

fn compare(request: &CompareRequest, place: &str) -> Result<String, NoEtcdctl> {
    let Some(key) = &request.key else {
        return refuse(place, Reason::RangeCompare);
    };
    let target = match request.target {
        CompareTarget::Value => "val",
        CompareTarget::Version => "ver",
        CompareTarget::CreateRevision => "create",
        CompareTarget::ModRevision => "mod",
        CompareTarget::Lease => return refuse(place, Reason::LeaseCompare),
    };
    let sign = match request.op {
        CompareOp::Equal => "=",
        CompareOp::NotEqual => "!=",
        CompareOp::Less => "<",
        CompareOp::Greater => ">",
    };
    let operand = match &request.value {
        CompareValue::Number(number) => format!("\"{number}\""),
        CompareValue::Bytes(bytes) => go_string(&bytes.0),
        CompareValue::None => "\"0\"".to_owned(),
    };
    Ok(format!("{target}({}) {sign} {operand}", go_string(&key.0)))
}

/// Writes bytes as a word; `None` if they cannot be one.
type Word<'a> = &'a dyn Fn(&[u8]) -> Option<String>;

fn op(request: &OpRequest, place: &str, word: Word<'_>) -> Result<Option<String>, NoEtcdctl> {
    if request.txn.is_some() {
        return refuse(place, Reason::Nested);
    }
    let line = if let Some(op) = &request.put {
        put(op, word)
    } else if let Some(op) = &request.get {
        get(op, word)
    } else if let Some(op) = &request.delete {
        delete(op, word)
    } else {
        None
    };
    Ok(line)
}

fn put(op: &PutOp, word: Word<'_>) -> Option<String> {
    let mut line = String::from("put");
    match op.lease.as_deref() {
        None | Some("none") => {}
        Some("keep") => line.push_str(" --ignore-lease"),
        Some(id) => {
            let id: shared::LeaseId = id.parse().ok()?;
            write!(line, " --lease={id}").expect("writing to a String never fails");
        }
    }
    if op.prev {
        line.push_str(" --prev-kv");
    }
    let (key, value) = (word(&op.key.0)?, word(&op.value.0)?);
    Some(format!("{line} -- {key} {value}"))
}

fn get(op: &GetOp, word: Word<'_>) -> Option<String> {
    let mut line = String::from("get");
    for (flag, number) in [
        ("limit", op.limit),
        ("rev", op.revision),
        ("min-create-rev", op.min_create_revision),
        ("max-create-rev", op.max_create_revision),
        ("min-mod-rev", op.min_mod_revision),
        ("max-mod-rev", op.max_mod_revision),
    ] {
        if number != 0 {
            write!(line, " --{flag}={number}").expect("writing to a String never fails");
        }
    }
    // etcdctl refuses both; a count has no keys anyway.
    if op.count_only {
        line.push_str(" --count-only");
    } else if op.keys_only {
        line.push_str(" --keys-only");
    }
    if op.serializable {
        line.push_str(" --consistency=s");
    }
    if op.sort.is_some() || op.order.is_some() {
        let target = match op.sort.unwrap_or(SortTarget::Key) {
            SortTarget::Key => "KEY",
            SortTarget::Version => "VERSION",
            SortTarget::CreateRevision => "CREATE",
            SortTarget::ModRevision => "MODIFY",
            SortTarget::Value => "VALUE",
        };
        let order = match op.order.unwrap_or(SortOrder::Asc) {
            SortOrder::Asc => "ASCEND",
            SortOrder::Desc => "DESCEND",
        };
        write!(line, " --sort-by={target} --order={order}")
            .expect("writing to a String never fails");
    }
    let range = [&op.key, &op.prefix, &op.start, &op.end, &op.from];
    with_range(line, range, "", word)
}

fn delete(op: &DeleteOp, word: Word<'_>) -> Option<String> {
    let line = String::from(if op.prev { "del --prev-kv" } else { "del" });
    let range = [&op.key, &op.prefix, &op.start, &op.end, &op.from];
    // Without this flag etcdctl waits two seconds.
    with_range(line, range, " --range", word)
}

/// Adds the members of a range: `key`, `prefix`, `start`, `end`, `from`.
fn with_range(
    line: String,
    range: [&Option<shared::Bytes>; 5],
    range_flag: &str,
    word: Word<'_>,
) -> Option<String> {
    // etcd's first key is one zero byte.
    let first = |bytes: &shared::Bytes| word(if bytes.is_empty() { &[0] } else { &bytes.0 });
    Some(match range {
        [Some(key), ..] => format!("{line} -- {}", word(&key.0)?),
        [_, Some(prefix), ..] => format!("{line} --prefix -- {}", word(&prefix.0)?),
        [_, _, Some(start), Some(end), _] => {
            format!("{line}{range_flag} -- {} {}", first(start)?, word(&end.0)?)
        }
        [.., Some(from)] => format!("{line} --from-key -- {}", word(&from.0)?),
        _ => return None,
    })
}
