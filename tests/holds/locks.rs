//! Locks held while connected, and their release: only ever the claim that is named.

use std::time::Duration;

use serde_json::{Value, json};
use support::{Stream, World, key_query, percent, spawn};
use tokio::time::Instant;

use crate::common::{
    beyond_renewals, grant, hold, key_gone, keys, lease_gone, lock_once, route, text, until_keys,
    waiting,
};

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_lock_is_held_while_connected() {
    let world = World::new("held").await;
    let name = world.key("lock");
    let path = format!("{}/hold", route("locks", &name));
    let mut first = hold(&world, &path, &json!({"ttl": 3, "holder": "one"})).await;
    let acquired = first.of("acquired").await;
    let (key, lease) = (text(&acquired["key"]), text(&acquired["lease"]));
    assert_eq!(
        (&acquired["name"], &key),
        (&json!(name), &format!("{name}/{lease}"))
    );
    let entry = world.api.read(&key).await;
    assert_eq!(entry["create_revision"], acquired["fencing_token"]);
    assert_eq!(entry["value"], r#"{"holder":"one"}"#);
    assert!(acquired["header"]["revision"].as_i64() >= acquired["fencing_token"].as_i64());
    let mut second = hold(&world, &path, &json!({"ttl": 3, "holder": "two"})).await;
    let lock = lock_once(&world, &name, |lock| waiting(lock) == 1).await;
    assert_eq!(lock["holder"]["name"], "one");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        assert_eq!(first.of("renewed").await["ttl"], 3);
    }
    assert_eq!(keys(&world, &name).await.len(), 2, "both outlive their TTL");
    drop(first);
    let then = second.of("acquired").await;
    assert!(then["fencing_token"].as_i64() > acquired["fencing_token"].as_i64());
    lease_gone(&world, &lease, SOON).await;
    drop(second);
    key_gone(&world, &text(&then["key"]), SOON).await;
    lease_gone(&world, &text(&then["lease"]), SOON).await;
}

#[tokio::test]
async fn a_client_that_goes_while_waiting_leaves_no_key_and_no_lease() {
    let world = World::new("waiting").await;
    let name = world.key("lock");
    let k = route("locks", &name);
    world
        .api
        .post(&k, &json!({"holder": "one"}))
        .send()
        .await
        .json(201);
    let waiter = hold(&world, &format!("{k}/hold"), &json!({})).await;
    let lock = lock_once(&world, &name, |lock| waiting(lock) == 1).await;
    let claim = lock["waiters"][0].clone();
    drop(waiter);
    key_gone(&world, &text(&claim["key"]), SOON).await;
    lease_gone(&world, &text(&claim["lease"]), SOON).await;
    let campaign = format!("{}/campaign", route("elections", &name));
    let waiter = spawn(world.api.post(&campaign, &json!({"value": "x"})).send());
    until_keys(&world, &name, 2).await;
    waiter.abort();
    until_keys(&world, &name, 1).await;
}

#[tokio::test]
async fn a_holder_is_told_when_the_operator_takes_the_lock() {
    let world = World::new("taken").await;
    let name = world.key("lock");
    let k = route("locks", &name);
    let mut first = hold(&world, &format!("{k}/hold"), &json!({"ttl": 60})).await;
    let acquired = first.of("acquired").await;
    let mut second = hold(&world, &format!("{k}/hold"), &json!({"ttl": 60})).await;
    lock_once(&world, &name, |lock| waiting(lock) == 1).await;
    let by_token = format!("{k}?fencing_token={}", acquired["fencing_token"]);
    world.api.delete(&by_token).send().await.json(200);
    let lost = first.of("lost").await;
    assert!(
        lost["reason"]
            .as_str()
            .is_some_and(|why| why.contains("released")),
        "{lost}"
    );
    first.ended(SOON).await;
    lease_gone(&world, &text(&acquired["lease"]), SOON).await;
    let then = second.of("acquired").await;
    // Its token can never hit the one who came next.
    world
        .api
        .delete(&by_token)
        .send()
        .await
        .problem(412, "not_holder");
    let guard = format!("{}:{}", text(&acquired["key"]), acquired["fencing_token"]);
    let x = key_query(world.key("x"));
    let stale = world.api.put(&format!("{x}&guard={}", percent(guard)), "v");
    stale.send().await.problem(412, "not_holder");
    let guard = format!("{}:{}", text(&then["key"]), then["fencing_token"]);
    let fresh = world.api.put(&format!("{x}&guard={}", percent(guard)), "v");
    fresh.send().await.json(201);
}

