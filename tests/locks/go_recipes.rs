//! etcd's own Go recipes share queues with the gateway, in both directions: Session, Mutex, Election,
//! RWMutex.

use std::time::Duration;

use serde_json::json;
use support::locks::{
    election_path, grant_lease, hold, lock_path, wait_for_key_deletion, wait_for_keys,
    wait_for_lock, wait_for_waiters,
};
use support::{Peer, Stream, World, text};
use tokio::time::Instant;

const MOMENT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn go_mutexes_and_holds_share_one_queue() {
    let world = World::new("go-mutex").await;
    let (Some(mut first), Some(mut second)) =
        (Peer::start(world.etcd).await, Peer::start(world.etcd).await)
    else {
        return;
    };
    let name = world.key("lock/");
    let path = format!("{}/hold", lock_path(&name));
    let held = first.run(&["mutex", &name, "60"]).await;
    assert_eq!(held[0], "held");
    let lock = wait_for_waiters(&world.api, &name, 0).await;
    assert_eq!(
        (&lock["kind"], &lock["certain"]),
        (&json!("mutex"), &json!(true))
    );
    assert_eq!(lock["holder"]["key"], held[1]);
    assert_eq!(lock["holder"]["fencing_token"].to_string(), held[2]);
    let mut ours = hold(&world.api, &path, &json!({"holder": "ours"})).await;
    wait_for_waiters(&world.api, &name, 1).await;
    second.send(&["mutex", &name, "60"]).await;
    let lock = wait_for_waiters(&world.api, &name, 2).await;
    assert_eq!(lock["waiters"][0]["name"], "ours");
    // The recipe's ownership check is the same as the gateway's guard.
    let guarded = world.key("guarded");
    assert_eq!(first.run(&["guarded", &guarded, "v"]).await, ["put"]);
    assert_eq!(first.run(&["unlock"]).await, ["released"]);
    ours.expect_type("acquired").await;
    assert!(
        second.is_silent(MOMENT).await,
        "the Go mutex waits for our hold"
    );
    drop(ours);
    let then = second.reply().await;
    assert_eq!(then[0], "held");
    // The gateway releases the Go mutex by its token: the Go session is no longer the owner.
    let by_token = format!("{}?fencing_token={}", lock_path(&name), then[2]);
    world.api.delete(&by_token).send().await.json(200);
    assert_eq!(second.run(&["guarded", &guarded, "w"]).await, ["refused"]);
}

#[tokio::test]
async fn a_go_try_lock_sees_a_hold_and_a_killed_go_holder_is_replaced() {
    let world = World::new("go-try").await;
    let Some(mut peer) = Peer::start(world.etcd).await else {
        return;
    };
    let name = world.key("lock");
    let path = format!("{}/hold", lock_path(&name));
    let mut ours = hold(&world.api, &path, &json!({})).await;
    let acquired = ours.expect_type("acquired").await;
    assert_eq!(peer.run(&["trylock", &name, "5"]).await, ["locked"]);
    drop(ours);
    wait_for_key_deletion(&world.api, &text(&acquired["key"]), Duration::from_secs(2)).await;
    assert_eq!(peer.run(&["trylock", &name, "5"]).await[0], "held");
    let mut next = hold(&world.api, &path, &json!({})).await;
    wait_for_waiters(&world.api, &name, 1).await;
    peer.kill();
    let killed = Instant::now();
    next.expect_type("acquired").await;
    assert!(
        killed.elapsed() < Duration::from_secs(7),
        "{:?}",
        killed.elapsed()
    );
}

