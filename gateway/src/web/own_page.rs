//! Whether a request was made by a page of this gateway.

use http::request::Parts;

/// An extension of requests that a page of this gateway made: their `Origin` is the gateway's own, or their
/// `Sec-Fetch-Site` is `same-origin`. Only `middleware::guard` adds it.
#[derive(Clone, Copy, Debug)]
pub struct FromOwnPage;

impl FromOwnPage {
    /// Whether the request has the extension.
    pub fn made(parts: &Parts) -> bool {
        parts.extensions.get::<Self>().is_some()
    }
}