#[tokio::test]
async fn a_waiter_is_told_when_its_claim_is_removed() {
    let world = World::new("removed").await;
    let name = world.key("lock");
    let k = route("locks", &name);
    world.api.post(&k, &json!({})).send().await.json(201);
    let mut waiter = hold(&world, &format!("{k}/hold"), &json!({"ttl": 60})).await;
    let lock = lock_once(&world, &name, |lock| waiting(lock) == 1).await;
    let token = &lock["waiters"][0]["fencing_token"];
    world
        .api
        .delete(&format!("{k}?fencing_token={token}"))
        .send()
        .await
        .json(200);
    assert_eq!(waiter.of("lost").await["type"], "lost");
    waiter.ended(SOON).await;
    lock_once(&world, &name, |lock| waiting(lock) == 0).await;
}

#[tokio::test]
async fn release_never_touches_another_holders_key_nor_an_ordinary_key() {
    let world = World::new("never").await;
    let name = world.key("lock");
    let k = route("locks", &name);
    let lease = grant(&world, 60).await;
    let ours = world
        .api
        .post(&k, &json!({"lease": lease}))
        .send()
        .await
        .json(201);
    // Ordinary keys of every suspicious shape, leased and not.
    let nested = format!("{name}/deep/{lease}");
    let without = format!("{name}/7");
    let by_other = format!("{name}/2a");
    for key in [&nested, &by_other] {
        let put = world
            .api
            .put(&format!("{}&lease={lease}", key_query(key)), "v");
        put.send().await.json(201);
    }
    world.api.write(&without, "v").await;
    let plain = world.key("plain");
    world.api.write(&plain, "v").await;
    for key in [&nested, &without, &by_other] {
        let token = world.api.read(key).await["create_revision"].clone();
        let path = format!("{k}?fencing_token={token}");
        world
            .api
            .delete(&path)
            .send()
            .await
            .problem(412, "not_holder");
    }
    for path in [
        format!("{k}?lease=7"),
        format!("{k}?lease=2a"),
        format!(
            "{k}?fencing_token={}",
            ours["fencing_token"].as_i64().expect("one") + 1_000
        ),
    ] {
        world
            .api
            .delete(&path)
            .send()
            .await
            .problem(412, "not_holder");
    }
    let token = world.api.read(&plain).await["create_revision"].clone();
    let path = format!("{}?fencing_token={token}", route("locks", &plain));
    world
        .api
        .delete(&path)
        .send()
        .await
        .problem(404, "lock_not_found");
    let dry = world
        .api
        .delete(&format!("{k}?lease={lease}&revoke&dry_run"))
        .send()
        .await;
    let dying = dry.json(200)["revoked_keys"].as_array().map(Vec::len);
    assert_eq!(dying, Some(3), "what would die is shown");
    assert_eq!(
        keys(&world, &world.prefix).await.len(),
        5,
        "and nothing has"
    );
    world
        .api
        .delete(&format!("{k}?lease={lease}"))
        .send()
        .await
        .json(200);
    assert_eq!(keys(&world, &world.prefix).await.len(), 4);
    world
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
}

#[tokio::test]
async fn a_name_may_stand_in_the_query() {
    let world = World::new("in-query").await;
    let name = world.key("lock/");
    let query = format!("?name={}", percent(&name));
    let mut held = hold(&world, &format!("/locks/-/hold{query}"), &json!({})).await;
    assert_eq!(held.of("acquired").await["name"], name);
    world
        .api
        .get(&format!("/locks/-{query}"))
        .send()
        .await
        .json(200);
    let path = format!("/elections/-/hold{query}");
    let mut candidate = hold(&world, &path, &json!({"value": "x"})).await;
    let election = format!("/elections/-{query}");
    until_keys(&world, &name, 2).await;
    let shown = world.api.get(&election).send().await.json(200);
    assert_eq!(shown["candidates"][0]["value"], "x");
    drop(held);
    assert_eq!(candidate.of("elected").await["name"], name);
}

#[tokio::test]
async fn holds_of_locks_refuse_what_they_do_not_know() {
    let world = World::new("strict").await;
    let k = format!("{}/hold", route("locks", &world.key("lock")));
    for wrong in [
        json!({"wait": 3}),
        json!({"lease": "7"}),
        json!({"ttl": "3"}),
        json!({"holder": "x".repeat(2_000)}),
    ] {
        world
            .api
            .post(&k, &wrong)
            .send()
            .await
            .problem(400, "bad_request");
    }
    let bare: Value = json!({});
    let timed = world
        .api
        .post(&format!("{k}?timeout=3s"), &bare)
        .send()
        .await;
    timed.problem(400, "bad_request");
    world
        .api
        .get(&k)
        .send()
        .await
        .problem(405, "method_not_allowed");
    assert!(keys(&world, &world.prefix).await.is_empty());
    let mut held = Stream::ndjson(world.api.ask(http::Method::POST, &k)).await;
    let acquired = beyond_renewals(&mut held).await;
    assert_eq!(
        acquired["type"], "acquired",
        "a POST without a body needs no type"
    );
}
