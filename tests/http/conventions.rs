//! Strictness: unknown parameters, media types, routes and methods are refused, never ignored.

use http::Method;
use serde_json::json;
use support::{World, key_query, percent};

#[tokio::test]
async fn unknown_and_repeated_parameters_are_refused() {
    let world = World::new("parameters").await;
    let (key, prefix) = (key_query(world.key("k")), percent(&world.prefix));
    world.put("k", "v").await;
    let range = format!("/kv?prefix={prefix}");
    let tree = format!("/tree?prefix={prefix}");
    let history = format!("/history?key={}", percent(world.key("k")));
    for (path, extra) in [
        (&key, "recursive"),
        (&key, "raw&raw"),
        (&key, "prev"),
        (&key, "revision=1&revision=1"),
        (&range, "perfix=a"),
        (&range, "limit=1&limit=1"),
        (&range, "raw"),
        (&range, "prefix=a"),
        (&tree, "recursive=true"),
        (&tree, "separator=/&separator=/"),
        (&history, "prefix="),
    ] {
        let path = format!("{path}&{extra}");
        world
            .api
            .get(&path)
            .send()
            .await
            .problem(400, "unknown_parameter");
    }
    for extra in ["leas=none", "prev&prev", "revision=1", "raw", "confirm=1"] {
        let put = world.api.put(&format!("{key}&{extra}"), "x").send().await;
        put.problem(400, "unknown_parameter");
    }
    for extra in ["lease=none", "dry_run", "confirm=1", "prefix="] {
        let delete = world.api.delete(&format!("{key}&{extra}")).send().await;
        assert_eq!(delete.status, 400, "{extra}: {}", delete.text());
    }
    let delete = world
        .api
        .delete(&format!("{range}&confirm=1&limit=1"))
        .send()
        .await;
    delete.problem(400, "unknown_parameter");
    for route in ["/txn", "/do"] {
        let body = json!({"get": {"key": world.key("k")}});
        let post = world
            .api
            .post(&format!("{route}?explian"), &body)
            .send()
            .await;
        post.problem(400, "unknown_parameter");
    }
    world
        .api
        .get("/cluster?x")
        .send()
        .await
        .problem(400, "unknown_parameter");
    assert_eq!(world.api.read(world.key("k")).await["value"], "v");
}

#[tokio::test]
async fn flags_are_bare_true_or_1() {
    let world = World::new("flags").await;
    world.put("k", "v").await;
    let key = key_query(world.key("k"));
    for yes in ["raw", "raw=true", "raw=1"] {
        let raw = world
            .api
            .get(&format!("{key}&{yes}"))
            .send()
            .await
            .expect(200);
        assert_eq!(raw.text(), "v");
    }
    for unclear in ["raw=yes", "raw=2", "raw=TRUE"] {
        let response = world.api.get(&format!("{key}&{unclear}")).send().await;
        response.problem(400, "bad_request");
    }
    let one = world
        .api
        .get(&format!("{key}&serializable"))
        .send()
        .await
        .json(200);
    assert_eq!(one["value"], "v");
}

