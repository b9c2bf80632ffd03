//! `/v3/lock/unlock`, the one method that is not passed on unchanged.
//!
//! etcd's Unlock deletes any key: a typo in the key deletes other data. A lock's key always ends with the
//! id of the lease that it is attached to, so here a key is deleted only if that holds, in one transaction.
//! For keys that Lock has returned, and for keys that do not exist, the response is etcd's own; any other key
//! is 400, and nothing is deleted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use shared::LeaseId;

use super::errors::{CallError, code};
use super::transcode::wire::{fields, put};
use super::transcode::{decode, encode};
use super::{Call, schema};

/// The method's gRPC path.
pub(super) const UNLOCK: &str = "/v3lockpb.Lock/Unlock";
/// The method that it is translated to.
const TXN: &str = "/v3/kv/txn";
/// The field `key` of `UnlockRequest`.
const KEY: u32 = 1;
/// The field `header` of `TxnResponse` and `UnlockResponse`.
const HEADER: u32 = 1;

/// Makes the call. The request is an `UnlockRequest`, the response an `UnlockResponse`.
pub(super) async fn unlock(call: &Call, request: &[u8]) -> Result<Bytes, CallError> {
    let mut key: &[u8] = &[];
    for field in fields(request).flatten() {
        if field.number == KEY {
            key = field.bytes;
        }
    }
    if key.is_empty() {
        // etcd refuses it with its own error.
        let refused = call
            .etcd
            .raw_unary(call.context.raw_call(UNLOCK), Bytes::new())
            .await;
        return refused.map_err(CallError::from);
    }
    let txn = schema::method(TXN).expect("etcd has transactions");
    let transaction = transaction(key).to_string();
    let transaction =
        decode(txn.input, transaction.as_bytes()).expect("the transaction is well-formed");
    let response = call
        .etcd
        .raw_unary(call.context.raw_call(&txn.path), transaction.into())
        .await;
    // etcd's Unlock returns every error with the code `UNKNOWN`.
    let response = response.map_err(|refusal| {
        if refusal.lost {
            return CallError::from(refusal);
        }
        CallError::new(code::UNKNOWN, refusal.message)
    })?;
    let mut json = Vec::new();
    encode(txn.output, response.clone(), &mut json).map_err(|_| CallError::malformed_response())?;
    let json: Value = serde_json::from_slice(&json).map_err(|_| CallError::malformed_response())?;
    if is_other_key(&json) {
        return Err(CallError::invalid_argument(
            "not a lock's key: it is not attached to the lease in its name; \
             /v3/kv/deleterange deletes any key",
        ));
    }
    let mut unlocked = Vec::new();
    for field in fields(&response).flatten() {
        if field.number == HEADER {
            put(&mut unlocked, HEADER, field.bytes);
        }
    }
    Ok(unlocked.into())
}

/// Deletes the key if it is attached to the lease in its name; otherwise reads whether it exists.
fn transaction(key: &[u8]) -> Value {
    let base64 = STANDARD.encode(key);
    let read = json!([{"request_range": {"key": base64, "keys_only": true}}]);
    match lease_in_name(key) {
        Some(lease) => json!({
            "compare": [{"key": base64, "target": "LEASE", "lease": lease.0}],
            "success": [{"request_delete_range": {"key": base64}}],
            "failure": read,
        }),
        None => json!({"success": read}),
    }
}

/// The lease in the last segment of a key, if it is written as etcd writes it.
fn lease_in_name(key: &[u8]) -> Option<LeaseId> {
    let slash = key.iter().rposition(|byte| *byte == b'/')?;
    let segment = std::str::from_utf8(&key[slash + 1..]).ok()?;
    let lease: LeaseId = segment.parse().ok()?;
    (lease.0 != 0 && lease.to_string() == segment).then_some(lease)
}

/// Whether the transaction found the key and did not delete it, since it is not a lock's.
fn is_other_key(response: &Value) -> bool {
    let found = &response["responses"][0]["response_range"]["kvs"];
    found.as_array().is_some_and(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_with_a_lease_in_its_name_is_deleted() {
        let deletes = |key: &[u8]| transaction(key).to_string().contains("delete");
        for key in [&b"lock/694d604f1cc13e0f"[..], b"/a/b/-9", b"/7"] {
            assert!(deletes(key), "{}", key.escape_ascii());
        }
        for key in [
            &b"foo"[..],
            b"foo/0",
            b"foo/",
            b"lock/0694d604f1cc13e0f",
            b"lock/694D",
            b"lock/dec:7",
            b"lock/694d604f1cc13e0f0",
            b"lock/\xff",
            b"694d604f1cc13e0f",
        ] {
            assert!(!deletes(key), "{}", key.escape_ascii());
        }
    }

    #[test]
    fn an_existing_key_of_no_lock_is_refused() {
        let found = json!({"responses": [{"response_range": {"kvs": [{"key": "YQ=="}]}}]});
        assert!(is_other_key(&found));
        assert!(!is_other_key(
            &json!({"responses": [{"response_range": {}}]})
        ));
        let deleted = json!({"succeeded": true, "responses": [{"response_delete_range": {}}]});
        assert!(!is_other_key(&deleted));
    }
}
