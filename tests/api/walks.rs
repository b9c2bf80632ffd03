//! The walks that need no stream, step by step.

use serde_json::{Value, json};
use support::{DEADLINE, World, eventually, key_path, key_query, percent, when};

/// The walks name their keys; each test has its own prefix before them.
fn path(world: &World, key: &str) -> String {
    key_path(format!("{}{key}", world.prefix.trim_end_matches('/')))
}

fn name(world: &World, key: &str) -> String {
    format!("{}{key}", world.prefix.trim_end_matches('/'))
}

#[tokio::test]
async fn w2_put_get_delete_previous_values() {
    let world = World::new("w2").await;
    let api = &world.api;
    let job1 = path(&world, "/cron/job1");
    // 1
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
    // 2
    api.put(&path(&world, "/cron/jobs/job1"), "job1,ado")
        .send()
        .await
        .json(201);
    api.put(&path(&world, "/cron/jobs/job2"), "job2,zhangsa")
        .send()
        .await
        .json(201);
    let jobs = format!("/kv?prefix={}", percent(name(&world, "/cron/jobs/")));
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
    let absent = format!("{}?count_only", path(&world, "/cron/none"));
    assert_eq!(api.get(&absent).send().await.json(200)["count"], 0);
    // 3
    let deleted = api.delete(&format!("{job1}?prev")).send().await.json(200);
    assert_eq!(deleted["prev"][0]["value"], "job1,ado");
    // 4
    for (key, value) in [("k1", "v1"), ("k2", "v2"), ("k3", "v3")] {
        api.put(&path(&world, &format!("/prefix/keys/{key}")), value)
            .send()
            .await
            .json(201);
    }
    let keys = format!("/kv?prefix={}", percent(name(&world, "/prefix/keys/")));
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
    // 5
    let busy = path(&world, "/cron/busy");
    api.put(&busy, "占用").send().await.json(201);
    assert_eq!(api.get(&busy).send().await.json(200)["value"], "占用");
    let raw = api.get(&format!("{busy}?raw")).send().await.expect(200);
    assert_eq!(&raw.body[..], "占用".as_bytes());
    assert_eq!(raw.body.len(), 6);
}

/// Revisions between two puts: 1 where nobody else wrote in between.
fn put_distance(first: &Value, second: &Value) -> i64 {
    let revision = |put: &Value| put["mod_revision"].as_i64().expect("a revision");
    revision(second) - revision(first)
}

#[tokio::test]
async fn w6_one_op() {
    let world = World::new("w6").await;
    let ado = name(&world, "/cron/jobs/ado");
    let put = json!({"put": {"key": ado, "value": "duzhenxun"}});
    let get = json!({"get": {"key": ado}});
    let answer = world.api.post("/do", &put).send().await;
    let revision = answer.revision();
    assert_eq!(answer.json(200)["header"]["revision"], revision);
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

#[tokio::test]
async fn w7_optimistic_lock_on_one_key() {
    let world = World::new("w7").await;
    let api = &world.api;
    let key = name(&world, "/cron/lock/ado");
    let grant = async || {
        let lease = api
            .post("/leases", &json!({"ttl": 60}))
            .send()
            .await
            .json(201);
        lease["id"].as_str().expect("an id").to_owned()
    };
    let txn = async |value: &str, lease: &str| {
        let body = json!({
            "compare": [{"key": key, "target": "create_revision", "op": "=", "value": 0}],
            "then": [{"put": {"key": key, "value": value, "lease": lease}}],
            "else": [{"get": {"key": key}}],
        });
        api.post("/txn", &body).send().await.json(200)
    };
    let (a, b) = (grant().await, grant().await);
    // 1
    let first = txn("duzhenxun", &a).await;
    assert_eq!(first["succeeded"], true);
    let second = txn("duzhenxun-b", &b).await;
    assert_eq!(second["succeeded"], false);
    assert_eq!(
        second["responses"][0]["get"]["entries"][0]["value"],
        "duzhenxun"
    );
    let absent = json!({
        "compare": [{"key": key, "target": "create_revision", "op": "=", "value": 0}],
        "else": [{"get": {"key": name(&world, "/cron/lock/none")}}],
    });
    let absent = api.post("/txn", &absent).send().await.json(200);
    assert_eq!(absent["responses"][0]["get"]["entries"], json!([]));
    // 2
    let path = format!("/locks/{}", percent(&key));
    let lock = eventually("the key is found as a lock", DEADLINE, async || {
        let answer = api.get(&path).send().await;
        when(answer.status == 200, || answer.text())?;
        Ok(answer.json(200))
    })
    .await;
    assert_eq!(lock["kind"], "single_key");
    assert_eq!(lock["holder"]["value"], "duzhenxun");
    assert_eq!(lock["holder"]["lease"], a);
    assert_eq!(lock["holder"]["fencing_token"], first["header"]["revision"]);
    assert_eq!(lock.get("waiters"), Some(&Value::Null));
    // 3, without its ten seconds: held for as long as A lives
    api.delete(&format!("/leases/{a}")).send().await.json(200);
    let third = txn("duzhenxun-b", &b).await;
    assert_eq!(third["succeeded"], true);
    let lock = api.get(&path).send().await.json(200);
    assert_eq!(lock["holder"]["fencing_token"], third["header"]["revision"]);
    assert!(third["header"]["revision"].as_i64() > first["header"]["revision"].as_i64());
    // 4
    let create = format!("{}&lease={b}", key_query(&key));
    let refused = api
        .put(&create, "x")
        .header("if-none-match", "*")
        .send()
        .await;
    let problem = refused.problem(412, "precondition_failed");
    assert_eq!(problem["current"]["value"], "duzhenxun-b");
    api.delete(&key_query(&key)).send().await.json(200);
    api.put(&create, "x")
        .header("if-none-match", "*")
        .send()
        .await
        .json(201);
    assert_eq!(api.read(&key).await["lease"], b);
}
