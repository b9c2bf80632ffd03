//! `/watch`: changes as they happen, over WebSocket, SSE or NDJSON.

use axum::response::Response;
use http::{HeaderMap, HeaderName};
use shared::{EventType, ServerMessage};

use super::call::Call;
use super::params::RangeParams;
use super::query::Query;
use super::range;
use crate::etcd::Range;
use crate::failure::{Failure, Result};
use crate::live::stream::{self, Transport};
use crate::live::{Bookmark, Options, SINGLE_ID, Start, Watch, session};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Watch a range, or open a WebSocket for many watches.
///
/// `Accept: text/event-stream` returns server-sent events, an upgrade a WebSocket, anything else NDJSON. A
/// WebSocket takes `{"op":"watch","id":"w1","prefix":"/a/"}`, and `cancel`, `pause`, `resume` with an `id`.
#[utoipa::path(
    get, path = "/watch", tag = "live",
    params(
        ("key" = Option<String>, Query, description = "This key alone"),
        RangeParams,
        ("revision" = Option<i64>, Query, description = "The first revision to deliver; default the next one"),
        ("prev" = Option<bool>, Query, description = "Include the entry before each change"),
        ("only" = Option<String>, Query, description = "The types of events to deliver: `put`, `delete`"),
        ("snapshot" = Option<bool>, Query, description = "First the range's entries, and again after `compacted` and `reset`"),
        ("future" = Option<String>, Query, description = "`wait`: if `revision` does not exist yet, wait for it instead of a `reset`"),
        ("Last-Event-ID" = Option<String>, Header, description = "SSE: resume after this event id; takes precedence over `revision`"),
    ),
    responses(
        (status = 101, description = "A WebSocket; each message is one of these", body = ServerMessage),
        (status = 200, description = "Messages, one per event or line", content(
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
    )
)]
pub async fn watch(mut call: Call, transport: Transport) -> Result<Response> {
    let identity = call.streaming_caller()?.identity;
    let mut first = first_watch(&mut call.query)?;
    call.finish_query()?;
    match &mut first {
        None if transport.is_socket() => {}
        None => return Err(Range::required()),
        Some(watch) if transport.is_sse() => {
            if let Some(start) = last_event(&call.headers) {
                watch.start = start;
            }
        }
        Some(_) => {}
    }
    let hub = call.cluster.live.clone();
    Ok(stream::respond(
        &call.app.tasks,
        transport,
        move |out, ops| session::run(hub, identity, first, out, ops),
    ))
}

/// The watch in the query; `None` if it names no range.
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
        Some(other) => {
            let detail = format!("unknown `future` value `{other}`; only `wait` is allowed");
            return Err(Failure::bad_request(detail));
        }
    };
    let options = Options {
        prev: query.flag("prev")?,
        only: only(query)?,
        snapshot: query.flag("snapshot")?,
        future,
    };
    Ok(Some(Watch {
        id: SINGLE_ID.to_owned(),
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
            other => {
                let detail = format!("unknown `only` value `{other}`; one or both of put, delete");
                return Err(Failure::bad_request(detail));
            }
        });
    }
    crate::live::only_type(&types)
}

/// Where an EventSource that lost its connection resumes; an empty id counts as none.
fn last_event(headers: &HeaderMap) -> Option<Start> {
    let id = headers.get(LAST_EVENT_ID)?;
    if id.is_empty() {
        return None;
    }
    let bookmark = id.to_str().ok().and_then(Bookmark::parse);
    Some(bookmark.map_or(Start::Unknown, Start::After))
}

#[cfg(test)]
mod tests;
