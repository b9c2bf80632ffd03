//! Leases, locks and elections: one set of helpers for all suites.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Client, DEADLINE, Stream, ensure, eventually, key_query, percent, text};

/// The path of a lock.
pub fn lock_path(name: &str) -> String {
    format!("/locks/{}", percent(name))
}

/// The path of an election.
pub fn election_path(name: &str) -> String {
    format!("/elections/{}", percent(name))
}

/// Grants a lease of this many seconds; returns its id.
pub async fn grant_lease(api: &Client, ttl: i64) -> String {
    let lease = api.post("/leases", &json!({"ttl": ttl})).send().await;
    text(&lease.json(201)["id"])
}

/// Creates a key attached to a lease; returns the response.
pub async fn create_leased(api: &Client, key: &str, value: &str, lease: &str) -> Value {
    let path = format!("{}&lease={lease}", key_query(key));
    api.put(&path, value.to_owned()).send().await.json(201)
}

/// The transaction of a lock on a single key: puts it, attached to a lease, if it is absent.
pub async fn put_if_absent(api: &Client, key: &str, value: &str, lease: &str) -> Value {
    let txn = json!({
        "compare": [{"key": key, "target": "create_revision", "op": "=", "value": 0}],
        "then": [{"put": {"key": key, "value": value, "lease": lease}}],
        "else": [{"get": {"key": key}}],
    });
    api.post("/txn", &txn).send().await.json(200)
}

/// Opens a stream that holds a lease, a lock or leadership until it ends, as `curl -N --json` does.
pub async fn hold(api: &Client, path: &str, body: &Value) -> Stream {
    Stream::ndjson(api.post(path, body)).await
}

/// The next message of a hold except `renewed`.
pub async fn next_after_renewals(stream: &mut Stream) -> Value {
    loop {
        let message = stream.next().await;
        if message["type"] != "renewed" {
            return message;
        }
    }
}

/// Waits until a lease has ended.
pub async fn wait_for_lease_end(api: &Client, lease: &str, deadline: Duration) {
    eventually("the lease has ended", deadline, async || {
        let response = api.get(&format!("/leases/{lease}")).send().await;
        ensure(response.status == 404, || response.text())
    })
    .await;
}

/// Waits until a key is absent.
pub async fn wait_for_key_deletion(api: &Client, key: &str, deadline: Duration) {
    eventually("the key is deleted", deadline, async || {
        let response = api.get(&key_query(key)).send().await;
        ensure(response.status == 404, || response.text())
    })
    .await;
}

/// The keys under a prefix, all of which are text.
pub async fn keys_under(api: &Client, prefix: &str) -> Vec<String> {
    let path = format!("/kv?prefix={}", percent(prefix));
    let page = api.get(&path).send().await.json(200);
    let entries = page["entries"].as_array().expect("entries");
    entries.iter().map(|entry| text(&entry["key"])).collect()
}

/// Waits until there are this many keys under a prefix; returns them.
pub async fn wait_for_keys(api: &Client, prefix: &str, count: usize) -> Vec<String> {
    eventually("the number of keys", DEADLINE, async || {
        let keys = keys_under(api, prefix).await;
        ensure(keys.len() == count, || format!("{keys:?}"))?;
        Ok(keys)
    })
    .await
}

/// Waits until a lock has this many waiters; returns it.
pub async fn wait_for_waiters(api: &Client, name: &str, count: usize) -> Value {
    wait_for_lock(api, name, |lock| length(&lock["waiters"]) == count).await
}

/// Waits until a lock satisfies `is`; returns it.
pub async fn wait_for_lock(api: &Client, name: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually("the state of the lock", DEADLINE, async || {
        found(api, &lock_path(name), &is).await
    })
    .await
}

/// Waits until an election has this many candidates after the leader; returns it.
pub async fn wait_for_candidates(api: &Client, name: &str, count: usize) -> Value {
    eventually("the number of candidates", DEADLINE, async || {
        let is = |election: &Value| length(&election["candidates"]) == count;
        found(api, &election_path(name), is).await
    })
    .await
}

async fn found(api: &Client, path: &str, is: impl Fn(&Value) -> bool) -> Result<Value, String> {
    let response = api.get(path).send().await;
    ensure(response.status == 200, || response.text())?;
    let found = response.json(200);
    ensure(is(&found), || found.to_string())?;
    Ok(found)
}

fn length(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}
