//! Accepted notations of requests, and errors for malformed requests and unknown paths.

use http::Method;
use serde_json::{Value, json};

use crate::case;
use crate::differences::Difference;
use crate::side::b64;

case!(both_field_names_and_number_forms_are_accepted, |side| {
    side.put("n/a", "v").await;
    side.put("n/b", "v").await;
    let (key, end) = (side.key("n/"), side.key("n0"));
    for body in [
        format!(
            r#"{{"key":"{key}","range_end":"{end}","limit":"1","sort_order":"DESCEND","keys_only":true}}"#
        ),
        format!(r#"{{"key":"{key}","rangeEnd":"{end}","limit":1,"sortOrder":2,"keysOnly":true}}"#),
        format!(
            r#" {{ "keysOnly" : true,"limit":1, "sort_order":"DESCEND",
                 "range_end":"{end}", "key":"{key}", "revision":null }} "#
        ),
    ] {
        let request = side
            .client
            .request(Method::POST, "/v3/kv/range")
            .body(body.clone());
        let response: Value =
            serde_json::from_slice(&request.send().await.expect(200).body).expect("JSON");
        assert_eq!(response["kvs"][0]["key"], side.key("n/b"), "{body}");
        assert_eq!(response["more"], true);
        assert!(response["kvs"][0].get("value").is_none());
    }
});

case!(unknown_fields_are_ignored, |side| {
    side.put("u", "v").await;
    let body = json!({"key": side.key("u"), "nosuch": {"a": [1, null, {}]}, "perfix": true});
    let response = side.call("/v3/kv/range", &body).await;
    assert_eq!(response["count"], "1");
});

case!(both_base64_alphabets_are_accepted_without_padding, |side| {
    let key = side.key("x");
    side.put("x", "v").await;
    let forms: &[&str] = if side.has(Difference::StandardBase64Only) {
        &["+/8="]
    } else {
        let bare = key.trim_end_matches('=');
        let response = side.call("/v3/kv/range", &json!({"key": bare})).await;
        assert_eq!(response["count"], "1");
        &["+/8=", "-_8=", "-_8"]
    };
    for value in forms {
        side.call("/v3/kv/put", &json!({"key": key, "value": value}))
            .await;
        let response = side.call("/v3/kv/range", &json!({"key": key})).await;
        assert_eq!(response["kvs"][0]["value"], "+/8=", "{value}");
    }
});

case!(any_content_type_is_accepted, |side| {
    side.put("c", "v").await;
    let body = json!({"key": side.key("c")}).to_string();
    for kind in [
        None,
        Some("application/json"),
        Some("application/x-www-form-urlencoded"),
        Some("text/plain"),
        Some("multipart/form-data; boundary=x"),
    ] {
        let mut request = side
            .client
            .request(Method::POST, "/v3/kv/range")
            .body(body.clone());
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let response = request.send().await.expect(200);
        assert!(response.text().contains("\"kvs\""), "{kind:?}");
    }
});

case!(malformed_json_is_refused, |side| {
    let key = side.key("m");
    for body in [
        "{".to_owned(),
        "nonsense".to_owned(),
        "[]".to_owned(),
        "\"x\"".to_owned(),
        format!(r#"{{"key":"{key}",}}"#),
        format!(r#"{{"key":"{key}" "limit":1}}"#),
        r#"{"key":"!"}"#.to_owned(),
        r#"{"key":7}"#.to_owned(),
        format!(r#"{{"key":"{key}","limit":"x"}}"#),
        format!(r#"{{"key":"{key}","limit":1.5}}"#),
        format!(r#"{{"key":"{key}","limit":9223372036854775808}}"#),
        format!(r#"{{"key":"{key}","limit":{{}}}}"#),
        format!(r#"{{"key":"{key}","keys_only":"yes"}}"#),
    ] {
        let request = side
            .client
            .request(Method::POST, "/v3/kv/range")
            .body(body.clone());
        side.expect_error_of(request, 400, 3).await;
    }
});

case!(duplicate_fields_are_refused, |side| {
    if side.has(Difference::LaxJson) {
        return;
    }
    let key = side.key("m");
    for body in [
        format!(r#"{{"key":"{key}","key":"{key}"}}"#),
        format!(r#"{{"key":"{key}","range_end":"","rangeEnd":""}}"#),
        r#"{"success":[{"request_range":{},"request_put":{}}]}"#.to_owned(),
    ] {
        let path = if body.contains("success") {
            "/v3/kv/txn"
        } else {
            "/v3/kv/range"
        };
        let request = side.client.request(Method::POST, path).body(body.clone());
        side.expect_error_of(request, 400, 3).await;
    }
});

case!(v3beta_paths_equal_v3, |side| {
    side.put("b", "v").await;
    let response = side
        .call("/v3beta/kv/range", &json!({"key": side.key("b")}))
        .await;
    assert_eq!(response["count"], "1");
});

case!(unknown_paths_and_methods_are_refused, |side| {
    let text = side.has(Difference::PlainTextRouterErrors);
    for path in [
        "/v3/nothing",
        "/v3/kv",
        "/v3/kv/range/x",
        "/v3/",
        "/v3beta/nothing",
    ] {
        let request = side.request(path, &json!({}));
        if text {
            request.send().await.expect(404);
        } else {
            assert_eq!(
                side.expect_error_of(request, 404, 5).await,
                "Not Found",
                "{path}"
            );
        }
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = side.client.request(method.clone(), "/v3/kv/range");
        if text {
            request.send().await.expect(405);
        } else {
            let message = side.expect_error_of(request, 501, 12).await;
            assert_eq!(message, "Method Not Allowed", "{method}");
        }
    }
    // Only v3 and v3beta exist.
    side.request("/v3alpha/kv/range", &json!({"key": b64("x")}))
        .send()
        .await
        .expect(404);
});

case!(version_and_health_are_served, |side| {
    let version = side.client.get("/version").send().await.expect(200);
    let version: Value = serde_json::from_slice(&version.body).expect("JSON");
    assert_eq!(version["etcdserver"], side.version.to_string());
    let health = side.client.get("/health").send().await.expect(200);
    let health: Value = serde_json::from_slice(&health.body).expect("JSON");
    assert_eq!(health["health"], "true");
});
