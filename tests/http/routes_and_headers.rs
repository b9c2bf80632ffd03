//! Routes outside `/api/v1`, and the headers of every response.

use serde_json::Value;
use support::{World, key_query};

#[tokio::test]
async fn probes_and_etcds_own_routes_respond() {
    let world = World::new("root").await;
    let root = world.gateway.root();
    for path in ["/healthz", "/readyz"] {
        root.get(path).send().await.expect(200);
    }
    root.get("/metrics").send().await.expect(200);
    let version = root.get("/version").send().await.json(200);
    for member in ["etcdserver", "etcdcluster", "watchgate"] {
        assert!(
            version[member]
                .as_str()
                .is_some_and(|text| text.contains('.')),
            "{version}"
        );
    }
    let health = root.get("/health").send().await.json(200);
    assert_eq!(health, serde_json::json!({"health": "true", "reason": ""}));
}

#[tokio::test]
async fn every_response_from_etcd_has_its_header() {
    let world = World::new("header").await;
    let key = key_query(world.key("k"));
    let put = world.api.put(&key, "v").send().await;
    let mut responses = vec![put];
    for path in [
        key.clone(),
        format!("{key}&count_only"),
        "/kv?prefix=".into(),
        "/tree".into(),
        format!("/history?key={}", support::percent(world.key("k"))),
        "/cluster".into(),
    ] {
        responses.push(world.api.get(&path).send().await);
    }
    responses.push(
        world
            .api
            .post("/do", &serde_json::json!({"get": {"prefix": ""}}))
            .send()
            .await,
    );
    for response in responses {
        let revision = response.revision();
        let status = response.status.as_u16();
        let json = response.json(status);
        let header = &json["header"];
        for id in ["cluster_id", "member_id"] {
            let text = header[id].as_str().expect("ids are strings");
            let number = u64::from_str_radix(text, 16).expect("hexadecimal digits");
            assert_eq!(format!("{number:x}"), text, "lower case, no padding");
        }
        assert!(header["raft_term"].as_u64() > Some(0), "{header}");
        assert!(revision >= 1, "{header}");
        assert_eq!(header["revision"], revision, "both report one revision");
    }
}

#[tokio::test]
async fn cluster_shows_its_member() {
    let world = World::new("cluster").await;
    let cluster = world.api.get("/cluster").send().await.json(200);
    let member = &cluster["members"][0];
    assert_eq!(cluster["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(cluster["leader"], member["id"]);
    assert_eq!(
        (cluster["quorum"].as_u64(), cluster["tolerates"].as_u64()),
        (Some(1), Some(0))
    );
    assert_eq!(member["healthy"], true);
    assert_eq!(member["learner"], false);
    assert_eq!(member["name"], "test");
    assert_eq!(member["client_urls"], serde_json::json!([world.etcd.url()]));
    assert!(member["db_size"].as_i64() > Some(0));
    assert_eq!(cluster["version"], member["version"]);
    assert_eq!(cluster["alarms"], serde_json::json!([]));
}

#[tokio::test]
async fn the_openapi_document_lists_the_served_routes() {
    let world = World::new("openapi").await;
    let document = world
        .gateway
        .root()
        .get("/api/openapi.json")
        .send()
        .await
        .json(200);
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
    let paths = document["paths"].as_object().expect("paths");
    for path in [
        "/kv/{key}",
        "/kv",
        "/tree",
        "/history/{key}",
        "/txn",
        "/do",
        "/cluster",
        "/leases",
        "/leases/{id}",
        "/leases/{id}/keepalive",
        "/locks",
        "/locks/{name}",
        "/watch",
    ] {
        assert!(
            paths.contains_key(&format!("/api/v1{path}")),
            "{path} is not in the document"
        );
    }
    assert!(!paths.keys().any(|path| path.contains('*')));
}

#[tokio::test]
async fn the_documentation_page_fetches_nothing() {
    let world = World::new("docs").await;
    let response = world
        .gateway
        .root()
        .get("/api/docs")
        .send()
        .await
        .expect(200);
    assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
    let policy = response.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    let page = response.text();
    for foreign in [" src=", "<link", "<script", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let mut anchors = 0;
    for target in page.split("href=\"").skip(1) {
        let target = target.split('"').next().expect("a quoted value");
        if let Some(anchor) = target.strip_prefix('#') {
            assert!(page.contains(&format!("id=\"{anchor}\"")), "{target}");
            anchors += 1;
        } else {
            assert_eq!(target, "openapi.json");
        }
    }
    assert!(anchors > 100, "{anchors}");
}

#[tokio::test]
async fn problems_repeat_the_request_id() {
    let world = World::new("request-id").await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..3 {
        let response = world.api.get(&key_query(world.key("no"))).send().await;
        let id = response.header("x-request-id").to_owned();
        let problem = response.problem(404, "key_not_found");
        assert_eq!(problem["request_id"], Value::from(id.clone()));
        assert!(seen.insert(id));
    }
}
