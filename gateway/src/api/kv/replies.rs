//! Responses of the key routes whose shape depends on a flag, described for the OpenAPI document. Handlers send the
//! alternatives themselves.

use serde::Serialize;
use shared::{CountResponse, DeleteResponse, KeyResponse, Page};

/// Response of `GET /kv/{key}`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum KeyReply {
    /// The entry.
    Entry(KeyResponse),
    /// With `?count_only`.
    Count(CountResponse),
}

/// Response of `GET /kv`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum PageReply {
    /// A page of entries.
    Page(Page),
    /// With `?count_only`.
    Count(CountResponse),
    /// With `?key`.
    Entry(KeyResponse),
}

/// Response of `DELETE /kv`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum DeletionReply {
    /// The deleted keys.
    Deleted(DeleteResponse),
    /// With `?dry_run`: how many keys would be deleted.
    Count(CountResponse),
}
