//! Waiting for a lock or an election. `?timeout=` limits etcd's responses, not the wait. A lease that the
//! gateway grants is renewed until the response and once more just before it, and not after it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use support::gateway::InProcess;
use support::http::Request;
use support::locks::{election_path, lock_path, wait_for_key_deletion, wait_for_lease_end};
use support::{Client, Etcd, World, spawn, text};
use tokio::time::Instant;

/// Locks and elections are queues of the same form.
const QUEUES: [&str; 2] = ["locks", "elections"];
const EXPIRY: Duration = Duration::from_secs(5);

/// A request to acquire a lock or to campaign.
fn acquire(api: &Client, kind: &str, name: &str, query: &str, body: &Value) -> Request {
    if kind == "locks" {
        return api.post(&format!("{}{query}", lock_path(name)), body);
    }
    let mut body = body.clone();
    body["value"] = json!("v");
    api.post(&format!("{}/campaign{query}", election_path(name)), &body)
}

/// Acquires the lock or leadership for this many seconds: the lease is not renewed.
async fn acquire_with_ttl(world: &World, kind: &str, name: &str, ttl: i64) -> Value {
    let taken = acquire(&world.api, kind, name, "", &json!({"ttl": ttl}));
    taken.send().await.json(201)
}

#[tokio::test]
async fn timeout_does_not_limit_the_wait() {
    let world = World::new("timeout").await;
    let outlasts = async |kind: &str| {
        let name = world.key(kind);
        let before = acquire_with_ttl(&world, kind, &name, 2).await;
        let start = Instant::now();
        let short = "?timeout=500ms";
        let got = acquire(&world.api, kind, &name, short, &json!({"wait": 5}));
        let got = got.send().await.json(201);
        assert!(
            start.elapsed() > Duration::from_secs(1),
            "the request had to wait"
        );
        assert_ne!(got["key"], before["key"]);
    };
    join_all(QUEUES.map(outlasts)).await;
}

#[tokio::test]
async fn etcd_may_respond_up_to_5_seconds_after_the_wait() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.write("k", "v").await;
    etcd.proxy.stall();
    let waiting = QUEUES.map(|kind| {
        let request = acquire(&api, kind, kind, "?timeout=500ms", &json!({"wait": 1}));
        spawn(request.send())
    });
    // Meanwhile requests that do not wait time out, three times in a row.
    for _ in 0..3 {
        let read = api.get("/kv?key=k&timeout=500ms").send().await;
        read.problem(504, "timeout");
    }
    etcd.proxy.restore();
    for response in waiting {
        response.await.expect("no panic").json(201);
    }
}

#[tokio::test]
async fn a_granted_lease_is_not_renewed_after_the_response() {
    let world = World::new("expires").await;
    let expires = async |kind: &str| {
        let name = world.key(kind);
        let got = acquire_with_ttl(&world, kind, &name, 2).await;
        wait_for_key_deletion(&world.api, &text(&got["key"]), EXPIRY).await;
        wait_for_lease_end(&world.api, &text(&got["lease"]), EXPIRY).await;
        // Likewise for a lease that had to be renewed during the wait.
        acquire_with_ttl(&world, kind, &name, 5).await;
        let start = Instant::now();
        let waits = json!({"ttl": 2, "wait": 15});
        let got = acquire(&world.api, kind, &name, "", &waits);
        let got = got.send().await.json(201);
        assert!(
            start.elapsed() > Duration::from_secs(4),
            "the request had to wait"
        );
        let key = text(&got["key"]);
        assert_eq!(world.api.read(&key).await["lease"], got["lease"]);
        wait_for_key_deletion(&world.api, &key, EXPIRY).await;
        wait_for_lease_end(&world.api, &text(&got["lease"]), EXPIRY).await;
    };
    join_all(QUEUES.map(expires)).await;
}

#[tokio::test]
async fn a_lease_is_renewed_just_before_the_response() {
    let world = World::new("fresh").await;
    let is_renewed = async |kind: &str| {
        let name = world.key(kind);
        acquire_with_ttl(&world, kind, &name, 2).await;
        let start = Instant::now();
        // The periodic renewal would come after 20 s only.
        let waits = json!({"ttl": 60, "wait": 10});
        let got = acquire(&world.api, kind, &name, "", &waits);
        let got = got.send().await.json(201);
        let received = Instant::now();
        assert!(received - start > Duration::from_millis(1_500));
        let lease = format!("/leases/{}", text(&got["lease"]));
        let lease = world.api.get(&lease).send().await.json(200);
        // etcd rounds down to whole seconds.
        let least = 59 - received.elapsed().as_secs() as i64;
        assert!(lease["ttl"].as_i64() >= Some(least), "{lease}");
        assert_eq!(lease["granted_ttl"], 60);
    };
    join_all(QUEUES.map(is_renewed)).await;
}
