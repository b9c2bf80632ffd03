//! Locks: the case of etcd's own tests, the order of the queue, and waiters that disconnect.

use serde_json::{Value, json};
use support::{DEADLINE, ensure, eventually};

use crate::case;
use crate::side::{Results, Side, text};

case!(a_lock_is_acquired_and_released, tls, |side| {
    let lock = json!({"name": side.key("lock1")});
    let response = side.call("/v3/lock/lock", &lock).await;
    let key = text(&response["key"]);
    let name = format!("{}lock1/", side.prefix);
    assert!(key.starts_with(&name), "{key}");
    let held = side
        .call("/v3/kv/range", &json!({"key": response["key"]}))
        .await;
    let lease = held["kvs"][0]["lease"].as_str().expect("a lease");
    let lease: i64 = lease.parse().expect("digits");
    assert_eq!(key, format!("{name}{lease:x}"));
    let unlock = json!({"key": response["key"]});
    let response = side.call("/v3/lock/unlock", &unlock).await;
    assert!(response["header"]["revision"].is_string());
    assert!(side.keys("lock1").await.is_empty());
    // Releasing again is not an error.
    let response = side.call("/v3/lock/unlock", &unlock).await;
    assert!(response["header"]["revision"].is_string());
});

case!(locking_twice_with_one_lease_returns_the_same_key, |side| {
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let lock = json!({"name": side.key("l"), "lease": granted["ID"]});
    let first = side.call("/v3/lock/lock", &lock).await;
    let second = side.call("/v3/lock/lock", &lock).await;
    assert_eq!(first["key"], second["key"]);
    let unknown = json!({"name": side.key("l2"), "lease": "12345678901"});
    let message = side.expect_error("/v3/lock/lock", &unknown, 500, 2).await;
    assert!(message.contains("requested lease not found"), "{message}");
});

/// Waits until the queue has `count` keys.
async fn wait_for_queue(side: &Side, name: &str, count: usize) {
    eventually("the queue has its length", DEADLINE, async || {
        let keys = side.keys(name).await;
        ensure(keys.len() == count, || format!("{keys:?}"))
    })
    .await;
}

/// Starts a request for the lock; its response arrives once the lock is acquired.
fn start_waiting(side: &Side, name: &str) -> tokio::task::JoinHandle<Value> {
    let request = side.request("/v3/lock/lock", &json!({"name": side.key(name)}));
    support::spawn(async move {
        let response = request.send().await.expect(200);
        serde_json::from_slice(&response.body).expect("JSON")
    })
}

case!(waiters_acquire_the_lock_in_queue_order, |side| {
    let first = side
        .call("/v3/lock/lock", &json!({"name": side.key("q")}))
        .await;
    let second = start_waiting(side, "q");
    wait_for_queue(side, "q", 2).await;
    let third = start_waiting(side, "q");
    wait_for_queue(side, "q", 3).await;
    side.call("/v3/lock/unlock", &json!({"key": first["key"]}))
        .await;
    let second = second.await.expect("no panic");
    assert!(!third.is_finished());
    wait_for_queue(side, "q", 2).await;
    side.call("/v3/lock/unlock", &json!({"key": second["key"]}))
        .await;
    let third = third.await.expect("no panic");
    assert_eq!(side.keys("q").await, [text(&third["key"])]);
});

case!(a_disconnected_waiter_leaves_no_key, |side| {
    side.call("/v3/lock/lock", &json!({"name": side.key("w")}))
        .await;
    let waiter = start_waiting(side, "w");
    wait_for_queue(side, "w", 2).await;
    waiter.abort();
    wait_for_queue(side, "w", 1).await;
});

case!(a_disconnected_campaigner_leaves_no_key, |side| {
    let campaign = json!({"name": side.key("c"), "value": "YQ=="});
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let mut first = campaign.clone();
    first["lease"] = granted["ID"].clone();
    side.call("/v3/election/campaign", &first).await;
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let mut second = campaign;
    second["lease"] = granted["ID"].clone();
    let request = side.request("/v3/election/campaign", &second);
    let waiter = support::spawn(async move { Results::open(request).await.status });
    wait_for_queue(side, "c", 2).await;
    waiter.abort();
    wait_for_queue(side, "c", 1).await;
});
