//! A whole range, a line an entry. A stream that ends without its last line is incomplete.

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

/// What is left to send.
enum Rest {
    First(Vec<Entry>),
    More,
    Nothing,
}

/// Streams an export. What goes wrong before the first line is an ordinary error answer.
pub(in crate::api) async fn stream(mut export: Export, request_id: String) -> Result<Response> {
    let rest = match export.next().await? {
        Some(entries) => Rest::First(entries),
        None => Rest::More,
    };
    let revision = export.end().await?.header.revision;
    let lines = stream::unfold((export, rest), move |(mut export, rest)| {
        let request_id = request_id.clone();
        async move {
            let (chunk, rest) = match rest {
                Rest::First(entries) => (Ok(lines(&entries)), Rest::More),
                Rest::More => more(&mut export).await,
                Rest::Nothing => return None,
            };
            let bytes = chunk.unwrap_or_else(|failure: Failure| {
                line(&ErrorLine {
                    error: problem(&failure, &request_id),
                })
            });
            Some((Ok::<_, std::convert::Infallible>(bytes), (export, rest)))
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

async fn more(export: &mut Export) -> (Result<Bytes>, Rest) {
    match export.next().await {
        Ok(Some(entries)) => (Ok(lines(&entries)), Rest::More),
        Ok(None) => (
            export.end().await.map(|end| line(&EndLine { end })),
            Rest::Nothing,
        ),
        Err(failure) => (Err(failure), Rest::Nothing),
    }
}

fn lines(entries: &[Entry]) -> Bytes {
    let mut buffer = Vec::with_capacity(entries.len() * 128);
    for entry in entries {
        serde_json::to_writer(&mut buffer, entry).expect("wire types have string keys");
        buffer.write_all(b"\n").expect("memory takes bytes");
    }
    buffer.into()
}

/// One value as a line.
pub(in crate::api) fn line<T: Serialize>(value: &T) -> Bytes {
    let mut buffer = serde_json::to_vec(value).expect("wire types have string keys");
    buffer.push(b'\n');
    buffer.into()
}
