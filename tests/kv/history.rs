//! `GET /history`: a key's stored revisions, newest first.

use serde_json::{Value, json};
use support::gateway::InProcess;
use support::{Etcd, World, key_query, percent};

fn values(history: &Value) -> Vec<&str> {
    let entries = history["entries"].as_array().expect("entries");
    entries
        .iter()
        .map(|entry| entry["value"].as_str().expect("text"))
        .collect()
}

#[tokio::test]
async fn a_history_ends_with_the_creation() {
    let world = World::new("history").await;
    world.put("k", "an earlier life").await;
    world
        .api
        .delete(&key_query(world.key("k")))
        .send()
        .await
        .json(200);
    let mut revisions = Vec::new();
    for value in ["1", "2", "3", "4", "5"] {
        revisions.push(world.put("k", value).await);
        world.put("other", value).await;
    }
    let path = format!("/history?key={}", percent(world.key("k")));
    let history = world.api.get(&path).send().await.json(200);
    assert_eq!(values(&history), ["5", "4", "3", "2", "1"]);
    assert_eq!(history["key"], world.key("k"));
    assert_eq!(history["ended_by"], "creation");
    assert_eq!(history.get("next"), Some(&Value::Null));
    for (entry, revision) in history["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .zip(revisions.iter().rev())
    {
        assert_eq!(entry["mod_revision"], *revision);
        assert_eq!(entry["create_revision"], revisions[0]);
    }
    let by_path = world
        .api
        .get(&format!("/history/{}", percent(world.key("k"))));
    assert_eq!(
        by_path.send().await.json(200)["entries"],
        history["entries"]
    );

    let back = world
        .api
        .get(&format!("{path}&revision={}", revisions[2]))
        .send()
        .await
        .json(200);
    assert_eq!(values(&back), ["3", "2", "1"]);
    let absent = format!("/history?key={}", percent(world.key("no")));
    world
        .api
        .get(&absent)
        .send()
        .await
        .problem(404, "key_not_found");
}

#[tokio::test]
async fn a_limit_ends_a_page_and_a_cursor_continues() {
    let world = World::new("history-pages").await;
    for value in ["1", "2", "3", "4", "5"] {
        world.put("k", value).await;
    }
    let path = format!("/history?key={}&limit=2", percent(world.key("k")));
    let mut page = world.api.get(&path).send().await.json(200);
    assert_eq!(
        (values(&page), &page["ended_by"]),
        (vec!["5", "4"], &json!("limit"))
    );
    world.put("k", "6").await;
    let next = |page: &Value| {
        format!(
            "/history?cursor={}&limit=2",
            page["next"].as_str().expect("a cursor")
        )
    };
    page = world.api.get(&next(&page)).send().await.json(200);
    assert_eq!(
        (values(&page), &page["ended_by"]),
        (vec!["3", "2"], &json!("limit"))
    );
    page = world.api.get(&next(&page)).send().await.json(200);
    assert_eq!(
        (values(&page), &page["ended_by"]),
        (vec!["1"], &json!("creation"))
    );
    assert_eq!(page.get("next"), Some(&Value::Null));
}

#[tokio::test]
async fn a_compaction_ends_a_history() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let mut revisions = Vec::new();
    for value in ["1", "2", "3", "4", "5"] {
        revisions.push(api.write("k", value).await);
    }
    etcd.compact(revisions[2]).await;
    let history = api.get("/history?key=k").send().await.json(200);
    // A compaction keeps the entry that is current at its revision.
    assert_eq!(values(&history), ["5", "4", "3"]);
    assert_eq!(history["ended_by"], "compaction");
    assert_eq!(history["compacted_revision"], revisions[2]);
    assert_eq!(history.get("next"), Some(&Value::Null));
    let before = api
        .get(&format!("/history?key=k&revision={}", revisions[1]))
        .send()
        .await;
    before.problem(410, "compacted");
}
