//! `/history`: a key's stored revisions.

use axum::response::Response;
use http::StatusCode;
use shared::{History, Problem};

use super::call::Call;
use super::params::KeyPath;
use super::response::respond;
use crate::failure::{Failure, Result};
use crate::service::history::{HistoryRequest, MAX_LIMIT};

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
/// They end with the key's creation. With `?deleted` the revisions before each deletion follow, and `deletions` says
/// when the key was deleted. etcd has no request for that, so its log is replayed: at most the last 100,000
/// revisions of the store, in up to three replays of at most 30 s; `replay` has the number of replayed revisions.
/// If one of these limits ended the list, `ended_by` is `limit` and `next` is null. A user may run one replay at a
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
    list(call).await
}

/// The stored revisions of a key named by `?key=`.
#[utoipa::path(
    get, path = "/history", tag = "keys",
    params(
        ("key" = Option<String>, Query, description = "The key; may be omitted if `cursor` is given"),
        HistoryParams,
    ),
    responses(
        (status = 200, body = History),
        (status = 410, body = Problem), (status = 416, body = Problem),
    )
)]
pub async fn history_by_query(call: Call) -> Result<Response> {
    list(call).await
}

async fn list(mut call: Call) -> Result<Response> {
    let key = call.key("/history")?;
    let query = &mut call.query;
    let limit = query.number("limit", 1..=MAX_LIMIT as i64)?;
    let limit = limit.map(|limit| limit as usize);
    let request = match (query.text("cursor")?, key) {
        // The cursor contains the key; the path may repeat it.
        (Some(cursor), key) => HistoryRequest::Next(cursor, key),
        (None, Some(key)) => HistoryRequest::At {
            key,
            revision: query.revision("revision")?.unwrap_or(0),
            deleted: query.flag("deleted")?,
        },
        (None, None) => {
            let failure = Failure::bad_request("key is required");
            return Err(failure.hint("put it after /history/ in the path, or use ?key="));
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
