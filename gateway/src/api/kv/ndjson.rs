//! A whole range as NDJSON, one entry per line. A stream without its final line is incomplete.

use std::io::Write as _;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, header};
use serde::Serialize;
use shared::{EndLine, Entry, Problem};

use crate::failure::{Failure, Result};
use crate::service::kv::Export;
use crate::web::headers::REVISION;
use crate::web::problem::problem;

#[derive(Serialize)]
struct ErrorLine {
    error: Problem,
}

/// What to send next.
enum Next {
    /// Entries that were read before the response began.
    Entries(Vec<Entry>),
    Read,
    Nothing,
}

/// Streams an export. A failure before the first line is an ordinary error response.
pub(in crate::api) async fn stream(mut export: Export, request_id: String) -> Result<Response> {
    let next = match export.next().await? {
        Some(entries) => Next::Entries(entries),
        None => Next::Read,
    };
    let revision = export.end().await?.header.revision;
    let lines = stream::unfold((export, next), move |(mut export, next)| {
        let request_id = request_id.clone();
        async move {
            let (chunk, next) = match next {
                Next::Entries(entries) => (Ok(lines(&entries)), Next::Read),
                Next::Read => read(&mut export).await,
                Next::Nothing => return None,
            };
            let bytes = chunk.unwrap_or_else(|failure: Failure| {
                line(&ErrorLine {
                    error: problem(&failure, &request_id),
                })
            });
            Some((Ok::<_, std::convert::Infallible>(bytes), (export, next)))
        }
    });
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(REVISION, HeaderValue::from(revision));
    Ok(response)
}

/// The next entries as lines, or the final line.
async fn read(export: &mut Export) -> (Result<Bytes>, Next) {
    match export.next().await {
        Ok(Some(entries)) => (Ok(lines(&entries)), Next::Read),
        Ok(None) => (
            export.end().await.map(|end| line(&EndLine { end })),
            Next::Nothing,
        ),
        Err(failure) => (Err(failure), Next::Nothing),
    }
}

/// Values as lines of JSON.
pub(in crate::api) fn lines<T: Serialize>(values: impl IntoIterator<Item = T>) -> Bytes {
    let values = values.into_iter();
    let mut buffer = Vec::with_capacity(values.size_hint().0 * 128);
    for value in values {
        serde_json::to_writer(&mut buffer, &value).expect("wire types have string keys");
        buffer
            .write_all(b"\n")
            .expect("writing to memory cannot fail");
    }
    buffer.into()
}

/// A value as one line of JSON.
pub(in crate::api) fn line<T: Serialize>(value: &T) -> Bytes {
    let mut buffer = serde_json::to_vec(value).expect("wire types have string keys");
    buffer.push(b'\n');
    buffer.into()
}
