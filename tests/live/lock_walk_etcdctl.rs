//! W8 step 4: `etcdctl lock` and `POST /locks` stand in one queue, both ways.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use support::ctl::etcdctl_beside;
use support::{World, spawn};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

use crate::lock_walk::{route, with_waiters};

/// `etcdctl lock` prints its key once it holds.
async fn acquired(child: &mut Child) -> String {
    let said = child.stdout.take().expect("it is piped");
    let mut line = String::new();
    timeout(support::DEADLINE, BufReader::new(said).read_line(&mut line))
        .await
        .expect("etcdctl acquires in time")
        .expect("a pipe can be read");
    line.trim().to_owned()
}

fn signal(child: &Child, signal: Signal) {
    let id = child.id().expect("it runs");
    kill(Pid::from_raw(id as i32), signal).expect("it runs");
}

#[tokio::test]
async fn w8_etcdctl_waits_behind_us() {
    let world = World::new("w8-behind").await;
    let name = world.key("my-lock/");
    let ours = world
        .api
        .post(&route(&name), &json!({"holder": "ours"}))
        .send()
        .await
        .json(201);
    let mut theirs = etcdctl_beside(world.etcd, &["lock", &name]);
    let lock = with_waiters(&world, &name, 1).await;
    assert_eq!(lock["holder"]["name"], "ours");
    assert_eq!(
        lock["waiters"][0].get("name"),
        None::<&Value>,
        "etcdctl gives no name"
    );
    let theirs_key = lock["waiters"][0]["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    assert!(theirs_key.starts_with(&format!("{name}/")), "{theirs_key}");
    let third = spawn(
        world
            .api
            .post(&route(&name), &json!({"holder": "third", "wait": 60}))
            .send(),
    );
    let lock = with_waiters(&world, &name, 2).await;
    assert_eq!(
        (&lock["waiters"][0]["key"], &lock["waiters"][1]["name"]),
        (&json!(theirs_key), &json!("third"))
    );

    let lease = ours["lease"].as_str().expect("an id");
    world
        .api
        .delete(&format!("{}?lease={lease}", route(&name)))
        .send()
        .await
        .json(200);
    assert_eq!(acquired(&mut theirs).await, theirs_key);
    let lock = with_waiters(&world, &name, 1).await;
    assert_eq!(lock["holder"]["key"], theirs_key);
    signal(&theirs, Signal::SIGINT);
    let third = third.await.expect("no panic").json(201);
    assert!(third["fencing_token"].as_i64() > lock["holder"]["fencing_token"].as_i64());
}

#[tokio::test]
async fn w8_we_wait_behind_etcdctl_even_when_it_is_killed() {
    let world = World::new("w8-ahead").await;
    let name = world.key("my-lock/");
    let mut theirs = etcdctl_beside(world.etcd, &["lock", "--ttl=3", &name]);
    let key = acquired(&mut theirs).await;
    let locked = world
        .api
        .post(&route(&name), &json!({}))
        .send()
        .await
        .problem(423, "locked");
    assert_eq!(locked["lock"]["holder"]["key"], key);
    let waiting = spawn(
        world
            .api
            .post(&route(&name), &json!({"holder": "ours", "wait": 60}))
            .send(),
    );
    let lock = with_waiters(&world, &name, 1).await;
    assert_eq!(
        (&lock["holder"]["key"], &lock["waiters"][0]["name"]),
        (&json!(key), &json!("ours"))
    );
    signal(&theirs, Signal::SIGKILL);
    let ours = waiting.await.expect("no panic").json(201);
    assert!(ours["fencing_token"].as_i64() > lock["holder"]["fencing_token"].as_i64());
    let mut next = etcdctl_beside(world.etcd, &["lock", &name]);
    with_waiters(&world, &name, 1).await;
    let path = format!("{}?fencing_token={}", route(&name), ours["fencing_token"]);
    world.api.delete(&path).send().await.json(200);
    acquired(&mut next).await;
}
