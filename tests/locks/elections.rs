//! Elections: campaigns, proclamations, resignations, and leadership held while connected.

use std::time::Duration;

use serde_json::{Value, json};
use support::locks::{
    create_leased, election_path, grant_lease, hold, keys_under, next_after_renewals,
    wait_for_candidates, wait_for_key_deletion, wait_for_keys, wait_for_lease_end,
};
use support::{Stream, World, spawn, text};
use tokio::time::Instant;

const SOON: Duration = Duration::from_secs(2);

/// The value of the next leader that the observer receives.
async fn next_leader(observer: &mut Stream) -> String {
    text(&observer.expect_type("leader").await["value"])
}

#[tokio::test]
async fn campaign_proclaim_resign_and_observe_agree() {
    let world = World::new("election").await;
    let api = &world.api;
    let name = world.key("my-election/");
    let e = election_path(&name);
    let (l1, l2) = (
        grant_lease(&world.api, 60).await,
        grant_lease(&world.api, 60).await,
    );
    api.get(&e).send().await.problem(404, "election_not_found");
    let mut observer = Stream::ndjson(api.get(&format!("{e}/observe"))).await;
    let campaign = format!("{e}/campaign");
    let e2 = api
        .post(&campaign, &json!({"lease": l2, "value": "e2"}))
        .send()
        .await
        .json(201);
    let key = format!("{name}/{l2}");
    assert_eq!(
        (&e2["key"], &e2["lease"], &e2["name"]),
        (&json!(key), &json!(l2), &json!(name))
    );
    assert_eq!(
        world.api.read(&key).await["create_revision"],
        e2["revision"]
    );
    let e1 = spawn(
        api.post(&campaign, &json!({"lease": l1, "value": "e1"}))
            .send(),
    );
    let election = wait_for_candidates(&world.api, &name, 1).await;
    assert_eq!(election["leader"]["value"], "e2");
    assert_eq!(election["leader"]["revision"], e2["revision"]);
    assert_eq!(election["leader"]["lease"], l2);
    assert!(election["leader"]["ttl"].as_i64() > Some(0), "{election}");
    assert_eq!(election["candidates"][0]["value"], "e1");
    assert!(!e1.is_finished(), "the second campaign waits");
    let body_for = |leader: &Value, value: Option<&str>| {
        let mut body = json!({"key": leader["key"], "revision": leader["revision"]});
        if let Some(value) = value {
            body["value"] = json!(value);
        }
        body
    };
    let (proclaim, resign) = (format!("{e}/proclaim"), format!("{e}/resign"));
    api.post(&proclaim, &body_for(&e2, Some("e2-bis")))
        .send()
        .await
        .json(200);
    api.post(&resign, &body_for(&e2, None))
        .send()
        .await
        .json(200);
    let e1 = e1.await.expect("no panic").json(201);
    assert!(e1["revision"].as_i64() > e2["revision"].as_i64());
    let mut printed = Vec::new();
    for _ in 0..3 {
        printed.push(next_leader(&mut observer).await);
    }
    assert_eq!(printed, ["e2", "e2-bis", "e1"]);
    api.get(&format!("/leases/{l2}")).send().await.json(200);
    let stale = api
        .post(&proclaim, &body_for(&e2, Some("again")))
        .send()
        .await;
    stale.problem(412, "not_leader");
    let stale = api.post(&resign, &body_for(&e2, None)).send().await;
    stale.problem(412, "not_leader");
    // Every request has its own connection here, so this is not the campaign's.
    api.post(&proclaim, &body_for(&e1, Some("e1-bis")))
        .send()
        .await
        .json(200);
    assert_eq!(next_leader(&mut observer).await, "e1-bis");
    // A campaign with the leader's own lease and another value proclaims the value.
    let again = api
        .post(&campaign, &json!({"lease": l1, "value": "e1-ter"}))
        .send()
        .await;
    assert_eq!(again.json(201)["revision"], e1["revision"]);
    assert_eq!(next_leader(&mut observer).await, "e1-ter");
}

#[tokio::test]
async fn a_killed_leader_is_replaced_within_its_ttl_plus_2_seconds() {
    let world = World::new("killed-leader").await;
    let name = world.key("election");
    let e = election_path(&name);
    let mut observer = Stream::ndjson(world.api.get(&format!("{e}/observe"))).await;
    // Nothing renews this lease, as if the leader's process or machine had failed.
    let lease = grant_lease(&world.api, 5).await;
    let campaign = world.api.post(
        &format!("{e}/campaign"),
        &json!({"lease": lease, "value": "first"}),
    );
    campaign.send().await.json(201);
    let killed = Instant::now();
    let mut second = hold(
        &world.api,
        &format!("{e}/hold"),
        &json!({"value": "second", "ttl": 5}),
    )
    .await;
    assert_eq!(next_leader(&mut observer).await, "first");
    let elected = second.expect_type("elected").await;
    assert!(
        killed.elapsed() < Duration::from_secs(7),
        "{:?}",
        killed.elapsed()
    );
    assert_eq!(next_leader(&mut observer).await, "second");
    // A leader whose connection is closed is replaced at once.
    let mut third = hold(
        &world.api,
        &format!("{e}/hold"),
        &json!({"value": "third", "ttl": 60}),
    )
    .await;
    wait_for_candidates(&world.api, &name, 1).await;
    drop(second);
    let closed = Instant::now();
    let then = third.expect_type("elected").await;
    assert!(closed.elapsed() < SOON, "{:?}", closed.elapsed());
    assert!(then["revision"].as_i64() > elected["revision"].as_i64());
    assert_eq!(next_leader(&mut observer).await, "third");
}

