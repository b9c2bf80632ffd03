//! Leases held by a connection: renewed while it is open, then left or revoked.

use std::time::Duration;

use serde_json::{Value, json};
use support::locks::{
    create_leased, grant_lease, hold, lock_path, next_after_renewals, put_if_absent,
    wait_for_key_deletion, wait_for_lease_end,
};
use support::{DEADLINE, Stream, World, ensure, eventually, key_query, percent, text};
use tokio::time::{Instant, sleep};

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_held_lease_is_renewed_until_it_is_revoked() {
    let world = World::new("renewed").await;
    let lease = grant_lease(&world.api, 10).await;
    let job = key_query(world.key("lock/job1"));
    create_leased(&world.api, &world.key("lock/job1"), "", &lease).await;
    let start = Instant::now();
    let mut held = Stream::ndjson(world.api.post_empty(&format!("/leases/{lease}/hold"))).await;
    let granted = held.expect_type("granted").await;
    assert_eq!(
        granted,
        json!({"type": "granted", "lease": lease, "ttl": 10})
    );
    let mut renewals = Vec::new();
    while start.elapsed() < Duration::from_secs(30) {
        let renewed = held.expect_type("renewed").await;
        assert_eq!(renewed["ttl"], 10);
        renewals.push(start.elapsed());
    }
    assert!((8..=11).contains(&renewals.len()), "{renewals:?}");
    world.api.get(&job).send().await.json(200);
    let revoked = world.api.delete(&format!("/leases/{lease}")).send().await;
    revoked.json(200);
    world
        .api
        .get(&job)
        .send()
        .await
        .problem(404, "key_not_found");
    let deleted = Instant::now();
    let lost = next_after_renewals(&mut held).await;
    assert_eq!(lost["type"], "lost", "{lost}");
    assert!(
        deleted.elapsed() < Duration::from_secs(4),
        "{:?}",
        deleted.elapsed()
    );
    assert!(
        lost["reason"].as_str().is_some_and(|why| !why.is_empty()),
        "{lost}"
    );
    held.wait_for_end(SOON).await;
}

#[tokio::test]
async fn on_close_leaves_the_lease_or_revokes_it() {
    let world = World::new("on-close").await;
    let job = async |name: &str, lease: &str| {
        let key = world.key(name);
        create_leased(&world.api, &key, "", lease).await;
        key
    };
    let (left, revoked) = (
        grant_lease(&world.api, 2).await,
        grant_lease(&world.api, 2).await,
    );
    let (left_key, revoked_key) = (job("left", &left).await, job("revoked", &revoked).await);
    let start = Instant::now();
    let orphan = Stream::ndjson(world.api.post_empty(&format!("/leases/{left}/hold"))).await;
    let path = format!("/leases/{revoked}/hold?on_close=revoke");
    let ending = Stream::ndjson(world.api.post_empty(&path)).await;
    // Both leases are renewed beyond their TTL.
    let (mut orphan, mut ending) = (orphan, ending);
    while start.elapsed() < Duration::from_secs(5) {
        orphan.next().await;
        ending.next().await;
    }
    for key in [&left_key, &revoked_key] {
        world.api.read(key).await;
    }
    drop((orphan, ending));
    let ended = Instant::now();
    wait_for_key_deletion(&world.api, &revoked_key, SOON).await;
    wait_for_lease_end(&world.api, &revoked, SOON).await;
    wait_for_key_deletion(&world.api, &left_key, Duration::from_millis(3_500)).await;
    assert!(
        ended.elapsed() > Duration::from_millis(500),
        "the lease expired and was not revoked"
    );
}

#[tokio::test]
async fn a_single_key_lock_is_free_once_its_held_lease_is_revoked() {
    let world = World::new("single-key").await;
    let key = world.key("lock/ado");
    let (a, b) = (
        grant_lease(&world.api, 5).await,
        grant_lease(&world.api, 60).await,
    );
    let mut held = Stream::ndjson(world.api.post_empty(&format!("/leases/{a}/hold"))).await;
    held.expect_type("granted").await;
    let first = put_if_absent(&world.api, &key, "duzhenxun", &a).await;
    assert_eq!(first["succeeded"], true);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        held.expect_type("renewed").await;
    }
    let other = put_if_absent(&world.api, &key, "other", &b).await;
    assert_eq!(other["succeeded"], false);
    assert_eq!(
        other["responses"][0]["get"]["entries"][0]["value"],
        "duzhenxun"
    );
    let token = async || {
        let lock = world.api.get(&lock_path(&key)).send().await.json(200);
        lock["holder"]["fencing_token"].as_i64().expect("a token")
    };
    let before = token().await;
    world
        .api
        .delete(&format!("/leases/{a}"))
        .send()
        .await
        .json(200);
    assert_eq!(
        put_if_absent(&world.api, &key, "other", &b).await["succeeded"],
        true
    );
    assert!(token().await > before);
}

#[tokio::test]
async fn a_single_key_lock_of_a_lost_client_is_free_within_7_seconds() {
    let world = World::new("single-key-lost").await;
    let key = world.key("lock/ado");
    let (a, b) = (
        grant_lease(&world.api, 5).await,
        grant_lease(&world.api, 60).await,
    );
    let mut held = Stream::ndjson(world.api.post_empty(&format!("/leases/{a}/hold"))).await;
    held.expect_type("granted").await;
    assert_eq!(
        put_if_absent(&world.api, &key, "a", &a).await["succeeded"],
        true
    );
    held.expect_type("renewed").await;
    drop(held);
    eventually(
        "the other client gets it",
        Duration::from_secs(7),
        async || {
            let tried = put_if_absent(&world.api, &key, "b", &b).await;
            ensure(tried["succeeded"] == true, || tried.to_string())
        },
    )
    .await;
}

