//! Whole programs with leases and single-key locks, step by step.

use std::time::Duration;

use serde_json::{Value, json};
use support::locks::{grant_lease, lock_path, put_if_absent, wait_for_lock};
use support::{Stream, World, ensure, eventually, key_path, key_query, percent};
use tokio::time::{Instant, interval};

#[tokio::test]
async fn a_key_is_deleted_when_its_lease_expires() {
    let world = World::new("expiry").await;
    let api = &world.api;
    let job1 = key_path(world.key("cron/lock/job1"));
    let watch = format!("/watch?key={}&prev", percent(world.key("cron/lock/job1")));
    let mut stream = Stream::ndjson(api.get(&watch)).await;
    stream.expect_type("opened").await;
    let start = Instant::now();
    let lease = api
        .post("/leases", &json!({"ttl": 10}))
        .send()
        .await
        .json(201);
    let id = lease["id"].as_str().expect("an id");
    assert_eq!(lease["ttl"], 10);
    api.put(&format!("{job1}?lease={id}"), "")
        .send()
        .await
        .json(201);
    let entry = api.get(&job1).send().await.json(200);
    assert_eq!((&entry["value"], &entry["lease"]), (&json!(""), &json!(id)));
    let shown = api.get(&format!("/leases/{id}")).send().await.json(200);
    assert!(
        shown["ttl"]
            .as_i64()
            .is_some_and(|ttl| (0..=10).contains(&ttl)),
        "{shown}"
    );
    assert_eq!(shown["granted_ttl"], 10);
    assert_eq!(shown["keys"], json!([world.key("cron/lock/job1")]));
    let put = stream.expect_type("events").await;
    assert_eq!(put["events"][0]["type"], "put");
    assert_eq!(
        put["events"][0].get("prev"),
        Some(&Value::Null),
        "a creation"
    );
    let deleted = async { (stream.expect_type("events").await, start.elapsed()) };
    let polling = async {
        let mut pace = interval(Duration::from_millis(100));
        loop {
            pace.tick().await;
            let response = api.get(&job1).send().await;
            let elapsed = start.elapsed();
            assert!(
                response.status == 200 || elapsed >= Duration::from_secs(10),
                "{} after {elapsed:?}",
                response.status
            );
        }
    };
    let (deleted, lived) = tokio::select! {
        deleted = deleted => deleted,
        () = polling => unreachable!("polling never ends"),
    };
    assert!(lived >= Duration::from_secs(10), "deleted after {lived:?}");
    assert!(lived < Duration::from_secs(12), "deleted after {lived:?}");
    assert_eq!(deleted["events"][0]["type"], "delete");
    assert_eq!(deleted["events"][0]["prev"]["lease"], id);
    api.get(&job1).send().await.problem(404, "key_not_found");
    api.get(&format!("/leases/{id}"))
        .send()
        .await
        .problem(404, "lease_not_found");
    let least = api
        .post("/leases", &json!({"ttl": 1}))
        .send()
        .await
        .json(201);
    assert_eq!(least["ttl"], 2);
}

#[tokio::test]
async fn a_key_created_with_a_lease_is_a_lock() {
    let world = World::new("key-lock").await;
    let api = &world.api;
    let key = world.key("cron/lock/ado");
    let claim = async |value: &str, lease: &str| put_if_absent(api, &key, value, lease).await;
    let (a, b) = (grant_lease(api, 60).await, grant_lease(api, 60).await);
    let first = claim("duzhenxun", &a).await;
    assert_eq!(first["succeeded"], true);
    let second = claim("duzhenxun-b", &b).await;
    assert_eq!(second["succeeded"], false);
    assert_eq!(
        second["responses"][0]["get"]["entries"][0]["value"],
        "duzhenxun"
    );
    let absent = json!({
        "compare": [{"key": key, "target": "create_revision", "op": "=", "value": 0}],
        "else": [{"get": {"key": world.key("cron/lock/none")}}],
    });
    let absent = api.post("/txn", &absent).send().await.json(200);
    assert_eq!(absent["responses"][0]["get"]["entries"], json!([]));
    let lock = wait_for_lock(api, &key, |_| true).await;
    assert_eq!(lock["kind"], "single_key");
    assert_eq!(lock["holder"]["value"], "duzhenxun");
    assert_eq!(lock["holder"]["lease"], a);
    assert_eq!(lock["holder"]["fencing_token"], first["header"]["revision"]);
    assert_eq!(lock.get("waiters"), Some(&Value::Null));
    // The lock is held for as long as lease A exists.
    api.delete(&format!("/leases/{a}")).send().await.json(200);
    let third = claim("duzhenxun-b", &b).await;
    assert_eq!(third["succeeded"], true);
    let lock = api.get(&lock_path(&key)).send().await.json(200);
    assert_eq!(lock["holder"]["fencing_token"], third["header"]["revision"]);
    assert!(third["header"]["revision"].as_i64() > first["header"]["revision"].as_i64());
    // `If-None-Match: *` creates the key only if it is absent.
    let create = format!("{}&lease={b}", key_query(&key));
    let refused = api
        .put(&create, "x")
        .header("if-none-match", "*")
        .send()
        .await;
    let problem = refused.problem(412, "precondition_failed");
    assert_eq!(problem["current"]["value"], "duzhenxun-b");
    api.delete(&key_query(&key)).send().await.json(200);
    api.put(&create, "x")
        .header("if-none-match", "*")
        .send()
        .await
        .json(201);
    assert_eq!(api.read(&key).await["lease"], b);
}
#[tokio::test]
async fn a_single_key_lock_is_free_when_its_lease_expires() {
    let world = World::new("key-lock-expiry").await;
    let key = world.key("cron/lock/ado");
    let api = &world.api;
    let claim = async |lease: &str| put_if_absent(api, &key, "duzhenxun", lease).await;
    let (a, b) = (grant_lease(api, 5).await, grant_lease(api, 5).await);
    let first = claim(&a).await;
    assert_eq!(first["succeeded"], true);
    wait_for_lock(api, &key, |lock| lock.to_string().contains(&a)).await;
    // Lease A is not renewed; B is, and its owner retries.
    let second = eventually(
        "B succeeds once A has expired",
        Duration::from_secs(7),
        async || {
            let renew = format!("/leases/{b}/keepalive");
            api.request(http::Method::POST, &renew)
                .send()
                .await
                .json(200);
            let second = claim(&b).await;
            ensure(second["succeeded"] == true, || second.to_string())?;
            Ok(second)
        },
    )
    .await;
    assert!(second["header"]["revision"].as_i64() > first["header"]["revision"].as_i64());
}
