//! `/history`: a key's stored revisions.

use axum::response::Response;
use http::StatusCode;
use shared::{History, Problem};

use super::call::Call;
use super::params::KeyPath;
use super::response::respond;
use crate::failure::{Failure, Result};
use crate::service::history::{HistoryRequest, LIMIT_AT_MOST};

/// Which revisions of a key to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryParams {
    /// Start at this revision and list older ones
    pub revision: Option<i64>,
    /// Also list revisions before a deletion, by a bounded replay
    pub deleted: Option<bool>,
    /// Entries per page, 1 to 1,000; default 100
    pub limit: Option<i64>,
    /// `next` of the previous page; of the other parameters only `limit` and `key` may be given with it
    pub cursor: Option<String>,
}

/// A key's stored revisions, newest first.
///
/// They end with the key's creation. With `?deleted` earlier lives follow, and `deletions` says when
/// each ended. etcd has no way to ask for that: its log is replayed for it, at most the last 100,000
/// revisions of the store, in up to three replays of 30 s at most; `replay` says how many revisions were.
/// Where either bound ended the list, `ended_by` is `limit` and `next` is null. A user has one replay at a
/// time.
#[utoipa::path(
    get, path = "/history/{*key}", tag = "keys",
    params(KeyPath, HistoryParams),
    responses(
        (status = 200, body = History),
        (status = 410, body = Problem), (status = 416, body = Problem),
    )
)]
pub async fn history(call: Call) -> Result<Response> {
    walk(call).await
}

/// The stored revisions of a key named by `?key=`.
#[utoipa::path(
    get, path = "/history", tag = "keys",
    params(
        ("key" = Option<String>, Query, description = "The key; may be left out if `cursor` is given"),
        HistoryParams,
    ),
    responses(
        (status = 200, body = History),
        (status = 410, body = Problem), (status = 416, body = Problem),
    )
)]
pub async fn history_by_query(call: Call) -> Result<Response> {
    walk(call).await
}

async fn walk(mut call: Call) -> Result<Response> {
    let key = call.key("/history")?;
    let query = &mut call.query;
    let limit = query.number("limit", 1..=LIMIT_AT_MOST as i64)?;
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
    call.finish_query()?;
    let history = call
        .cluster
        .history
        .history(&call.caller(), request, limit)
        .await?;
    Ok(respond(StatusCode::OK, history.header.revision, &history))
}
