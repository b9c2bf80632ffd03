//! Range deletes: the count is confirmed first, and no concurrent write is deleted unnoticed.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use support::fill::fill;
use support::{World, keys_in, percent};

#[tokio::test]
async fn the_count_is_confirmed_first() {
    let world = World::new("confirm").await;
    for name in ["1", "2", "3"] {
        world.put(name, name).await;
    }
    let range = format!("/kv?prefix={}", percent(&world.prefix));
    let dry = world
        .api
        .delete(&format!("{range}&dry_run"))
        .send()
        .await
        .json(200);
    assert_eq!(dry["count"], 3);
    let revision = dry["header"]["revision"].as_i64().expect("a header");
    let bare = world
        .api
        .delete(&range)
        .send()
        .await
        .problem(428, "confirm_required");
    assert_eq!(bare["count"], 3);
    assert!(bare["revision"].as_i64() >= Some(revision));
    for wrong in ["0", "2", "4"] {
        let delete = world.api.delete(&format!("{range}&confirm={wrong}"));
        let problem = delete.send().await.problem(412, "count_changed");
        assert_eq!(problem["count"], 3);
        assert!(problem["revision"].as_i64().is_some());
    }
    let path = format!("{range}&confirm=3&revision={revision}&prev");
    let deleted = world.api.delete(&path).send().await.json(200);
    assert_eq!(deleted["deleted"], 3);
    let values: Vec<_> = (0..3)
        .map(|at| deleted["prev"][at]["value"].clone())
        .collect();
    assert_eq!(json!(values), json!(["1", "2", "3"]));
    assert_ne!(deleted["guarded"], false);

    let dry = world
        .api
        .delete(&format!("{range}&dry_run"))
        .send()
        .await
        .json(200);
    assert_eq!(dry["count"], 0);
}

#[tokio::test]
async fn a_concurrent_write_cancels_the_delete() {
    let world = World::new("inserted").await;
    world.put("a", "1").await;
    world.put("b", "1").await;
    let range = format!("/kv?prefix={}", percent(&world.prefix));
    let revision = async || {
        let dry = world
            .api
            .delete(&format!("{range}&dry_run"))
            .send()
            .await
            .json(200);
        (dry["count"].clone(), dry["header"]["revision"].clone())
    };
    let (count, at) = revision().await;
    world.put("new", "1").await;
    let path = format!("{range}&confirm={count}&revision={at}");
    let problem = world
        .api
        .delete(&path)
        .send()
        .await
        .problem(412, "count_changed");
    assert_eq!(problem["count"], 3);

    // Replaced instead of inserted: the count is the same, but the write must not be lost either.
    let (count, at) = revision().await;
    world.put("a", "2").await;
    let path = format!("{range}&confirm={count}&revision={at}");
    world
        .api
        .delete(&path)
        .send()
        .await
        .problem(412, "count_changed");
    let all = world.api.get(&range).send().await.json(200);
    assert_eq!(all["count"], 3);

    // Deleted and created again: the same count, a different key.
    let (count, at) = revision().await;
    world
        .api
        .delete(&support::key_query(world.key("b")))
        .send()
        .await
        .json(200);
    world.put("b", "1").await;
    let path = format!("{range}&confirm={count}&revision={at}");
    world
        .api
        .delete(&path)
        .send()
        .await
        .problem(412, "count_changed");
}

#[tokio::test]
async fn a_concurrent_delete_does_not_cancel_the_delete() {
    let world = World::new("vanished").await;
    for name in ["a", "b", "c"] {
        world.put(name, name).await;
    }
    let range = format!("/kv?prefix={}", percent(&world.prefix));
    let dry = world
        .api
        .delete(&format!("{range}&dry_run"))
        .send()
        .await
        .json(200);
    world
        .api
        .delete(&support::key_query(world.key("b")))
        .send()
        .await
        .json(200);
    let path = format!(
        "{range}&confirm=3&revision={}&prev",
        dry["header"]["revision"]
    );
    let deleted = world.api.delete(&path).send().await.json(200);
    assert_eq!(deleted["deleted"], 2);
    assert_eq!(
        keys_in(&deleted["prev"]),
        [world.key("a"), world.key("c")].map(String::into_bytes)
    );
}

#[tokio::test]
async fn concurrent_inserts_are_never_deleted_unnoticed() {
    let world = World::new("writers").await;
    let range = format!("/kv?prefix={}", percent(&world.prefix));
    let stop = AtomicBool::new(false);
    let writer = async |name: &str| {
        let mut written = Vec::new();
        for number in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let key = format!("{name}/{number}");
            written.push((world.put(&key, "x").await, world.key(&key)));
        }
        written
    };
    let deleter = async {
        let (mut pinned, mut refused) = (Vec::new(), 0);
        while pinned.len() < 5 || refused < 5 {
            let dry = world
                .api
                .delete(&format!("{range}&dry_run"))
                .send()
                .await
                .json(200);
            let (count, at) = (&dry["count"], dry["header"]["revision"].as_i64());
            let at = at.expect("a header");
            // Every other time the writers get some time between count and delete.
            if refused < pinned.len() {
                world.put("between", "x").await;
            }
            let path = format!("{range}&confirm={count}&revision={at}");
            let response = world.api.delete(&path).send().await;
            if response.status == 200 {
                pinned.push(at);
            } else {
                response.problem(412, "count_changed");
                refused += 1;
            }
        }
        stop.store(true, Ordering::Relaxed);
        pinned
    };
    let (one, two, pinned) = tokio::join!(writer("one"), writer("two"), deleter);
    let left = world
        .api
        .get(&format!("{range}&limit=10000"))
        .send()
        .await
        .json(200);
    let left = keys_in(&left["entries"]);
    for (revision, key) in one.into_iter().chain(two) {
        let counted = pinned.iter().any(|&at| revision <= at);
        let there = left.iter().any(|left| *left == key.as_bytes());
        assert_eq!(
            there, !counted,
            "{key} of revision {revision}, deletes at {pinned:?}"
        );
    }
}

#[tokio::test]
async fn above_10000_keys_the_delete_is_reported_as_unguarded() {
    let world = World::new("many").await;
    let keys = (0..10_001).map(|n| (world.key(&format!("{n:05}")).into_bytes(), vec![]));
    fill(&world.client().await, keys).await;
    let range = format!("/kv?prefix={}", percent(&world.prefix));
    let delete = world
        .api
        .delete(&format!("{range}&confirm=10001"))
        .send()
        .await
        .json(200);
    assert_eq!(
        (&delete["deleted"], &delete["guarded"]),
        (&json!(10_001), &json!(false))
    );
    let dry = world
        .api
        .delete(&format!("{range}&dry_run"))
        .send()
        .await
        .json(200);
    assert_eq!(dry["count"], 0);
}
