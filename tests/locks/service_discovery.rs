//! Service discovery with held leases, and settings that are reloaded when they change.

use std::time::Duration;

use serde_json::json;
use support::locks::{create_leased, grant_lease, hold};
use support::{Curl, Stream, World, key_query, percent, text};
use tokio::time::Instant;

#[tokio::test]
async fn watchers_see_an_instance_appear_and_disappear() {
    let world = World::new("instance").await;
    let folder = world.key("services/checkout/");
    let watch = format!("/watch?prefix={}", percent(&folder));
    let mut watcher = Stream::ndjson(world.api.get(&watch)).await;
    watcher.expect_type("opened").await;
    let mut session = hold(&world.api, "/leases/hold", &json!({"ttl": 5})).await;
    let lease = text(&session.expect_type("granted").await["lease"]);
    let instance = format!("{folder}10.0.0.1:8080");
    create_leased(&world.api, &instance, "{}", &lease).await;
    let appeared = watcher.expect_type("events").await;
    assert_eq!(appeared["events"][0]["key"], instance);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(7) {
        session.expect_type("renewed").await;
    }
    // The process ends: its connection is closed, and its registration is deleted.
    drop(session);
    let ended = Instant::now();
    let disappeared = watcher.expect_type("events").await;
    assert_eq!(disappeared["events"][0]["type"], "delete");
    assert!(
        ended.elapsed() < Duration::from_secs(6),
        "{:?}",
        ended.elapsed()
    );
    // Likewise for an instance that renews its lease itself and cannot revoke it.
    let lease = grant_lease(&world.api, 3).await;
    create_leased(&world.api, &instance, "{}", &lease).await;
    watcher.expect_type("events").await;
    world
        .api
        .post_empty(&format!("/leases/{lease}/keepalive"))
        .send()
        .await
        .json(200);
    let ended = Instant::now();
    let disappeared = watcher.expect_type("events").await;
    assert_eq!(disappeared["events"][0]["type"], "delete");
    assert!(
        ended.elapsed() < Duration::from_secs(5),
        "{:?}",
        ended.elapsed()
    );
}

#[tokio::test]
async fn a_killed_instance_disappears_within_its_ttl_plus_a_second() {
    let world = World::new("killed-instance").await;
    let folder = world.key("services/checkout/");
    let watch = format!("/watch?prefix={}", percent(&folder));
    let mut watcher = Stream::ndjson(world.api.get(&watch)).await;
    watcher.expect_type("opened").await;
    // The lease is not revoked when the connection closes: after `kill -9` it has to expire.
    let session = json!({"ttl": 5, "on_close": "orphan"}).to_string();
    let mut process = Curl::start(&world.api, "/leases/hold", &["--json", &session]);
    let lease = text(&process.expect_type("granted").await["lease"]);
    let instance = format!("{folder}10.0.0.1:8080");
    create_leased(&world.api, &instance, "{}", &lease).await;
    assert_eq!(
        watcher.expect_type("events").await["events"][0]["key"],
        instance
    );
    let start = Instant::now();
    let mut renewed = start;
    while start.elapsed() < Duration::from_secs(6) {
        process.expect_type("renewed").await;
        renewed = Instant::now();
    }
    process.kill().await;
    let disappeared = watcher.expect_type("events").await;
    assert_eq!(disappeared["events"][0]["type"], "delete");
    let elapsed = renewed.elapsed();
    let expected = Duration::from_secs(4)..Duration::from_secs(6);
    assert!(
        expected.contains(&elapsed),
        "deleted {elapsed:?} after its last renewal"
    );
}

#[tokio::test]
async fn watchers_see_each_version_of_a_setting_once_in_order() {
    let world = World::new("reload").await;
    let key = world.key("config/limits.json");
    let watch = format!("/watch?key={}", percent(&key));
    let mut watcher = Stream::ndjson(world.api.get(&watch)).await;
    watcher.expect_type("opened").await;
    let mut tag = String::new();
    let mut last = 0;
    for version in 1..=20 {
        let put = world.api.put(&key_query(&key), format!("v{version}"));
        let put = if tag.is_empty() {
            put.header("if-none-match", "*")
        } else {
            put.header("if-match", &tag)
        };
        let response = put.send().await;
        tag = response.header("etag").to_owned();
        last = response.revision();
    }
    // An edit of an outdated version overwrites nothing.
    let stale = world
        .api
        .put(&key_query(&key), "lost")
        .header("if-match", "\"1\"");
    stale.send().await.problem(412, "precondition_failed");
    let seen: Vec<_> = watcher
        .until(last)
        .await
        .iter()
        .map(|event| (text(&event["value"]), event["version"].clone()))
        .collect();
    let expected: Vec<_> = (1..=20)
        .map(|version| (format!("v{version}"), json!(version)))
        .collect();
    assert_eq!(seen, expected);
}
