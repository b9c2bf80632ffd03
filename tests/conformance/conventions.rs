//! How requests may be written, and how what is no call is refused.

use http::Method;
use serde_json::{Value, json};

use crate::case;
use crate::differences::Difference;
use crate::side::b64;

case!(fields_have_two_names_and_numbers_two_forms, |side| {
    side.put("n/a", "v").await;
    side.put("n/b", "v").await;
    let (key, end) = (side.key("n/"), side.key("n0"));
    for asked in [
        format!(
            r#"{{"key":"{key}","range_end":"{end}","limit":"1","sort_order":"DESCEND","keys_only":true}}"#
        ),
        format!(r#"{{"key":"{key}","rangeEnd":"{end}","limit":1,"sortOrder":2,"keysOnly":true}}"#),
        format!(
            r#" {{ "keysOnly" : true,"limit":1, "sort_order":"DESCEND",
                 "range_end":"{end}", "key":"{key}", "revision":null }} "#
        ),
    ] {
        let ask = side
            .client
            .request(Method::POST, "/v3/kv/range")
            .body(asked.clone());
        let answer: Value =
            serde_json::from_slice(&ask.send().await.expect(200).body).expect("JSON");
        assert_eq!(answer["kvs"][0]["key"], side.key("n/b"), "{asked}");
        assert_eq!(answer["more"], true);
        assert!(answer["kvs"][0].get("value").is_none());
    }
});

case!(what_is_unknown_is_passed_over, |side| {
    side.put("u", "v").await;
    let asked = json!({"key": side.key("u"), "nosuch": {"a": [1, null, {}]}, "perfix": true});
    let answer = side.call("/v3/kv/range", &asked).await;
    assert_eq!(answer["count"], "1");
});

case!(base64_has_two_alphabets_and_needs_no_padding, |side| {
    let key = side.key("x");
    side.put("x", "v").await;
    let forms: &[&str] = if side.has(Difference::PlainBase64) {
        &["+/8="]
    } else {
        let bare = key.trim_end_matches('=');
        let answer = side.call("/v3/kv/range", &json!({"key": bare})).await;
        assert_eq!(answer["count"], "1");
        &["+/8=", "-_8=", "-_8"]
    };
    for value in forms {
        side.call("/v3/kv/put", &json!({"key": key, "value": value}))
            .await;
        let answer = side.call("/v3/kv/range", &json!({"key": key})).await;
        assert_eq!(answer["kvs"][0]["value"], "+/8=", "{value}");
    }
});

case!(any_content_type_will_do, |side| {
    side.put("c", "v").await;
    let asked = json!({"key": side.key("c")}).to_string();
    for kind in [
        None,
        Some("application/json"),
        Some("application/x-www-form-urlencoded"),
        Some("text/plain"),
        Some("multipart/form-data; boundary=x"),
    ] {
        let mut ask = side
            .client
            .request(Method::POST, "/v3/kv/range")
            .body(asked.clone());
        if let Some(kind) = kind {
            ask = ask.header("content-type", kind);
        }
        let answer = ask.send().await.expect(200);
        assert!(answer.text().contains("\"kvs\""), "{kind:?}");
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
        let ask = side
            .client
            .request(Method::POST, "/v3/kv/range")
            .body(body.clone());
        side.refusal(ask, 400, 3).await;
    }
});

case!(a_field_is_given_once, |side| {
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
        let ask = side.client.request(Method::POST, path).body(body.clone());
        side.refusal(ask, 400, 3).await;
    }
});

case!(the_older_path_is_the_same, |side| {
    side.put("b", "v").await;
    let answer = side
        .call("/v3beta/kv/range", &json!({"key": side.key("b")}))
        .await;
    assert_eq!(answer["count"], "1");
});

case!(what_is_no_call_is_refused, |side| {
    let text = side.has(Difference::RouterSpeaksText);
    for path in [
        "/v3/nothing",
        "/v3/kv",
        "/v3/kv/range/x",
        "/v3/",
        "/v3beta/nothing",
    ] {
        let ask = side.ask(path, &json!({}));
        if text {
            ask.send().await.expect(404);
        } else {
            assert_eq!(side.refusal(ask, 404, 5).await, "Not Found", "{path}");
        }
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let ask = side.client.request(method.clone(), "/v3/kv/range");
        if text {
            ask.send().await.expect(405);
        } else {
            let message = side.refusal(ask, 501, 12).await;
            assert_eq!(message, "Method Not Allowed", "{method}");
        }
    }
    // Other than v3 and v3beta no version is left.
    side.ask("/v3alpha/kv/range", &json!({"key": b64("x")}))
        .send()
        .await
        .expect(404);
});

case!(other_paths_are_served_all_the_same, |side| {
    let version = side.client.get("/version").send().await.expect(200);
    let version: Value = serde_json::from_slice(&version.body).expect("JSON");
    assert_eq!(version["etcdserver"], side.version.to_string());
    let health = side.client.get("/health").send().await.expect(200);
    let health: Value = serde_json::from_slice(&health.body).expect("JSON");
    assert_eq!(health["health"], "true");
});
