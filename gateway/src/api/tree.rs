//! `/tree`: one level of the keyspace.

use axum::response::Response;
use http::StatusCode;
use shared::{Problem, TreeLevel};

use super::call::Call;
use super::params::{CursorParams, ReadParams};
use super::response::respond;
use crate::failure::Result;
use crate::service::tree::{LevelOptions, MAX_LIMIT, TreeQuery};

/// One level of keys: folders and entries.
#[utoipa::path(
    get, path = "/tree", tag = "keys",
    params(
        ("prefix" = Option<String>, Query, description = "The folder to list; default the root"),
        ("separator" = Option<String>, Query, description = "Separates folder names; default `/`"),
        ("limit" = Option<i64>, Query, description = "Folders and entries per page, 1 to 10,000; default 1,000"),
        CursorParams,
        ("values" = Option<bool>, Query, description = "Include values and leases"),
        ("counts" = Option<bool>, Query, description = "Include the number of keys in each folder"),
        ReadParams,
    ),
    responses(
        (status = 200, body = TreeLevel),
        (status = 410, body = Problem), (status = 416, body = Problem),
    )
)]
pub async fn tree(mut call: Call) -> Result<Response> {
    let query = &mut call.query;
    let limit = query.number("limit", 1..=MAX_LIMIT as i64)?;
    let mut tree = match query.text("cursor")? {
        Some(cursor) => TreeQuery::page(&cursor)?,
        None => TreeQuery::level(
            query.bytes("prefix")?.unwrap_or_default(),
            query.bytes("separator")?.unwrap_or_else(|| b"/".to_vec()),
            LevelOptions {
                revision: query.revision("revision")?.unwrap_or(0),
                values: query.flag("values")?,
                counts: query.flag("counts")?,
                serializable: query.flag("serializable")?,
            },
        )?,
    };
    call.finish_query()?;
    if let Some(limit) = limit {
        tree = tree.limit(limit as usize);
    }
    let level = call.cluster.tree.level(&call.caller(), tree).await?;
    Ok(respond(StatusCode::OK, level.header.revision, &level))
}
