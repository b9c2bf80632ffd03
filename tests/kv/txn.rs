//! Transactions and single ops.

use serde_json::{Value, json};
use support::World;

async fn txn(world: &World, body: Value) -> Value {
    world.api.post("/txn", &body).send().await.json(200)
}

#[tokio::test]
async fn every_target_and_operator_compares_as_in_etcd() {
    let world = World::new("compare").await;
    let mut client = world.client().await;
    let lease = client.lease_grant(600, None).await.expect("a lease").id();
    let (k, id) = (world.key("k"), format!("{lease:x}"));
    let path = format!("{}&lease={id}", support::key_query(&k));
    let created = world.api.put(&path, "m").send().await.json(201)["mod_revision"].as_i64();
    let created = created.expect("a revision");
    let changed = world.put("k", "m").await;
    let table = [
        ("value", json!("l"), json!("m"), json!("n")),
        ("version", json!(1), json!(2), json!(3)),
        (
            "create_revision",
            json!(created - 1),
            json!(created),
            json!(created + 1),
        ),
        (
            "mod_revision",
            json!(changed - 1),
            json!(changed),
            json!(changed + 1),
        ),
        (
            "lease",
            json!(format!("{:x}", lease - 1)),
            json!(id),
            json!(format!("{:x}", lease + 1)),
        ),
    ];
    for (target, below, equal, above) in table {
        for (value, order) in [(&below, 1), (&equal, 0), (&above, -1)] {
            for (op, holds) in [
                ("=", order == 0),
                ("!=", order != 0),
                ("<", order < 0),
                (">", order > 0),
            ] {
                let compare = json!([{"key": k, "target": target, "op": op, "value": value}]);
                let response =
                    txn(&world, json!({"compare": compare, "then": [], "else": []})).await;
                assert_eq!(response["succeeded"], holds, "{compare}");
                assert_eq!(response["responses"], json!([]));
            }
        }
    }
    // A range comparison holds if it holds for every key of the range.
    world.put("k2", "m").await;
    for (value, holds) in [("m", true), ("n", false)] {
        let compare = json!([{"prefix": k, "target": "value", "op": "=", "value": value}]);
        assert_eq!(
            txn(&world, json!({"compare": compare})).await["succeeded"],
            holds
        );
    }
}

#[tokio::test]
async fn results_come_in_order_at_one_revision() {
    let world = World::new("results").await;
    world.put("a", "0").await;
    let (a, b, c) = (world.key("a"), world.key("b"), world.key("c"));
    let response = txn(
        &world,
        json!({"then": [
            {"put": {"key": a, "value": "1", "prev": true}},
            {"put": {"key": b, "value": {"base64": "//4A"}, "prev": true}},
            {"get": {"prefix": world.prefix, "limit": 1}},
            {"get": {"prefix": world.prefix, "sort": "key", "order": "desc"}},
            {"get": {"key": c}},
            {"delete": {"key": c, "prev": true}},
        ]}),
    );
    let response = response.await;
    assert_eq!(response["succeeded"], true);
    let responses = response["responses"].as_array().expect("responses");
    assert_eq!(responses[0]["put"]["prev"]["value"], "0");
    assert_eq!(responses[1]["put"].get("prev"), Some(&Value::Null));
    let first = &responses[2]["get"];
    assert_eq!((&first["count"], &first["more"]), (&json!(2), &json!(true)));
    assert_eq!(first["entries"][0]["value"], "1");
    assert_eq!(
        responses[3]["get"]["entries"][0]["value"],
        json!({"base64": "//4A"})
    );
    assert_eq!(
        responses[4]["get"],
        json!({"entries": [], "count": 0, "more": false})
    );
    assert_eq!(responses[5]["delete"], json!({"deleted": 0, "prev": []}));
    let revision = response["header"]["revision"].as_i64();
    for key in [&a, &b] {
        assert_eq!(world.api.read(key).await["mod_revision"].as_i64(), revision);
    }
}

#[tokio::test]
async fn the_comparison_selects_then_or_else() {
    let world = World::new("branches").await;
    let k = world.key("k");
    let create = json!({
        "compare": [{"key": k, "target": "create_revision", "op": "=", "value": 0}],
        "then": [{"put": {"key": k, "value": "mine"}}],
        "else": [{"get": {"key": k}}, {"get": {"key": world.key("absent")}}],
    });
    let first = txn(&world, create.clone()).await;
    assert_eq!(
        (&first["succeeded"], &first["responses"]),
        (&json!(true), &json!([{"put": {}}]))
    );
    let second = txn(&world, create).await;
    assert_eq!(second["succeeded"], false);
    assert_eq!(second["responses"][0]["get"]["entries"][0]["value"], "mine");
    assert_eq!(second["responses"][1]["get"]["entries"], json!([]));
    let deleted = txn(
        &world,
        json!({"then": [{"delete": {"prefix": world.prefix, "prev": true}}]}),
    )
    .await;
    assert_eq!(deleted["responses"][0]["delete"]["deleted"], 1);
    assert_eq!(
        deleted["responses"][0]["delete"]["prev"][0]["value"],
        "mine"
    );
}

