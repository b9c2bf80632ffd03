//! A master of three nodes by a single-key lock: when it fails another one follows, and there are never
//! two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use support::locks::{lock_path, next_after_renewals, put_if_absent};
use support::{Client, Stream, World, ensure, eventually, key_query, percent, spawn, text};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// The masters with their tokens, in order.
type Log = Arc<Mutex<Vec<(String, i64)>>>;

/// A node: tries to become the master each second. Returns the message with which its hold ended.
async fn node(api: Client, key: String, name: String, log: Log) -> Value {
    loop {
        let held = api.post("/leases/hold", &json!({"ttl": 5}));
        let mut held = Stream::ndjson(held).await;
        let lease = text(&held.expect_type("granted").await["lease"]);
        let tried = put_if_absent(&api, &key, &name, &lease).await;
        if tried["succeeded"] == true {
            let token = tried["header"]["revision"].as_i64().expect("a revision");
            log.lock()
                .expect("no holder of the lock panics")
                .push((name.clone(), token));
            // The node is the master until it loses the lease.
            return next_after_renewals(&mut held).await;
        }
        // The node revokes its lease by closing the session, and tries again.
        drop(held);
        sleep(Duration::from_secs(1)).await;
    }
}

fn masters(log: &Log) -> Vec<(String, i64)> {
    log.lock().expect("no holder of the lock panics").clone()
}

async fn nth_master(log: &Log, count: usize, deadline: Duration) -> (String, i64) {
    eventually("another master", deadline, async || {
        let masters = masters(log);
        ensure(masters.len() == count, || format!("{masters:?}"))?;
        Ok(masters[count - 1].clone())
    })
    .await
}

#[tokio::test]
async fn one_node_is_master_and_never_two() {
    let world = World::new("master").await;
    let key = world.key("dev/lock");
    let log = Log::default();
    let mut nodes: HashMap<String, JoinHandle<Value>> = (1..=3)
        .map(|at| {
            let name = format!("node{at}");
            let node = node(
                world.api.clone(),
                key.clone(),
                name.clone(),
                Arc::clone(&log),
            );
            (name, spawn(node))
        })
        .collect();
    let (first, token) = nth_master(&log, 1, support::DEADLINE).await;
    let k = lock_path(&key);
    let mut live = Stream::ndjson(world.api.get(&format!("{k}?live"))).await;
    let lock = live.expect_type("lock").await;
    assert_eq!(
        (&lock["kind"], &lock["waiters"]),
        (&json!("single_key"), &Value::Null)
    );
    assert_eq!(
        (&lock["holder"]["value"], &lock["holder"]["fencing_token"]),
        (&json!(first), &json!(token))
    );
    let attempt = json!({
        "compare": [{"key": key, "target": "create_revision", "op": "=", "value": 0}],
        "else": [{"get": {"key": key}}],
    });
    let tried = world.api.post("/txn", &attempt).send().await.json(200);
    assert_eq!(tried["responses"][0]["get"]["entries"][0]["value"], first);
    // The master is killed.
    let killed = Instant::now();
    nodes[&first].abort();
    let (second, then) = nth_master(&log, 2, Duration::from_secs(7)).await;
    assert!(killed.elapsed() < Duration::from_secs(7));
    assert!(then > token && second != first, "tokens rise");
    let guarded = |token: i64| {
        let guard = percent(format!("{key}:{token}"));
        let path = format!("{}&guard={guard}", key_query(world.key("work")));
        world.api.put(&path, "done").send()
    };
    guarded(token).await.problem(412, "not_holder");
    guarded(then).await.expect(201);
    // The second master's lease is revoked by another client: the hold reports that, and the third node
    // follows.
    let lease = text(&world.api.read(&key).await["lease"]);
    world
        .api
        .delete(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
    let (third, last) = nth_master(&log, 3, Duration::from_secs(7)).await;
    assert!(last > then && third != second && third != first);
    let node = nodes.remove(&second).expect("a node of the test");
    let lost = timeout(Duration::from_secs(4), node).await;
    let lost = lost
        .expect("the loss is reported in time")
        .expect("no panic");
    assert_eq!(lost["type"], "lost", "{lost}");
    guarded(then).await.problem(412, "not_holder");
    // Never two masters: the live view shows one token after the other.
    let mut seen = vec![token];
    while seen.last() != Some(&last) {
        let lock = live.expect_type("lock").await;
        if let Some(token) = lock["holder"]["fencing_token"].as_i64()
            && seen.last() != Some(&token)
        {
            seen.push(token);
        }
    }
    assert_eq!(seen, [token, then, last]);
    nodes[&third].abort();
}
