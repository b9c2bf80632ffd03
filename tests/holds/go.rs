//! etcd's own Go recipes stand in one queue with ours, both ways: Session, Mutex, Election, RWMutex.

use std::time::Duration;

use serde_json::json;
use support::{Peer, Stream, World};
use tokio::time::Instant;

use crate::common::{grant, hold, key_gone, lock_once, route, text, until_keys, waiting};

const MOMENT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_go_mutex_waits_behind_us_and_we_behind_it() {
    let world = World::new("go-mutex").await;
    let (Some(mut first), Some(mut second)) =
        (Peer::start(world.etcd).await, Peer::start(world.etcd).await)
    else {
        return;
    };
    let name = world.key("lock/");
    let path = format!("{}/hold", route("locks", &name));
    let held = first.ask(&["mutex", &name, "60"]).await;
    assert_eq!(held[0], "held");
    let lock = lock_once(&world, &name, |lock| waiting(lock) == 0).await;
    assert_eq!(
        (&lock["kind"], &lock["certain"]),
        (&json!("mutex"), &json!(true))
    );
    assert_eq!(lock["holder"]["key"], held[1]);
    assert_eq!(lock["holder"]["fencing_token"].to_string(), held[2]);
    let mut ours = hold(&world, &path, &json!({"holder": "ours"})).await;
    lock_once(&world, &name, |lock| waiting(lock) == 1).await;
    second.tell(&["mutex", &name, "60"]).await;
    let lock = lock_once(&world, &name, |lock| waiting(lock) == 2).await;
    assert_eq!(lock["waiters"][0]["name"], "ours");
    // Its own guard is the one that the gateway's guard is.
    let guarded = world.key("guarded");
    assert_eq!(first.ask(&["guarded", &guarded, "v"]).await, ["put"]);
    assert_eq!(first.ask(&["unlock"]).await, ["released"]);
    ours.of("acquired").await;
    assert!(second.is_silent(MOMENT).await, "it waits behind us");
    drop(ours);
    let then = second.answer().await;
    assert_eq!(then[0], "held");
    // Released here by its token, the Go mutex is not the owner any more.
    let by_token = format!("{}?fencing_token={}", route("locks", &name), then[2]);
    world.api.delete(&by_token).send().await.json(200);
    assert_eq!(second.ask(&["guarded", &guarded, "w"]).await, ["refused"]);
}

#[tokio::test]
async fn a_go_try_lock_finds_ours_and_a_killed_go_holder_gives_way() {
    let world = World::new("go-try").await;
    let Some(mut peer) = Peer::start(world.etcd).await else {
        return;
    };
    let name = world.key("lock");
    let path = format!("{}/hold", route("locks", &name));
    let mut ours = hold(&world, &path, &json!({})).await;
    let acquired = ours.of("acquired").await;
    assert_eq!(peer.ask(&["trylock", &name, "5"]).await, ["locked"]);
    drop(ours);
    key_gone(&world, &text(&acquired["key"]), Duration::from_secs(2)).await;
    assert_eq!(peer.ask(&["trylock", &name, "5"]).await[0], "held");
    let mut next = hold(&world, &path, &json!({})).await;
    lock_once(&world, &name, |lock| waiting(lock) == 1).await;
    peer.kill();
    let killed = Instant::now();
    next.of("acquired").await;
    assert!(
        killed.elapsed() < Duration::from_secs(7),
        "{:?}",
        killed.elapsed()
    );
}

#[tokio::test]
async fn a_go_election_and_ours_are_one() {
    let world = World::new("go-election").await;
    let (Some(mut peer), Some(mut watching)) =
        (Peer::start(world.etcd).await, Peer::start(world.etcd).await)
    else {
        return;
    };
    let name = world.key("election");
    let e = route("elections", &name);
    let mut observer = Stream::ndjson(world.api.get(&format!("{e}/observe"))).await;
    watching.tell(&["observe", &name]).await;
    let elected = peer.ask(&["elect", &name, "go", "5"]).await;
    assert_eq!(elected[0], "elected");
    assert_eq!(watching.answer().await, ["leader", "go"]);
    let lease = grant(&world, 60).await;
    let campaign = world.api.post(
        &format!("{e}/campaign"),
        &json!({"value": "ours", "lease": lease}),
    );
    let campaign = support::spawn(campaign.send());
    until_keys(&world, &name, 2).await;
    assert_eq!(peer.ask(&["proclaim", "go again"]).await, ["proclaimed"]);
    assert_eq!(watching.answer().await, ["leader", "go again"]);
    // Key and revision of a Go leader are all that proclaiming here needs.
    let revision: i64 = elected[2].parse().expect("a number");
    let body = json!({"key": elected[1], "revision": revision, "value": "by us"});
    world
        .api
        .post(&format!("{e}/proclaim"), &body)
        .send()
        .await
        .json(200);
    assert_eq!(watching.answer().await, ["leader", "by us"]);
    peer.kill();
    let killed = Instant::now();
    let ours = campaign.await.expect("no panic").json(201);
    assert!(
        killed.elapsed() < Duration::from_secs(7),
        "{:?}",
        killed.elapsed()
    );
    assert_eq!(ours["lease"], lease);
    assert_eq!(watching.answer().await, ["leader", "ours"]);
    for value in ["go", "go again", "by us", "ours"] {
        assert_eq!(observer.of("leader").await["value"], value);
    }
}

#[tokio::test]
async fn a_go_readers_writer_lock_is_found_shown_and_released() {
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
        unreachable!("four were started")
    };
    assert_eq!(one.ask(&["read", &name, "60"]).await, ["holds", "read"]);
    assert_eq!(two.ask(&["read", &name, "60"]).await, ["holds", "read"]);
    writer.tell(&["write", &name, "60"]).await;
    lock_once(&world, &name, |lock| waiting(lock) == 1).await;
    late.tell(&["read", &name, "60"]).await;
    let lock = lock_once(&world, &name, |lock| waiting(lock) == 2).await;
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
    // One reader is released here, by token, the other releases itself: then the writer writes.
    assert_eq!(one.ask(&["unlock"]).await, ["released"]);
    let lock = lock_once(&world, &name, |lock| lock.get("readers").is_none()).await;
    assert!(writer.is_silent(MOMENT).await, "a reader is left");
    let token = &lock["holder"]["fencing_token"];
    let by_token = format!("{}?fencing_token={token}", route("locks", &name));
    world.api.delete(&by_token).send().await.json(200);
    assert_eq!(writer.answer().await, ["holds", "write"]);
    assert!(late.is_silent(MOMENT).await, "the writer writes");
    assert_eq!(writer.ask(&["unlock"]).await, ["released"]);
    assert_eq!(late.answer().await, ["holds", "read"]);
    let lock = lock_once(&world, &name, |lock| waiting(lock) == 0).await;
    assert!(text(&lock["holder"]["key"]).starts_with(&format!("{name}/read/")));
}
