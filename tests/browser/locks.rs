//! The Locks page.

use serde_json::json;
use support::ctl::etcdctl_beside;
use support::{DEADLINE, World, eventually, percent, spawn, when};

use crate::look;

#[tokio::test]
async fn etcdctl_and_ours_stand_in_one_queue_in_the_right_order() {
    let world = World::new("queue").await;
    let name = world.key("lock");
    let route = format!("/locks/{}", percent(&name));
    let waiters = async |count: usize| {
        eventually("the queue is as long", DEADLINE, async || {
            let lock = world.api.get(&route).send().await.json(200);
            let seen = lock["waiters"].as_array().map_or(0, Vec::len);
            when(seen == count, || lock.to_string())?;
            Ok(lock)
        })
        .await
    };
    let held = world
        .api
        .post(&route, &json!({"holder": "first-ours"}))
        .send()
        .await
        .json(201);
    let _theirs = etcdctl_beside(world.etcd, &["lock", &name]);
    let lock = waiters(1).await;
    let theirs = lock["waiters"][0]["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    let lease = theirs
        .rsplit('/')
        .next()
        .expect("a key ends with its lease")
        .to_owned();
    let third = spawn(
        world
            .api
            .post(&route, &json!({"holder": "third-ours", "wait": 120}))
            .send(),
    );
    waiters(2).await;

    look(&world, "queue", async |tab| {
        tab.goto(&format!("/locks?name={}", percent(&name))).await;
        tab.sees("first-ours").await;
        let queue = "[...document.querySelectorAll('.queue-row')].map((row) => row.innerText)";
        let order = format!(
            "((rows) => rows.length === 2 && rows[0].includes({}) && rows[1].includes('third-ours'))({queue})",
            json!(lease[..6])
        );
        tab.until("etcdctl stands before ours", &order).await;
        // The holder goes: etcdctl has it, ours is first in the queue, and nobody loaded anything.
        let lease_of = held["lease"].as_str().expect("an id");
        world.api.delete(&format!("{route}?lease={lease_of}")).send().await.json(200);
        let moved = format!("((rows) => rows.length === 1 && rows[0].includes('third-ours'))({queue})");
        tab.until("ours is the only one who waits", &moved).await;
        let holder = "document.querySelector('.lock-row[aria-selected=true] .lock-holder').innerText";
        let other = format!("!({holder}).includes('first-ours')");
        tab.until("the first no longer holds it", &other).await;
    })
    .await;
    third.abort();
}

#[tokio::test]
async fn a_killed_holder_gives_way_to_the_next() {
    let world = World::new("gives-way").await;
    let name = world.key("lock");
    let route = format!("/locks/{}", percent(&name));
    // Nobody renews this lease: its holder is as good as killed.
    let held = world
        .api
        .post(&route, &json!({"holder": "the-killed", "ttl": 8}))
        .send()
        .await;
    held.json(201);
    let next = spawn(
        world
            .api
            .post(&route, &json!({"holder": "the-next", "wait": 120}))
            .send(),
    );
    look(&world, "gives-way", async |tab| {
        tab.goto("/locks").await;
        tab.sees(&name).await;
        let row = format!(
            "[...document.querySelectorAll('.lock-row')].find((row) => row.innerText.includes({}))?.querySelector('.lock-holder')?.innerText ?? ''",
            json!(name)
        );
        tab.until("the killed one is shown", &format!("({row}).includes('the-killed')")).await;
        tab.until("the next one is shown", &format!("({row}).includes('the-next')")).await;
    })
    .await;
    next.await.expect("no panic").json(201);
}

#[tokio::test]
async fn a_lock_is_released_by_hand_and_only_the_one_that_is_named() {
    let world = World::new("released").await;
    let name = world.key("lock");
    let route = format!("/locks/{}", percent(&name));
    world
        .api
        .post(&route, &json!({"holder": "the-stuck"}))
        .send()
        .await
        .json(201);
    let next = spawn(
        world
            .api
            .post(&route, &json!({"holder": "the-next", "wait": 120}))
            .send(),
    );
    look(&world, "released", async |tab| {
        tab.goto(&format!("/locks?name={}", percent(&name))).await;
        tab.sees("the-stuck").await;
        tab.sees("the-next").await;
        tab.click("button", "Release this key…").await;
        tab.click("button", "Release the-stuck's key").await;
        tab.sees("Released the-stuck's key").await;
    })
    .await;
    next.await.expect("no panic").json(201);
}
