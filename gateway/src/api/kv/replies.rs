//! Responses of the key routes whose shape depends on a flag, described for the OpenAPI document. Handlers send the
//! alternatives themselves.

use serde::Serialize;
use shared::{CountAnswer, DeleteAnswer, KeyAnswer, Page};

/// Response of `GET /kv/{key}`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum KeyReply {
    /// The entry.
    Entry(KeyAnswer),
    /// With `?count_only`.
    Count(CountAnswer),
}

/// Response of `GET /kv`.
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

/// Response of `DELETE /kv`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum DeletionReply {
    /// The deleted keys.
    Deleted(DeleteAnswer),
    /// With `?dry_run`: how many keys would be deleted.
    Count(CountAnswer),
}
