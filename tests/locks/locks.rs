//! Locks by requests: release by token, expired sessions, names, the list, and live views.

use etcd_client::PutOptions;
use serde_json::{Value, json};
use support::locks::{grant_lease, lock_path, wait_for_waiters};
use support::stream::Stream;
use support::{DEADLINE, World, ensure, eventually, key_query, percent, spawn};

#[tokio::test]
async fn the_same_lease_again_is_the_same_lock() {
    let world = World::new("again").await;
    let k = lock_path(&world.key("lock"));
    let lease = grant_lease(&world.api, 60).await;
    let first = world
        .api
        .post(&k, &json!({"lease": lease}))
        .send()
        .await
        .json(201);
    assert_eq!(first["lease"], lease);
    let again = world
        .api
        .post(&k, &json!({"lease": lease}))
        .send()
        .await
        .json(200);
    assert_eq!(again["fencing_token"], first["fencing_token"]);
    let both = world
        .api
        .post(&k, &json!({"lease": lease, "ttl": 60}))
        .send()
        .await;
    both.problem(400, "bad_request");
    for wrong in [
        json!({"wait": -1}),
        json!({"wait": 3_601}),
        json!({"wait": "1"}),
        json!({"ttl": "60"}),
        json!({"hold": "x"}),
        json!({"lease": "words"}),
    ] {
        world
            .api
            .post(&k, &wrong)
            .send()
            .await
            .problem(400, "bad_request");
    }
    world
        .api
        .post(&k, &json!({"lease": "7"}))
        .send()
        .await
        .problem(422, "lease_not_found");
}

