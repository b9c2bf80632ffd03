//! What the tests of holds have in common.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use support::http::Ask;
use support::{DEADLINE, Stream, World, eventually, key_query, percent, when};

/// A lease of so many seconds.
pub(crate) async fn grant(world: &World, ttl: i64) -> String {
    let lease = world
        .api
        .post("/leases", &json!({"ttl": ttl}))
        .send()
        .await
        .json(201);
    text(&lease["id"])
}

/// A member that is a string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// A POST without a body.
pub(crate) fn post(world: &World, path: &str) -> Ask {
    world.api.ask(Method::POST, path)
}

/// A lock's or an election's route.
pub(crate) fn route(kind: &str, name: &str) -> String {
    format!("/{kind}/{}", percent(name))
}

/// Opens a hold as `curl -N --json` does.
pub(crate) async fn hold(world: &World, path: &str, body: &Value) -> Stream {
    Stream::ndjson(world.api.post(path, body)).await
}

/// The next message of a hold that is not `renewed`.
pub(crate) async fn beyond_renewals(stream: &mut Stream) -> Value {
    loop {
        let message = stream.next().await;
        if message["type"] != "renewed" {
            return message;
        }
    }
}

/// Waits until a lease is no more.
pub(crate) async fn lease_gone(world: &World, lease: &str, deadline: Duration) {
    eventually("the lease is gone", deadline, async || {
        let answer = world.api.get(&format!("/leases/{lease}")).send().await;
        when(answer.status == 404, || answer.text())
    })
    .await;
}

/// Waits until a key is no more.
pub(crate) async fn key_gone(world: &World, key: &str, deadline: Duration) {
    eventually("the key is gone", deadline, async || {
        let answer = world.api.get(&key_query(key)).send().await;
        when(answer.status == 404, || answer.text())
    })
    .await;
}

/// The keys under a prefix.
pub(crate) async fn keys(world: &World, prefix: &str) -> Vec<String> {
    let path = format!("/kv?prefix={}", percent(prefix));
    let page = world.api.get(&path).send().await.json(200);
    let entries = page["entries"].as_array().expect("entries");
    entries.iter().map(|entry| text(&entry["key"])).collect()
}

/// Waits until so many keys stand under a prefix.
pub(crate) async fn until_keys(world: &World, prefix: &str, count: usize) -> Vec<String> {
    eventually("so many keys", DEADLINE, async || {
        let keys = keys(world, prefix).await;
        when(keys.len() == count, || format!("{keys:?}"))?;
        Ok(keys)
    })
    .await
}

/// A lock as it is now, once `is` holds of it.
pub(crate) async fn lock_once(world: &World, name: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually("the lock is so", DEADLINE, async || {
        let answer = world.api.get(&route("locks", name)).send().await;
        when(answer.status == 200, || answer.text())?;
        let lock = answer.json(200);
        when(is(&lock), || lock.to_string())?;
        Ok(lock)
    })
    .await
}

/// How many wait for a lock.
pub(crate) fn waiting(lock: &Value) -> usize {
    lock["waiters"].as_array().map_or(0, Vec::len)
}

/// `txn(K,V,L)` of the walks: puts a key with a lease if it is not there.
pub(crate) async fn claim(world: &World, key: &str, value: &str, lease: &str) -> Value {
    let txn = json!({
        "compare": [{"key": key, "target": "create_revision", "op": "=", "value": 0}],
        "then": [{"put": {"key": key, "value": value, "lease": lease}}],
        "else": [{"get": {"key": key}}],
    });
    world.api.post("/txn", &txn).send().await.json(200)
}
