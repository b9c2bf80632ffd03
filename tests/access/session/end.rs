//! How sessions end: by signing out, and when etcd no longer accepts their password.

use std::time::Duration;

use serde_json::json;
use support::auth::ROOT;
use support::gateway::InProcess;
use support::locks::{hold, lock_path};
use support::stream::Ended;
use support::{AuthWorld, Client, DEADLINE, Stream, ensure, eventually, key_query, percent};

use super::{credentials, page, removes_cookie, sign_in};

const WATCH: &str = "/watch?prefix=/app/a";

/// A watch of `/app/` over each transport; all are open.
async fn watches(client: &Client) -> [Stream; 3] {
    let mut streams = Stream::by_every_transport(client, WATCH).await;
    for stream in &mut streams {
        stream.expect_type("opened").await;
    }
    streams
}

/// Reads until the streams have ended as those of an ended session do.
async fn wait_for_session_end(streams: [Stream; 3]) {
    let [mut ndjson, mut sse, mut socket] = streams;
    for stream in [&mut ndjson, &mut sse] {
        let closed = stream.expect_type("closed").await;
        assert_eq!(closed["code"], "unauthenticated", "{closed}");
        assert_eq!(stream.wait_for_end(DEADLINE).await, Ended::Orderly(None));
    }
    let ended = socket.wait_for_end(DEADLINE).await;
    assert_eq!(ended, Ended::Orderly(Some(4401_u16.into())));
}

#[tokio::test]
async fn signing_out_ends_the_streams_of_that_session_only() {
    let world = AuthWorld::start(&[]).await;
    let api = world.gateway.api();
    let (one, two) = (
        sign_in(&api, "app", "secret").await,
        sign_in(&api, "app", "secret").await,
    );
    let ending = watches(&one).await;
    let mut staying = watches(&two).await;
    let mut by_header = Stream::ndjson(world.app.get(WATCH)).await;
    by_header.expect_type("opened").await;
    // A hold ends, too, and releases what it holds.
    let lock = lock_path("/app/lock");
    let mut held = hold(&one, &format!("{lock}/hold"), &json!({"ttl": 60})).await;
    while held.next_any().await["type"] != "acquired" {}

    one.delete("/session").send().await.expect(204);
    wait_for_session_end(ending).await;
    held.wait_for_end(DEADLINE).await;
    eventually("the lock is released", DEADLINE, async || {
        let found = world.app.get(&lock).send().await;
        ensure(found.status == 404, || found.text())
    })
    .await;
    let revision = world.app.write("/app/a", "1").await;
    for stream in staying.iter_mut().chain([&mut by_header]) {
        assert_eq!(stream.until(revision).await.len(), 1);
    }
    two.get(&key_query("/app/a")).send().await.json(200);
    let refused = Stream::try_socket(&one, WATCH, &[]).await;
    assert_eq!(refused.err().as_deref(), Some("401"));
}

#[tokio::test]
async fn a_download_that_signing_out_interrupts_does_not_look_complete() {
    let world = AuthWorld::start(&[]).await;
    // More than the buffers between etcd and a client that does not read.
    let value = "v".repeat(1 << 20);
    for number in 0..40 {
        world
            .app
            .write(format!("/app/{number}"), value.clone())
            .await;
    }
    let app = sign_in(&world.gateway.api(), "app", "secret").await;
    let path = format!("/export?prefix={}", percent("/app/"));
    let head = app.get(&path).open().await.expect("a response");
    assert_eq!(head.status, 200);
    app.delete("/session").send().await.expect(204);
    let mut lines = support::stream::Lines::new(head);
    let mut last = String::new();
    let ended = loop {
        match lines.line().await {
            Ok(line) => last = line,
            Err(ended) => break ended,
        }
    };
    assert_eq!(ended, Ended::Broken);
    assert!(!last.contains("\"end\""), "the export was complete");
}