#[tokio::test]
async fn a_waiter_whose_lease_ends_is_410_and_the_callers_lease_is_never_revoked() {
    let world = World::new("expired").await;
    let name = world.key("lock");
    let k = lock_path(&name);
    world
        .api
        .post(&k, &json!({"holder": "s1"}))
        .send()
        .await
        .json(201);
    let lease = grant_lease(&world.api, 600).await;
    let waiting = spawn(
        world
            .api
            .post(&k, &json!({"lease": lease, "wait": 60}))
            .send(),
    );
    wait_for_waiters(&world.api, &name, 1).await;
    world
        .api
        .delete(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
    waiting
        .await
        .expect("no panic")
        .problem(410, "session_expired");

    let lease = grant_lease(&world.api, 600).await;
    world
        .api
        .post(&k, &json!({"lease": lease, "wait": 1}))
        .send()
        .await
        .problem(423, "locked");
    wait_for_waiters(&world.api, &name, 0).await;
    world
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
}

#[tokio::test]
async fn a_token_releases_exactly_the_key_it_names() {
    let world = World::new("token").await;
    let name = world.key("lock");
    let k = lock_path(&name);
    let first = world
        .api
        .post(&k, &json!({"holder": "s1"}))
        .send()
        .await
        .json(201);
    let waiting = spawn(
        world
            .api
            .post(&k, &json!({"holder": "s2", "wait": 60}))
            .send(),
    );
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    let token = |claim: &Value| claim["fencing_token"].as_i64().expect("a token");
    let (holder, waiter) = (token(&lock["holder"]), token(&lock["waiters"][0]));
    for stale in [holder - 1, holder + 100_000] {
        let delete = world.api.delete(&format!("{k}?fencing_token={stale}"));
        delete.send().await.problem(412, "not_holder");
    }
    let preview = world
        .api
        .delete(&format!("{k}?fencing_token={holder}&revoke&dry_run"));
    let preview = preview.send().await.json(200);
    assert_eq!(preview["revoked_keys"], json!([first["key"]]));
    wait_for_waiters(&world.api, &name, 1).await;
    // The waiter's token removes the waiter from the queue; the holder stays.
    world
        .api
        .delete(&format!("{k}?fencing_token={waiter}"))
        .send()
        .await
        .json(200);
    let ended = waiting.await.expect("no panic");
    assert!(
        matches!(ended.status.as_u16(), 410 | 423),
        "{}",
        ended.text()
    );
    assert_eq!(
        token(&wait_for_waiters(&world.api, &name, 0).await["holder"]),
        holder
    );
    // Released with its lease.
    let path = format!("{k}?fencing_token={holder}&revoke");
    let released = world.api.delete(&path).send().await.json(200);
    assert_eq!(released["revoked_keys"], json!([first["key"]]));
    let lease = first["lease"].as_str().expect("an id");
    world
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .problem(404, "lease_not_found");
    world
        .api
        .get(&k)
        .send()
        .await
        .problem(404, "lock_not_found");
    world
        .api
        .delete(&path)
        .send()
        .await
        .problem(404, "lock_not_found");
    for wrong in [
        "",
        "?lease=words",
        "?lease=1&fencing_token=1",
        "?fencing_token=0",
        "?token=1",
    ] {
        let response = world.api.delete(&format!("{k}{wrong}")).send().await;
        assert_eq!(response.status, 400, "{wrong}: {}", response.text());
    }
}

#[tokio::test]
async fn names_are_never_trimmed_in_path_or_query() {
    let world = World::new("names").await;
    for name in [
        world.key("a"),
        world.key("a b/c"),
        world.key("%2F"),
        world.key("é"),
        world.key("-"),
    ] {
        let by_query = format!("/locks/-?name={}", percent(&name));
        let held = world.api.post(&by_query, &json!({})).send().await.json(201);
        assert_eq!(held["name"], name);
        let shown = world.api.get(&lock_path(&name)).send().await.json(200);
        assert_eq!(shown["holder"]["key"], held["key"]);
        let lease = held["lease"].as_str().expect("an id");
        world
            .api
            .delete(&format!("{by_query}&lease={lease}"))
            .send()
            .await
            .json(200);
    }
    world
        .api
        .post("/locks/-", &json!({}))
        .send()
        .await
        .problem(400, "bad_request");
    world
        .api
        .post("/locks/a?name=b", &json!({}))
        .send()
        .await
        .problem(400, "bad_request");
}

#[tokio::test]
async fn locks_are_detected_automatically() {
    let world = World::new("list").await;
    let mut client = world.client().await;
    let lease = client.lease_grant(600, None).await.expect("a lease").id();
    let mut put = async |key: String, value: &str| {
        let on = PutOptions::new().with_lease(lease);
        client.put(key, value, Some(on)).await.expect("etcd puts");
    };
    put(format!("{}/{lease:x}", world.key("mutex")), "").await;
    put(format!("{}/{lease:x}", world.key("election")), "candidate").await;
    put(world.key("jobs/lock/one"), "worker-1").await;
    put(world.key("services/checkout/10.0.0.1:80"), "{}").await;
    put(world.key("blocklist"), "clock").await;
    let path = format!("/locks?prefix={}", percent(&world.prefix));
    let list = eventually("all three are detected", DEADLINE, async || {
        let list = world.api.get(&path).send().await.json(200);
        let count = list["locks"].as_array().map_or(0, Vec::len);
        ensure(count == 3 && list["partial"] == false, || list.to_string())?;
        Ok(list)
    })
    .await;
    let shown: Vec<_> = list["locks"]
        .as_array()
        .expect("locks")
        .iter()
        .map(|lock| json!([lock["name"], lock["kind"], lock["certain"]]))
        .collect();
    assert_eq!(
        json!(shown),
        json!([
            [world.key("election"), "election", false],
            [world.key("jobs/lock/one"), "single_key", false],
            [world.key("mutex"), "mutex", true],
        ])
    );
    assert_eq!(list["locks"][1].get("waiters"), Some(&Value::Null));
    assert_eq!(list["locks"][1]["holder"]["value"], "worker-1");
    let page = world
        .api
        .get(&format!("{path}&limit=2"))
        .send()
        .await
        .json(200);
    let next = page["next"].as_str().expect("a cursor");
    let rest = world
        .api
        .get(&format!("/locks?cursor={next}"))
        .send()
        .await
        .json(200);
    assert_eq!(rest["locks"][0]["name"], world.key("mutex"));
}

#[tokio::test]
async fn a_live_lock_is_followed_from_free_to_free() {
    let world = World::new("followed").await;
    let name = world.key("lock");
    let mut stream = Stream::ndjson(world.api.get(&format!("{}?live", lock_path(&name)))).await;
    let lock = stream.expect_type("lock").await;
    assert_eq!(
        lock.get("holder"),
        Some(&Value::Null),
        "a free lock has no holder, and its stream stays open"
    );
    let first = world
        .api
        .post(&lock_path(&name), &json!({"holder": "s1"}))
        .send()
        .await
        .json(201);
    let until = async |stream: &mut Stream, what: &dyn Fn(&Value) -> bool| loop {
        let lock = stream.expect_type("lock").await;
        if what(&lock) {
            return;
        }
    };
    until(&mut stream, &|lock| lock["holder"]["name"] == "s1").await;
    let waiting = spawn(
        world
            .api
            .post(&lock_path(&name), &json!({"holder": "s2", "wait": 60}))
            .send(),
    );
    until(&mut stream, &|lock| lock["waiters"][0]["name"] == "s2").await;
    world
        .api
        .delete(&key_query(first["key"].as_str().expect("a key")))
        .send()
        .await
        .json(200);
    until(&mut stream, &|lock| lock["holder"]["name"] == "s2").await;
    let second = waiting.await.expect("no panic").json(201);
    let lease = second["lease"].as_str().expect("an id");
    world
        .api
        .delete(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
    until(&mut stream, &|lock| lock["holder"].is_null()).await;
}

#[tokio::test]
async fn the_live_list_shows_acquired_and_released_locks() {
    let world = World::new("live-list").await;
    let name = world.key("lock");
    let path = format!("/locks?live&prefix={}", percent(&world.prefix));
    let mut stream = Stream::socket(&world.api, &path).await;
    let held = world
        .api
        .post(&lock_path(&name), &json!({"holder": "s1"}))
        .send()
        .await
        .json(201);
    loop {
        let lock = stream.expect_type("lock").await;
        assert_eq!(lock["name"], name);
        if lock["holder"]["name"] == "s1" {
            break;
        }
    }
    let lease = held["lease"].as_str().expect("an id");
    world
        .api
        .delete(&format!("{}?lease={lease}", lock_path(&name)))
        .send()
        .await
        .json(200);
    loop {
        let lock = stream.expect_type("lock").await;
        if lock["holder"].is_null() {
            break;
        }
    }
}
