//! `/history`: a key's stored revisions.

use axum::response::Response;
use http::StatusCode;
use shared::{History, Problem};

use super::call::Call;
use super::reply::answer;
use crate::failure::{Failure, Result};
use crate::service::history::{HistoryRequest, MAX_LIMIT};

/// A key's stored revisions, newest first.
///
/// They end with the key's creation. With `?deleted` earlier lives follow, and `deletions` says when
/// each ended. etcd has no way to ask for that: its log is replayed for it, at most the last 100,000
/// revisions of the store, in up to three replays of 30 s at most; `replay` says how many revisions were.
/// Where either bound ended the list, `ended_by` is `limit` and `next` is null. A user has one replay at a
/// time.
#[utoipa::path(
    get, path = "/history/{*key}", tag = "keys",
    params(
        ("key" = String, Path, description = "The key"),
        ("revision" = Option<i64>, Query, description = "Walk back from there"),
        ("deleted" = Option<bool>, Query, description = "Earlier lives too, by a bounded replay"),
        ("limit" = Option<i64>, Query, description = "Entries, 1 to 1,000; default 100"),
        ("cursor" = Option<String>, Query, description = "next of the page before; only limit beside it"),
    ),
    responses(
        (status = 200, body = History), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 410, body = Problem), (status = 416, body = Problem),
        (status = 504, body = Problem),
    )
)]
pub async fn history(call: Call) -> Result<Response> {
    walk(call).await
}

/// The stored revisions of a key named by `?key=`.
#[utoipa::path(
    get, path = "/history", tag = "keys",
    params(
        ("key" = Option<String>, Query, description = "The key; beside cursor it may be left out"),
        ("revision" = Option<i64>, Query, description = "Walk back from there"),
        ("deleted" = Option<bool>, Query, description = "Earlier lives too, by a bounded replay"),
        ("limit" = Option<i64>, Query, description = "Entries, 1 to 1,000; default 100"),
        ("cursor" = Option<String>, Query, description = "next of the page before; only limit and key beside it"),
    ),
    responses(
        (status = 200, body = History), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 410, body = Problem), (status = 416, body = Problem),
        (status = 504, body = Problem),
    )
)]
pub async fn history_by_query(call: Call) -> Result<Response> {
    walk(call).await
}

async fn walk(mut call: Call) -> Result<Response> {
    let key = call.key("/history")?;
    let query = &mut call.query;
    let limit = query.number("limit", 1..=MAX_LIMIT as i64)?;
    let limit = limit.map(|limit| limit as usize);
    let request = match (query.text("cursor")?, key) {
        // The cursor carries the key, which the path names again.
        (Some(cursor), key) => HistoryRequest::Next(cursor, key),
        (None, Some(key)) => HistoryRequest::At {
            key,
            revision: query.revision("revision")?.unwrap_or(0),
            deleted: query.flag("deleted")?,
        },
        (None, None) => {
            let failure = Failure::bad_request("no key is given");
            return Err(failure.hint("behind /history/, or as ?key="));
        }
    };
    std::mem::take(query).finish()?;
    let history = call
        .cluster
        .history
        .history(&call.caller(), request, limit)
        .await?;
    Ok(answer(StatusCode::OK, history.header.revision, &history))
}
