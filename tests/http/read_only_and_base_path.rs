//! `--read-only` and `--base-path` apply to every route.

use serde_json::json;
use support::{Client, World, key_query, percent};

#[tokio::test]
async fn read_only_refuses_every_writing_route() {
    let writer = World::new("read-only").await;
    writer.put("k", "v").await;
    let world = World::with("read-only", &["--read-only"]).await;
    let api = &world.api;
    let (k, prefix) = (writer.key("k"), percent(&writer.prefix));
    let key = key_query(&k);
    let put = json!({"put": {"key": k, "value": "x"}});
    let get = json!({"get": {"key": k}});
    let delete = json!({"delete": {"key": k}});
    let mut client = writer.client().await;
    let lease = format!(
        "{:x}",
        client.lease_grant(600, None).await.expect("a lease").id()
    );
    let lock = percent(writer.key("lock"));
    let election = percent(writer.key("election"));
    let led = writer.api.post(
        &format!("/elections/{election}/campaign"),
        &json!({"value": "v", "lease": lease}),
    );
    let led = led.send().await.json(201);
    let leader = json!({"key": led["key"], "revision": led["revision"]});
    let mut proclaimed = leader.clone();
    proclaimed["value"] = json!("x");
    let value = json!({"value": "x"});
    let socket = |path: &str| api.get(path).upgrade();

    for request in [
        api.put(&key, "x"),
        api.put(&support::key_path(&k), "x"),
        api.delete(&key),
        api.delete(&format!("/kv?prefix={prefix}")),
        api.delete(&format!("/kv?prefix={prefix}&confirm=1")),
        api.post("/do", &put),
        api.post("/do", &delete),
        api.post("/txn", &json!({"then": [put]})),
        api.post("/txn", &json!({"then": [get], "else": [delete]})),
        api.post("/leases", &json!({"ttl": 60})),
        api.post_empty(&format!("/leases/{lease}/keepalive")),
        api.delete(&format!("/leases/{lease}")),
        api.post(&format!("/locks/{lock}"), &json!({})),
        api.post("/locks/-?name=x", &json!({"wait": 1})),
        api.delete(&format!("/locks/{lock}?lease={lease}")),
        api.post(&format!("/locks/{lock}/hold"), &json!({})),
        socket(&format!("/locks/{lock}/hold")),
        api.post(&format!("/elections/{election}/campaign"), &value),
        api.post(&format!("/elections/{election}/proclaim"), &proclaimed),
        api.post(&format!("/elections/{election}/resign"), &leader),
        api.post(&format!("/elections/{election}/hold"), &value),
        socket(&format!("/elections/{election}/hold?value=x")),
        api.post_empty(&format!("/leases/{lease}/hold")),
        socket(&format!("/leases/{lease}/hold")),
        api.post("/leases/hold", &json!({})),
        socket("/leases/hold"),
    ] {
        request.send().await.problem(403, "read_only");
    }
    for request in [
        api.get(&key),
        api.get(&format!("/kv?prefix={prefix}")),
        api.get(&format!("/tree?prefix={prefix}")),
        api.get(&format!("/history?key={}", percent(&k))),
        api.delete(&format!("/kv?prefix={prefix}&dry_run")),
        api.post("/do", &get),
        api.post(
            "/txn",
            &json!({"compare": [{"key": k, "target": "version", "op": "=", "value": 1}],
            "then": [get, get], "else": [get]}),
        ),
        api.get("/leases"),
        api.get(&format!("/leases/{lease}")),
        api.delete(&format!("/leases/{lease}?dry_run")),
        api.get("/locks"),
        api.get(&format!("/elections/{election}")),
        api.get("/cluster"),
        api.get("/clusters"),
    ] {
        request.send().await.json(200);
    }
    assert_eq!(api.read(&k).await["version"], 1);
    // No queue was changed.
    let key = led["key"].as_str().expect("a key");
    assert_eq!(api.read(key).await["value"], "v");
    let path = format!("/kv?count_only&prefix={prefix}");
    assert_eq!(api.get(&path).send().await.json(200)["count"], 2);
    writer
        .api
        .get(&format!("/leases/{lease}"))
        .send()
        .await
        .json(200);
}

#[tokio::test]
async fn all_routes_are_below_the_base_path() {
    let world = World::with("base", &["--base-path", "/etcd/"]).await;
    let below: Client = world.gateway.root().below("/etcd");
    let key = key_query(world.key("k"));
    below
        .put(&format!("/api/v1{key}"), "v")
        .send()
        .await
        .json(201);
    let path = support::key_path(world.key("k"));
    assert_eq!(
        below.get(&format!("/api/v1{path}")).send().await.json(200)["value"],
        "v"
    );
    let clusters = below.get("/api/v1/clusters").send().await.json(200);
    let name = clusters["clusters"][0]["name"].as_str().expect("a name");
    below
        .get(&format!("/api/v1/clusters/{name}{path}"))
        .send()
        .await
        .json(200);
    for route in [
        "/healthz",
        "/readyz",
        "/version",
        "/health",
        "/metrics",
        "/api/openapi.json",
        "/api/docs",
    ] {
        below.get(route).send().await.expect(200);
    }
    below
        .get("/api/v1/nope")
        .send()
        .await
        .problem(404, "not_found");
    for path in [
        format!("/api/v1{key}"),
        "/api/v1/clusters".into(),
        "/etcdapi/v1/clusters".into(),
    ] {
        world
            .gateway
            .root()
            .get(&path)
            .send()
            .await
            .problem(404, "not_found");
    }
}
