//! Whole programs that need no stream, step by step.

use serde_json::{Value, json};
use support::{World, key_path, percent};

#[tokio::test]
async fn keys_are_put_read_counted_and_deleted_with_previous_values() {
    let world = World::new("previous").await;
    let api = &world.api;
    let job1 = key_path(world.key("cron/job1"));
    let put = api
        .put(&format!("{job1}?prev"), "job1,ado")
        .send()
        .await
        .json(201);
    assert_eq!(put.get("prev"), Some(&Value::Null));
    let header = &put["header"];
    for id in ["cluster_id", "member_id"] {
        let text = header[id].as_str().expect("ids are strings");
        assert!(
            u64::from_str_radix(text, 16).is_ok_and(|id| id > 0),
            "{text}"
        );
    }
    assert!(header["revision"].as_i64() > Some(0) && header["raft_term"].as_u64() > Some(0));
    let again = api
        .put(&format!("{job1}?prev"), "job1,ado")
        .send()
        .await
        .json(200);
    assert_eq!(again["prev"]["value"], "job1,ado");
    let entry = api.get(&job1).send().await.json(200);
    assert_eq!(entry["version"], 2);
    assert_eq!(
        entry["mod_revision"]
            .as_i64()
            .zip(entry["create_revision"].as_i64())
            .map(|(m, c)| m - c),
        Some(put_distance(&put, &again))
    );
    api.put(&key_path(world.key("cron/jobs/job1")), "job1,ado")
        .send()
        .await
        .json(201);
    api.put(&key_path(world.key("cron/jobs/job2")), "job2,zhangsa")
        .send()
        .await
        .json(201);
    let jobs = format!("/kv?prefix={}", percent(world.key("cron/jobs/")));
    assert_eq!(api.get(&jobs).send().await.json(200)["count"], 2);
    let count = api
        .get(&format!("{job1}?count_only"))
        .send()
        .await
        .json(200);
    assert_eq!(
        (
            count["count"].as_i64(),
            count.as_object().map(serde_json::Map::len)
        ),
        (Some(1), Some(2))
    );
    let absent = format!("{}?count_only", key_path(world.key("cron/none")));
    assert_eq!(api.get(&absent).send().await.json(200)["count"], 0);
    let deleted = api.delete(&format!("{job1}?prev")).send().await.json(200);
    assert_eq!(deleted["prev"][0]["value"], "job1,ado");
    for (key, value) in [("k1", "v1"), ("k2", "v2"), ("k3", "v3")] {
        api.put(&key_path(world.key(&format!("prefix/keys/{key}"))), value)
            .send()
            .await
            .json(201);
    }
    let keys = format!("/kv?prefix={}", percent(world.key("prefix/keys/")));
    let dry = api
        .delete(&format!("{keys}&dry_run"))
        .send()
        .await
        .json(200);
    assert_eq!(dry["count"], 3);
    api.delete(&keys)
        .send()
        .await
        .problem(428, "confirm_required");
    let confirmed = format!(
        "{keys}&confirm=3&revision={}&prev",
        dry["header"]["revision"]
    );
    let deleted = api.delete(&confirmed).send().await.json(200);
    assert_eq!(deleted["deleted"], 3);
    let values: Vec<_> = (0..3)
        .map(|at| deleted["prev"][at]["value"].clone())
        .collect();
    assert_eq!(json!(values), json!(["v1", "v2", "v3"]));
    let busy = key_path(world.key("cron/busy"));
    api.put(&busy, "占用").send().await.json(201);
    assert_eq!(api.get(&busy).send().await.json(200)["value"], "占用");
    let raw = api.get(&format!("{busy}?raw")).send().await.expect(200);
    assert_eq!(&raw.body[..], "占用".as_bytes());
    assert_eq!(raw.body.len(), 6);
}

/// Revisions between two puts: 1 if there was no other write in between.
fn put_distance(first: &Value, second: &Value) -> i64 {
    let revision = |put: &Value| put["mod_revision"].as_i64().expect("a revision");
    revision(second) - revision(first)
}

#[tokio::test]
async fn a_single_op_is_a_transaction_of_one() {
    let world = World::new("one-op").await;
    let ado = world.key("cron/jobs/ado");
    let put = json!({"put": {"key": ado, "value": "duzhenxun"}});
    let get = json!({"get": {"key": ado}});
    let response = world.api.post("/do", &put).send().await;
    let revision = response.revision();
    assert_eq!(response.json(200)["header"]["revision"], revision);
    let got = world.api.post("/do", &get).send().await.json(200);
    assert_eq!(got["get"]["entries"][0]["value"], "duzhenxun");
    assert_eq!(got["get"]["entries"][0]["mod_revision"], revision);
    let both = world
        .api
        .post("/txn", &json!({"then": [put, get]}))
        .send()
        .await
        .json(200);
    let seen = &both["responses"][1]["get"]["entries"][0];
    assert_eq!(seen["version"], 2, "the get sees the put");
    assert_eq!(
        seen["mod_revision"], both["header"]["revision"],
        "one revision"
    );
}
