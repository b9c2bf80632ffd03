//! `?guard=`: writes that only the holder of a lock can make.

use etcd_client::PutOptions;
use support::{World, key_query, percent};

/// A lock key as etcd's recipe writes it, and its token.
async fn lock(world: &World, name: &str) -> (String, i64) {
    let mut client = world.client().await;
    let lease = client
        .lease_grant(600, None)
        .await
        .expect("etcd grants a lease")
        .id();
    let key = format!("{}/{lease:x}", world.key(name));
    let put = client.put(key.clone(), "", Some(PutOptions::new().with_lease(lease)));
    let token = put
        .await
        .expect("etcd puts a key")
        .header()
        .expect("a header")
        .revision();
    (key, token)
}

#[tokio::test]
async fn only_the_holder_can_write() {
    let world = World::new("guard").await;
    let (lock, token) = lock(&world, "lock").await;
    let guarded = |token: i64| {
        let guard = percent(format!("{lock}:{token}"));
        format!("{}&guard={guard}", key_query(world.key("k")))
    };
    world.api.put(&guarded(token), "1").send().await.json(201);
    world.api.put(&guarded(token), "2").send().await.json(200);
    for other in [token - 1, token + 1] {
        world
            .api
            .put(&guarded(other), "x")
            .send()
            .await
            .problem(412, "not_holder");
        world
            .api
            .delete(&guarded(other))
            .send()
            .await
            .problem(412, "not_holder");
    }
    world.api.delete(&guarded(token)).send().await.json(200);

    // Released and acquired again, the lock has the same key and another token.
    world.api.delete(&key_query(&lock)).send().await.json(200);
    world
        .api
        .put(&guarded(token), "x")
        .send()
        .await
        .problem(412, "not_holder");
    let new_token = world.api.write(&lock, "").await;
    world
        .api
        .put(&guarded(token), "x")
        .send()
        .await
        .problem(412, "not_holder");
    world
        .api
        .put(&guarded(new_token), "3")
        .send()
        .await
        .json(201);
    // A new value of the lock key does not change its holder.
    world.api.write(&lock, "again").await;
    world
        .api
        .put(&guarded(new_token), "4")
        .send()
        .await
        .json(200);
}

#[tokio::test]
async fn not_holder_takes_precedence_over_a_failed_precondition() {
    let world = World::new("guard-first").await;
    let (lock, token) = lock(&world, "lock").await;
    let guarded = |token: i64| {
        let guard = percent(format!("{lock}:{token}"));
        format!("{}&guard={guard}", key_query(world.key("k")))
    };
    world.put("k", "1").await;
    for (name, value) in [("if-match", "\"1\""), ("if-none-match", "*")] {
        let put = world.api.put(&guarded(token + 1), "x").header(name, value);
        put.send().await.problem(412, "not_holder");
        let put = world.api.put(&guarded(token), "x").header(name, value);
        let problem = put.send().await.problem(412, "precondition_failed");
        assert_eq!(problem["current"]["value"], "1");
    }
    let absent = format!(
        "{}&guard={}",
        key_query(world.key("no")),
        percent(format!("{lock}:1"))
    );
    world
        .api
        .delete(&absent)
        .send()
        .await
        .problem(412, "not_holder");
    let held = percent(format!("{lock}:{token}"));
    let absent = format!("{}&guard={held}", key_query(world.key("no")));
    world
        .api
        .delete(&absent)
        .send()
        .await
        .problem(404, "key_not_found");
}

#[tokio::test]
async fn a_guard_is_split_at_its_last_colon() {
    let world = World::new("guard-colon").await;
    let (lock, token) = lock(&world, "a:b:1").await;
    let key = key_query(world.key("k"));
    let put = world.api.put(
        &format!("{key}&guard={}", percent(format!("{lock}:{token}"))),
        "1",
    );
    put.send().await.json(201);
    for malformed in ["", ":", "words", ":5", "k:", "k:x", "k:0", "k:-1", "k:1.5"] {
        let put = world
            .api
            .put(&format!("{key}&guard={}", percent(malformed)), "x");
        put.send().await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn only_the_holder_can_delete_a_range() {
    let world = World::new("guard-range").await;
    let (lock, token) = lock(&world, "lock").await;
    for name in ["r/1", "r/2"] {
        world.put(name, "x").await;
    }
    let range = format!("/kv?prefix={}&confirm=2", percent(world.key("r/")));
    let guard = |token: i64| percent(format!("{lock}:{token}"));
    let wrong = world
        .api
        .delete(&format!("{range}&guard={}", guard(token + 1)));
    wrong.send().await.problem(412, "not_holder");
    let right = world.api.delete(&format!("{range}&guard={}", guard(token)));
    assert_eq!(right.send().await.json(200)["deleted"], 2);
}
