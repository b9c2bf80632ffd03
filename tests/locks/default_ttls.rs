//! Default TTLs of sessions and of keys in a queue.

use serde_json::{Value, json};
use support::locks::{election_path, hold, lock_path};
use support::{Stream, World, text};

#[tokio::test]
async fn the_default_ttl_of_a_session_is_60_seconds() {
    let world = World::new("session").await;
    let (path, nothing) = ("/leases/hold", json!({}));
    let by_post = hold(&world.api, path, &nothing);
    let without_a_body = Stream::ndjson(world.api.post_empty(path));
    let by_socket = Stream::socket(&world.api, path);
    let (mut a, mut b, mut c) = tokio::join!(by_post, without_a_body, by_socket);
    for session in [&mut a, &mut b, &mut c] {
        assert_eq!(session.expect_type("granted").await["ttl"], 60);
    }
}

#[tokio::test]
async fn the_default_ttl_of_a_queue_key_is_60_seconds() {
    let world = World::new("place").await;
    let api = &world.api;
    let lock = |name: &str| lock_path(&world.key(name));
    let election = |name: &str| election_path(&world.key(name));
    let is_60 = async |claim: &Value| {
        let path = format!("/leases/{}", text(&claim["lease"]));
        let lease = api.get(&path).send().await.json(200);
        assert_eq!(lease["granted_ttl"], 60, "{claim}");
    };
    let (nothing, value) = (json!({}), json!({"value": "v"}));
    for (path, body) in [
        (lock("lock"), &nothing),
        (format!("{}/campaign", election("campaign")), &value),
    ] {
        is_60(&api.post(&path, body).send().await.json(201)).await;
    }
    for (name, body, first) in [
        (lock("held"), &nothing, "acquired"),
        (election("stood"), &value, "elected"),
    ] {
        let mut held = hold(&world.api, &format!("{name}/hold"), body).await;
        is_60(&held.expect_type(first).await).await;
    }
    for (path, first) in [
        (format!("{}/hold", lock("by-socket")), "acquired"),
        (
            format!("{}/hold?value=v", election("by-socket-too")),
            "elected",
        ),
    ] {
        let mut held = Stream::socket(api, &path).await;
        is_60(&held.expect_type(first).await).await;
    }
}
