//! `etcdctl lock` and `POST /locks` share one queue, in both directions.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::ctl::Etcdctl;
use support::locks::{lock_path, wait_for_waiters};
use support::{World, spawn, text};

#[tokio::test]
async fn etcdctl_waits_for_a_lock_of_the_gateway() {
    let world = World::new("etcdctl-waits").await;
    let name = world.key("my-lock/");
    let ours = world
        .api
        .post(&lock_path(&name), &json!({"holder": "ours"}))
        .send()
        .await
        .json(201);
    let mut theirs = Etcdctl::start(world.etcd, &["lock", &name]);
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    assert_eq!(lock["holder"]["name"], "ours");
    assert_eq!(
        lock["waiters"][0].get("name"),
        None::<&Value>,
        "etcdctl gives no name"
    );
    let theirs_key = text(&lock["waiters"][0]["key"]);
    assert!(theirs_key.starts_with(&format!("{name}/")), "{theirs_key}");
    let third = spawn(
        world
            .api
            .post(&lock_path(&name), &json!({"holder": "third", "wait": 60}))
            .send(),
    );
    let lock = wait_for_waiters(&world.api, &name, 2).await;
    assert_eq!(
        (&lock["waiters"][0]["key"], &lock["waiters"][1]["name"]),
        (&json!(theirs_key), &json!("third"))
    );

    let lease = ours["lease"].as_str().expect("an id");
    world
        .api
        .delete(&format!("{}?lease={lease}", lock_path(&name)))
        .send()
        .await
        .json(200);
    assert_eq!(theirs.line().await, theirs_key);
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    assert_eq!(lock["holder"]["key"], theirs_key);
    theirs.signal(Signal::SIGINT);
    let third = third.await.expect("no panic").json(201);
    assert!(third["fencing_token"].as_i64() > lock["holder"]["fencing_token"].as_i64());
}

#[tokio::test]
async fn a_request_waits_for_etcdctl_even_if_it_is_killed() {
    let world = World::new("etcdctl-holds").await;
    let name = world.key("my-lock/");
    let mut theirs = Etcdctl::start(world.etcd, &["lock", "--ttl=3", &name]);
    let key = theirs.line().await;
    let locked = world
        .api
        .post(&lock_path(&name), &json!({}))
        .send()
        .await
        .problem(423, "locked");
    assert_eq!(locked["lock"]["holder"]["key"], key);
    let waiting = spawn(
        world
            .api
            .post(&lock_path(&name), &json!({"holder": "ours", "wait": 60}))
            .send(),
    );
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    assert_eq!(
        (&lock["holder"]["key"], &lock["waiters"][0]["name"]),
        (&json!(key), &json!("ours"))
    );
    theirs.signal(Signal::SIGKILL);
    let ours = waiting.await.expect("no panic").json(201);
    assert!(ours["fencing_token"].as_i64() > lock["holder"]["fencing_token"].as_i64());
    let mut next = Etcdctl::start(world.etcd, &["lock", &name]);
    wait_for_waiters(&world.api, &name, 1).await;
    let path = format!(
        "{}?fencing_token={}",
        lock_path(&name),
        ours["fencing_token"]
    );
    world.api.delete(&path).send().await.json(200);
    next.line().await;
}
