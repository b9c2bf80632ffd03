//! Keys, transactions, compaction: the cases of etcd's own tests, and more.

use serde_json::{Value, json};

use crate::case;
use crate::side::{b64, number, text};

case!(a_key_is_put_read_and_deleted, tls, |side| {
    let key = side.key("foo");
    let put = json!({"key": key, "value": b64("bar")});
    let response = side.call("/v3/kv/put", &put).await;
    let revision = number(&response["header"]["revision"]);
    for member in ["cluster_id", "member_id", "raft_term"] {
        assert!(response["header"][member].is_string(), "{response}");
    }
    assert!(response.get("prev_kv").is_none());

    let response = side.call("/v3/kv/range", &json!({"key": key})).await;
    assert_eq!(
        response["kvs"],
        json!([{"key": key, "value": b64("bar"), "version": "1",
            "create_revision": revision.to_string(), "mod_revision": revision.to_string()}])
    );
    assert_eq!(response["count"], "1");
    assert!(response.get("more").is_none(), "zeros are omitted");

    let again = json!({"key": key, "value": b64("baz"), "prev_kv": true});
    let response = side.call("/v3/kv/put", &again).await;
    assert_eq!(response["prev_kv"]["value"], b64("bar"));

    let delete = json!({"key": key, "prev_kv": true});
    let response = side.call("/v3/kv/deleterange", &delete).await;
    assert_eq!(response["deleted"], "1");
    assert_eq!(response["prev_kvs"][0]["version"], "2");
    let response = side.call("/v3/kv/deleterange", &json!({"key": key})).await;
    assert!(response.get("deleted").is_none(), "zeros are omitted");
    let response = side.call("/v3/kv/range", &json!({"key": key})).await;
    assert_eq!(
        response.as_object().expect("an object").len(),
        1,
        "{response}"
    );
});

case!(an_empty_value_is_omitted, |side| {
    let key = side.key("empty");
    side.call("/v3/kv/put", &json!({"key": key})).await;
    let response = side.call("/v3/kv/range", &json!({"key": key})).await;
    assert!(response["kvs"][0].get("value").is_none(), "{response}");
});

case!(values_may_contain_any_byte, tls, |side| {
    let every: Vec<u8> = (0..=255).collect();
    let value = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&every)
    };
    let key = side.key("bytes");
    side.call("/v3/kv/put", &json!({"key": key, "value": value}))
        .await;
    let response = side.call("/v3/kv/range", &json!({"key": key})).await;
    assert_eq!(response["kvs"][0]["value"], value);
});

case!(a_transaction_runs_one_of_its_branches, tls, |side| {
    let key = side.key("txn");
    let txn = json!({
        "compare": [{"key": key, "result": "EQUAL", "target": "CREATE", "create_revision": "0"}],
        "success": [{"request_put": {"key": key, "value": b64("bar")}}],
        "failure": [{"request_range": {"key": key}}, {"request_delete_range": {"key": key}}],
    });
    let response = side.call("/v3/kv/txn", &txn).await;
    assert_eq!(response["succeeded"], true);
    let responses = response["responses"].as_array().expect("responses");
    assert_eq!(responses.len(), 1);
    assert!(responses[0]["response_put"]["header"]["revision"].is_string());

    let response = side.call("/v3/kv/txn", &txn).await;
    assert!(response.get("succeeded").is_none(), "false is omitted");
    let range = &response["responses"][0]["response_range"];
    assert_eq!(range["kvs"][0]["value"], b64("bar"));
    assert_eq!(
        response["responses"][1]["response_delete_range"]["deleted"],
        "1"
    );
});

case!(transactions_nest, |side| {
    let (a, b) = (side.key("a"), side.key("b"));
    let txn = json!({"success": [
        {"request_put": {"key": a, "value": b64("1")}},
        {"request_txn": {
            "compare": [{"key": b, "result": "EQUAL", "target": "VERSION", "version": "0"}],
            "success": [{"request_put": {"key": b, "value": b64("2")}}],
        }},
    ]});
    let response = side.call("/v3/kv/txn", &txn).await;
    let inner = &response["responses"][1]["response_txn"];
    assert_eq!(inner["succeeded"], true, "{response}");
    assert!(inner["responses"][0]["response_put"].is_object());
});

case!(malformed_transactions_are_refused, |side| {
    let malformed = json!({
        "compare": [{"result": 0, "target": 1, "key": side.key("m"), "TargetUnion": null}],
        "success": [{"Request": {"RequestPut": {"key": side.key("m"), "value": b64("x")}}}],
    });
    let message = side.expect_error("/v3/kv/txn", &malformed, 400, 3).await;
    assert_eq!(message, "etcdserver: key not found");
    let twice = json!({"success": [
        {"request_put": {"key": side.key("m")}}, {"request_put": {"key": side.key("m")}}]});
    let message = side.expect_error("/v3/kv/txn", &twice, 400, 3).await;
    assert_eq!(message, "etcdserver: duplicate key given in txn request");
    let op = json!({"request_range": {"key": side.key("m")}});
    let many = json!({"success": vec![op; 129]});
    let message = side.expect_error("/v3/kv/txn", &many, 400, 3).await;
    assert_eq!(message, "etcdserver: too many operations in txn request");
    side.put("m", "still there").await;
});

case!(a_future_revision_cannot_be_compacted, tls, |side| {
    let body = json!({"revision": 1_000_000_000_000_i64});
    let message = side.expect_error("/v3/kv/compaction", &body, 400, 11).await;
    let expected = "etcdserver: mvcc: required revision is a future revision";
    assert_eq!(message, expected);
});

