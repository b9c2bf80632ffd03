//! The walks that follow a stream, step by step.

use std::time::Duration;

use serde_json::{Value, json};
use support::{DEADLINE, Stream, World, eventually, key_path, percent, revisions_of, when};
use tokio::time::{Instant, interval};

/// The walks name their keys; each test has its own prefix before them.
fn name(world: &World, key: &str) -> String {
    format!("{}{key}", world.prefix.trim_end_matches('/'))
}

fn path(world: &World, key: &str) -> String {
    key_path(name(world, key))
}

#[tokio::test]
async fn w1_first_steps() {
    let world = World::new("w1").await;
    let api = &world.api;
    let job1 = path(&world, "/crontab/jobs/job1");
    // 1
    api.put(&job1, "job1").send().await.json(201);
    api.put(&path(&world, "/crontab/jobs/job2"), "job2")
        .send()
        .await
        .json(201);
    let raw = api.get(&format!("{job1}?raw")).send().await.expect(200);
    assert_eq!(raw.text(), "job1");
    // 2
    let range = format!("prefix={}", percent(name(&world, "/crontab/jobs/")));
    let page = api.get(&format!("/kv?{range}")).send().await;
    let revision = page.revision();
    let page = page.json(200);
    assert_eq!(
        (&page["count"], page.get("next")),
        (&json!(2), Some(&Value::Null))
    );
    assert_eq!(page["entries"][0]["value"], "job1");
    assert_eq!(page["entries"][1]["value"], "job2");
    // 3
    let mut stream = Stream::ndjson(api.get(&format!("/watch?{range}"))).await;
    let opened = stream.of("opened").await;
    assert!(opened["revision"].as_i64() > Some(revision), "{opened}");
    // 4
    let deleted = api.delete(&job1).send().await.json(200);
    assert_eq!(deleted["deleted"], 1);
    api.delete(&job1).send().await.problem(404, "key_not_found");
    let gone = api.get(&job1).send().await;
    assert!(gone.revision() >= revision);
    gone.problem(404, "key_not_found");
    // 5
    let first = api.put(&job1, "job11").send().await.json(201);
    let second = api.put(&job1, "job11111").send().await.json(200);
    let last = second["mod_revision"].as_i64().expect("a revision");
    let events = stream.until(last).await;
    let shown: Vec<_> = events
        .iter()
        .map(|event| (&event["type"], &event["version"]))
        .collect();
    assert_eq!(
        json!(shown),
        json!([["delete", null], ["put", 1], ["put", 2]])
    );
    let expected = [
        &deleted["header"]["revision"],
        &first["mod_revision"],
        &second["mod_revision"],
    ];
    assert_eq!(json!(revisions_of(&events)), json!(expected));
    assert_eq!(events[1]["create_revision"], events[2]["create_revision"]);
    assert_eq!(events[2]["value"], "job11111");
}

#[tokio::test]
async fn w3_a_lease_runs_out() {
    let world = World::new("w3").await;
    let api = &world.api;
    let job1 = path(&world, "/cron/lock/job1");
    let watch = format!(
        "/watch?key={}&prev",
        percent(name(&world, "/cron/lock/job1"))
    );
    let mut stream = Stream::ndjson(api.get(&watch)).await;
    stream.of("opened").await;
    // 1
    let asked = Instant::now();
    let lease = api
        .post("/leases", &json!({"ttl": 10}))
        .send()
        .await
        .json(201);
    let id = lease["id"].as_str().expect("an id");
    assert_eq!(lease["ttl"], 10);
    api.put(&format!("{job1}?lease={id}"), "")
        .send()
        .await
        .json(201);
    let entry = api.get(&job1).send().await.json(200);
    assert_eq!((&entry["value"], &entry["lease"]), (&json!(""), &json!(id)));
    let lives = api.get(&format!("/leases/{id}")).send().await.json(200);
    assert!(
        lives["ttl"]
            .as_i64()
            .is_some_and(|ttl| (0..=10).contains(&ttl)),
        "{lives}"
    );
    assert_eq!(lives["granted_ttl"], 10);
    assert_eq!(lives["keys"], json!([name(&world, "/cron/lock/job1")]));
    // 2
    let put = stream.of("events").await;
    assert_eq!(put["events"][0]["type"], "put");
    assert_eq!(
        put["events"][0].get("prev"),
        Some(&Value::Null),
        "a creation"
    );
    let deleted = async { (stream.of("events").await, asked.elapsed()) };
    let looking = async {
        let mut pace = interval(Duration::from_millis(100));
        loop {
            pace.tick().await;
            let answer = api.get(&job1).send().await;
            let looked = asked.elapsed();
            assert!(
                answer.status == 200 || looked >= Duration::from_secs(10),
                "{} after {looked:?}",
                answer.status
            );
        }
    };
    let (deleted, lived) = tokio::select! {
        deleted = deleted => deleted,
        () = looking => unreachable!("it looks for ever"),
    };
    assert!(lived >= Duration::from_secs(10), "gone after {lived:?}");
    assert!(lived < Duration::from_secs(12), "gone after {lived:?}");
    assert_eq!(deleted["events"][0]["type"], "delete");
    assert_eq!(deleted["events"][0]["prev"]["lease"], id);
    api.get(&job1).send().await.problem(404, "key_not_found");
    api.get(&format!("/leases/{id}"))
        .send()
        .await
        .problem(404, "lease_not_found");
    let least = api
        .post("/leases", &json!({"ttl": 1}))
        .send()
        .await
        .json(201);
    assert_eq!(least["ttl"], 2);
}