#[tokio::test]
async fn a_session_ends_with_its_connection_unless_orphaned() {
    let world = World::new("session-end").await;
    let mut session = hold(&world.api, "/leases/hold", &json!({"ttl": 5})).await;
    let granted = session.expect_type("granted").await;
    assert_eq!(granted["ttl"], 5);
    let lease = text(&granted["lease"]);
    assert_eq!(
        session.expect_type("renewed").await,
        json!({"type": "renewed", "ttl": 5})
    );
    drop(session);
    wait_for_lease_end(&world.api, &lease, SOON).await;
    // An orphaned lease remains, and can be held again.
    let body = json!({"ttl": 5, "on_close": "orphan"});
    let mut session = hold(&world.api, "/leases/hold", &body).await;
    let lease = text(&session.expect_type("granted").await["lease"]);
    session.expect_type("renewed").await;
    drop(session);
    let orphaned = Instant::now();
    eventually("the lease is not renewed", DEADLINE, async || {
        let left = world
            .api
            .get(&format!("/leases/{lease}"))
            .send()
            .await
            .json(200);
        ensure(left["ttl"].as_i64() < Some(4), || left.to_string())
    })
    .await;
    let mut again = hold(&world.api, "/leases/hold", &json!({"lease": lease})).await;
    assert_eq!(again.expect_type("granted").await["lease"], lease);
    while orphaned.elapsed() < Duration::from_secs(8) {
        again.expect_type("renewed").await;
    }
    let state = world
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
    assert!(state["ttl"].as_i64() > Some(0), "{state}");
    drop(again);
    wait_for_lease_end(&world.api, &lease, SOON).await;
}

#[tokio::test]
async fn an_orphaned_lease_expires_unless_it_is_held_again() {
    let world = World::new("orphan").await;
    let body = json!({"ttl": 2, "on_close": "orphan"});
    let mut session = hold(&world.api, "/leases/hold", &body).await;
    let lease = text(&session.expect_type("granted").await["lease"]);
    session.expect_type("renewed").await;
    drop(session);
    // Longer than a revocation takes.
    sleep(Duration::from_millis(700)).await;
    world
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
    wait_for_lease_end(&world.api, &lease, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_ttl_out_of_range_is_refused_wherever_a_lease_is_granted() {
    let world = World::new("ttl").await;
    let name = percent(world.key("x"));
    // etcd itself refuses the last two, and raises the others to its minimum.
    for ttl in [0, -1, i64::MIN, 9_000_000_001, i64::MAX] {
        for (path, mut body) in [
            ("/leases".to_owned(), json!({})),
            ("/leases/hold".to_owned(), json!({})),
            (format!("/locks/{name}"), json!({})),
            (format!("/locks/{name}/hold"), json!({})),
            (format!("/elections/{name}/campaign"), json!({"value": "v"})),
            (format!("/elections/{name}/hold"), json!({"value": "v"})),
        ] {
            body["ttl"] = ttl.into();
            let response = world.api.post(&path, &body).send().await;
            let problem = response.problem(400, "bad_request");
            let detail = problem["detail"].as_str().expect("text");
            assert!(detail.contains("`ttl`"), "{path} {ttl}: {detail}");
        }
        for path in [
            format!("/leases/hold?ttl={ttl}"),
            format!("/locks/{name}/hold?ttl={ttl}"),
            format!("/elections/{name}/hold?value=v&ttl={ttl}"),
        ] {
            let refused = Stream::try_socket(&world.api, &path, &[]).await;
            assert_eq!(
                refused.expect_err("the upgrade is refused"),
                "400",
                "{path}"
            );
        }
    }
    let longest = world
        .api
        .post("/leases", &json!({"ttl": 9_000_000_000_i64}));
    let longest = longest.send().await.json(201);
    assert_eq!(longest["ttl"], 9_000_000_000_i64);
    // `/v3` passes etcd's own rule on.
    let granted = world
        .gateway
        .root()
        .post("/v3/lease/grant", &json!({"TTL": 0}));
    let granted = granted.send().await.json(200);
    assert!(granted["TTL"].is_string(), "{granted}");
}

#[tokio::test]
async fn an_invalid_hold_is_refused_before_the_stream() {
    let world = World::new("refused").await;
    let unknown = world.api.post_empty("/leases/77/hold").send().await;
    unknown.problem(404, "lease_not_found");
    let session = async |body: &Value| world.api.post("/leases/hold", body).send().await;
    session(&json!({"lease": "77"}))
        .await
        .problem(422, "lease_not_found");
    for wrong in [
        json!({"ttl": 5, "lease": "77"}),
        json!({"lease": "0"}),
        json!({"on_close": "keep"}),
        json!({"tll": 5}),
    ] {
        session(&wrong).await.problem(400, "bad_request");
    }
    let lease = grant_lease(&world.api, 60).await;
    for (path, code) in [
        ("?on_close=keep", "bad_request"),
        ("?on_close", "bad_request"),
        ("?timeout=5s", "bad_request"),
        ("?onclose=revoke", "unknown_parameter"),
    ] {
        let path = format!("/leases/{lease}/hold{path}");
        world.api.post_empty(&path).send().await.problem(400, code);
    }
    let fetched = world.api.get(&format!("/leases/{lease}/hold")).send().await;
    fetched.problem(405, "method_not_allowed");
    let fetched = world.api.get("/leases/hold").send().await;
    fetched.problem(405, "method_not_allowed");
    let world = World::with("read-only", &["--read-only"]).await;
    let refused = world
        .api
        .post_empty(&format!("/leases/{lease}/hold"))
        .send()
        .await;
    refused.problem(403, "read_only");
    let refused = world.api.post("/leases/hold", &json!({})).send().await;
    refused.problem(403, "read_only");
}
