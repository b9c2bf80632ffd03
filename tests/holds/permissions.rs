//! What users hold and follow whose permission, token or account ends meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::{Client, DEADLINE, Etcd, Grant, Stream, eventually, key_query, tools, when};
use tokio::time::Instant;

use crate::common::{beyond_renewals, route, text};

const SOON: Duration = Duration::from_secs(2);

struct World {
    etcd: Etcd,
    root: etcd_client::Client,
    gateway: InProcess,
    /// Signed in as a user who may do all below `/app/`.
    app: Client,
    /// Signed in as root.
    all: Client,
}

async fn world(etcd_flags: &[&str]) -> World {
    let etcd = Etcd::start_with(etcd_flags).await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Both, "/app/")]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    World {
        etcd,
        root,
        app: gateway.api().signed("app", "secret"),
        all: gateway.api().signed("root", ROOT),
        gateway,
    }
}

/// Waits until a key is no more, as root sees it.
async fn key_gone(world: &World, key: &str, deadline: Duration) {
    eventually("the key is gone", deadline, async || {
        let answer = world.all.get(&key_query(key)).send().await;
        when(answer.status == 404, || answer.text())
    })
    .await;
}

async fn hold(client: &Client, path: &str, body: &Value) -> Stream {
    Stream::ndjson(client.post(path, body)).await
}

#[tokio::test]
async fn whoever_may_not_read_an_election_is_refused_before_the_stream() {
    let world = world(&[]).await;
    let other = route("elections", "/other/e");
    let refused = world.app.get(&format!("{other}/observe")).send().await;
    refused.problem(403, "forbidden");
    let nobody = world.gateway.api().signed("nobody", "wrong");
    let refused = nobody.get(&format!("{other}/observe")).send().await;
    refused.problem(401, "unauthenticated");
}

#[tokio::test]
async fn leaders_are_told_only_to_whoever_may_still_read_them() {
    let mut world = world(&[]).await;
    let e = route("elections", "/app/e");
    let observe = format!("{e}/observe");
    let token = world.etcd.token_of("app", "secret").await;
    let bearer = world.gateway.api();
    let bearer = bearer.with("authorization", &format!("Bearer {token}"));
    let led = world
        .all
        .post(&format!("{e}/campaign"), &json!({"value": "one"}));
    let led = led.send().await.json(201);
    let mut observers = Vec::new();
    for client in [&world.app, &bearer] {
        let mut observer = Stream::ndjson(client.get(&observe)).await;
        assert_eq!(observer.of("leader").await["value"], "one");
        observers.push(observer);
    }
    let mut kept = Stream::ndjson(world.all.get(&observe)).await;
    kept.of("leader").await;
    let proclaim = async |value: &str| {
        let proclaim = json!({"key": led["key"], "revision": led["revision"], "value": value});
        let proclaim = world.all.post(&format!("{e}/proclaim"), &proclaim);
        proclaim.send().await.json(200);
    };
    // They follow the election until the permission is revoked, and no longer.
    proclaim("two").await;
    for observer in observers.iter_mut().chain([&mut kept]) {
        assert_eq!(observer.of("leader").await["value"], "two");
    }
    auth::revoke(&mut world.root, "app", "/app/").await;
    for observer in &mut observers {
        assert_eq!(observer.of("error").await["code"], "forbidden");
        observer.ended(SOON).await;
    }
    proclaim("three").await;
    assert_eq!(kept.of("leader").await["value"], "three");

    // A user who is no more.
    auth::grant(&mut world.root, "app", Grant::Read, "/app/").await;
    let mut observer = Stream::ndjson(world.app.get(&observe)).await;
    observer.of("leader").await;
    world
        .root
        .user_delete("app")
        .await
        .expect("etcd deletes a user");
    observer.of("error").await;
    observer.ended(SOON).await;
}

#[tokio::test]
async fn what_a_user_holds_ends_with_the_permission() {
    let mut world = world(&[]).await;
    let body = json!({"value": "x", "ttl": 3});
    let mut led = hold(&world.app, "/elections/%2Fapp%2Fe/hold", &body).await;
    let body = json!({"ttl": 3});
    let mut held = hold(&world.app, "/locks/%2Fapp%2Fl/hold", &body).await;
    let mut keys = vec![
        text(&led.of("elected").await["key"]),
        text(&held.of("acquired").await["key"]),
    ];
    let waiter = hold(&world.app, "/locks/%2Fapp%2Fl/hold", &body).await;
    let mut session = hold(&world.app, "/leases/hold", &body).await;
    let lease = text(&session.of("granted").await["lease"]);
    let put = format!("{}&lease={lease}", key_query("/app/service"));
    world.app.put(&put, "").send().await.json(201);
    keys.push("/app/service".to_owned());
    auth::revoke(&mut world.root, "app", "/app/").await;
    // Older servers renew whatever lease; there they end when the client goes.
    let refuses_renewals = tools::etcd_version() >= (3, 5, 0);
    for mut stream in [led, held, waiter, session] {
        if refuses_renewals {
            let lost = beyond_renewals(&mut stream).await;
            assert_eq!(lost["type"], "lost", "{lost}");
            stream.ended(SOON).await;
        }
    }
    // Nobody may remove them on the user's behalf: they end with their leases.
    for key in keys {
        key_gone(&world, &key, DEADLINE).await;
    }
    let locked = world.all.get("/locks/%2Fapp%2Fl").send().await;
    assert!(matches!(locked.status.as_u16(), 200 | 404), "{locked:?}");
}

#[tokio::test]
async fn what_a_user_holds_outlives_the_token() {
    let world = world(&["--auth-token-ttl=1"]).await;
    let body = json!({"ttl": 3});
    let mut held = hold(&world.app, "/locks/%2Fapp%2Fl/hold", &body).await;
    let key = text(&held.of("acquired").await["key"]);
    let mut waiter = hold(&world.app, "/locks/%2Fapp%2Fl/hold", &body).await;
    let mut session = hold(&world.app, "/leases/hold", &body).await;
    let lease = text(&session.of("granted").await["lease"]);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        assert_eq!(held.of("renewed").await["ttl"], 3);
        assert_eq!(session.of("renewed").await["ttl"], 3);
    }
    drop((held, session));
    key_gone(&world, &key, SOON).await;
    waiter.of("acquired").await;
    eventually("the session's lease is gone", SOON, async || {
        let answer = world.all.get(&format!("/leases/{lease}")).send().await;
        when(answer.status == 404, || answer.text())
    })
    .await;
}

#[tokio::test]
async fn a_list_of_what_a_user_may_read_waits_for_nobody_else() {
    let world = world(&[]).await;
    let held = world.app.post("/locks/%2Fapp%2Fl", &json!({"ttl": 600}));
    held.send().await.json(201);
    // Whose key the user may not read: the leases are not the user's to list.
    let held = world.all.post("/locks/%2Fother%2Fl", &json!({"ttl": 600}));
    held.send().await.json(201);
    let listed = async || {
        let list = world.app.get("/locks").send().await.json(200);
        list["locks"][0]["name"] == "/app/l"
    };
    eventually("the user's lock is found", DEADLINE, async || {
        when(listed().await, || "not yet".to_owned())
    })
    .await;
    let begun = Instant::now();
    for round in 0..4 {
        world.all.write("/other/x", round.to_string()).await;
        assert!(listed().await);
    }
    // Two seconds each, if they waited for a revision that their streams never bring.
    let taken = begun.elapsed();
    assert!(taken < Duration::from_secs(4), "{taken:?}");
}