#[tokio::test]
async fn w5_watch_from_a_known_revision() {
    let world = World::new("w5").await;
    let api = &world.api;
    let ado = path(&world, "/cron/jobs/ado");
    // 1
    let absent = api.get(&ado).send().await;
    let revision = absent.revision();
    absent.problem(404, "key_not_found");
    let first = api.put(&ado, "ado").send().await.json(201);
    let key = percent(name(&world, "/cron/jobs/ado"));
    let watch = format!("/watch?key={key}&revision={}", revision + 1);
    let mut stream = Stream::ndjson(api.get(&watch)).await;
    assert_eq!(stream.of("opened").await["revision"], revision + 1);
    // 2
    let mut expected = vec![first["mod_revision"].clone()];
    for _ in 0..4 {
        expected.push(api.delete(&ado).send().await.json(200)["header"]["revision"].clone());
        expected.push(api.put(&ado, "ado").send().await.json(201)["mod_revision"].clone());
    }
    let last = expected[8].as_i64().expect("a revision");
    let events = stream.until(last).await;
    assert_eq!(
        json!(revisions_of(&events)),
        json!(expected),
        "no gap, nothing twice"
    );
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["type"], ["put", "delete"][at % 2]);
        if at % 2 == 0 {
            assert_eq!(event["create_revision"], event["mod_revision"]);
        }
    }
    // 3
    let mut socket = Stream::socket(api, "/watch").await;
    let name = name(&world, "/cron/jobs/ado");
    socket
        .send(&json!({"op": "watch", "id": "w", "key": name}))
        .await;
    socket.of("opened").await;
    socket.send(&json!({"op": "cancel", "id": "w"})).await;
    let closed = socket.of("closed").await;
    assert_eq!(
        (&closed["id"], &closed["code"]),
        (&json!("w"), &json!("cancelled"))
    );
    api.put(&ado, "unheard").send().await;
    // Silence: the next thing said is about the next watch.
    socket
        .send(&json!({"op": "watch", "id": "next", "key": name}))
        .await;
    assert_eq!(socket.of("opened").await["id"], "next");
}

#[tokio::test]
async fn w7_a_killed_holder_gives_way() {
    let world = World::new("w7-killed").await;
    let key = name(&world, "/cron/lock/ado");
    let api = &world.api;
    let grant = async || {
        let lease = api
            .post("/leases", &json!({"ttl": 5}))
            .send()
            .await
            .json(201);
        lease["id"].as_str().expect("an id").to_owned()
    };
    let txn = async |lease: &str| {
        let body = json!({
            "compare": [{"key": key, "target": "create_revision", "op": "=", "value": 0}],
            "then": [{"put": {"key": key, "value": "duzhenxun", "lease": lease}}],
            "else": [{"get": {"key": key}}],
        });
        api.post("/txn", &body).send().await.json(200)
    };
    let (a, b) = (grant().await, grant().await);
    let first = txn(&a).await;
    assert_eq!(first["succeeded"], true);
    let lock = format!("/locks/{}", percent(&key));
    eventually("the lock shows who holds it", DEADLINE, async || {
        let answer = api.get(&lock).send().await;
        let seen = answer.text();
        when(answer.status == 200 && seen.contains(&a), || seen)
    })
    .await;
    // Nobody renews A any more; B's owner does, and tries again and again.
    let second = eventually(
        "B succeeds once A has run out",
        Duration::from_secs(7),
        async || {
            let renew = format!("/leases/{b}/keepalive");
            api.ask(http::Method::POST, &renew).send().await.json(200);
            let second = txn(&b).await;
            when(second["succeeded"] == true, || second.to_string())?;
            Ok(second)
        },
    )
    .await;
    assert!(second["header"]["revision"].as_i64() > first["header"]["revision"].as_i64());
}
