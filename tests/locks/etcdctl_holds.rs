//! `etcdctl lock` and `etcdctl elect` share queues with holds, in both directions.

use nix::sys::signal::Signal;
use serde_json::json;
use support::ctl::Etcdctl;
use support::locks::{election_path, hold, lock_path, wait_for_keys, wait_for_waiters};
use support::{Stream, World, text};

#[tokio::test]
async fn etcdctl_lock_and_holds_share_one_queue() {
    let world = World::new("ctl-lock").await;
    let name = world.key("lock");
    let path = format!("{}/hold", lock_path(&name));
    let mut ours = hold(&world.api, &path, &json!({"holder": "ours"})).await;
    ours.expect_type("acquired").await;
    let mut theirs = Etcdctl::start(world.etcd, &["lock", &name]);
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    let their_key = text(&lock["waiters"][0]["key"]);
    let mut next = hold(&world.api, &path, &json!({"holder": "next"})).await;
    wait_for_waiters(&world.api, &name, 2).await;
    drop(ours);
    assert_eq!(theirs.line().await, their_key);
    theirs.signal(Signal::SIGINT);
    next.expect_type("acquired").await;
}

#[tokio::test]
async fn etcdctl_elect_and_the_gateway_share_one_election() {
    let world = World::new("ctl-elect").await;
    let name = world.key("election");
    let e = election_path(&name);
    let mut listening = Etcdctl::start(world.etcd, &["elect", "-l", &name]);
    let mut observer = Stream::ndjson(world.api.get(&format!("{e}/observe"))).await;
    let path = format!("{e}/hold");
    let mut ours = hold(&world.api, &path, &json!({"value": "ours"})).await;
    let elected = ours.expect_type("elected").await;
    assert_eq!(listening.line().await, text(&elected["key"]));
    assert_eq!(listening.line().await, "ours");
    let mut theirs = Etcdctl::start(world.etcd, &["elect", &name, "theirs"]);
    wait_for_keys(&world.api, &name, 2).await;
    let mut next = hold(&world.api, &path, &json!({"value": "next"})).await;
    wait_for_keys(&world.api, &name, 3).await;
    let shown = world.api.get(&e).send().await.json(200);
    let values = [
        &shown["leader"]["value"],
        &shown["candidates"][0]["value"],
        &shown["candidates"][1]["value"],
    ];
    assert_eq!(json!(values), json!(["ours", "theirs", "next"]));
    drop(ours);
    let their_key = theirs.line().await;
    assert_eq!(their_key, text(&shown["candidates"][0]["key"]));
    assert_eq!(theirs.line().await, "theirs");
    theirs.signal(Signal::SIGINT);
    next.expect_type("elected").await;
    for value in ["ours", "theirs", "next"] {
        assert_eq!(observer.expect_type("leader").await["value"], value);
    }
}
