//! Locks (etcd's own case 19), their order, and waiters that go.

use serde_json::{Value, json};
use support::{DEADLINE, eventually, when};

use crate::case;
use crate::side::{Results, Side, text};

case!(a_lock_is_taken_and_given_back, tls, |side| {
    let lock = json!({"name": side.key("lock1")});
    let answer = side.call("/v3/lock/lock", &lock).await;
    let key = text(&answer["key"]);
    let name = format!("{}lock1/", side.prefix);
    assert!(key.starts_with(&name), "{key}");
    let held = side
        .call("/v3/kv/range", &json!({"key": answer["key"]}))
        .await;
    let lease = held["kvs"][0]["lease"].as_str().expect("a lease");
    let lease: i64 = lease.parse().expect("digits");
    assert_eq!(key, format!("{name}{lease:x}"));
    let unlock = json!({"key": answer["key"]});
    let answer = side.call("/v3/lock/unlock", &unlock).await;
    assert!(answer["header"]["revision"].is_string());
    assert!(side.keys("lock1").await.is_empty());
    // Once more is no error.
    let answer = side.call("/v3/lock/unlock", &unlock).await;
    assert!(answer["header"]["revision"].is_string());
});

case!(the_same_lease_locks_once, |side| {
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let lock = json!({"name": side.key("l"), "lease": granted["ID"]});
    let first = side.call("/v3/lock/lock", &lock).await;
    let second = side.call("/v3/lock/lock", &lock).await;
    assert_eq!(first["key"], second["key"]);
    let unknown = json!({"name": side.key("l2"), "lease": "12345678901"});
    let message = side.refused("/v3/lock/lock", &unknown, 500, 2).await;
    assert!(message.contains("requested lease not found"), "{message}");
});

/// Waits until the queue has so many keys.
async fn queued(side: &Side, name: &str, count: usize) {
    eventually("the queue has its length", DEADLINE, async || {
        let keys = side.keys(name).await;
        when(keys.len() == count, || format!("{keys:?}"))
    })
    .await;
}

/// Begins to wait; the answer is still to come.
fn waiting(side: &Side, name: &str) -> tokio::task::JoinHandle<Value> {
    let ask = side.ask("/v3/lock/lock", &json!({"name": side.key(name)}));
    support::spawn(async move {
        let answer = ask.send().await.expect(200);
        serde_json::from_slice(&answer.body).expect("JSON")
    })
}

case!(waiters_get_the_lock_in_their_order, |side| {
    let first = side
        .call("/v3/lock/lock", &json!({"name": side.key("q")}))
        .await;
    let second = waiting(side, "q");
    queued(side, "q", 2).await;
    let third = waiting(side, "q");
    queued(side, "q", 3).await;
    side.call("/v3/lock/unlock", &json!({"key": first["key"]}))
        .await;
    let second = second.await.expect("it gets the lock");
    assert!(!third.is_finished());
    queued(side, "q", 2).await;
    side.call("/v3/lock/unlock", &json!({"key": second["key"]}))
        .await;
    let third = third.await.expect("it gets the lock");
    assert_eq!(side.keys("q").await, [text(&third["key"])]);
});

case!(a_waiter_that_goes_leaves_no_key, |side| {
    side.call("/v3/lock/lock", &json!({"name": side.key("w")}))
        .await;
    let waiter = waiting(side, "w");
    queued(side, "w", 2).await;
    waiter.abort();
    queued(side, "w", 1).await;
});

case!(a_waiter_of_a_campaign_that_goes_leaves_no_key, |side| {
    let campaign = json!({"name": side.key("c"), "value": "YQ=="});
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let mut first = campaign.clone();
    first["lease"] = granted["ID"].clone();
    side.call("/v3/election/campaign", &first).await;
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let mut second = campaign;
    second["lease"] = granted["ID"].clone();
    let ask = side.ask("/v3/election/campaign", &second);
    let waiter = support::spawn(async move { Results::of(ask).await.status });
    queued(side, "c", 2).await;
    waiter.abort();
    queued(side, "c", 1).await;
});
