//! W14: service discovery by held leases, and hot reload of settings.

use std::time::Duration;

use serde_json::json;
use support::{Curl, Stream, World, key_query, percent};
use tokio::time::Instant;

use crate::common::{grant, hold, post, text};

#[tokio::test]
async fn w14_an_instance_is_seen_to_come_and_go() {
    let world = World::new("w14").await;
    let folder = world.key("services/checkout/");
    let watch = format!("/watch?prefix={}", percent(&folder));
    let mut watcher = Stream::ndjson(world.api.get(&watch)).await;
    watcher.of("opened").await;
    let mut session = hold(&world, "/leases/hold", &json!({"ttl": 5})).await;
    let lease = text(&session.of("granted").await["lease"]);
    let instance = format!("{folder}10.0.0.1:8080");
    let put = world
        .api
        .put(&format!("{}&lease={lease}", key_query(&instance)), "{}");
    put.send().await.json(201);
    let came = watcher.of("events").await;
    assert_eq!(came["events"][0]["key"], instance);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(7) {
        session.of("renewed").await;
    }
    // The process dies: its connection ends, and its registration with it.
    drop(session);
    let died = Instant::now();
    let went = watcher.of("events").await;
    assert_eq!(went["events"][0]["type"], "delete");
    assert!(
        died.elapsed() < Duration::from_secs(6),
        "{:?}",
        died.elapsed()
    );
    // Also where the instance keeps its lease by itself and cannot say goodbye.
    let lease = grant(&world, 3).await;
    let put = world
        .api
        .put(&format!("{}&lease={lease}", key_query(&instance)), "{}");
    put.send().await.json(201);
    watcher.of("events").await;
    post(&world, &format!("/leases/{lease}/keepalive"))
        .send()
        .await
        .json(200);
    let died = Instant::now();
    let went = watcher.of("events").await;
    assert_eq!(went["events"][0]["type"], "delete");
    assert!(
        died.elapsed() < Duration::from_secs(5),
        "{:?}",
        died.elapsed()
    );
}

#[tokio::test]
async fn w14_a_process_killed_is_seen_to_go_within_its_ttl_and_a_second() {
    let world = World::new("w14-killed").await;
    let folder = world.key("services/checkout/");
    let watch = format!("/watch?prefix={}", percent(&folder));
    let mut watcher = Stream::ndjson(world.api.get(&watch)).await;
    watcher.of("opened").await;
    // Its lease is its own also at its end: what `kill -9` leaves has to run out.
    let session = json!({"ttl": 5, "on_close": "orphan"}).to_string();
    let mut process = Curl::start(&world.api, "/leases/hold", &["--json", &session]);
    let lease = text(&process.of("granted").await["lease"]);
    let instance = format!("{folder}10.0.0.1:8080");
    let put = format!("{}&lease={lease}", key_query(&instance));
    world.api.put(&put, "{}").send().await.json(201);
    assert_eq!(watcher.of("events").await["events"][0]["key"], instance);
    let begun = Instant::now();
    let mut renewed = begun;
    while begun.elapsed() < Duration::from_secs(6) {
        process.of("renewed").await;
        renewed = Instant::now();
    }
    process.kill().await;
    let went = watcher.of("events").await;
    assert_eq!(went["events"][0]["type"], "delete");
    let lived = renewed.elapsed();
    let expected = Duration::from_secs(4)..Duration::from_secs(6);
    assert!(
        expected.contains(&lived),
        "gone {lived:?} after its last renewal"
    );
}

#[tokio::test]
async fn w14_a_watcher_sees_each_version_once_in_order() {
    let world = World::new("w14-reload").await;
    let key = world.key("config/limits.json");
    let watch = format!("/watch?key={}", percent(&key));
    let mut watcher = Stream::ndjson(world.api.get(&watch)).await;
    watcher.of("opened").await;
    let mut tag = String::new();
    let mut last = 0;
    for version in 1..=20 {
        let put = world.api.put(&key_query(&key), format!("v{version}"));
        let put = if tag.is_empty() {
            put.header("if-none-match", "*")
        } else {
            put.header("if-match", &tag)
        };
        let answer = put.send().await;
        tag = answer.header("etag").to_owned();
        last = answer.revision();
    }
    // Somebody who edits what they read long ago overwrites nothing.
    let stale = world
        .api
        .put(&key_query(&key), "lost")
        .header("if-match", "\"1\"");
    stale.send().await.problem(412, "precondition_failed");
    let printed: Vec<_> = watcher
        .until(last)
        .await
        .iter()
        .map(|event| (text(&event["value"]), event["version"].clone()))
        .collect();
    let expected: Vec<_> = (1..=20)
        .map(|version| (format!("v{version}"), json!(version)))
        .collect();
    assert_eq!(printed, expected);
}
