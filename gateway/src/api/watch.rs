//! `/watch`: changes as they happen, over WebSocket, SSE or NDJSON.

use axum::response::Response;
use http::{HeaderMap, HeaderName};
use shared::{EventType, Problem, ServerMessage};

use super::call::Call;
use super::query::Query;
use super::range;
use crate::etcd::Range;
use crate::failure::{Failure, Result};
use crate::live::stream::{self, Transport};
use crate::live::{Bookmark, Options, Start, Watch, session};

/// The one watch of a stream opened with a range.
const ONLY_ID: &str = "0";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Watches a range, or opens a socket for many watches.
///
/// `Accept: text/event-stream` gets server-sent events, an upgrade a WebSocket, all else a JSON
/// object a line. A WebSocket takes `{"op":"watch","id":"w1","prefix":"/a/"}`, and `cancel`, `pause`,
/// `resume` with an `id`.
#[utoipa::path(
    get, path = "/watch", tag = "live",
    params(
        ("key" = Option<String>, Query, description = "One key"),
        ("prefix" = Option<String>, Query, description = "Every key that begins so; empty is all"),
        ("start" = Option<String>, Query, description = "First key, with end"),
        ("end" = Option<String>, Query, description = "Exclusive end, with start"),
        ("from" = Option<String>, Query, description = "From this key to the end of the keyspace"),
        ("revision" = Option<i64>, Query, description = "The first revision wanted; the next one without it"),
        ("prev" = Option<bool>, Query, description = "The entry before each change"),
        ("only" = Option<String>, Query, description = "put, delete: the types to deliver"),
        ("snapshot" = Option<bool>, Query, description = "The range's entries first, and again after compacted and reset"),
        ("future" = Option<String>, Query, description = "wait: wait for a revision of the future instead of a reset"),
        ("Last-Event-ID" = Option<String>, Header, description = "SSE: go on behind this id; wins over revision"),
    ),
    responses(
        (status = 101, description = "A WebSocket; every message is one of these", body = ServerMessage),
        (status = 200, description = "Messages, one an event or a line", content(
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
        (status = 400, body = Problem),
    )
)]
pub async fn watch(mut call: Call, transport: Transport) -> Result<Response> {
    let identity = call.streaming_caller()?.identity;
    let mut first = first_watch(&mut call.query)?;
    call.finish_query()?;
    match (&mut first, &transport) {
        (None, Transport::Socket(_)) => {}
        (None, _) => return Err(Range::required()),
        (Some(watch), Transport::Sse) => {
            if let Some(start) = last_event(&call.headers) {
                watch.start = start;
            }
        }
        (Some(_), _) => {}
    }
    let hub = call.cluster.live.clone();
    Ok(stream::respond(
        &call.app.tasks,
        transport,
        move |out, ops| session::run(hub, identity, first, out, ops),
    ))
}

/// The watch that the query names; `None` without a range.
fn first_watch(query: &mut Query) -> Result<Option<Watch>> {
    let Some(range) = range::from_query(query, true)? else {
        return Ok(None);
    };
    let start = query
        .revision("revision")?
        .map_or(Start::Now, Start::Revision);
    let future = match query.text("future")?.as_deref() {
        None => false,
        Some("wait") => true,
        Some(_) => return Err(Failure::bad_request("`future` is `wait`")),
    };
    let options = Options {
        prev: query.flag("prev")?,
        only: only(query)?,
        snapshot: query.flag("snapshot")?,
        future,
    };
    Ok(Some(Watch {
        id: ONLY_ID.to_owned(),
        range,
        options,
        start,
    }))
}

fn only(query: &mut Query) -> Result<Option<EventType>> {
    let Some(names) = query.list("only")? else {
        return Ok(None);
    };
    let mut types = Vec::with_capacity(names.len());
    for name in &names {
        types.push(match name.as_str() {
            "put" => EventType::Put,
            "delete" => EventType::Delete,
            _ => {
                return Err(Failure::bad_request(
                    "`only` must name `put`, `delete` or both",
                ));
            }
        });
    }
    crate::live::only_type(&types)
}

/// Where an EventSource that lost its connection wants to go on; an empty id is none.
fn last_event(headers: &HeaderMap) -> Option<Start> {
    let id = headers.get(LAST_EVENT_ID)?;
    if id.is_empty() {
        return None;
    }
    let bookmark = id.to_str().ok().and_then(Bookmark::parse);
    Some(bookmark.map_or(Start::Unknown, Start::After))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(raw: &str) -> Result<Option<Watch>> {
        let mut query = Query::parse(Some(raw))?;
        let watch = first_watch(&mut query)?;
        query.finish()?;
        Ok(watch)
    }

    #[test]
    fn a_query_names_one_watch() {
        let watch = read("prefix=/a/&revision=7&prev&only=delete&snapshot=1&future=wait")
            .expect("reads")
            .expect("a watch");
        assert_eq!(watch.id, "0");
        assert_eq!(watch.range, Range::prefix(b"/a/"));
        assert_eq!(watch.start, Start::Revision(7));
        assert!(watch.options.prev && watch.options.snapshot && watch.options.future);
        assert_eq!(watch.options.only, Some(EventType::Delete));
        assert_eq!(read("").expect("reads"), None);
    }

    #[test]
    fn a_typo_never_changes_the_meaning() {
        for raw in [
            "perfix=a",
            "prefix=a&only=puts",
            "prefix=a&only=",
            "prefix=a&revision=0",
            "prefix=a&revision=-3",
            "prefix=a&revision=x",
            "prefix=a&future=now",
            "prefix=a&key=b",
            "start=b&end=a",
            "prefix=a&prefix=b",
            "prefix=a&serializable",
            "prev",
            "key=",
        ] {
            assert!(read(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn an_event_source_goes_on_behind_its_last_id() {
        let check = |id: &'static str, expected: Option<Start>| {
            let mut headers = HeaderMap::new();
            headers.insert(LAST_EVENT_ID, HeaderValue::from_static(id));
            assert_eq!(last_event(&headers), expected, "{id}");
        };
        check("", None);
        check("abc-41", Bookmark::parse("abc-41").map(Start::After));
        check("41", Some(Start::Unknown));
        check("hello", Some(Start::Unknown));
        assert_eq!(last_event(&HeaderMap::new()), None);
    }
}
