//! `Content-Encoding`: decoded on every route with a body, or refused; never stored encoded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use support::coding::{CODINGS, encode};
use support::{Client, Response, World, key_query, percent};

/// Sends a request with an encoded body.
async fn send_encoded(
    client: &Client,
    (method, path): (&Method, &str),
    kind: &str,
    coding: &str,
    body: impl Into<bytes::Bytes>,
) -> Response {
    let request = client.request(method.clone(), path);
    let request = request.header("content-type", kind);
    request
        .header("content-encoding", coding)
        .body(body)
        .send()
        .await
}

const JSON: &str = "application/json";

#[tokio::test]
async fn a_value_is_stored_decoded() {
    let world = World::new("coded").await;
    let value = "one line of many\n".repeat(2_000);
    for coding in CODINGS {
        let key = world.key(coding);
        let body = encode(coding, value.as_bytes()).await;
        assert!(body.len() < value.len() / 2, "{coding} compresses it");
        let path = key_query(&key);
        let put = (&Method::PUT, path.as_str());
        send_encoded(&world.api, put, "text/plain", coding, body)
            .await
            .json(201);
        let raw = world.api.get(&format!("{path}&raw")).send().await;
        assert_eq!(raw.expect(200).body, value, "{coding}");
    }
    let path = key_query(world.key("identity"));
    let put = (&Method::PUT, path.as_str());
    send_encoded(&world.api, put, "text/plain", "identity", "as it is")
        .await
        .json(201);
    assert_eq!(
        world.api.read(world.key("identity")).await["value"],
        "as it is"
    );
    // A coding without a body is ignored.
    let get = world.api.get(&path).header("content-encoding", "gzip");
    get.send().await.json(200);
}

#[tokio::test]
async fn json_and_v3_requests_are_decoded_too() {
    let world = World::new("coded-json").await;
    let root = world.gateway.root();
    for coding in CODINGS {
        let key = world.key(coding);
        let txn = json!({"then": [{"put": {"key": key, "value": "from a transaction"}}]});
        let body = encode(coding, txn.to_string().as_bytes()).await;
        let done = send_encoded(&world.api, (&Method::POST, "/txn"), JSON, coding, body).await;
        assert_eq!(done.json(200)["succeeded"], true, "{coding}");
        assert_eq!(world.api.read(&key).await["value"], "from a transaction");

        let base64 = |text: &str| STANDARD.encode(text);
        let put = json!({"key": base64(&key), "value": base64("from v3")});
        let body = encode(coding, put.to_string().as_bytes()).await;
        let done = send_encoded(&root, (&Method::POST, "/v3/kv/put"), JSON, coding, body).await;
        done.expect(200);
        assert_eq!(world.api.read(&key).await["value"], "from v3", "{coding}");

        let snapshot = json!({"key": base64("no such key")});
        let body = encode(coding, snapshot.to_string().as_bytes()).await;
        // A streaming call, whose body is read as it arrives.
        let keep = json!({"ID": "0"}).to_string();
        let kept = encode(coding, keep.as_bytes()).await;
        let path = "/v3/lease/keepalive";
        let response = send_encoded(&root, (&Method::POST, path), JSON, coding, kept).await;
        let line: Value = serde_json::from_slice(&response.expect(200).body).expect("one line");
        assert!(line["result"].is_object(), "{coding}: {line}");
        let range = send_encoded(&root, (&Method::POST, "/v3/kv/range"), JSON, coding, body).await;
        range.expect(200);
    }
}

#[tokio::test]
async fn a_truncated_body_is_refused_and_stores_nothing() {
    let world = World::new("cut").await;
    let root = world.gateway.root();
    for coding in CODINGS {
        let key = world.key(coding);
        let path = key_query(&key);
        let whole = encode(coding, b"a value that shall not be stored").await;
        let put = (&Method::PUT, path.as_str());
        let mut trailing = whole.clone();
        trailing.extend_from_slice(b"trailing bytes");
        for body in [
            whole[..whole.len() - 1].to_vec(),
            whole[..whole.len() / 2].to_vec(),
            Vec::new(),
            b"not encoded at all".to_vec(),
            trailing,
        ] {
            let refused = send_encoded(&world.api, put, "text/plain", coding, body).await;
            let problem = refused.problem(400, "bad_request");
            let detail = problem["detail"].as_str().expect("text");
            assert!(detail.contains(coding), "{coding}: {detail}");
        }
        let v3 = json!({"key": STANDARD.encode(&key), "value": "eA=="}).to_string();
        let whole = encode(coding, v3.as_bytes()).await;
        // A streaming call processes a message as soon as it is complete, so only half of it is sent.
        for (path, length) in [
            ("/v3/kv/put", whole.len() - 1),
            ("/v3/lease/keepalive", whole.len() / 2),
        ] {
            let cut = whole[..length].to_vec();
            let refused = send_encoded(&root, (&Method::POST, path), JSON, coding, cut).await;
            let refused = refused.expect(400);
            assert!(refused.text().contains(coding), "{}", refused.text());
        }
        world
            .api
            .get(&path)
            .send()
            .await
            .problem(404, "key_not_found");
    }
}

