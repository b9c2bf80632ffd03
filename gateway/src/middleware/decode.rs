//! Decodes the `Content-Encoding` of a request, on every route.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, header};

use crate::content;

/// Decodes the body as it is read. A handler sees no coding, and no length in advance.
pub async fn decode(request: Request, next: Next) -> Response {
    // The body of any other method means nothing here (RFC 9110, 9.3), and is not read.
    if !matches!(*request.method(), Method::POST | Method::PUT) {
        return next.run(request).await;
    }
    match content::coding(request.headers()) {
        Ok(None) => next.run(request).await,
        Ok(Some(coding)) => {
            let (mut parts, body) = request.into_parts();
            parts.headers.remove(header::CONTENT_ENCODING);
            parts.headers.remove(header::CONTENT_LENGTH);
            let body = content::decoded(body, coding);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(failure) => {
            let mut response = failure.into_response();
            // RFC 9110, 15.5.16: this header says that the coding is at fault, and which ones are supported.
            let accepted = HeaderValue::from_static(content::ACCEPTED);
            response
                .headers_mut()
                .insert(header::ACCEPT_ENCODING, accepted);
            response
        }
    }
}
