//! `/v3/lock/unlock`, the one call that is not passed on as it is.
//!
//! etcd's Unlock deletes whatever key it is given: a typo in the key, and somebody's data is gone. A
//! lock's key always ends in the lease that it is attached to, so it is deleted here only while that
//! is so, in one transaction. For keys that Lock has given, and for keys that are not there, the answer
//! is etcd's own; for any other key it is 400, with nothing deleted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use shared::LeaseId;

use super::errors::{Refused, code};
use super::transcode::wire::{fields, put};
use super::transcode::{decode, encode};
use super::{Ask, schema};

/// The call.
pub(super) const UNLOCK: &str = "/v3lockpb.Lock/Unlock";
/// What it is made of.
const TXN: &str = "/v3/kv/txn";
/// The field of `UnlockRequest`.
const KEY: u32 = 1;
/// The field of both answers.
const HEADER: u32 = 1;

/// Makes the call; the answer is an `UnlockResponse`.
pub(super) async fn call(ask: &Ask, question: &[u8]) -> Result<Bytes, Refused> {
    let mut key: &[u8] = &[];
    for field in fields(question).flatten() {
        if field.number == KEY {
            key = field.bytes;
        }
    }
    if key.is_empty() {
        // etcd's own words for it.
        let refusal = ask
            .etcd
            .raw_unary(ask.asker.call(UNLOCK), Bytes::new())
            .await;
        return refusal.map_err(Refused::from);
    }
    let txn = schema::method(TXN).expect("etcd has transactions");
    let transaction = transaction(key).to_string();
    let transaction = decode(txn.input, transaction.as_bytes()).expect("it is well-formed");
    let answer = ask
        .etcd
        .raw_unary(ask.asker.call(&txn.path), transaction.into())
        .await;
    // Unlock's own refusals come without their code, all of them.
    let answer = answer.map_err(|refusal| {
        if refusal.lost {
            return Refused::from(refusal);
        }
        Refused::new(code::UNKNOWN, refusal.message)
    })?;
    let mut shown = Vec::new();
    encode(txn.output, answer.clone(), &mut shown).map_err(|_| Refused::unreadable())?;
    let shown: Value = serde_json::from_slice(&shown).map_err(|_| Refused::unreadable())?;
    if is_refused(&shown) {
        return Err(Refused::invalid(
            "the key is not a lock's: it is not attached to the lease that it names; \
             /v3/kv/deleterange deletes any key",
        ));
    }
    let mut unlocked = Vec::new();
    for field in fields(&answer).flatten() {
        if field.number == HEADER {
            put(&mut unlocked, HEADER, field.bytes);
        }
    }
    Ok(unlocked.into())
}

/// Deletes the key while it is attached to the lease that it names; else looks whether it is there.
fn transaction(key: &[u8]) -> Value {
    let base64 = STANDARD.encode(key);
    let look = json!([{"request_range": {"key": base64, "keys_only": true}}]);
    match lease_named(key) {
        Some(lease) => json!({
            "compare": [{"key": base64, "target": "LEASE", "lease": lease.0}],
            "success": [{"request_delete_range": {"key": base64}}],
            "failure": look,
        }),
        None => json!({"success": look}),
    }
}

fn lease_named(key: &[u8]) -> Option<LeaseId> {
    let slash = key.iter().rposition(|byte| *byte == b'/')?;
    let segment = std::str::from_utf8(&key[slash + 1..]).ok()?;
    let lease: LeaseId = segment.parse().ok()?;
    (lease.0 != 0 && lease.to_string() == segment).then_some(lease)
}

/// Whether the key is there, and not a lock's.
fn is_refused(answer: &Value) -> bool {
    let found = &answer["responses"][0]["response_range"]["kvs"];
    found.as_array().is_some_and(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_that_names_a_lease_is_ever_deleted() {
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
    fn what_is_there_and_no_lock_is_refused() {
        let found = json!({"responses": [{"response_range": {"kvs": [{"key": "YQ=="}]}}]});
        assert!(is_refused(&found));
        assert!(!is_refused(&json!({"responses": [{"response_range": {}}]})));
        let deleted = json!({"succeeded": true, "responses": [{"response_delete_range": {}}]});
        assert!(!is_refused(&deleted));
    }
}
