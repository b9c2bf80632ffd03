//! What holds where the caller does not say.

use http::Method;
use serde_json::{Value, json};
use support::{Stream, World};

use crate::common::{hold, route, text};

#[tokio::test]
async fn a_session_has_sixty_seconds() {
    let world = World::new("session").await;
    let (path, nothing) = ("/leases/hold", json!({}));
    let by_post = hold(&world, path, &nothing);
    let without_a_body = Stream::ndjson(world.api.ask(Method::POST, path));
    let by_socket = Stream::socket(&world.api, path);
    let (mut a, mut b, mut c) = tokio::join!(by_post, without_a_body, by_socket);
    for session in [&mut a, &mut b, &mut c] {
        assert_eq!(session.of("granted").await["ttl"], 60);
    }
}

#[tokio::test]
async fn a_place_in_a_queue_has_a_lease_of_sixty_seconds() {
    let world = World::new("place").await;
    let api = &world.api;
    let lock = |name: &str| route("locks", &world.key(name));
    let election = |name: &str| route("elections", &world.key(name));
    let has_sixty = async |place: &Value| {
        let path = format!("/leases/{}", text(&place["lease"]));
        let lease = api.get(&path).send().await.json(200);
        assert_eq!(lease["granted_ttl"], 60, "{place}");
    };
    let (nothing, value) = (json!({}), json!({"value": "v"}));
    for (path, body) in [
        (lock("lock"), &nothing),
        (format!("{}/campaign", election("campaign")), &value),
    ] {
        has_sixty(&api.post(&path, body).send().await.json(201)).await;
    }
    for (name, body, first) in [
        (lock("held"), &nothing, "acquired"),
        (election("stood"), &value, "elected"),
    ] {
        let mut held = hold(&world, &format!("{name}/hold"), body).await;
        has_sixty(&held.of(first).await).await;
    }
    for (path, first) in [
        (format!("{}/hold", lock("by-socket")), "acquired"),
        (
            format!("{}/hold?value=v", election("by-socket-too")),
            "elected",
        ),
    ] {
        let mut held = Stream::socket(api, &path).await;
        has_sixty(&held.of(first).await).await;
    }
}
