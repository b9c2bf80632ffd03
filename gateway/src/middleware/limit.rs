//! Bodies that announce more than is taken are refused before a byte of them is read, so that a
//! client that waits for `100 Continue` (curl does, from 1 MiB) learns it before it sends anything.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header;
use shared::Code;

use crate::content;
use crate::failure::Failure;
use crate::state::AppState;

/// Compares the announced length with the largest body taken; a body of unknown length is counted
/// where it is read.
pub async fn limit(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced: Option<u64> =
        announced.and_then(|length| length.to_str().ok().and_then(|digits| digits.parse().ok()));
    let most = app.config.max_body;
    let streamed = is_streamed(&app.config.base_path, request.uri().path());
    match announced {
        Some(length) if length > most as u64 && !streamed => Failure::new(
            Code::TooLarge,
            format!("the body has {length} bytes, and {most} are taken at most"),
        )
        .hint(content::LARGER)
        .into_response(),
        _ => next.run(request).await,
    }
}

/// Whether the body is read line by line as it comes, never as a whole: an import may be of any length.
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
    fn only_an_import_has_any_length() {
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
