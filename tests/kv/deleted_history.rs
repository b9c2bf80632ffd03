//! `GET /history?deleted`: earlier lives of a key, found by replaying the log.

use serde_json::{Value, json};
use support::fill::fill;
use support::gateway::InProcess;
use support::{Client, Etcd, World, key_query, percent};

async fn history(api: &Client, key: &str, query: &str) -> Value {
    let path = format!("/history?key={}&{query}", percent(key));
    api.get(&path).send().await.json(200)
}

fn values(history: &Value) -> Vec<&str> {
    let entries = history["entries"].as_array().expect("entries").iter();
    entries
        .map(|entry| entry["value"].as_str().expect("text"))
        .collect()
}

/// Writes three lives of a key, the last of which continues; returns the revisions of the two deletions,
/// newest first.
async fn three_lives(api: &Client, key: &str) -> Vec<i64> {
    let mut deletions = Vec::new();
    for life in ["1", "2", "3"] {
        for change in ["a", "b"] {
            api.write(key, format!("{life}{change}")).await;
        }
        if life != "3" {
            let deleted = api.delete(&key_query(key)).send().await;
            deletions.insert(0, deleted.revision());
        }
    }
    deletions
}

#[tokio::test]
async fn each_life_of_a_key_is_listed_in_turn() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let deletions = three_lives(&api, "k").await;
    let all = history(&api, "k", "deleted").await;
    assert_eq!(values(&all), ["3b", "3a", "2b", "2a", "1b", "1a"]);
    assert_eq!(all["deletions"], json!(deletions));
    assert_eq!(
        (&all["ended_by"], &all["next"]),
        (&json!("creation"), &Value::Null)
    );
    let replay = &all["replay"];
    assert_eq!(replay["from"], 1);
    assert_eq!(replay["to"], all["header"]["revision"]);
    assert_eq!(replay["revisions"], all["header"]["revision"]);
    let present = history(&api, "k", "").await;
    assert_eq!(values(&present), ["3b", "3a"]);
    assert!(present.get("replay").is_none() && present.get("deletions").is_none());

    // A key that is deleted now.
    let last = api.delete(&key_query("k")).send().await.revision();
    api.get("/history?key=k")
        .send()
        .await
        .problem(404, "key_not_found");
    let deleted = history(&api, "k", "deleted").await;
    assert_eq!(values(&deleted), values(&all));
    assert_eq!(
        deleted["deletions"],
        json!([last, deletions[0], deletions[1]])
    );

    // From an earlier revision, and page by page.
    let back = history(&api, "k", &format!("deleted&revision={}", deletions[0])).await;
    assert_eq!(values(&back), ["2b", "2a", "1b", "1a"]);
    let mut pages = vec![history(&api, "k", "deleted&limit=2").await];
    while let Some(cursor) = pages[pages.len() - 1]["next"].as_str() {
        let path = format!("/history?cursor={}", percent(cursor));
        pages.push(api.get(&path).send().await.json(200));
    }
    let seen: Vec<_> = pages.iter().flat_map(values).collect();
    assert_eq!(seen, values(&all));
    let seen: Vec<_> = pages
        .iter()
        .flat_map(|page| page["deletions"].as_array().expect("a list").clone())
        .collect();
    assert_eq!(json!(seen), deleted["deletions"], "each deletion once");
}

#[tokio::test]
async fn a_compaction_ends_the_lives() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let deletions = three_lives(&api, "k").await;
    // Between the first life's deletion and the second's.
    let kept = deletions[1] + 1;
    etcd.compact(kept).await;
    let all = history(&api, "k", "deleted").await;
    assert_eq!(values(&all), ["3b", "3a", "2b", "2a"]);
    assert_eq!(all["ended_by"], "compaction");
    assert_eq!(all["compacted_revision"], kept);
    assert_eq!(all["deletions"], json!([deletions[0]]));
    assert_eq!(all["replay"]["from"], kept);
}

#[tokio::test]
async fn the_replay_goes_back_only_as_far_as_needed() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let client = etcd.client().await;
    let first = three_lives(&api, "old").await;
    // One revision for each transaction.
    let revisions = 1_500;
    for n in 0..revisions {
        fill(
            &client,
            [(format!("noise/{}", n % 7).into_bytes(), Vec::new())],
        )
        .await;
    }
    let recent = three_lives(&api, "new").await;
    let new = history(&api, "new", "deleted&limit=4").await;
    assert_eq!(values(&new), ["3b", "3a", "2b", "2a"]);
    assert_eq!(new["deletions"], json!([recent[0]]));
    assert_eq!(new["replay"]["revisions"], 1_000, "{new}");
    let old = history(&api, "old", "deleted").await;
    assert_eq!(values(&old), ["3b", "3a", "2b", "2a", "1b", "1a"]);
    assert_eq!(old["deletions"], json!(first));
    let now = old["header"]["revision"].as_i64().expect("a revision");
    assert_eq!(
        old["replay"]["revisions"],
        1_000 + now,
        "both replays are counted"
    );
}

#[tokio::test]
async fn a_key_that_never_existed_is_not_found() {
    let world = World::new("deleted-never").await;
    let path = format!("/history?key={}&deleted", percent(world.key("never")));
    let problem = world
        .api
        .get(&path)
        .send()
        .await
        .problem(404, "key_not_found");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains("deleted since revision"), "{detail}");
}
