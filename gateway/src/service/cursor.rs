//! Cursors: they hold a page's whole query and position, so that any gateway can continue.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, Result};

/// A cursor as text that needs no escaping in a URL.
pub fn encode<T: Serialize>(position: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).expect("cursors have string keys"))
}

/// The position of a cursor that this API made.
pub fn decode<T: DeserializeOwned>(cursor: &str) -> Result<T> {
    decode_if(cursor, |_| true)
}

/// The position of a cursor that this API made: `possible` checks that it can have.
pub fn decode_if<T: DeserializeOwned>(cursor: &str, possible: impl Fn(&T) -> bool) -> Result<T> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .filter(possible)
        .ok_or_else(|| {
            Failure::bad_request("invalid cursor for this listing")
                .hint("pass the previous page's `next` unchanged")
        })
}
