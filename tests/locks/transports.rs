//! Holds by NDJSON, server-sent events and WebSockets carry the same objects.

use serde_json::json;
use std::time::Duration;
use support::locks::{
    election_path, grant_lease, lock_path, next_after_renewals, wait_for_key_deletion,
    wait_for_lease_end,
};
use support::stream::Ended;
use support::{Stream, World, text};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn leases_are_held_by_every_transport() {
    let world = World::new("transports").await;
    let lease = grant_lease(&world.api, 3).await;
    let path = format!("/leases/{lease}/hold");
    let post = || world.api.post_empty(&path);
    let streams = [
        Stream::ndjson(post()).await,
        Stream::sse(post(), "").await,
        Stream::socket(&world.api, &path).await,
    ];
    for mut held in streams {
        assert_eq!(
            held.expect_type("granted").await,
            json!({"type": "granted", "lease": lease, "ttl": 3})
        );
        assert_eq!(
            held.expect_type("renewed").await,
            json!({"type": "renewed", "ttl": 3})
        );
    }
    let path = "/leases/hold?ttl=5&on_close=revoke";
    let mut session = Stream::socket(&world.api, path).await;
    let lease = text(&session.expect_type("granted").await["lease"]);
    drop(session);
    wait_for_lease_end(&world.api, &lease, SOON).await;
}

#[tokio::test]
async fn a_lock_is_held_by_a_socket() {
    let world = World::new("socket").await;
    let name = world.key("lock");
    let k = lock_path(&name);
    let path = format!("{k}/hold?ttl=4&holder=socket");
    let mut held = Stream::socket(&world.api, &path).await;
    let acquired = held.expect_type("acquired").await;
    let lock = world.api.get(&k).send().await.json(200);
    assert_eq!(lock["holder"]["name"], "socket");
    assert_eq!(lock["holder"]["granted_ttl"], 4);
    held.expect_type("renewed").await;
    // The socket accepts no messages, and a message does not end it.
    held.send(&json!({"op": "watch", "id": "w", "prefix": ""}))
        .await;
    let refused = next_after_renewals(&mut held).await;
    assert_eq!(
        (&refused["type"], &refused["code"]),
        (&json!("error"), &json!("unsupported"))
    );
    held.expect_type("renewed").await;
    let by_token = format!("{k}?fencing_token={}", acquired["fencing_token"]);
    world.api.delete(&by_token).send().await.json(200);
    assert_eq!(next_after_renewals(&mut held).await["type"], "lost");
    assert_eq!(
        held.wait_for_end(SOON).await,
        Ended::Orderly(Some(CloseCode::Normal))
    );
}

#[tokio::test]
async fn leadership_is_held_by_every_transport() {
    let world = World::new("candidates").await;
    let name = world.key("election");
    let path = format!("{}/hold", election_path(&name));
    let body = json!({"value": "v", "ttl": 60});
    let mut socket = Stream::socket(&world.api, &format!("{path}?value=v&ttl=60")).await;
    let elected = socket.expect_type("elected").await;
    drop(socket);
    wait_for_key_deletion(&world.api, &text(&elected["key"]), SOON).await;
    let mut sse = Stream::sse(world.api.post(&path, &body), "").await;
    let elected = sse.expect_type("elected").await;
    drop(sse);
    wait_for_key_deletion(&world.api, &text(&elected["key"]), SOON).await;
    let observe = format!("{}/observe", election_path(&name));
    let mut observers = Stream::by_every_transport(&world.api, &observe).await;
    let mut held = Stream::ndjson(world.api.post(&path, &body)).await;
    held.expect_type("elected").await;
    for observer in &mut observers {
        let leader = observer.expect_type("leader").await;
        assert_eq!(leader["value"], "v");
        assert!(leader["revision"].as_i64() <= leader["mod_revision"].as_i64());
    }
}

#[tokio::test]
async fn an_invalid_upgrade_is_refused_with_its_status() {
    let world = World::new("upgrades").await;
    let upgrade_error = async |path: &str| Stream::try_socket(&world.api, path, &[]).await.err();
    assert_eq!(
        upgrade_error("/leases/77/hold").await.as_deref(),
        Some("404")
    );
    assert_eq!(
        upgrade_error("/leases/hold?lease=77").await.as_deref(),
        Some("422")
    );
    assert_eq!(
        upgrade_error("/leases/hold?ttl=five").await.as_deref(),
        Some("400")
    );
    assert_eq!(
        upgrade_error("/leases/hold?tll=5").await.as_deref(),
        Some("400")
    );
    let e = election_path(&world.key("election"));
    assert_eq!(
        upgrade_error(&format!("{e}/hold")).await.as_deref(),
        Some("400")
    );
    // A page of another site cannot hold anything in the user's name.
    let foreign = [("origin", "https://evil.example")];
    let refused = Stream::try_socket(&world.api, "/leases/hold", &foreign).await;
    assert_eq!(refused.err().as_deref(), Some("403"));
}
