//! `?explain`: the effect that a transaction would have, without running it.

use serde_json::{Value, json};
use support::fill::fill;
use support::locks::{create_leased, grant_lease};
use support::{World, key_query, keys_in};

async fn explain(world: &World, body: &Value) -> Value {
    let response = world.api.post("/txn?explain", body).send().await;
    let revision = response.revision();
    let explanation = response.json(200);
    assert_eq!(explanation["header"]["revision"], revision);
    explanation
}

#[tokio::test]
async fn an_explanation_names_failed_comparisons_and_current_keys() {
    let world = World::new("explain").await;
    let revision = world.put("a", "1").await;
    let (a, b) = (world.key("a"), world.key("b"));
    let body = json!({
        "compare": [
            {"key": a, "target": "value", "op": "=", "value": "2"},
            {"key": a, "target": "mod_revision", "op": "=", "value": revision},
            {"key": b, "target": "create_revision", "op": "=", "value": 0},
            {"key": b, "target": "value", "op": "!=", "value": "x"},
        ],
        "then": [{"put": {"key": b, "value": "never"}}],
        "else": [{"delete": {"key": a}}],
    });
    let explanation = explain(&world, &body).await;
    assert_eq!(explanation["succeeds"], false);
    let compares = explanation["compares"].as_array().expect("a list");
    let holds: Vec<_> = compares.iter().map(|one| one["holds"].clone()).collect();
    assert_eq!(holds, [false, true, true, false]);
    let places: Vec<_> = compares.iter().map(|one| one["place"].clone()).collect();
    assert_eq!(
        places,
        ["compare[0]", "compare[1]", "compare[2]", "compare[3]"]
    );
    assert_eq!(compares[0]["entries"][0]["value"], "1");
    assert_eq!(compares[1]["entries"][0]["mod_revision"], revision);
    assert!(
        compares[1]["entries"][0].get("value").is_none(),
        "the value was not compared"
    );
    assert_eq!(compares[2]["entries"], json!([]));
    assert_eq!(compares[3]["entries"], json!([]));
    // Nothing has changed, in either branch.
    let now = world.api.get(&key_query(&a)).send().await;
    assert_eq!(now.json(200)["mod_revision"], revision);
    world
        .api
        .get(&key_query(&b))
        .send()
        .await
        .problem(404, "key_not_found");

    // The transaction has the explained result.
    let agree = json!({"compare": [body["compare"][1], body["compare"][2]]});
    assert_eq!(explain(&world, &agree).await["succeeds"], true);
    let run = world.api.post("/txn", &agree).send().await.json(200);
    assert_eq!(run["succeeded"], true);
}

#[tokio::test]
async fn a_range_comparison_shows_the_failing_keys() {
    let world = World::new("explain-range").await;
    let entries = (0..500).map(|n| {
        let value = if n == 321 { "odd" } else { "even" };
        (world.key(&format!("{n:03}")).into_bytes(), value.into())
    });
    fill(&world.client().await, entries).await;
    let compare = |target: &str, op: &str, value: Value| {
        json!({"compare": [
            {"prefix": world.prefix, "target": target, "op": op, "value": value},
        ]})
    };
    // A single failing key, far after the first one.
    let one = explain(&world, &compare("value", "=", json!("even"))).await;
    assert_eq!(one["compares"][0]["holds"], false);
    let entries = &one["compares"][0]["entries"];
    assert_eq!(keys_in(entries), [world.key("321").into_bytes()]);
    assert_eq!(entries[0]["value"], "odd");
    // All keys fail: the first few are shown, with `more`.
    let all = explain(&world, &compare("version", "=", json!(0))).await;
    let all = &all["compares"][0];
    assert_eq!((&all["holds"], &all["more"]), (&json!(false), &json!(true)));
    let shown = keys_in(&all["entries"]);
    assert!((1..=100).contains(&shown.len()), "{}", shown.len());
    assert_eq!(shown[0], world.key("000").into_bytes());
    // No key fails.
    let none = explain(&world, &compare("version", "=", json!(1))).await;
    let none = &none["compares"][0];
    assert_eq!(
        (&none["holds"], &none["entries"]),
        (&json!(true), &json!([]))
    );
    assert!(none.get("more").is_none(), "{none}");
}

#[tokio::test]
async fn nested_transactions_are_explained_and_marked_as_reached() {
    let world = World::new("explain-nested").await;
    world.put("a", "1").await;
    let (a, b) = (world.key("a"), world.key("b"));
    let version = |key: &str, value: i64| json!([{"key": key, "target": "version", "op": "=", "value": value}]);
    let body = json!({
        "compare": version(&a, 1),
        "then": [
            {"get": {"key": a}},
            {"txn": {"compare": version(&b, 7), "else": [
                {"txn": {"compare": version(&b, 0)}},
            ], "then": [
                {"txn": {"compare": version(&a, 1)}},
            ]}},
        ],
        "else": [{"txn": {"compare": version(&a, 1)}}],
    });
    let explanation = explain(&world, &body).await;
    assert_eq!(explanation["succeeds"], true);
    let compares = explanation["compares"].as_array().expect("a list");
    let shown: Vec<_> = compares
        .iter()
        .map(|one| {
            let flag = |name: &str| one[name].as_bool().expect("a flag");
            let place = one["place"].as_str().expect("a place");
            (place, flag("holds"), flag("reached"))
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("compare[0]", true, true),
            ("then[1].txn.compare[0]", false, true),
            ("then[1].txn.then[0].txn.compare[0]", true, false),
            ("then[1].txn.else[0].txn.compare[0]", true, true),
            ("else[0].txn.compare[0]", true, false),
        ]
    );
}

#[tokio::test]
async fn leases_are_shown_and_many_comparisons_accepted() {
    let world = World::new("explain-lease").await;
    let id = grant_lease(&world.api, 600).await;
    create_leased(&world.api, &world.key("k"), "v", &id).await;
    let one = json!({"key": world.key("k"), "target": "lease", "op": "=", "value": null});
    let explanation = explain(&world, &json!({"compare": vec![one; 128]})).await;
    let compares = explanation["compares"].as_array().expect("a list");
    assert_eq!(compares.len(), 128);
    for compare in compares {
        assert_eq!(compare["holds"], false);
        assert_eq!(compare["entries"][0]["lease"], id);
    }
    // Without comparisons `then` always runs.
    let none = explain(&world, &json!({"then": []})).await;
    assert_eq!(
        (&none["succeeds"], &none["compares"]),
        (&json!(true), &json!([]))
    );
}

#[tokio::test]
async fn a_read_only_gateway_explains() {
    let world = World::with("explain-read-only", &["--read-only"]).await;
    let body = json!({
        "compare": [{"key": world.key("a"), "target": "version", "op": "=", "value": 0}],
        "then": [{"put": {"key": world.key("a"), "value": "v"}}],
    });
    assert_eq!(explain(&world, &body).await["succeeds"], true);
    world
        .api
        .post("/txn", &body)
        .send()
        .await
        .problem(403, "read_only");
    let nested = json!({"then": [{"txn": {"else": [{"delete": {"prefix": world.prefix}}]}}]});
    world
        .api
        .post("/txn", &nested)
        .send()
        .await
        .problem(403, "read_only");
    let gets = json!({"then": [{"txn": {"then": [{"get": {"key": world.key("a")}}]}}]});
    world.api.post("/txn", &gets).send().await.json(200);
}
