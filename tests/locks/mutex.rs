//! A mutex: acquired, waited for, released, and passed on with a new token.

use std::time::Duration;

use serde_json::json;
use support::locks::{
    keys_under, lock_path, wait_for_key_deletion, wait_for_lease_end, wait_for_waiters,
};
use support::{World, key_query, percent, spawn, text};

#[tokio::test]
async fn a_released_mutex_passes_to_the_first_waiter() {
    let world = World::new("mutex").await;
    let api = &world.api;
    let name = world.key("my-lock/");
    let k = lock_path(&name);
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
    let lock = wait_for_waiters(&world.api, &name, 1).await;
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
    let keys = keys_under(api, &name).await;
    assert_eq!(keys.len(), 2, "a failed attempt leaves no key: {keys:?}");
    // A nested name conflicts with the lock.
    let parent = lock_path(name.trim_end_matches('/'));
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
    assert_eq!(keys_under(api, &name).await.len(), 2);
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
    let lock = wait_for_waiters(&world.api, &name, 0).await;
    assert_eq!(lock["holder"]["name"], "s2");
}

#[tokio::test]
async fn a_killed_waiter_leaves_no_key_and_no_lease() {
    let world = World::new("killed-waiter").await;
    let name = world.key("my-lock");
    let k = lock_path(&name);
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
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    let waiter = &lock["waiters"][0];
    waiting.abort();
    let soon = Duration::from_secs(2);
    wait_for_key_deletion(&world.api, &text(&waiter["key"]), soon).await;
    wait_for_lease_end(&world.api, &text(&waiter["lease"]), soon).await;
    assert_eq!(keys_under(&world.api, &name).await.len(), 1);
    assert_eq!(
        wait_for_waiters(&world.api, &name, 0).await["holder"]["name"],
        "s1"
    );
}
