//! Parses and validates a client's operations, and the watch that a request opens.

use std::sync::Arc;

use serde_json::{Map, Value};
use shared::{EventType, Future, WatchRequest};

use super::folders::Collapse;
use super::hub::{Options, Start};
use crate::etcd::Range;
use crate::failure::{Failure, Result};

/// Longest id of a watch, bytes.
const MAX_ID: usize = 256;

/// An operation on a socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Op {
    Watch(Watch),
    Cancel(String),
    Pause(String),
    Resume(String),
}

/// A watch to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Its id on the stream, chosen by the client.
    pub id: String,
    /// The keys to watch.
    pub range: Range,
    /// What to deliver.
    pub options: Options,
    /// Where to start.
    pub start: Start,
}

/// Why an operation is invalid, and the watch that it names.
#[derive(Debug)]
pub(super) struct InvalidOp {
    pub(super) id: Option<String>,
    pub(super) failure: Failure,
}

/// Parses an operation.
pub(super) fn parse(text: &str) -> std::result::Result<Op, InvalidOp> {
    let mut members: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| InvalidOp {
            id: None,
            failure: Failure::bad_request(format!("an operation must be a JSON object: {error}")),
        })?;
    let id = members.get("id").and_then(Value::as_str).map(str::to_owned);
    operation(&mut members).map_err(|failure| InvalidOp { id, failure })
}

fn operation(members: &mut Map<String, Value>) -> Result<Op> {
    let op = match members.remove("op") {
        Some(Value::String(op)) => op,
        Some(_) => return Err(Failure::bad_request("`op` must be a string")),
        None => return Err(Failure::bad_request("`op` is required")),
    };
    let known: &[&str] = match op.as_str() {
        "watch" => &[
            "id",
            "key",
            "prefix",
            "start",
            "end",
            "from",
            "revision",
            "prev",
            "only",
            "keys_only",
            "collapse",
            "open",
            "snapshot",
            "future",
        ],
        "cancel" | "pause" | "resume" => &["id"],
        _ => {
            let op = truncated(&op);
            return Err(Failure::bad_request(format!(
                "unknown `op` value `{op}`; one of watch, cancel, pause, resume"
            )));
        }
    };
    if let Some(unknown) = members.keys().find(|name| !known.contains(&name.as_str())) {
        let unknown = truncated(unknown);
        return Err(Failure::bad_request(format!(
            "unknown member `{unknown}` of operation `{op}`"
        )));
    }
    if op == "watch" {
        let request: WatchRequest = serde_json::from_value(Value::Object(std::mem::take(members)))
            .map_err(|error| Failure::bad_request(error.to_string()))?;
        return watch(request).map(Op::Watch);
    }
    let Some(Value::String(id)) = members.remove("id") else {
        return Err(Failure::bad_request(
            "`id` is required and must be a string",
        ));
    };
    Ok(match op.as_str() {
        "cancel" => Op::Cancel(id),
        "pause" => Op::Pause(id),
        _ => Op::Resume(id),
    })
}

/// Validates a watch.
fn watch(request: WatchRequest) -> Result<Watch> {
    if request.id.is_empty() || request.id.len() > MAX_ID {
        return Err(Failure::bad_request("`id` must be 1 to 256 bytes long"));
    }
    let start = match request.revision {
        None => Start::Now,
        Some(revision) if revision > 0 => Start::Revision(revision),
        Some(_) => return Err(Failure::bad_request("`revision` must be at least 1")),
    };
    let only = match &request.only {
        Some(types) => only_type(types)?,
        None => None,
    };
    let prefix = request.range.prefix.as_ref().map(|prefix| &prefix.0[..]);
    let open = request.open.into_iter().map(|folder| folder.0).collect();
    let separator = request.collapse.map(|separator| separator.0);
    let options = Options {
        prev: request.prev,
        only,
        keys_only: request.keys_only,
        collapse: collapse(prefix, separator, open, request.snapshot)?,
        snapshot: request.snapshot,
        future: request.future == Some(Future::Wait),
    };
    Ok(Watch {
        id: request.id,
        range: Range::try_from(request.range)?,
        options,
        start,
    })
}

/// Validates which folders of a watch are closed. `prefix` is the watched prefix, if the range is one.
pub fn collapse(
    prefix: Option<&[u8]>,
    separator: Option<Vec<u8>>,
    open: Vec<Vec<u8>>,
    snapshot: bool,
) -> Result<Option<Arc<Collapse>>> {
    let refuse = |detail: &str| Err(Failure::bad_request(detail));
    match (separator, prefix) {
        (None, _) if open.is_empty() => Ok(None),
        (None, _) => refuse("`open` requires `collapse`"),
        (Some(_), None) => refuse("`collapse` requires `prefix`"),
        (Some(_), _) if snapshot => refuse(
            "a watch cannot have both `collapse` and `snapshot`; read the open folders with GET /tree",
        ),
        (Some(separator), Some(prefix)) => {
            Collapse::new(prefix, separator, open).map(|collapse| Some(Arc::new(collapse)))
        }
    }
}

/// The type that `only` restricts a watch to; `None` if it names both.
pub fn only_type(types: &[EventType]) -> Result<Option<EventType>> {
    let named = |kind| types.contains(&kind);
    match (named(EventType::Put), named(EventType::Delete)) {
        (true, true) => Ok(None),
        (true, false) => Ok(Some(EventType::Put)),
        (false, true) => Ok(Some(EventType::Delete)),
        (false, false) => Err(Failure::bad_request(
            "`only` must name `put`, `delete` or both",
        )),
    }
}

/// A client's text, shortened for an error message.
fn truncated(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
