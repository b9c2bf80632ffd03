//! What a client asks for, checked: operations on a socket, and the watch a request opens.

use serde_json::{Map, Value};
use shared::{EventType, Future, WatchRequest};

use super::hub::{Options, Start};
use crate::etcd::Range;
use crate::failure::{Failure, Result};

/// Longest name of a watch, bytes.
const LONGEST_ID: usize = 256;

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
    /// Its name on the stream.
    pub id: String,
    /// What to watch.
    pub range: Range,
    /// What to deliver.
    pub options: Options,
    /// Where to begin.
    pub start: Start,
}

/// What is wrong with an operation, and which watch it meant.
#[derive(Debug)]
pub(super) struct BadOp {
    pub(super) id: Option<String>,
    pub(super) failure: Failure,
}

/// Reads an operation.
pub(super) fn parse(text: &str) -> std::result::Result<Op, BadOp> {
    let mut members: Map<String, Value> = serde_json::from_str(text).map_err(|error| BadOp {
        id: None,
        failure: Failure::bad_request(format!("an operation is a JSON object: {error}")),
    })?;
    let id = members.get("id").and_then(Value::as_str).map(str::to_owned);
    read(&mut members).map_err(|failure| BadOp { id, failure })
}

fn read(members: &mut Map<String, Value>) -> Result<Op> {
    let op = match members.remove("op") {
        Some(Value::String(op)) => op,
        Some(_) => return Err(Failure::bad_request("`op` is a string")),
        None => return Err(Failure::bad_request("`op` is missing")),
    };
    let known: &[&str] = match op.as_str() {
        "watch" => &[
            "id", "key", "prefix", "start", "end", "from", "revision", "prev", "only", "snapshot",
            "future",
        ],
        "cancel" | "pause" | "resume" => &["id"],
        _ => {
            return Err(
                Failure::bad_request(format!("`{}` is no operation", brief(&op)))
                    .hint("watch, cancel, pause, resume"),
            );
        }
    };
    if let Some(unknown) = members.keys().find(|name| !known.contains(&name.as_str())) {
        let unknown = brief(unknown);
        return Err(Failure::bad_request(format!(
            "`{unknown}` is no member of `{op}`"
        )));
    }
    if op == "watch" {
        let request: WatchRequest = serde_json::from_value(Value::Object(std::mem::take(members)))
            .map_err(|error| Failure::bad_request(error.to_string()))?;
        return watch(request).map(Op::Watch);
    }
    let Some(Value::String(id)) = members.remove("id") else {
        return Err(Failure::bad_request("`id` is a string and needed"));
    };
    Ok(match op.as_str() {
        "cancel" => Op::Cancel(id),
        "pause" => Op::Pause(id),
        _ => Op::Resume(id),
    })
}

/// Checks a watch.
fn watch(request: WatchRequest) -> Result<Watch> {
    if request.id.is_empty() || request.id.len() > LONGEST_ID {
        return Err(Failure::bad_request("`id` has 1 to 256 bytes"));
    }
    let start = match request.revision {
        None => Start::Now,
        Some(revision) if revision > 0 => Start::Revision(revision),
        Some(_) => return Err(Failure::bad_request("`revision` is at least 1")),
    };
    let only = match &request.only {
        Some(types) => only(types)?,
        None => None,
    };
    Ok(Watch {
        id: request.id,
        range: Range::try_from(request.range)?,
        options: Options {
            prev: request.prev,
            only,
            snapshot: request.snapshot,
            future: request.future == Some(Future::Wait),
        },
        start,
    })
}

/// The one type that a list of them leaves; `None` when it names both.
pub fn only(types: &[EventType]) -> Result<Option<EventType>> {
    let named = |kind| types.contains(&kind);
    match (named(EventType::Put), named(EventType::Delete)) {
        (true, true) => Ok(None),
        (true, false) => Ok(Some(EventType::Put)),
        (false, true) => Ok(Some(EventType::Delete)),
        (false, false) => Err(Failure::bad_request("`only` names `put`, `delete` or both")),
    }
}

/// As much of a client's own text as an answer repeats.
fn brief(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