#[tokio::test]
async fn a_post_without_json_is_415_with_a_hint() {
    let world = World::new("media").await;
    let body = json!({"get": {"key": world.key("k")}}).to_string();
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/octet-stream",
        "text/json",
    ] {
        let mut request = world.api.request(Method::POST, "/do").body(body.clone());
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let problem = request.send().await.problem(415, "unsupported_media_type");
        let hint = problem["hint"].as_str().unwrap_or_default();
        assert!(hint.contains("curl --json"), "{problem}");
    }
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;x=y",
    ] {
        let request = world.api.request(Method::POST, "/do").body(body.clone());
        request.header("content-type", kind).send().await.json(200);
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_404_problem_and_never_a_page() {
    let world = World::new("unknown-path").await;
    let root = world.gateway.root();
    for path in [
        "/api",
        "/api/",
        "/api/nope",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nope",
        "/api/v1/kvs/x",
        "/api/v2/kv/x",
        "/assets",
        "/assets/",
        "/assets/nope.js",
        "/assets/../index.html",
        "/api/v1/locks/a/b/c",
        "/api/v1/clusters/default/nope",
    ] {
        for accept in ["*/*", "text/html"] {
            let response = root.get(path).header("accept", accept).send().await;
            response.problem(404, "not_found");
        }
        let post = root.post(path, &json!({})).send().await;
        assert!(
            matches!(post.status.as_u16(), 404 | 405),
            "{path}: {}",
            post.status
        );
    }
}

#[tokio::test]
async fn an_unknown_path_of_v3_is_refused_as_etcd_refuses_it() {
    let world = World::new("unknown-path-v3").await;
    let root = world.gateway.root();
    for path in ["/v3", "/v3/", "/v3/kv/nope", "/v3/nope"] {
        for accept in ["*/*", "text/html"] {
            let response = root.get(path).header("accept", accept).send().await;
            let refused = response.json(404);
            assert_eq!(refused["code"], 5, "{path}: {refused}");
        }
        root.post(path, &json!({})).send().await.json(404);
    }
}

#[tokio::test]
async fn a_wrong_method_is_405() {
    let world = World::new("method").await;
    for (method, path) in [
        (Method::POST, "/kv/x"),
        (Method::PATCH, "/kv/x"),
        (Method::PUT, "/tree"),
        (Method::GET, "/txn"),
        (Method::DELETE, "/do"),
        (Method::POST, "/cluster"),
        (Method::PUT, "/history/x"),
    ] {
        let response = world.api.request(method.clone(), path).send().await;
        assert!(!response.header("allow").is_empty(), "{method} {path}");
        response.problem(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn clusters_are_addressed_by_name() {
    let world = World::new("clusters").await;
    world.put("k", "v").await;
    let list = world.api.get("/clusters").send().await.json(200);
    let clusters = list["clusters"].as_array().expect("clusters");
    assert_eq!(clusters.len(), 1);
    assert_eq!(clusters[0]["default"], true);
    assert_eq!(clusters[0]["endpoints"], json!([world.etcd.url()]));
    let name = clusters[0]["name"].as_str().expect("a name");
    let named = world.api.below(&format!("/clusters/{name}"));
    assert_eq!(named.read(world.key("k")).await["value"], "v");
    let path = support::key_path(world.key("k"));
    assert_eq!(named.get(&path).send().await.json(200)["value"], "v");
    let other = world.api.below("/clusters/unknown");
    for path in ["/kv/x", "/kv?prefix=", "/tree", "/cluster"] {
        other
            .get(path)
            .send()
            .await
            .problem(404, "cluster_not_found");
    }
    other
        .put("/kv/x", "v")
        .send()
        .await
        .problem(404, "cluster_not_found");
}

#[tokio::test]
async fn timeouts_have_units_and_a_limit() {
    let world = World::new("timeout").await;
    world.put("k", "v").await;
    let key = key_query(world.key("k"));
    for time in ["500ms", "5s", "2m", "10m", "600000ms"] {
        let response = world.api.get(&format!("{key}&timeout={time}")).send().await;
        response.json(200);
    }
    for wrong in [
        "5",
        "",
        "s",
        "-5s",
        "1.5s",
        "5h",
        "5 s",
        "11m",
        "601s",
        "600001ms",
        "99999999999999m",
    ] {
        let response = world
            .api
            .get(&format!("{key}&timeout={}", percent(wrong)))
            .send()
            .await;
        response.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn credentials_are_never_ignored() {
    let world = World::new("credentials").await;
    world.put("k", "v").await;
    let key = key_query(world.key("k"));
    for value in ["Bearer made-up", "Basic cm9vdDpwdw==", "words", ""] {
        let response = world
            .api
            .get(&key)
            .header("authorization", value)
            .send()
            .await;
        assert!(
            response.header("www-authenticate").contains("Bearer"),
            "{value}"
        );
        let problem = response.problem(401, "unauthenticated");
        assert!(problem["hint"].is_string(), "{problem}");
    }
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
        let response = world
            .api
            .get(&key)
            .header(name, "for=10.0.0.1")
            .send()
            .await;
        response.problem(401, "unauthenticated");
    }
}
