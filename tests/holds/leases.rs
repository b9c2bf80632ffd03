//! W4, W7 step 3 and W11: leases that live as long as a connection.

use std::time::Duration;

use serde_json::{Value, json};
use support::{DEADLINE, Stream, World, eventually, key_query, percent, when};
use tokio::time::{Instant, sleep};

use crate::common::{claim, grant, hold, key_gone, lease_gone, post, route, text};

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn w4_kept_alive() {
    let world = World::new("w4").await;
    let lease = grant(&world, 10).await;
    let job = key_query(world.key("lock/job1"));
    let put = world.api.put(&format!("{job}&lease={lease}"), "");
    put.send().await.json(201);
    let start = Instant::now();
    let mut held = Stream::ndjson(post(&world, &format!("/leases/{lease}/hold"))).await;
    let granted = held.of("granted").await;
    assert_eq!(
        granted,
        json!({"type": "granted", "lease": lease, "ttl": 10})
    );
    let mut renewals = Vec::new();
    while start.elapsed() < Duration::from_secs(30) {
        let renewed = held.of("renewed").await;
        assert_eq!(renewed["ttl"], 10);
        renewals.push(start.elapsed());
    }
    assert!((8..=11).contains(&renewals.len()), "{renewals:?}");
    world.api.get(&job).send().await.json(200);
    // 2
    let revoked = world.api.delete(&format!("/leases/{lease}")).send().await;
    revoked.json(200);
    world
        .api
        .get(&job)
        .send()
        .await
        .problem(404, "key_not_found");
    let gone = Instant::now();
    let lost = loop {
        let message = held.next().await;
        if message["type"] != "renewed" {
            break message;
        }
    };
    assert_eq!(lost["type"], "lost", "{lost}");
    assert!(
        gone.elapsed() < Duration::from_secs(4),
        "{:?}",
        gone.elapsed()
    );
    assert!(
        lost["reason"].as_str().is_some_and(|why| !why.is_empty()),
        "{lost}"
    );
    held.ended(SOON).await;
}

#[tokio::test]
async fn w4_an_ended_hold_leaves_the_lease_or_revokes_it() {
    let world = World::new("w4-ended").await;
    let job = async |name: &str, lease: &str| {
        let key = key_query(world.key(name));
        let put = world.api.put(&format!("{key}&lease={lease}"), "");
        put.send().await.json(201);
        world.key(name)
    };
    let (left, revoked) = (grant(&world, 2).await, grant(&world, 2).await);
    let (left_key, revoked_key) = (job("left", &left).await, job("revoked", &revoked).await);
    let begun = Instant::now();
    let orphan = Stream::ndjson(post(&world, &format!("/leases/{left}/hold"))).await;
    let path = format!("/leases/{revoked}/hold?on_close=revoke");
    let ending = Stream::ndjson(post(&world, &path)).await;
    // Kept alive beyond their own time.
    let (mut orphan, mut ending) = (orphan, ending);
    while begun.elapsed() < Duration::from_secs(5) {
        orphan.next().await;
        ending.next().await;
    }
    for key in [&left_key, &revoked_key] {
        world.api.read(key).await;
    }
    drop((orphan, ending));
    let ended = Instant::now();
    key_gone(&world, &revoked_key, SOON).await;
    lease_gone(&world, &revoked, SOON).await;
    key_gone(&world, &left_key, Duration::from_millis(3_500)).await;
    assert!(
        ended.elapsed() > Duration::from_millis(500),
        "it was left to its time, not revoked"
    );
}

#[tokio::test]
async fn w7_a_held_key_gives_way_when_its_lease_goes() {
    let world = World::new("w7").await;
    let key = world.key("lock/ado");
    let (a, b) = (grant(&world, 5).await, grant(&world, 60).await);
    let mut held = Stream::ndjson(post(&world, &format!("/leases/{a}/hold"))).await;
    held.of("granted").await;
    let first = claim(&world, &key, "duzhenxun", &a).await;
    assert_eq!(first["succeeded"], true);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        held.of("renewed").await;
    }
    // 3
    let other = claim(&world, &key, "other", &b).await;
    assert_eq!(other["succeeded"], false);
    assert_eq!(
        other["responses"][0]["get"]["entries"][0]["value"],
        "duzhenxun"
    );
    let token = async || {
        let lock = world.api.get(&route("locks", &key)).send().await.json(200);
        lock["holder"]["fencing_token"].as_i64().expect("a token")
    };
    let before = token().await;
    world
        .api
        .delete(&format!("/leases/{a}"))
        .send()
        .await
        .json(200);
    assert_eq!(claim(&world, &key, "other", &b).await["succeeded"], true);
    assert!(token().await > before);
}

