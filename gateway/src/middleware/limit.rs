//! A body whose announced length exceeds the limit is refused before a byte of it is read, so that a
//! client that waits for `100 Continue` (curl does, from 1 MiB) gets the error before it sends anything.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header;
use shared::Code;

use crate::content;
use crate::failure::Failure;
use crate::state::AppState;

/// Compares the announced length with the limit; a body of unknown length is counted as it is read.
pub async fn limit(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced: Option<u64> =
        announced.and_then(|length| length.to_str().ok().and_then(|digits| digits.parse().ok()));
    let limit = app.config.max_body;
    let streamed = is_streamed(&app.config.base_path, request.uri().path());
    match announced {
        Some(length) if length > limit as u64 && !streamed => Failure::new(
            Code::TooLarge,
            format!("the body is {length} bytes; the limit is {limit}"),
        )
        .hint(content::RAISE_LIMIT)
        .into_response(),
        _ => next.run(request).await,
    }
}

/// Whether the body is read line by line as it arrives, never as a whole: an import may have any length.
fn is_streamed(base_path: &str, path: &str) -> bool {
    let below = path.strip_prefix(base_path).unwrap_or(path);
    let Some(rest) = below.strip_prefix("/api/v1/") else {
        return false;
    };
    let of_cluster = rest
        .strip_prefix("clusters/")
        .and_then(|rest| rest.split_once('/'));
    of_cluster.map_or(rest, |(_, rest)| rest) == "import"
}

#[cfg(test)]
mod tests {
    use super::is_streamed;

    #[test]
    fn only_an_import_may_have_any_length() {
        assert!(is_streamed("", "/api/v1/import"));
        assert!(is_streamed("/etcd", "/etcd/api/v1/clusters/a/import"));
        for path in [
            "/api/v1/kv/import",
            "/api/v1/kv//import",
            "/import",
            "/api/v1/imports",
        ] {
            assert!(!is_streamed("", path), "{path}");
        }
    }
}
