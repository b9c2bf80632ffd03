//! Locks held while connected. A release deletes the named key and no other.

use std::time::Duration;

use serde_json::{Value, json};
use support::locks::{
    create_leased, election_path, grant_lease, hold, keys_under, lock_path, next_after_renewals,
    wait_for_key_deletion, wait_for_keys, wait_for_lease_end, wait_for_waiters,
};
use support::{Stream, World, key_query, percent, spawn, text};
use tokio::time::Instant;

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_lock_is_held_while_connected() {
    let world = World::new("held").await;
    let name = world.key("lock");
    let path = format!("{}/hold", lock_path(&name));
    let mut first = hold(&world.api, &path, &json!({"ttl": 3, "holder": "one"})).await;
    let acquired = first.expect_type("acquired").await;
    let (key, lease) = (text(&acquired["key"]), text(&acquired["lease"]));
    assert_eq!(
        (&acquired["name"], &key),
        (&json!(name), &format!("{name}/{lease}"))
    );
    let entry = world.api.read(&key).await;
    assert_eq!(entry["create_revision"], acquired["fencing_token"]);
    assert_eq!(entry["value"], r#"{"holder":"one"}"#);
    assert!(acquired["header"]["revision"].as_i64() >= acquired["fencing_token"].as_i64());
    let mut second = hold(&world.api, &path, &json!({"ttl": 3, "holder": "two"})).await;
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    assert_eq!(lock["holder"]["name"], "one");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        assert_eq!(first.expect_type("renewed").await["ttl"], 3);
    }
    assert_eq!(
        keys_under(&world.api, &name).await.len(),
        2,
        "both outlive their TTL"
    );
    drop(first);
    let then = second.expect_type("acquired").await;
    assert!(then["fencing_token"].as_i64() > acquired["fencing_token"].as_i64());
    wait_for_lease_end(&world.api, &lease, SOON).await;
    drop(second);
    wait_for_key_deletion(&world.api, &text(&then["key"]), SOON).await;
    wait_for_lease_end(&world.api, &text(&then["lease"]), SOON).await;
}

#[tokio::test]
async fn a_client_that_disconnects_while_waiting_leaves_no_key_and_no_lease() {
    let world = World::new("waiting").await;
    let name = world.key("lock");
    let k = lock_path(&name);
    world
        .api
        .post(&k, &json!({"holder": "one"}))
        .send()
        .await
        .json(201);
    let waiter = hold(&world.api, &format!("{k}/hold"), &json!({})).await;
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    let claim = lock["waiters"][0].clone();
    drop(waiter);
    wait_for_key_deletion(&world.api, &text(&claim["key"]), SOON).await;
    wait_for_lease_end(&world.api, &text(&claim["lease"]), SOON).await;
    let campaign = format!("{}/campaign", election_path(&name));
    let waiter = spawn(world.api.post(&campaign, &json!({"value": "x"})).send());
    wait_for_keys(&world.api, &name, 2).await;
    waiter.abort();
    wait_for_keys(&world.api, &name, 1).await;
}

#[tokio::test]
async fn a_holder_is_notified_when_an_operator_releases_its_lock() {
    let world = World::new("operator").await;
    let name = world.key("lock");
    let k = lock_path(&name);
    let mut first = hold(&world.api, &format!("{k}/hold"), &json!({"ttl": 60})).await;
    let acquired = first.expect_type("acquired").await;
    let mut second = hold(&world.api, &format!("{k}/hold"), &json!({"ttl": 60})).await;
    wait_for_waiters(&world.api, &name, 1).await;
    let by_token = format!("{k}?fencing_token={}", acquired["fencing_token"]);
    world.api.delete(&by_token).send().await.json(200);
    let lost = first.expect_type("lost").await;
    assert!(
        lost["reason"]
            .as_str()
            .is_some_and(|why| why.contains("released")),
        "{lost}"
    );
    first.wait_for_end(SOON).await;
    wait_for_lease_end(&world.api, &text(&acquired["lease"]), SOON).await;
    let then = second.expect_type("acquired").await;
    // The former holder's token never affects the next holder.
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
async fn a_waiter_is_notified_when_its_key_is_removed() {
    let world = World::new("removed").await;
    let name = world.key("lock");
    let k = lock_path(&name);
    world.api.post(&k, &json!({})).send().await.json(201);
    let mut waiter = hold(&world.api, &format!("{k}/hold"), &json!({"ttl": 60})).await;
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    let token = &lock["waiters"][0]["fencing_token"];
    world
        .api
        .delete(&format!("{k}?fencing_token={token}"))
        .send()
        .await
        .json(200);
    assert_eq!(waiter.expect_type("lost").await["type"], "lost");
    waiter.wait_for_end(SOON).await;
    wait_for_waiters(&world.api, &name, 0).await;
}

#[tokio::test]
async fn release_never_deletes_another_holders_or_an_ordinary_key() {
    let world = World::new("never").await;
    let name = world.key("lock");
    let k = lock_path(&name);
    let lease = grant_lease(&world.api, 60).await;
    let ours = world
        .api
        .post(&k, &json!({"lease": lease}))
        .send()
        .await
        .json(201);
    // Ordinary keys that look like queue keys, with a lease and without.
    let nested = format!("{name}/deep/{lease}");
    let without = format!("{name}/7");
    let by_other = format!("{name}/2a");
    for key in [&nested, &by_other] {
        create_leased(&world.api, key, "v", &lease).await;
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
            ours["fencing_token"].as_i64().expect("a token") + 1_000
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
    let path = format!("{}?fencing_token={token}", lock_path(&plain));
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
    let revoked = dry.json(200)["revoked_keys"].as_array().map(Vec::len);
    assert_eq!(revoked, Some(3), "the preview lists what would be deleted");
    assert_eq!(
        keys_under(&world.api, &world.prefix).await.len(),
        5,
        "a preview deletes nothing"
    );
    world
        .api
        .delete(&format!("{k}?lease={lease}"))
        .send()
        .await
        .json(200);
    assert_eq!(keys_under(&world.api, &world.prefix).await.len(), 4);
    world
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
}

#[tokio::test]
async fn names_are_accepted_in_the_query() {
    let world = World::new("in-query").await;
    let name = world.key("lock/");
    let query = format!("?name={}", percent(&name));
    let mut held = hold(&world.api, &format!("/locks/-/hold{query}"), &json!({})).await;
    assert_eq!(held.expect_type("acquired").await["name"], name);
    world
        .api
        .get(&format!("/locks/-{query}"))
        .send()
        .await
        .json(200);
    let path = format!("/elections/-/hold{query}");
    let mut candidate = hold(&world.api, &path, &json!({"value": "x"})).await;
    let election = format!("/elections/-{query}");
    wait_for_keys(&world.api, &name, 2).await;
    let shown = world.api.get(&election).send().await.json(200);
    assert_eq!(shown["candidates"][0]["value"], "x");
    drop(held);
    assert_eq!(candidate.expect_type("elected").await["name"], name);
}

#[tokio::test]
async fn a_lock_hold_refuses_unknown_members_and_parameters() {
    let world = World::new("strict").await;
    let k = format!("{}/hold", lock_path(&world.key("lock")));
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
    assert!(keys_under(&world.api, &world.prefix).await.is_empty());
    let mut held = Stream::ndjson(world.api.post_empty(&k)).await;
    let acquired = next_after_renewals(&mut held).await;
    assert_eq!(
        acquired["type"], "acquired",
        "a POST without a body needs no content type"
    );
}
