//! Whole programs that follow a stream, step by step.

use serde_json::{Value, json};
use support::{Stream, World, key_path, percent, revisions_of};

#[tokio::test]
async fn jobs_are_put_listed_watched_and_deleted() {
    let world = World::new("jobs").await;
    let api = &world.api;
    let job1 = key_path(world.key("crontab/jobs/job1"));
    api.put(&job1, "job1").send().await.json(201);
    api.put(&key_path(world.key("crontab/jobs/job2")), "job2")
        .send()
        .await
        .json(201);
    let raw = api.get(&format!("{job1}?raw")).send().await.expect(200);
    assert_eq!(raw.text(), "job1");
    let range = format!("prefix={}", percent(world.key("crontab/jobs/")));
    let page = api.get(&format!("/kv?{range}")).send().await;
    let revision = page.revision();
    let page = page.json(200);
    assert_eq!(
        (&page["count"], page.get("next")),
        (&json!(2), Some(&Value::Null))
    );
    assert_eq!(page["entries"][0]["value"], "job1");
    assert_eq!(page["entries"][1]["value"], "job2");
    let mut stream = Stream::ndjson(api.get(&format!("/watch?{range}"))).await;
    let opened = stream.expect_type("opened").await;
    assert!(opened["revision"].as_i64() > Some(revision), "{opened}");
    let deleted = api.delete(&job1).send().await.json(200);
    assert_eq!(deleted["deleted"], 1);
    api.delete(&job1).send().await.problem(404, "key_not_found");
    let absent = api.get(&job1).send().await;
    assert!(absent.revision() >= revision);
    absent.problem(404, "key_not_found");
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
async fn a_watch_from_a_known_revision_misses_nothing() {
    let world = World::new("known-revision").await;
    let api = &world.api;
    let ado = key_path(world.key("cron/jobs/ado"));
    let absent = api.get(&ado).send().await;
    let revision = absent.revision();
    absent.problem(404, "key_not_found");
    let first = api.put(&ado, "ado").send().await.json(201);
    let key = percent(world.key("cron/jobs/ado"));
    let watch = format!("/watch?key={key}&revision={}", revision + 1);
    let mut stream = Stream::ndjson(api.get(&watch)).await;
    assert_eq!(stream.expect_type("opened").await["revision"], revision + 1);
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
        "no gap and no duplicate"
    );
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["type"], ["put", "delete"][at % 2]);
        if at % 2 == 0 {
            assert_eq!(event["create_revision"], event["mod_revision"]);
        }
    }
    // A cancelled watch on a socket delivers nothing more.
    let mut socket = Stream::socket(api, "/watch").await;
    let name = world.key("cron/jobs/ado");
    socket
        .send(&json!({"op": "watch", "id": "w", "key": name}))
        .await;
    socket.expect_type("opened").await;
    socket.send(&json!({"op": "cancel", "id": "w"})).await;
    let closed = socket.expect_type("closed").await;
    assert_eq!(
        (&closed["id"], &closed["code"]),
        (&json!("w"), &json!("cancelled"))
    );
    api.put(&ado, "not delivered").send().await;
    // The next message is about the next watch.
    socket
        .send(&json!({"op": "watch", "id": "next", "key": name}))
        .await;
    assert_eq!(socket.expect_type("opened").await["id"], "next");
}
