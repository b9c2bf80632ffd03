//! Readers-writer locks by their keys alone, as etcd's recipe writes them.

use serde_json::{Value, json};
use support::{Stream, World, key_query, percent};

use crate::common::{grant, lock_once, route, waiting};

async fn put(world: &World, name: &str, kind: &str, time: u64, lease: &str) -> (String, i64) {
    let key = format!("{name}/{kind}/{time}");
    let path = format!("{}&lease={lease}", key_query(&key));
    let put = world.api.put(&path, "").send().await.json(201);
    (key, put["create_revision"].as_i64().expect("a revision"))
}

fn tokens(claims: &Value) -> Vec<i64> {
    let claims = claims.as_array().into_iter().flatten();
    claims
        .map(|claim| claim["fencing_token"].as_i64().expect("a token"))
        .collect()
}

#[tokio::test]
async fn readers_hold_together_writers_alone_in_order_of_revision() {
    let world = World::new("rw").await;
    let name = world.key("table");
    let lease = grant(&world, 60).await;
    // The order is that of the revisions, not of the times in the names.
    let (_, first) = put(&world, &name, "read", 1_764_086_400_000_000_009, &lease).await;
    let (_, second) = put(&world, &name, "read", 1_764_086_400_000_000_003, &lease).await;
    let (_, writer) = put(&world, &name, "write", 1_764_086_400_000_000_001, &lease).await;
    let (_, late) = put(&world, &name, "read", 1_764_086_400_000_000_002, &lease).await;
    let lock = world.api.get(&route("locks", &name)).send().await.json(200);
    assert_eq!(
        (&lock["kind"], &lock["certain"]),
        (&json!("rwmutex"), &json!(true))
    );
    assert_eq!(lock["holder"]["fencing_token"], first);
    assert_eq!(tokens(&lock["readers"]), [second]);
    assert_eq!(tokens(&lock["waiters"]), [writer, late]);
    // The parts are no locks of their own.
    let parts = route("locks", &format!("{name}/write"));
    world
        .api
        .get(&parts)
        .send()
        .await
        .problem(404, "lock_not_found");
    let query = format!("/locks?prefix={}&live", percent(&name));
    let mut live = Stream::ndjson(world.api.get(&query)).await;
    let listed = live.of("lock").await;
    assert_eq!(
        (&listed["name"], &listed["kind"]),
        (&json!(name), &json!("rwmutex"))
    );
    assert_eq!(tokens(&listed["waiters"]), [writer, late]);
    for token in [first, second] {
        let by_token = format!("{}?fencing_token={token}", route("locks", &name));
        world.api.delete(&by_token).send().await.json(200);
    }
    let lock = lock_once(&world, &name, |lock| waiting(lock) == 1).await;
    assert_eq!(lock["holder"]["fencing_token"], writer);
    assert_eq!(tokens(&lock["waiters"]), [late]);
    let live_now = loop {
        let lock = live.of("lock").await;
        if lock["holder"]["fencing_token"] == writer {
            break lock;
        }
    };
    assert_eq!(tokens(&live_now["waiters"]), [late]);
    // By lease none of them is named: their keys carry no lease.
    let by_lease = format!("{}?lease={lease}", route("locks", &name));
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
    let lease = grant(&world, 60).await;
    let (key, token) = put(&world, &name, "read", 1_764_086_400_000_000_009, &lease).await;
    let tried = world
        .api
        .post(&route("locks", &name), &json!({}))
        .send()
        .await;
    let locked = tried.problem(423, "locked");
    assert!(
        locked["detail"]
            .as_str()
            .is_some_and(|said| said.contains(&key)),
        "{locked}"
    );
    assert_eq!(locked["lock"]["holder"]["fencing_token"], token);
}