#[tokio::test]
async fn an_unsupported_coding_is_415_on_every_route_with_a_body() {
    let world = World::new("415").await;
    let root = world.gateway.root();
    let document = root.get("/api/openapi.json").send().await.json(200);
    let mut routes = vec![
        (Method::POST, "/v3/kv/put".to_owned()),
        (Method::POST, "/v3beta/kv/put".to_owned()),
        (Method::POST, "/v3/watch".to_owned()),
    ];
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if operation["requestBody"].is_object() {
                let method = method.to_uppercase().parse().expect("a method");
                let path = path.replace(['{', '}'], "");
                routes.push((method, path));
            }
        }
    }
    assert!(routes.len() > 25, "{routes:?}");
    for (method, path) in routes {
        for coding in ["compress", "gzip, gzip", "gzip, br", "x"] {
            let refused = send_encoded(&root, (&method, &path), JSON, coding, "{}").await;
            assert_eq!(refused.status, 415, "{method} {path} {coding}");
            let accepted = refused.header("accept-encoding");
            assert_eq!(accepted, "gzip, br, deflate, zstd", "{method} {path}");
        }
        // A truncated body is detected where the body is read.
        let cut = &encode("gzip", b"{}").await[..15];
        let refused = send_encoded(&root, (&method, &path), JSON, "gzip", cut.to_vec()).await;
        if !path.ends_with("/import") {
            assert_eq!(refused.status, 400, "{method} {path}: {}", refused.text());
            assert!(
                refused.text().contains("gzip"),
                "{method} {path}: {}",
                refused.text()
            );
        }
    }
    let two = world.api.put(&key_query(world.key("k")), "x");
    let two = two.header("content-encoding", "gzip");
    let two = two.header("content-encoding", "gzip");
    two.send().await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn max_body_counts_decoded_bytes() {
    let world = World::with("bomb", &["--max-body", "100000"]).await;
    let root = world.gateway.root();
    let path = key_query(world.key("k"));
    for coding in CODINGS {
        for (size, accepted) in [(100_000, true), (100_001, false), (20 << 20, false)] {
            let body = encode(coding, &vec![b' '; size]).await;
            assert!(body.len() < 100_000, "{coding}: the encoded body is small");
            let put = (&Method::PUT, path.as_str());
            let response = send_encoded(&world.api, put, "text/plain", coding, body.clone()).await;
            if accepted {
                assert!(
                    response.status.is_success(),
                    "{coding}: {}",
                    response.text()
                );
                continue;
            }
            response.problem(413, "too_large");
            let txn = (&Method::POST, "/txn");
            let response = send_encoded(&world.api, txn, JSON, coding, body.clone()).await;
            response.problem(413, "too_large");
            let v3 = (&Method::POST, "/v3/kv/put");
            send_encoded(&root, v3, JSON, coding, body)
                .await
                .expect(413);
        }
    }
}

#[tokio::test]
async fn an_import_is_decoded_as_it_arrives() {
    // The file is larger than the limit, which applies to other routes.
    let world = World::with("coded-import", &["--max-body", "100000"]).await;
    let import = (&Method::POST, "/import?on_conflict=overwrite");
    let kind = "application/x-ndjson";
    for coding in CODINGS {
        let prefix = world.key(coding);
        let value = "v".repeat(100);
        let lines: Vec<String> = (0..3_000)
            .map(|n| json!({"key": format!("{prefix}/{n:04}"), "value": value}).to_string())
            .collect();
        let file = lines.join("\n");
        let whole = encode(coding, file.as_bytes()).await;
        let response = send_encoded(&world.api, import, kind, coding, whole.clone()).await;
        let last = response.expect(200).lines().pop().expect("a line");
        assert_eq!(last["end"]["count"], 3_000, "{coding}: {last}");
        let counted = format!("/kv?prefix={}&count_only", percent(&prefix));
        let counted = world.api.get(&counted).send().await.json(200);
        assert_eq!(counted["count"], 3_000, "{coding}");

        let cut = whole[..whole.len() - 1].to_vec();
        let response = send_encoded(&world.api, import, kind, coding, cut).await;
        let last = response.expect(200).lines().pop().expect("a line");
        assert_eq!(last["error"]["code"], "bad_request", "{coding}: {last}");
        let detail = last["error"]["detail"].as_str().expect("text");
        assert!(detail.contains(coding), "{detail}");
        assert!(last["resume_from"].is_i64(), "{coding}: {last}");
    }
}
