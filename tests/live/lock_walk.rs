//! W8, a mutex: steps 1 to 3 and the killed client of step 4.

use std::time::Duration;

use serde_json::{Value, json};
use support::{DEADLINE, World, eventually, key_query, percent, spawn, when};

/// The walk's K.
pub(crate) fn route(name: &str) -> String {
    format!("/locks/{}", percent(name))
}

/// The lock once it shows this many waiters.
pub(crate) async fn with_waiters(world: &World, name: &str, count: usize) -> Value {
    eventually("the queue is as long", DEADLINE, async || {
        let answer = world.api.get(&route(name)).send().await;
        when(answer.status == 200, || answer.text())?;
        let lock = answer.json(200);
        let waiters = lock["waiters"].as_array().map_or(0, Vec::len);
        when(waiters == count, || lock.to_string())?;
        Ok(lock)
    })
    .await
}

/// The keys under the lock's name.
async fn keys(world: &World, name: &str) -> Value {
    let page = world
        .api
        .get(&format!("/kv?prefix={}", percent(name)))
        .send()
        .await
        .json(200);
    page["count"].clone()
}

#[tokio::test]
async fn w8_mutex() {
    let world = World::new("w8").await;
    let api = &world.api;
    let name = world.key("my-lock/");
    let k = route(&name);
    // 1
    let s1 = api
        .post(&k, &json!({"ttl": 60, "holder": "s1"}))
        .send()
        .await
        .json(201);
    let lease = s1["lease"].as_str().expect("an id").to_owned();
    let key = format!("{name}/{lease}");
    assert_eq!((&s1["name"], &s1["key"]), (&json!(name), &json!(key)));
    let entry = api.read(&key).await;
    assert_eq!(entry["create_revision"], s1["fencing_token"]);
    assert_eq!(
        (&entry["lease"], &entry["value"]),
        (&json!(lease), &json!(r#"{"holder":"s1"}"#))
    );
    let second = spawn(
        api.post(&k, &json!({"ttl": 60, "holder": "s2", "wait": 30}))
            .send(),
    );
    let lock = with_waiters(&world, &name, 1).await;
    assert_eq!(
        (&lock["kind"], &lock["certain"]),
        (&json!("mutex"), &json!(true))
    );
    assert_eq!(
        (&lock["holder"]["name"], &lock["holder"]["key"]),
        (&json!("s1"), &json!(key))
    );
    assert_eq!(lock["holder"]["fencing_token"], s1["fencing_token"]);
    assert_eq!(lock["holder"]["lease"], lease);
    assert_eq!(lock["waiters"][0]["name"], "s2");
    assert!(lock["waiters"][0]["fencing_token"].as_i64() > s1["fencing_token"].as_i64());
    assert!(
        lock["holder"]["first_seen"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );
    let locked = api
        .post(&k, &json!({"wait": 0}))
        .send()
        .await
        .problem(423, "locked");
    assert_eq!(locked["lock"]["holder"]["name"], "s1");
    assert_eq!(locked["lock"]["waiters"][0]["name"], "s2");
    assert_eq!(keys(&world, &name).await, 2, "a try leaves no key");
    // 2
    let parent = route(name.trim_end_matches('/'));
    let nested = api
        .post(&parent, &json!({"wait": 1}))
        .send()
        .await
        .problem(423, "locked");
    assert!(
        nested["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains(&name)),
        "{nested}"
    );
    assert_eq!(keys(&world, &name).await, 2);
    // 3
    let released = api
        .delete(&format!("{k}?lease={lease}"))
        .send()
        .await
        .json(200);
    assert_eq!(
        (&released["key"], &released["lease"]),
        (&json!(key), &json!(lease))
    );
    let s2 = second.await.expect("no panic").json(201);
    assert!(s2["fencing_token"].as_i64() > s1["fencing_token"].as_i64());
    api.get(&format!("/leases/{lease}")).send().await.json(200);
    let guard = percent(format!("{key}:{}", s1["fencing_token"]));
    let x = key_query(world.key("x"));
    api.put(&format!("{x}&guard={guard}"), "v")
        .send()
        .await
        .problem(412, "not_holder");
    let guard = format!(
        "{}:{}",
        s2["key"].as_str().expect("a key"),
        s2["fencing_token"]
    );
    api.put(&format!("{x}&guard={}", percent(guard)), "v")
        .send()
        .await
        .json(201);
    let lock = with_waiters(&world, &name, 0).await;
    assert_eq!(lock["holder"]["name"], "s2");
}

#[tokio::test]
async fn w8_a_waiting_client_killed_leaves_no_key() {
    let world = World::new("w8-killed").await;
    let name = world.key("my-lock");
    let k = route(&name);
    world
        .api
        .post(&k, &json!({"holder": "s1"}))
        .send()
        .await
        .json(201);
    let waiting = spawn(
        world
            .api
            .post(&k, &json!({"holder": "s2", "wait": 600}))
            .send(),
    );
    let lock = with_waiters(&world, &name, 1).await;
    let lease = lock["waiters"][0]["lease"]
        .as_str()
        .expect("an id")
        .to_owned();
    waiting.abort();
    let soon = Duration::from_secs(2);
    eventually("its key and its lease are gone", soon, async || {
        let count = keys(&world, &name).await;
        let lease = world.api.get(&format!("/leases/{lease}")).send().await;
        when(count == 1 && lease.status == 404, || {
            format!("{count} keys, lease {}", lease.text())
        })
    })
    .await;
    assert_eq!(with_waiters(&world, &name, 0).await["holder"]["name"], "s1");
}
