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
mod tests {
    use super::*;
    use shared::Code;

    fn opened(text: &str) -> Watch {
        match parse(text) {
            Ok(Op::Watch(watch)) => watch,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn refused(text: &str, id: Option<&str>, part: &str) {
        let bad = parse(text).expect_err(text);
        assert_eq!(bad.id.as_deref(), id, "{text}");
        assert_eq!(bad.failure.code, Code::BadRequest, "{text}");
        assert!(
            bad.failure.detail.contains(part),
            "{text}: {}",
            bad.failure.detail
        );
    }

    #[test]
    fn a_watch_is_read_whole() {
        let watch = opened(
            r#"{"op":"watch","id":"w1","prefix":"/cron/","revision":123,"prev":true,"only":["delete"],"snapshot":true,"future":"wait"}"#,
        );
        assert_eq!(watch.id, "w1");
        assert_eq!(watch.range, Range::prefix(b"/cron/"));
        assert_eq!(watch.start, Start::Revision(123));
        assert_eq!(
            watch.options,
            Options {
                prev: true,
                only: Some(EventType::Delete),
                snapshot: true,
                future: true
            }
        );
    }

    #[test]
    fn every_range_is_read() {
        let range =
            |members: &str| opened(&format!(r#"{{"op":"watch","id":"w",{members}}}"#)).range;
        assert_eq!(range(r#""key":"a""#), Range::one("a"));
        assert_eq!(
            range(r#""key":{"base64":"//4A"}"#),
            Range::one([255, 254, 0])
        );
        assert_eq!(range(r#""prefix":"""#), Range::prefix(b""));
        assert_eq!(
            range(r#""start":"a","end":"b""#),
            Range::between(b"a".to_vec(), Some(b"b".to_vec()))
        );
        assert_eq!(range(r#""from":"a""#), Range::between(b"a".to_vec(), None));
    }

    #[test]
    fn both_types_are_no_filter() {
        let only = |list: &str| {
            let text = format!(r#"{{"op":"watch","id":"w","key":"a","only":{list}}}"#);
            opened(&text).options.only
        };
        assert_eq!(only(r#"["put","delete"]"#), None);
        assert_eq!(only(r#"["put","put"]"#), Some(EventType::Put));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        refused("{", None, "JSON object");
        refused("[]", None, "JSON object");
        refused(r#"{"id":"a"}"#, Some("a"), "`op` is missing");
        refused(r#"{"op":7}"#, None, "`op` is a string");
        refused(r#"{"op":"wtach","id":"a"}"#, Some("a"), "`wtach`");
        refused(r#"{"op":"cancel"}"#, None, "`id`");
        refused(
            r#"{"op":"cancel","id":"a","prefix":""}"#,
            Some("a"),
            "`prefix`",
        );
        let watch = |members: &str, part| {
            refused(
                &format!(r#"{{"op":"watch","id":"w",{members}}}"#),
                Some("w"),
                part,
            );
        };
        watch(r#""prefix":"a","perfix":"a""#, "`perfix`");
        watch(r#""prefix":"a","revision":0"#, "`revision`");
        watch(r#""prefix":"a","revision":-4"#, "`revision`");
        watch(r#""prefix":"a","revision":1.5"#, "1.5");
        watch(r#""prefix":"a","only":[]"#, "`only`");
        watch(r#""prefix":"a","only":["puts"]"#, "puts");
        watch(r#""prefix":"a","future":"now""#, "now");
        watch(r#""prefix":"a","key":"a""#, "exactly one form");
        watch(r#""start":"a""#, "together");
        watch(r#""start":"b","end":"a""#, "empty");
        watch(r#""start":"","end":"\u0000""#, "empty");
        watch(r#""key":"""#, "empty");
        watch(r#""prev":true"#, "range is required");
        refused(r#"{"op":"watch","prefix":""}"#, None, "id");
        refused(r#"{"op":"watch","id":"","prefix":""}"#, Some(""), "`id`");
    }
}