#[tokio::test]
async fn signing_in_again_ends_the_former_session() {
    let world = AuthWorld::start(&[]).await;
    let app = sign_in(&world.gateway.api(), "app", "secret").await;
    let streams = watches(&app).await;
    let request = app.post("/session", &credentials("root", ROOT));
    request.send().await.expect(201);
    wait_for_session_end(streams).await;
    app.get("/kv?prefix=/app/").send().await.expect(401);
    // A sign-in that fails ends nothing.
    let app = sign_in(&world.gateway.api(), "app", "secret").await;
    let request = app.post("/session", &credentials("root", "wrong"));
    request.send().await.expect(401);
    app.get("/kv?prefix=/app/").send().await.expect(200);
}

#[tokio::test]
async fn a_changed_password_ends_the_session() {
    let own = format!("root:{ROOT}");
    let mut world = AuthWorld::start(&[]).await;
    // A gateway whose own account could serve the request: a session never falls back to it.
    let gateway = InProcess::start(&world.etcd.url(), &["--user", &own]).await;
    let app = sign_in(&gateway.api(), "app", "secret").await;
    app.write("/app/a", "1").await;
    let changed = world.root.user_change_password("app", "newer").await;
    changed.expect("etcd changes a password");
    // Many requests of one page fail at the same time.
    let key = key_query("/app/a");
    let requests = (0..20).map(|_| app.get(&key).send());
    for refused in futures_util::future::join_all(requests).await {
        refused.problem(401, "unauthenticated");
    }
    let refused = app.get(&key).send().await;
    assert!(removes_cookie(&refused), "{refused:?}");
    refused.problem(401, "unauthenticated");
    // They did not use up the limit of failures: the user can sign in with the new password.
    let again = sign_in(&gateway.api(), "app", "newer").await;
    assert_eq!(again.read("/app/a").await["value"], "1");
    // The old cookie is refused even if the password is changed back.
    let changed = world.root.user_change_password("app", "secret").await;
    changed.expect("etcd changes a password");
    app.get(&key).send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_deleted_user_is_signed_out() {
    let mut world = AuthWorld::start(&[]).await;
    let app = sign_in(&world.gateway.api(), "app", "secret").await;
    app.write("/app/a", "1").await;
    let deleted = world.root.user_delete("app").await;
    deleted.expect("etcd deletes a user");
    let refused = eventually("the session has ended", DEADLINE, async || {
        let response = app.get(&key_query("/app/a")).send().await;
        match response.status.as_u16() {
            401 if removes_cookie(&response) => Ok(response),
            status => Err(status.to_string()),
        }
    })
    .await;
    refused.problem(401, "unauthenticated");
    let described = page(&app).get("/session").send().await.json(200);
    assert_eq!(described["acts_as"], "nobody");
}

#[tokio::test]
async fn a_damaged_cookie_is_removed_and_does_not_fall_back() {
    let own = format!("root:{ROOT}");
    let world = AuthWorld::start(&[]).await;
    let gateway = InProcess::start(&world.etcd.url(), &["--user", &own]).await;
    let api = gateway.api();
    let signed_in = sign_in(&api, "app", "secret").await;
    let (_, cookie) = signed_in.headers().last().expect("the cookie");
    let (name, value) = cookie.split_once('=').expect("a cookie");
    let flipped = if value.starts_with('A') { "B" } else { "A" };
    for damaged in [
        format!("{name}="),
        format!("{name}=nonsense"),
        format!("{name}={flipped}{}", &value[1..]),
        format!("{name}={}", &value[..value.len() / 2]),
        format!("{name}={}", "A".repeat(8000)),
        format!("{name}=%ff%00;;;=;"),
    ] {
        let damaged = page(&api).with_header("cookie", &damaged);
        let refused = damaged.get("/kv?prefix=").send().await;
        assert!(removes_cookie(&refused), "{refused:?}");
        refused.problem(401, "unauthenticated");
        // The sign-in page is not stuck.
        let described = damaged.get("/session").send().await.json(200);
        assert_eq!(described["acts_as"], "gateway");
        let request = damaged.post("/session", &credentials("app", "secret"));
        request.send().await.expect(201);
    }
    // Without the cookie the request acts as the gateway's account.
    let limit = tokio::time::timeout(Duration::from_secs(10), api.get("/kv?prefix=").send());
    limit.await.expect("responds").json(200);
}