case!(compacted_revisions_cannot_be_read, own_etcd, |side| {
    let first = side.put("c", "1").await;
    let last = side.put("c", "2").await;
    let body = json!({"revision": last.to_string(), "physical": true});
    side.call("/v3/kv/compaction", &body).await;
    let old = json!({"key": side.key("c"), "revision": first.to_string()});
    let message = side.expect_error("/v3/kv/range", &old, 400, 11).await;
    let expected = "etcdserver: mvcc: required revision has been compacted";
    assert_eq!(message, expected);
    let message = side.expect_error("/v3/kv/compaction", &body, 400, 11).await;
    assert_eq!(message, expected);
});

case!(a_key_is_required, |side| {
    for path in ["/v3/kv/range", "/v3/kv/put", "/v3/kv/deleterange"] {
        let message = side.expect_error(path, &json!({}), 400, 3).await;
        assert_eq!(message, "etcdserver: key is not provided", "{path}");
        let empty = side.client.request(http::Method::POST, path);
        let message = side.expect_error_of(empty, 400, 3).await;
        assert_eq!(message, "etcdserver: key is not provided", "{path}");
    }
});

case!(pages_at_one_revision_are_consistent, tls, |side| {
    for n in 0..5 {
        side.put(&format!("page/{n}"), "old").await;
    }
    let range = |from: &str, more: Value| {
        let mut range = json!({"key": side.key(from), "range_end": side.key("page0"), "limit": 2});
        let members = more.as_object().expect("an object").clone();
        range.as_object_mut().expect("an object").extend(members);
        range
    };
    let page = side.call("/v3/kv/range", &range("page/", json!({}))).await;
    assert_eq!((&page["more"], &page["count"]), (&json!(true), &json!("5")));
    let revision = page["header"]["revision"].clone();
    // Another client writes between the pages.
    side.put("page/2", "new").await;
    side.put("page/1a", "new").await;
    let mut found = vec![text(&page["kvs"][0]["key"]), text(&page["kvs"][1]["key"])];
    loop {
        let last = found.last().expect("a page has keys");
        let last = last.strip_prefix(&side.prefix).expect("a key of the test");
        let from = format!("{last}\0");
        let page = side
            .call("/v3/kv/range", &range(&from, json!({"revision": revision})))
            .await;
        for kv in page["kvs"].as_array().expect("keys") {
            assert_eq!(kv["value"], b64("old"), "{kv}");
            found.push(text(&kv["key"]));
        }
        if page.get("more").is_none() {
            break;
        }
    }
    let expected = [0, 1, 2, 3, 4].map(|n| format!("{}page/{n}", side.prefix));
    assert_eq!(found, expected);
});

case!(ranges_are_sorted_filtered_and_counted, |side| {
    let first = side.put("s/b", "1").await;
    side.put("s/a", "3").await;
    side.put("s/c", "2").await;
    let range = |more: Value| {
        let mut range = json!({"key": side.key("s/"), "range_end": side.key("s0")});
        let members = more.as_object().expect("an object").clone();
        range.as_object_mut().expect("an object").extend(members);
        range
    };
    let values = async |more: Value| -> String {
        let response = side.call("/v3/kv/range", &range(more)).await;
        let kvs = response["kvs"].as_array().cloned().unwrap_or_default();
        kvs.iter().map(|kv| text(&kv["value"])).collect()
    };
    let by_value = json!({"sort_target": "VALUE", "sort_order": "DESCEND"});
    assert_eq!(values(by_value).await, "321");
    let by_creation = json!({"sortTarget": 2, "sortOrder": 1});
    assert_eq!(values(by_creation).await, "132");
    let later = json!({"min_mod_revision": (first + 1).to_string()});
    assert_eq!(values(later).await, "32");
    let earlier = json!({"maxCreateRevision": first});
    assert_eq!(values(earlier).await, "1");
    let count = side
        .call("/v3/kv/range", &range(json!({"count_only": true})))
        .await;
    assert_eq!(count["count"], "3");
    assert!(count.get("kvs").is_none());
    let keys = side
        .call(
            "/v3/kv/range",
            &range(json!({"keys_only": true, "serializable": true})),
        )
        .await;
    assert!(keys["kvs"][0].get("value").is_none());
    // Older versions of etcd crash on it, through either gateway.
    if side.at_least(3, 6) {
        let wrong = range(json!({"sort_target": 9, "sort_order": 1}));
        side.expect_error("/v3/kv/range", &wrong, 400, 3).await;
    }
});

case!(an_oversized_value_is_rejected, |side| {
    let large = |bytes: usize| json!({"key": side.key("l"), "value": b64(&"x".repeat(bytes))});
    let message = side
        .expect_error("/v3/kv/put", &large(1_600_000), 400, 3)
        .await;
    assert_eq!(message, "etcdserver: request is too large");
    let message = side
        .expect_error("/v3/kv/put", &large(2_500_000), 429, 8)
        .await;
    assert!(
        message.contains("received message larger than max"),
        "{message}"
    );
});

case!(a_large_range_is_complete, own_etcd, |side| {
    for n in 0..40 {
        let put =
            json!({"key": side.key(&format!("big/{n:02}")), "value": b64(&"v".repeat(500_000))});
        side.call("/v3/kv/put", &put).await;
    }
    let body = json!({"key": side.key("big/"), "range_end": side.key("big0")});
    let response = side.call("/v3/kv/range", &body).await;
    let kvs = response["kvs"].as_array().expect("keys");
    assert_eq!((kvs.len(), &response["count"]), (40, &json!("40")));
    assert!(
        kvs.iter()
            .all(|kv| kv["value"].as_str().expect("text").len() == 666_668)
    );
});
