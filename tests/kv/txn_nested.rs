//! Nested transactions, and comparisons of ranges.

use serde_json::{Value, json};
use support::{World, key_query};

async fn txn(world: &World, body: &Value) -> Value {
    world.api.post("/txn", body).send().await.json(200)
}

#[tokio::test]
async fn every_branch_has_its_results_in_place() {
    let world = World::new("nested").await;
    world.put("mode", "drain").await;
    world.put("job", "1").await;
    let (mode, job, log) = (world.key("mode"), world.key("job"), world.key("log"));
    let is = |value: &str| json!([{"key": mode, "target": "value", "op": "=", "value": value}]);
    let body = json!({
        "compare": [{"key": job, "target": "version", "op": ">", "value": 0}],
        "then": [
            {"put": {"key": log, "value": "seen", "prev": true}},
            {"txn": {
                "compare": is("drain"),
                "then": [
                    {"delete": {"key": job, "prev": true}},
                    {"txn": {"compare": is("never"), "then": [], "else": [
                        {"get": {"key": mode, "keys_only": true}},
                    ]}},
                ],
                "else": [{"get": {"key": job}}],
            }},
            {"get": {"key": job}},
        ],
    });
    let response = txn(&world, &body).await;
    assert_eq!(response["succeeded"], true);
    let responses = response["responses"].as_array().expect("responses");
    assert_eq!(responses[0], json!({"put": {"prev": null}}));
    let inner = &responses[1]["txn"];
    assert_eq!(inner["succeeded"], true);
    assert_eq!(inner["responses"][0]["delete"]["deleted"], 1);
    assert_eq!(inner["responses"][0]["delete"]["prev"][0]["value"], "1");
    let innermost = &inner["responses"][1]["txn"];
    assert_eq!(innermost["succeeded"], false);
    let read = &innermost["responses"][0]["get"]["entries"][0];
    assert_eq!(read["key"], mode);
    assert!(read.get("value").is_none(), "{read}");
    assert_eq!(
        responses[2]["get"]["entries"],
        json!([]),
        "the get sees the delete"
    );

    // The second time the job is already deleted, so the outer comparison fails and nothing runs.
    let again = txn(&world, &body).await;
    assert_eq!(
        (&again["succeeded"], &again["responses"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(world.api.read(&log).await["version"], 1);
}

#[tokio::test]
async fn nested_comparisons_are_evaluated_before_the_first_op() {
    let world = World::new("nested-before").await;
    let k = world.key("k");
    let body = json!({"then": [
        {"put": {"key": k, "value": "v"}},
        {"txn": {
            "compare": [{"key": k, "target": "version", "op": "=", "value": 0}],
            "then": [{"get": {"key": k}}],
        }},
    ]});
    let response = txn(&world, &body).await;
    let inner = &response["responses"][1]["txn"];
    assert_eq!(inner["succeeded"], true, "compared before the put");
    assert_eq!(
        inner["responses"][0]["get"]["entries"][0]["value"], "v",
        "read after it"
    );
}

#[tokio::test]
async fn one_op_may_be_a_transaction() {
    let world = World::new("do-txn").await;
    let op = json!({"txn": {"then": [{"put": {"key": world.key("k"), "value": "v"}}]}});
    let response = world.api.post("/do", &op).send().await.json(200);
    assert_eq!(
        response["txn"],
        json!({"succeeded": true, "responses": [{"put": {}}]})
    );
    assert_eq!(
        world.api.read(world.key("k")).await["mod_revision"],
        response["header"]["revision"]
    );
}

#[tokio::test]
async fn a_range_comparison_holds_if_all_keys_do() {
    let world = World::new("range-compare").await;
    let first = world.put("a", "m").await;
    world.put("b", "m").await;
    let last = world.put("c", "m").await;
    let whole = json!({"prefix": world.prefix});
    let two = json!({"start": world.key("a"), "end": world.key("c")});
    let none = json!({"prefix": world.key("x")});
    let check = async |range: &Value, target: &str, op: &str, value: Value, holds: bool| {
        let mut compare = range.clone();
        compare["target"] = target.into();
        compare["op"] = op.into();
        compare["value"] = value;
        let response = txn(&world, &json!({"compare": [compare]})).await;
        assert_eq!(response["succeeded"], holds, "{compare}");
    };
    check(&whole, "value", "=", json!("m"), true).await;
    check(&whole, "value", "<", json!("m"), false).await;
    check(&whole, "version", "=", json!(1), true).await;
    check(&whole, "mod_revision", "<", json!(last), false).await;
    check(&whole, "create_revision", "<", json!(last + 1), true).await;
    check(&two, "mod_revision", "<", json!(last), true).await;
    check(&two, "mod_revision", ">", json!(first), false).await;
    check(&whole, "lease", "=", Value::Null, true).await;
    check(&whole, "lease", "=", json!(0), true).await;
    check(&whole, "lease", "!=", json!("1"), true).await;
    // An absent key has no value to compare, and the number 0.
    check(&none, "value", "!=", json!("m"), false).await;
    check(&none, "version", "=", json!(0), true).await;
    check(&none, "mod_revision", ">", json!(0), false).await;
    let from = json!({"from": world.key("\u{10ffff}")});
    check(&from, "mod_revision", "<", json!(i64::MAX), true).await;
}

#[tokio::test]
async fn nested_transactions_share_the_limit_of_ops() {
    let world = World::new("nested-limits").await;
    let gets = |n: usize| vec![json!({"get": {"key": world.key("k")}}); n];
    let nest = |outer: usize, inner: usize| {
        let mut ops = gets(outer - 1);
        ops.push(json!({"txn": {"then": gets(inner)}}));
        json!({"then": ops})
    };
    txn(&world, &nest(100, 28)).await;
    let refused = world.api.post("/txn", &nest(100, 29)).send().await;
    let problem = refused.problem(422, "too_many_ops");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("then[99].txn.then: "), "{detail}");
}

#[tokio::test]
async fn errors_of_etcd_name_the_op_too() {
    let world = World::new("nested-errors").await;
    let k = world.key("k");
    let put = json!({"put": {"key": k, "value": "v"}});
    let get = json!({"get": {"key": k}});
    let leased = json!({"put": {"key": k, "value": "v", "lease": "1"}});
    let keep = json!({"put": {"key": k, "value": "v", "lease": "keep"}});
    for (body, status, code, place) in [
        (
            json!({"then": [get, put, put]}),
            409,
            "duplicate_key",
            "then[2].put.key",
        ),
        (
            json!({"then": [{"txn": {"else": [put, {"delete": {"prefix": world.prefix}}]}}]}),
            409,
            "duplicate_key",
            "then[0].txn.else[0].put.key",
        ),
        (
            json!({"then": [get, leased]}),
            422,
            "lease_not_found",
            "then[1].put.lease",
        ),
        (
            json!({"then": [{"txn": {"then": [leased]}}]}),
            422,
            "lease_not_found",
            "then[0].txn.then[0].put.lease",
        ),
        (
            json!({"then": [keep]}),
            422,
            "key_not_found",
            "then[0].put.key",
        ),
    ] {
        let problem = world
            .api
            .post("/txn", &body)
            .send()
            .await
            .problem(status, code);
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.starts_with(place), "{detail} for {body}");
    }
    world
        .api
        .get(&key_query(&k))
        .send()
        .await
        .problem(404, "key_not_found");
}

#[tokio::test]
async fn a_body_nested_too_deep_is_refused() {
    let world = World::new("nested-deep").await;
    for (open, inner, close) in [
        (r#"{"then":[{"txn":"#, "{}", "}]}"),
        (
            r#"{"compare":[{"key":"a","target":"value","op":"=","value":"#,
            "[",
            "}]}",
        ),
        ("[", "", "]"),
        (r#"{"then":"#, "", "}"),
    ] {
        for depth in [50, 1_000, 20_000] {
            let body = [open.repeat(depth), inner.to_owned(), close.repeat(depth)].concat();
            let request = world.api.post("/txn", &json!({})).body(body);
            request.send().await.problem(400, "bad_request");
        }
    }
    // The deepest useful nesting.
    let deep = format!(
        r"{}{{}}{}",
        r#"{"then":[{"txn":"#.repeat(12),
        "}]}".repeat(12)
    );
    let request = world.api.post("/txn", &json!({})).body(deep);
    request.send().await.json(200);
}

#[tokio::test]
async fn filters_and_orders_work_in_transactions() {
    let world = World::new("txn-get").await;
    world.put("a", "2").await;
    let middle = world.put("b", "1").await;
    world.put("c", "3").await;
    let get = |extra: Value| {
        let mut get = json!({"prefix": world.prefix});
        for (name, value) in extra.as_object().expect("an object") {
            get[name] = value.clone();
        }
        json!({"get": get})
    };
    let body = json!({"then": [
        get(json!({"min_mod_revision": middle})),
        get(json!({"max_create_revision": middle, "limit": 1})),
        get(json!({"sort": "value", "order": "desc", "limit": 2})),
        get(json!({"count_only": true})),
    ]});
    let response = txn(&world, &body).await;
    let keys = |n: usize| support::keys_in(&response["responses"][n]["get"]["entries"]);
    let named = |names: &[&str]| -> Vec<Vec<u8>> {
        names
            .iter()
            .map(|name| world.key(name).into_bytes())
            .collect()
    };
    assert_eq!(keys(0), named(&["b", "c"]));
    assert_eq!(keys(1), named(&["a"]));
    assert_eq!(response["responses"][1]["get"]["more"], true);
    assert_eq!(keys(2), named(&["c", "a"]));
    assert_eq!(
        response["responses"][3]["get"],
        json!({"entries": [], "count": 3, "more": false})
    );
}
