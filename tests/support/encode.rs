//! Bytes in URLs and JSON.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn percent(bytes: impl AsRef<[u8]>) -> String {
    encode(bytes.as_ref(), "-._~")
}

/// `/kv/…` with the key's slashes as they are, as users type it.
pub fn key_path(key: impl AsRef<[u8]>) -> String {
    format!("/kv/{}", encode(key.as_ref(), "-._~/"))
}

/// `/kv?key=…`, which works for every key.
pub fn key_query(key: impl AsRef<[u8]>) -> String {
    format!("/kv?key={}", percent(key))
}

fn encode(bytes: &[u8], plain: &str) -> String {
    bytes.iter().fold(String::new(), |mut text, &byte| {
        if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("writing to a string succeeds");
        }
        text
    })
}

/// Bytes in the API's JSON: a string if they are UTF-8, an object with base64 if not.
pub fn json_bytes(bytes: impl AsRef<[u8]>) -> Value {
    let bytes = bytes.as_ref();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

/// Decodes bytes from the API's JSON.
pub fn bytes_in(value: &Value) -> Vec<u8> {
    match (value.as_str(), value["base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(encoded)) => STANDARD.decode(encoded).expect("valid base64"),
        (None, None) => panic!("{value} is not bytes"),
    }
}

/// A JSON string as text.
pub fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// The keys of a list of entries.
pub fn keys_in(entries: &Value) -> Vec<Vec<u8>> {
    let entries = entries.as_array().expect("a list of entries");
    entries
        .iter()
        .map(|entry| bytes_in(&entry["key"]))
        .collect()
}