#[tokio::test]
async fn go_and_the_gateway_share_one_election() {
    let world = World::new("go-election").await;
    let (Some(mut peer), Some(mut watching)) =
        (Peer::start(world.etcd).await, Peer::start(world.etcd).await)
    else {
        return;
    };
    let name = world.key("election");
    let e = election_path(&name);
    let mut observer = Stream::ndjson(world.api.get(&format!("{e}/observe"))).await;
    watching.send(&["observe", &name]).await;
    let elected = peer.run(&["elect", &name, "go", "5"]).await;
    assert_eq!(elected[0], "elected");
    assert_eq!(watching.reply().await, ["leader", "go"]);
    let lease = grant_lease(&world.api, 60).await;
    let campaign = world.api.post(
        &format!("{e}/campaign"),
        &json!({"value": "ours", "lease": lease}),
    );
    let campaign = support::spawn(campaign.send());
    wait_for_keys(&world.api, &name, 2).await;
    assert_eq!(peer.run(&["proclaim", "go again"]).await, ["proclaimed"]);
    assert_eq!(watching.reply().await, ["leader", "go again"]);
    // The gateway can proclaim for a Go leader, given its key and revision.
    let revision: i64 = elected[2].parse().expect("a number");
    let body = json!({"key": elected[1], "revision": revision, "value": "by us"});
    world
        .api
        .post(&format!("{e}/proclaim"), &body)
        .send()
        .await
        .json(200);
    assert_eq!(watching.reply().await, ["leader", "by us"]);
    peer.kill();
    let killed = Instant::now();
    let ours = campaign.await.expect("no panic").json(201);
    assert!(
        killed.elapsed() < Duration::from_secs(7),
        "{:?}",
        killed.elapsed()
    );
    assert_eq!(ours["lease"], lease);
    assert_eq!(watching.reply().await, ["leader", "ours"]);
    for value in ["go", "go again", "by us", "ours"] {
        assert_eq!(observer.expect_type("leader").await["value"], value);
    }
}

#[tokio::test]
async fn a_go_readers_writer_lock_is_detected_shown_and_released() {
    let world = World::new("go-rw").await;
    let mut peers = Vec::new();
    for _ in 0..4 {
        let Some(peer) = Peer::start(world.etcd).await else {
            return;
        };
        peers.push(peer);
    }
    let name = world.key("rw");
    let [one, two, writer, late] = &mut peers[..] else {
        unreachable!("four peers were started")
    };
    assert_eq!(one.run(&["read", &name, "60"]).await, ["holds", "read"]);
    assert_eq!(two.run(&["read", &name, "60"]).await, ["holds", "read"]);
    writer.send(&["write", &name, "60"]).await;
    wait_for_waiters(&world.api, &name, 1).await;
    late.send(&["read", &name, "60"]).await;
    let lock = wait_for_waiters(&world.api, &name, 2).await;
    assert_eq!(
        (&lock["kind"], &lock["certain"]),
        (&json!("rwmutex"), &json!(true))
    );
    assert_eq!(
        lock["readers"].as_array().map(Vec::len),
        Some(1),
        "two readers hold it"
    );
    let waits = &lock["waiters"];
    assert!(text(&waits[0]["key"]).starts_with(&format!("{name}/write/")));
    assert!(text(&waits[1]["key"]).starts_with(&format!("{name}/read/")));
    let path = format!("/locks?prefix={}", support::percent(&name));
    let listed = world.api.get(&path).send().await.json(200);
    assert_eq!(
        listed["locks"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
    assert_eq!(listed["locks"][0]["kind"], "rwmutex");
    assert_eq!(
        listed["locks"][0]["waiters"].as_array().map(Vec::len),
        Some(2)
    );
    // One reader releases itself, the gateway releases the other by token: the writer gets the lock.
    assert_eq!(one.run(&["unlock"]).await, ["released"]);
    let lock = wait_for_lock(&world.api, &name, |lock| lock.get("readers").is_none()).await;
    assert!(writer.is_silent(MOMENT).await, "one reader still holds it");
    let token = &lock["holder"]["fencing_token"];
    let by_token = format!("{}?fencing_token={token}", lock_path(&name));
    world.api.delete(&by_token).send().await.json(200);
    assert_eq!(writer.reply().await, ["holds", "write"]);
    assert!(late.is_silent(MOMENT).await, "the writer holds it");
    assert_eq!(writer.run(&["unlock"]).await, ["released"]);
    assert_eq!(late.reply().await, ["holds", "read"]);
    let lock = wait_for_waiters(&world.api, &name, 0).await;
    assert!(text(&lock["holder"]["key"]).starts_with(&format!("{name}/read/")));
}