#[tokio::test]
async fn a_puts_lease_is_none_keep_or_an_id() {
    let world = World::new("txn-lease").await;
    let mut client = world.client().await;
    let lease = format!(
        "{:x}",
        client.lease_grant(600, None).await.expect("a lease").id()
    );
    let k = world.key("k");
    let put = async |lease: Value| {
        let mut op = json!({"key": k, "value": "v"});
        if !lease.is_null() {
            op["lease"] = lease;
        }
        let response = world
            .api
            .post("/txn", &json!({"then": [{"put": op}]}))
            .send()
            .await;
        (
            response,
            world.api.get(&support::key_query(&k)).send().await,
        )
    };
    let (response, _) = put(json!("keep")).await;
    response.problem(422, "key_not_found");
    for form in [lease.clone(), lease.to_uppercase(), format!("{lease:0>16}")] {
        let (response, now) = put(json!(form)).await;
        response.json(200);
        assert_eq!(now.json(200)["lease"], lease);
    }
    let (response, now) = put(json!("keep")).await;
    response.json(200);
    assert_eq!(now.json(200)["lease"], lease);
    let (response, now) = put(Value::Null).await;
    response.json(200);
    assert!(
        now.json(200).get("lease").is_none(),
        "without `lease` a put removes the lease, as in etcd"
    );
    put(json!("1")).await.0.problem(422, "lease_not_found");
}

#[tokio::test]
async fn errors_name_the_op() {
    let world = World::new("txn-errors").await;
    let k = world.key("k");
    let fine = json!({"get": {"key": k}});
    let cases = [
        (
            json!({"then": [fine, fine, fine, {"put": {"value": "v"}}]}),
            "then[3].put.key",
        ),
        (json!({"then": [{"put": {"key": k}}]}), "then[0].put.value"),
        (
            json!({"then": [{"put": {"key": k, "value": 5}}]}),
            "then[0].put.value",
        ),
        (
            json!({"then": [{"put": {"key": k, "value": "v", "lease": "words"}}]}),
            "then[0].put.lease",
        ),
        (
            json!({"then": [{"put": {"key": k, "value": "v", "leas": "1"}}]}),
            "then[0].put",
        ),
        (json!({"else": [fine, {"get": {}}]}), "else[1].get"),
        (
            json!({"else": [{"get": {"key": k, "prefix": k}}]}),
            "else[0].get",
        ),
        (json!({"else": [{"get": {"key": ""}}]}), "else[0].get"),
        (
            json!({"then": [{"delete": {"start": "b", "end": "a"}}]}),
            "then[0].delete",
        ),
        (json!({"then": [{}]}), "then[0]"),
        (
            json!({"then": [{"get": {"key": k}, "put": {"key": k, "value": ""}}]}),
            "then[0]",
        ),
        (json!({"then": [{"fetch": {"key": k}}]}), "then[0]"),
        (
            json!({"compare": [{"key": k, "target": "size", "op": "=", "value": 1}]}),
            "compare[0]",
        ),
        (
            json!({"compare": [{"key": k, "target": "version", "op": "==", "value": 1}]}),
            "compare[0]",
        ),
        (
            json!({"compare": [{"key": k, "target": "version", "op": "=", "value": "1"}]}),
            "compare[0]",
        ),
        (
            json!({"compare": [{"target": "version", "op": "=", "value": 1}]}),
            "compare[0]",
        ),
        (
            json!({"compare": [{"key": k, "target": "version", "op": "="}]}),
            "compare[0]",
        ),
    ];
    for (body, place) in cases {
        let problem = world
            .api
            .post("/txn", &body)
            .send()
            .await
            .problem(400, "bad_request");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(
            detail.contains(place),
            "`{place}` is not in `{detail}` for {body}"
        );
    }
    for body in [
        json!({"them": []}),
        json!([]),
        json!("x"),
        json!({"then": {}}),
        json!(null),
    ] {
        world
            .api
            .post("/txn", &body)
            .send()
            .await
            .problem(400, "bad_request");
    }
    let broken = world.api.post("/txn", &json!({})).body("{\"then\": [");
    broken.send().await.problem(400, "bad_request");

    let put = json!({"put": {"key": k, "value": "v"}});
    let twice = world
        .api
        .post("/txn", &json!({"then": [put, put]}))
        .send()
        .await;
    twice.problem(409, "duplicate_key");
    let overlap = json!({"then": [put, {"delete": {"prefix": world.prefix}}]});
    world
        .api
        .post("/txn", &overlap)
        .send()
        .await
        .problem(409, "duplicate_key");
    let many: Vec<_> = (0..129).map(|_| fine.clone()).collect();
    let many = world.api.post("/txn", &json!({"then": many})).send().await;
    many.problem(422, "too_many_ops");
    world
        .api
        .get(&support::key_query(&k))
        .send()
        .await
        .problem(404, "key_not_found");
}

#[tokio::test]
async fn a_single_ops_result_is_under_its_name() {
    let world = World::new("do").await;
    let k = world.key("k");
    let run = async |op: Value| world.api.post("/do", &op).send().await;
    let put = run(json!({"put": {"key": k, "value": "1", "prev": true}}))
        .await
        .json(200);
    assert_eq!(put["put"], json!({"prev": null}));
    let get = run(json!({"get": {"prefix": world.prefix}}))
        .await
        .json(200);
    assert_eq!(get["get"]["count"], 1);
    assert_eq!(get["get"]["more"], false);
    assert_eq!(
        get["get"]["entries"][0]["mod_revision"],
        put["header"]["revision"]
    );
    let delete = run(json!({"delete": {"key": k, "prev": true}}))
        .await
        .json(200);
    assert_eq!(delete["delete"]["prev"][0]["value"], "1");
    for wrong in [
        json!({}),
        json!([]),
        json!({"put": {}, "get": {}}),
        json!({"put": {"key": k}}),
        json!({"do": 1}),
    ] {
        run(wrong).await.problem(400, "bad_request");
    }
}