#[tokio::test]
async fn leadership_is_held_while_connected_and_its_loss_is_reported() {
    let world = World::new("leader").await;
    let name = world.key("election");
    let e = election_path(&name);
    let path = format!("{e}/hold");
    let mut first = hold(&world.api, &path, &json!({"value": "first", "ttl": 3})).await;
    let elected = first.expect_type("elected").await;
    let key = text(&elected["key"]);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        assert_eq!(first.expect_type("renewed").await["ttl"], 3);
    }
    assert_eq!(world.api.read(&key).await["value"], "first");
    let body = json!({"key": key, "revision": elected["revision"]});
    world
        .api
        .post(&format!("{e}/resign"), &body)
        .send()
        .await
        .json(200);
    let lost = next_after_renewals(&mut first).await;
    assert_eq!(lost["type"], "lost", "{lost}");
    first.wait_for_end(SOON).await;
    wait_for_lease_end(&world.api, &text(&elected["lease"]), SOON).await;
    // A candidate that disconnects while it waits leaves no key.
    let mut leader = hold(&world.api, &path, &json!({"value": "leader"})).await;
    let elected = leader.expect_type("elected").await;
    let waiter = hold(&world.api, &path, &json!({"value": "waiter"})).await;
    let election = wait_for_candidates(&world.api, &name, 1).await;
    let waiting = text(&election["candidates"][0]["key"]);
    drop(waiter);
    wait_for_key_deletion(&world.api, &waiting, SOON).await;
    drop(leader);
    wait_for_key_deletion(&world.api, &text(&elected["key"]), SOON).await;
    world
        .api
        .get(&e)
        .send()
        .await
        .problem(404, "election_not_found");
}

#[tokio::test]
async fn a_campaign_ends_with_its_wait_its_lease_or_its_client() {
    let world = World::new("campaign").await;
    let name = world.key("election");
    let campaign = format!("{}/campaign", election_path(&name));
    let post = |body: Value| world.api.post(&campaign, &body).send();
    post(json!({"value": "leader"})).await.json(201);
    // The wait expires.
    let late = post(json!({"value": "late", "wait": 1}))
        .await
        .problem(423, "locked");
    assert_eq!(late["lock"]["holder"]["value"], "leader");
    assert_eq!(keys_under(&world.api, &name).await.len(), 1);
    // The lease is revoked.
    let lease = grant_lease(&world.api, 60).await;
    let waiting = spawn(post(json!({"value": "expires", "lease": lease})));
    wait_for_keys(&world.api, &name, 2).await;
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
    // The client disconnects; its own lease stays.
    let lease = grant_lease(&world.api, 60).await;
    let waiting = spawn(post(json!({"value": "disconnects", "lease": lease})));
    wait_for_keys(&world.api, &name, 2).await;
    waiting.abort();
    wait_for_keys(&world.api, &name, 1).await;
    world
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
    for wrong in [
        json!({}),
        json!({"value": "x", "ttl": 5, "lease": lease}),
        json!({"value": "x", "wait": 3_601}),
        json!({"value": "x", "lease": "0"}),
        json!({"value": "x", "holder": "y"}),
    ] {
        post(wrong).await.problem(400, "bad_request");
    }
    post(json!({"value": "x", "lease": "7"}))
        .await
        .problem(422, "lease_not_found");
}

#[tokio::test]
async fn proclaiming_and_resigning_never_touch_an_ordinary_key() {
    let world = World::new("ordinary").await;
    let name = world.key("election");
    let e = election_path(&name);
    let led = world
        .api
        .post(&format!("{e}/campaign"), &json!({"value": "x"}));
    let led = led.send().await.json(201);
    let lease = text(&led["lease"]);
    let plain = format!("{name}/plain");
    let leased = format!("{name}/2a");
    world.api.write(&plain, "v").await;
    create_leased(&world.api, &leased, "v", &lease).await;
    for key in [&plain, &leased] {
        let revision = world.api.read(key).await["create_revision"].clone();
        for (verb, body) in [
            (
                "proclaim",
                json!({"key": key, "revision": revision, "value": "x"}),
            ),
            ("resign", json!({"key": key, "revision": revision})),
        ] {
            let response = world.api.post(&format!("{e}/{verb}"), &body).send().await;
            response.problem(412, "not_leader");
        }
        assert_eq!(world.api.read(key).await["value"], "v");
    }
    // A leader cannot resign from another election.
    let other = election_path(&world.key("other"));
    let body = json!({"key": led["key"], "revision": led["revision"]});
    let response = world
        .api
        .post(&format!("{other}/resign"), &body)
        .send()
        .await;
    response.problem(412, "not_leader");
    world.api.read(text(&led["key"])).await;
}

#[tokio::test]
async fn values_are_bytes() {
    let world = World::new("bytes").await;
    let e = election_path(&world.key("election"));
    let mut observer = Stream::ndjson(world.api.get(&format!("{e}/observe"))).await;
    let value = json!({"base64": "/wD+"});
    let led = world
        .api
        .post(&format!("{e}/campaign"), &json!({"value": value}));
    led.send().await.json(201);
    assert_eq!(
        world.api.get(&e).send().await.json(200)["leader"]["value"],
        value
    );
    assert_eq!(observer.expect_type("leader").await["value"], value);
}