#[tokio::test]
async fn w7_the_hold_of_a_holder_killed_gives_way_within_seven_seconds() {
    let world = World::new("w7-killed").await;
    let key = world.key("lock/ado");
    let (a, b) = (grant(&world, 5).await, grant(&world, 60).await);
    let mut held = Stream::ndjson(post(&world, &format!("/leases/{a}/hold"))).await;
    held.of("granted").await;
    assert_eq!(claim(&world, &key, "a", &a).await["succeeded"], true);
    held.of("renewed").await;
    drop(held);
    eventually("the other gets it", Duration::from_secs(7), async || {
        let tried = claim(&world, &key, "b", &b).await;
        when(tried["succeeded"] == true, || tried.to_string())
    })
    .await;
}

#[tokio::test]
async fn w11_session() {
    let world = World::new("w11").await;
    let mut session = hold(&world, "/leases/hold", &json!({"ttl": 5})).await;
    let granted = session.of("granted").await;
    assert_eq!(granted["ttl"], 5);
    let lease = text(&granted["lease"]);
    assert_eq!(
        session.of("renewed").await,
        json!({"type": "renewed", "ttl": 5})
    );
    drop(session);
    lease_gone(&world, &lease, SOON).await;
    // An orphan lives on, and is taken up again.
    let body = json!({"ttl": 5, "on_close": "orphan"});
    let mut session = hold(&world, "/leases/hold", &body).await;
    let lease = text(&session.of("granted").await["lease"]);
    session.of("renewed").await;
    drop(session);
    let orphaned = Instant::now();
    eventually("its time runs", DEADLINE, async || {
        let left = world
            .api
            .get(&format!("/leases/{lease}"))
            .send()
            .await
            .json(200);
        when(left["ttl"].as_i64() < Some(4), || left.to_string())
    })
    .await;
    let mut again = hold(&world, "/leases/hold", &json!({"lease": lease})).await;
    assert_eq!(again.of("granted").await["lease"], lease);
    while orphaned.elapsed() < Duration::from_secs(8) {
        again.of("renewed").await;
    }
    let lives = world
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
    assert!(lives["ttl"].as_i64() > Some(0), "{lives}");
    drop(again);
    lease_gone(&world, &lease, SOON).await;
}

#[tokio::test]
async fn an_orphan_runs_out_when_nobody_takes_it_up() {
    let world = World::new("orphan").await;
    let body = json!({"ttl": 2, "on_close": "orphan"});
    let mut session = hold(&world, "/leases/hold", &body).await;
    let lease = text(&session.of("granted").await["lease"]);
    session.of("renewed").await;
    drop(session);
    // Longer than a revocation takes.
    sleep(Duration::from_millis(700)).await;
    world
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
    lease_gone(&world, &lease, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_ttl_out_of_range_is_refused_wherever_a_lease_is_granted() {
    let world = World::new("ttl").await;
    let name = percent(world.key("x"));
    // etcd refuses the last two, and raises the others to its minimum.
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
            let answer = world.api.post(&path, &body).send().await;
            let problem = answer.problem(400, "bad_request");
            let detail = problem["detail"].as_str().expect("text");
            assert!(detail.contains("`ttl`"), "{path} {ttl}: {detail}");
        }
        for path in [
            format!("/leases/hold?ttl={ttl}"),
            format!("/locks/{name}/hold?ttl={ttl}"),
            format!("/elections/{name}/hold?value=v&ttl={ttl}"),
        ] {
            let refused = Stream::try_socket(&world.api, &path, &[]).await;
            assert_eq!(refused.expect_err("refused"), "400", "{path}");
        }
    }
    let longest = world
        .api
        .post("/leases", &json!({"ttl": 9_000_000_000_i64}));
    let longest = longest.send().await.json(201);
    assert_eq!(longest["ttl"], 9_000_000_000_i64);
    // etcd's own rule where etcd's own API is spoken.
    let granted = world
        .gateway
        .root()
        .post("/v3/lease/grant", &json!({"TTL": 0}));
    let granted = granted.send().await.json(200);
    assert!(granted["TTL"].is_string(), "{granted}");
}

#[tokio::test]
async fn a_hold_that_cannot_be_is_refused_before_the_stream() {
    let world = World::new("refused").await;
    let unknown = post(&world, "/leases/77/hold").send().await;
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
    let lease = grant(&world, 60).await;
    for (path, code) in [
        ("?on_close=keep", "bad_request"),
        ("?on_close", "bad_request"),
        ("?timeout=5s", "bad_request"),
        ("?onclose=revoke", "unknown_parameter"),
    ] {
        let path = format!("/leases/{lease}/hold{path}");
        post(&world, &path).send().await.problem(400, code);
    }
    let fetched = world.api.get(&format!("/leases/{lease}/hold")).send().await;
    fetched.problem(405, "method_not_allowed");
    let fetched = world.api.get("/leases/hold").send().await;
    fetched.problem(405, "method_not_allowed");
    let world = World::with("read-only", &["--read-only"]).await;
    let refused = post(&world, &format!("/leases/{lease}/hold")).send().await;
    refused.problem(403, "read_only");
    let refused = world.api.post("/leases/hold", &json!({})).send().await;
    refused.problem(403, "read_only");
}
