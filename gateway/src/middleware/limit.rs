//! Bodies that announce more than is taken are refused before a byte of them is read, so that a
//! client that waits for `100 Continue` (curl does, from 1 MiB) learns it before it sends anything.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header;
use shared::Code;

use crate::failure::Failure;
use crate::state::AppState;

/// Compares the announced length with the largest body taken; a body of unknown length is counted
/// where it is read.
pub async fn limit(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced: Option<u64> =
        announced.and_then(|length| length.to_str().ok().and_then(|digits| digits.parse().ok()));
    let most = app.config.max_body;
    match announced {
        Some(length) if length > most as u64 => Failure::new(
            Code::TooLarge,
            format!("the body has {length} bytes, and {most} are taken at most"),
        )
        .hint("--max-body allows more; etcd's own limit is 1.5 MiB by default")
        .into_response(),
        _ => next.run(request).await,
    }
}
