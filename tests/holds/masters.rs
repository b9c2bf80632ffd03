//! W13: one master of three by a single-key lock; when it dies another follows, never two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use support::{Client, Stream, World, eventually, key_query, percent, spawn, when};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::common::{beyond_renewals, route, text};

/// What the masters say, in the order said.
type Log = Arc<Mutex<Vec<(String, i64)>>>;

/// A node of the walk: tries to become the master each second, stays it, and does its work. Gives what
/// its hold said when it was the master no more.
async fn node(api: Client, key: String, name: String, log: Log) -> Value {
    loop {
        let held = api.post("/leases/hold", &json!({"ttl": 5}));
        let mut held = Stream::ndjson(held).await;
        let lease = text(&held.of("granted").await["lease"]);
        let txn = json!({
            "compare": [{"key": key, "target": "create_revision", "op": "=", "value": 0}],
            "then": [{"put": {"key": key, "value": name, "lease": lease}}],
            "else": [{"get": {"key": key}}],
        });
        let tried = api.post("/txn", &txn).send().await.json(200);
        if tried["succeeded"] == true {
            let token = tried["header"]["revision"].as_i64().expect("a revision");
            log.lock()
                .expect("no panic holds it")
                .push((name.clone(), token));
            // Works until it is not the master any more.
            return beyond_renewals(&mut held).await;
        }
        // The loser revokes, by leaving its session, and tries again.
        drop(held);
        sleep(Duration::from_secs(1)).await;
    }
}

fn masters(log: &Log) -> Vec<(String, i64)> {
    log.lock().expect("no panic holds it").clone()
}

async fn nth_master(log: &Log, count: usize, deadline: Duration) -> (String, i64) {
    eventually("another master", deadline, async || {
        let masters = masters(log);
        when(masters.len() == count, || format!("{masters:?}"))?;
        Ok(masters[count - 1].clone())
    })
    .await
}

#[tokio::test]
async fn w13_master_by_lock() {
    let world = World::new("w13").await;
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
    let k = route("locks", &key);
    let mut live = Stream::ndjson(world.api.get(&format!("{k}?live"))).await;
    let lock = live.of("lock").await;
    assert_eq!(
        (&lock["kind"], &lock["waiters"]),
        (&json!("single_key"), &Value::Null)
    );
    assert_eq!(
        (&lock["holder"]["value"], &lock["holder"]["fencing_token"]),
        (&json!(first), &json!(token))
    );
    let loser = json!({
        "compare": [{"key": key, "target": "create_revision", "op": "=", "value": 0}],
        "else": [{"get": {"key": key}}],
    });
    let tried = world.api.post("/txn", &loser).send().await.json(200);
    assert_eq!(tried["responses"][0]["get"]["entries"][0]["value"], first);
    // The master's loop is killed.
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
    // Its lease is revoked from outside: its hold says so, and the third follows.
    let lease = text(&world.api.read(&key).await["lease"]);
    world
        .api
        .delete(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
    let (third, last) = nth_master(&log, 3, Duration::from_secs(7)).await;
    assert!(last > then && third != second && third != first);
    let node = nodes.remove(&second).expect("one of the three");
    let told = timeout(Duration::from_secs(4), node).await;
    let lost = told.expect("the loss is told in time").expect("no panic");
    assert_eq!(lost["type"], "lost", "{lost}");
    guarded(then).await.problem(412, "not_holder");
    // Never two: the live view has seen each hand-over as one key, with its token.
    let mut seen = vec![token];
    while seen.last() != Some(&last) {
        let lock = live.of("lock").await;
        if let Some(token) = lock["holder"]["fencing_token"].as_i64()
            && seen.last() != Some(&token)
        {
            seen.push(token);
        }
    }
    assert_eq!(seen, [token, then, last]);
    nodes[&third].abort();
}
