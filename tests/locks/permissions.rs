//! Holds and observers of users whose permission, token or account ends meanwhile.

use std::time::Duration;

use serde_json::json;
use support::auth;
use support::locks::{
    create_leased, election_path, hold, next_after_renewals, wait_for_key_deletion,
    wait_for_lease_end,
};
use support::{AuthWorld, DEADLINE, Grant, Stream, ensure, eventually, text, tools};
use tokio::time::Instant;

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn observing_without_permission_is_refused_before_the_stream() {
    let world = AuthWorld::start(&[]).await;
    let other = election_path("/other/e");
    let refused = world.app.get(&format!("{other}/observe")).send().await;
    refused.problem(403, "forbidden");
    let unknown = world.gateway.api().with_password("nobody", "wrong");
    let refused = unknown.get(&format!("{other}/observe")).send().await;
    refused.problem(401, "unauthenticated");
}

#[tokio::test]
async fn leaders_are_delivered_only_while_the_observer_may_read_them() {
    let mut world = AuthWorld::start(&[]).await;
    let e = election_path("/app/e");
    let observe = format!("{e}/observe");
    let bearer = world.bearer().await;
    let led = world
        .all
        .post(&format!("{e}/campaign"), &json!({"value": "one"}));
    let led = led.send().await.json(201);
    let mut observers = Vec::new();
    for client in [&world.app, &bearer] {
        let mut observer = Stream::ndjson(client.get(&observe)).await;
        assert_eq!(observer.expect_type("leader").await["value"], "one");
        observers.push(observer);
    }
    let mut kept = Stream::ndjson(world.all.get(&observe)).await;
    kept.expect_type("leader").await;
    let proclaim = async |value: &str| {
        let proclaim = json!({"key": led["key"], "revision": led["revision"], "value": value});
        let proclaim = world.all.post(&format!("{e}/proclaim"), &proclaim);
        proclaim.send().await.json(200);
    };
    // The observers receive leaders until the permission is revoked.
    proclaim("two").await;
    for observer in observers.iter_mut().chain([&mut kept]) {
        assert_eq!(observer.expect_type("leader").await["value"], "two");
    }
    auth::revoke(&mut world.root, "app", "/app/").await;
    for observer in &mut observers {
        assert_eq!(observer.expect_type("error").await["code"], "forbidden");
        observer.wait_for_end(SOON).await;
    }
    proclaim("three").await;
    assert_eq!(kept.expect_type("leader").await["value"], "three");

    // The observer of a deleted user ends, too.
    auth::grant(&mut world.root, "app", Grant::Read, "/app/").await;
    let mut observer = Stream::ndjson(world.app.get(&observe)).await;
    observer.expect_type("leader").await;
    world
        .root
        .user_delete("app")
        .await
        .expect("etcd deletes a user");
    observer.expect_type("error").await;
    observer.wait_for_end(SOON).await;
}

#[tokio::test]
async fn holds_end_with_the_permission() {
    let mut world = AuthWorld::start(&[]).await;
    let body = json!({"value": "x", "ttl": 3});
    let mut led = hold(&world.app, "/elections/%2Fapp%2Fe/hold", &body).await;
    let body = json!({"ttl": 3});
    let mut held = hold(&world.app, "/locks/%2Fapp%2Fl/hold", &body).await;
    let mut keys = vec![
        text(&led.expect_type("elected").await["key"]),
        text(&held.expect_type("acquired").await["key"]),
    ];
    let waiter = hold(&world.app, "/locks/%2Fapp%2Fl/hold", &body).await;
    let mut session = hold(&world.app, "/leases/hold", &body).await;
    let lease = text(&session.expect_type("granted").await["lease"]);
    create_leased(&world.app, "/app/service", "", &lease).await;
    keys.push("/app/service".to_owned());
    auth::revoke(&mut world.root, "app", "/app/").await;
    // Older servers renew any lease; there the holds end when the client disconnects.
    let refuses_renewals = tools::etcd_version() >= (3, 5, 0);
    for mut stream in [led, held, waiter, session] {
        if refuses_renewals {
            let lost = next_after_renewals(&mut stream).await;
            assert_eq!(lost["type"], "lost", "{lost}");
            stream.wait_for_end(SOON).await;
        }
    }
    // The gateway may not delete the keys in the user's name: they are deleted with their leases.
    for key in keys {
        wait_for_key_deletion(&world.all, &key, DEADLINE).await;
    }
    let locked = world.all.get("/locks/%2Fapp%2Fl").send().await;
    assert!(matches!(locked.status.as_u16(), 200 | 404), "{locked:?}");
}

#[tokio::test]
async fn holds_outlive_the_token() {
    let world = AuthWorld::start(&["--auth-token-ttl=1"]).await;
    let body = json!({"ttl": 3});
    let mut held = hold(&world.app, "/locks/%2Fapp%2Fl/hold", &body).await;
    let key = text(&held.expect_type("acquired").await["key"]);
    let mut waiter = hold(&world.app, "/locks/%2Fapp%2Fl/hold", &body).await;
    let mut session = hold(&world.app, "/leases/hold", &body).await;
    let lease = text(&session.expect_type("granted").await["lease"]);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        assert_eq!(held.expect_type("renewed").await["ttl"], 3);
        assert_eq!(session.expect_type("renewed").await["ttl"], 3);
    }
    drop((held, session));
    wait_for_key_deletion(&world.all, &key, SOON).await;
    waiter.expect_type("acquired").await;
    wait_for_lease_end(&world.all, &lease, SOON).await;
}

#[tokio::test]
async fn a_limited_users_list_does_not_wait_for_keys_it_cannot_read() {
    let world = AuthWorld::start(&[]).await;
    let held = world.app.post("/locks/%2Fapp%2Fl", &json!({"ttl": 600}));
    held.send().await.json(201);
    // The user may not read this key, so etcd does not list the leases for the user.
    let held = world.all.post("/locks/%2Fother%2Fl", &json!({"ttl": 600}));
    held.send().await.json(201);
    let listed = async || {
        let list = world.app.get("/locks").send().await.json(200);
        list["locks"][0]["name"] == "/app/l"
    };
    eventually("the user's lock is listed", DEADLINE, async || {
        ensure(listed().await, || "not yet".to_owned())
    })
    .await;
    let start = Instant::now();
    for round in 0..4 {
        world.all.write("/other/x", round.to_string()).await;
        assert!(listed().await);
    }
    // Each request would take 2 s if it waited for a revision that the user's watches never deliver.
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
}
