//! What a caller who waits may count on: `?timeout=` is of etcd's answers, not of the waiting, and the
//! lease that the gateway grants is alive until the answer, fresh in it, and the caller's own from then on.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use support::gateway::InProcess;
use support::http::Ask;
use support::{Client, Etcd, World, spawn};
use tokio::time::Instant;

use crate::common::{key_gone, lease_gone, route, text};

/// A lock and an election are queues alike.
const QUEUES: [&str; 2] = ["locks", "elections"];
const GONE: Duration = Duration::from_secs(5);

/// Asks for the first place of a queue.
fn first_place(api: &Client, kind: &str, name: &str, query: &str, body: &Value) -> Ask {
    let path = route(kind, name);
    if kind == "locks" {
        return api.post(&format!("{path}{query}"), body);
    }
    let mut body = body.clone();
    body["value"] = json!("v");
    api.post(&format!("{path}/campaign{query}"), &body)
}

/// Takes the first place for so many seconds: nobody renews its lease.
async fn taken_for(world: &World, kind: &str, name: &str, ttl: i64) -> Value {
    let taken = first_place(&world.api, kind, name, "", &json!({"ttl": ttl}));
    taken.send().await.json(201)
}

#[tokio::test]
async fn a_timeout_does_not_cover_the_waiting() {
    let world = World::new("timeout").await;
    let outlasts = async |kind: &str| {
        let name = world.key(kind);
        let before = taken_for(&world, kind, &name, 2).await;
        let asked = Instant::now();
        let short = "?timeout=500ms";
        let got = first_place(&world.api, kind, &name, short, &json!({"wait": 5}));
        let got = got.send().await.json(201);
        assert!(asked.elapsed() > Duration::from_secs(1), "it had to wait");
        assert_ne!(got["key"], before["key"]);
    };
    join_all(QUEUES.map(outlasts)).await;
}

#[tokio::test]
async fn etcd_has_five_seconds_beyond_the_wait_for_its_answers() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.write("k", "v").await;
    etcd.proxy.stall();
    let asked = QUEUES.map(|kind| {
        let ask = first_place(&api, kind, kind, "?timeout=500ms", &json!({"wait": 1}));
        spawn(ask.send())
    });
    // Meanwhile whoever does not wait is given up, three times in a row.
    for _ in 0..3 {
        let away = api.get("/kv?key=k&timeout=500ms").send().await;
        away.problem(504, "timeout");
    }
    etcd.proxy.restore();
    for answer in asked {
        answer.await.expect("no panic").json(201);
    }
}

#[tokio::test]
async fn a_lease_that_was_granted_is_left_to_the_caller() {
    let world = World::new("left").await;
    let is_left = async |kind: &str| {
        let name = world.key(kind);
        let got = taken_for(&world, kind, &name, 2).await;
        key_gone(&world, &text(&got["key"]), GONE).await;
        lease_gone(&world, &text(&got["lease"]), GONE).await;
        // The same where it had to be kept alive for longer than its time, to be waited with.
        taken_for(&world, kind, &name, 5).await;
        let asked = Instant::now();
        let waits = json!({"ttl": 2, "wait": 15});
        let got = first_place(&world.api, kind, &name, "", &waits);
        let got = got.send().await.json(201);
        assert!(asked.elapsed() > Duration::from_secs(4), "it had to wait");
        let key = text(&got["key"]);
        assert_eq!(world.api.read(&key).await["lease"], got["lease"]);
        key_gone(&world, &key, GONE).await;
        lease_gone(&world, &text(&got["lease"]), GONE).await;
    };
    join_all(QUEUES.map(is_left)).await;
}

#[tokio::test]
async fn a_lease_that_was_waited_with_is_answered_fresh() {
    let world = World::new("fresh").await;
    let is_fresh = async |kind: &str| {
        let name = world.key(kind);
        taken_for(&world, kind, &name, 2).await;
        let asked = Instant::now();
        // The keeper's own beat would come after 20 s.
        let waits = json!({"ttl": 60, "wait": 10});
        let got = first_place(&world.api, kind, &name, "", &waits);
        let got = got.send().await.json(201);
        let answered = Instant::now();
        assert!(answered - asked > Duration::from_millis(1_500));
        let lease = format!("/leases/{}", text(&got["lease"]));
        let lease = world.api.get(&lease).send().await.json(200);
        // etcd leaves out what a second lacks.
        let least = 59 - answered.elapsed().as_secs() as i64;
        assert!(lease["ttl"].as_i64() >= Some(least), "{lease}");
        assert_eq!(lease["granted_ttl"], 60);
    };
    join_all(QUEUES.map(is_fresh)).await;
}
