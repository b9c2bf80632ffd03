//! Readers-writer locks, made of the same keys that etcd's recipe writes.

use serde_json::{Value, json};
use support::locks::{create_leased, grant_lease, lock_path, wait_for_waiters};
use support::{Stream, World, percent};

async fn put(world: &World, name: &str, kind: &str, time: u64, lease: &str) -> (String, i64) {
    let key = format!("{name}/{kind}/{time}");
    let put = create_leased(&world.api, &key, "", lease).await;
    (key, put["create_revision"].as_i64().expect("a revision"))
}

fn tokens(claims: &Value) -> Vec<i64> {
    let claims = claims.as_array().into_iter().flatten();
    claims
        .map(|claim| claim["fencing_token"].as_i64().expect("a token"))
        .collect()
}

#[tokio::test]
async fn readers_share_the_lock_and_a_writer_holds_it_alone() {
    let world = World::new("rw").await;
    let name = world.key("table");
    let lease = grant_lease(&world.api, 60).await;
    // Revisions decide the order, not the times in the key names.
    let (_, first) = put(&world, &name, "read", 1_764_086_400_000_000_009, &lease).await;
    let (_, second) = put(&world, &name, "read", 1_764_086_400_000_000_003, &lease).await;
    let (_, writer) = put(&world, &name, "write", 1_764_086_400_000_000_001, &lease).await;
    let (_, late) = put(&world, &name, "read", 1_764_086_400_000_000_002, &lease).await;
    let lock = world.api.get(&lock_path(&name)).send().await.json(200);
    assert_eq!(
        (&lock["kind"], &lock["certain"]),
        (&json!("rwmutex"), &json!(true))
    );
    assert_eq!(lock["holder"]["fencing_token"], first);
    assert_eq!(tokens(&lock["readers"]), [second]);
    assert_eq!(tokens(&lock["waiters"]), [writer, late]);
    // A part of the lock is not a separate lock.
    let parts = lock_path(&format!("{name}/write"));
    world
        .api
        .get(&parts)
        .send()
        .await
        .problem(404, "lock_not_found");
    let query = format!("/locks?prefix={}&live", percent(&name));
    let mut live = Stream::ndjson(world.api.get(&query)).await;
    let listed = live.expect_type("lock").await;
    assert_eq!(
        (&listed["name"], &listed["kind"]),
        (&json!(name), &json!("rwmutex"))
    );
    assert_eq!(tokens(&listed["waiters"]), [writer, late]);
    for token in [first, second] {
        let by_token = format!("{}?fencing_token={token}", lock_path(&name));
        world.api.delete(&by_token).send().await.json(200);
    }
    let lock = wait_for_waiters(&world.api, &name, 1).await;
    assert_eq!(lock["holder"]["fencing_token"], writer);
    assert_eq!(tokens(&lock["waiters"]), [late]);
    let live_now = loop {
        let lock = live.expect_type("lock").await;
        if lock["holder"]["fencing_token"] == writer {
            break lock;
        }
    };
    assert_eq!(tokens(&live_now["waiters"]), [late]);
    // A release by lease names none of them: their key names contain no lease.
    let by_lease = format!("{}?lease={lease}", lock_path(&name));
    world
        .api
        .delete(&by_lease)
        .send()
        .await
        .problem(412, "not_holder");
}

#[tokio::test]
async fn a_readers_writer_lock_blocks_a_mutex_of_its_name() {
    let world = World::new("rw-blocks").await;
    let name = world.key("table");
    let lease = grant_lease(&world.api, 60).await;
    let (key, token) = put(&world, &name, "read", 1_764_086_400_000_000_009, &lease).await;
    let tried = world.api.post(&lock_path(&name), &json!({})).send().await;
    let locked = tried.problem(423, "locked");
    assert!(
        locked["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains(&key)),
        "{locked}"
    );
    assert_eq!(locked["lock"]["holder"]["fencing_token"], token);
}
