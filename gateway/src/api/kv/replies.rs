//! What the routes of keys answer where a flag decides about its shape: for the document. The handlers
//! answer the alternatives themselves.

use serde::Serialize;
use shared::{CountAnswer, DeleteAnswer, KeyAnswer, Page};

/// Answer of `GET /kv/{key}`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum KeyReply {
    /// The entry.
    Entry(KeyAnswer),
    /// With `?count_only`.
    Count(CountAnswer),
}

/// Answer of `GET /kv`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum PageReply {
    /// A page of entries.
    Page(Page),
    /// With `?count_only`.
    Count(CountAnswer),
    /// With `?key`.
    Entry(KeyAnswer),
}

/// Answer of `DELETE /kv`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum DeletionReply {
    /// What was deleted.
    Deleted(DeleteAnswer),
    /// With `?dry_run`: how many would be.
    Count(CountAnswer),
}
