//! `--lock-prefix`: leased keys below it are locks for certain, and not only a guess.

use etcd_client::PutOptions;
use serde_json::{Value, json};
use support::locks::lock_path;
use support::{DEADLINE, World, ensure, eventually, percent, unique};

/// The lock of this name, from the list below a prefix.
async fn wait_until_listed(world: &World, prefix: &str, name: &str) -> Value {
    let path = format!("/locks?prefix={}", percent(prefix));
    eventually("the lock is listed", DEADLINE, async || {
        let list = world.api.get(&path).send().await.json(200);
        let mut locks = list["locks"].as_array().expect("locks").iter();
        let found = locks.find(|lock| lock["name"] == name).cloned();
        found.ok_or_else(|| list.to_string())
    })
    .await
}

#[tokio::test]
async fn a_leased_key_below_the_lock_prefix_is_a_lock_for_certain() {
    let marked = format!("/{}/", unique("marked"));
    let world = World::with("unmarked", &["--lock-prefix", &marked]).await;
    let mut client = world.client().await;
    let lease = client.lease_grant(600, None).await.expect("a lease").id();
    // The first has no word in its name that hints at a lock; the second has one.
    let (certain, guessed, other) = (
        format!("{marked}nightly"),
        world.key("lock"),
        world.key("nightly"),
    );
    for key in [&other, &guessed, &certain] {
        let leased = PutOptions::new().with_lease(lease);
        let put = client.put(key.as_bytes(), "api-7", Some(leased)).await;
        put.expect("etcd puts a key");
    }
    let lock = wait_until_listed(&world, &marked, &certain).await;
    assert_eq!(
        (&lock["kind"], &lock["certain"], lock.get("waiters")),
        (&json!("single_key"), &json!(true), Some(&Value::Null))
    );
    assert_eq!(lock["holder"]["value"], "api-7");
    let guess = wait_until_listed(&world, &world.prefix, &guessed).await;
    assert_eq!(guess["certain"], false, "{guess}");
    let unmarked = format!("/locks?prefix={}", percent(&world.prefix));
    let list = world.api.get(&unmarked).send().await.json(200);
    assert_eq!(list["locks"].as_array().map(Vec::len), Some(1), "{list}");
    // Only its own token releases it, and a key that is not a lock is never released.
    let (k, token) = (lock_path(&certain), &lock["holder"]["fencing_token"]);
    let shown = world.api.get(&k).send().await.json(200);
    assert_eq!(shown["holder"]["fencing_token"], *token);
    let wrong = format!("{k}?fencing_token={}", token.as_i64().expect("a token") - 1);
    let refused = world.api.delete(&wrong).send().await;
    refused.problem(412, "not_holder");
    let right = format!("{k}?fencing_token={token}");
    let released = world.api.delete(&right).send().await.json(200);
    assert_eq!(released["key"], certain);
    eventually("the lock is released", DEADLINE, async || {
        let response = world.api.get(&k).send().await;
        ensure(response.status == 404, || response.text())
    })
    .await;
    let token = world.api.read(&other).await["create_revision"].clone();
    let ordinary = format!("{}?fencing_token={token}", lock_path(&other));
    let refused = world.api.delete(&ordinary).send().await;
    refused.problem(404, "lock_not_found");
    world.api.read(&other).await;
}
