//! `/cluster/members`, on a cluster of one.

use http::Method;
use serde_json::json;
use support::Etcd;
use support::gateway::InProcess;

#[tokio::test]
async fn a_learner_is_added_updated_not_promoted_and_removed() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let (first, second) = ("http://127.0.0.1:12380", "http://127.0.0.1:12381");
    let learner = json!({"peer_urls": [first], "learner": true});
    let added = api.post("/cluster/members", &learner).send().await;
    assert!(added.revision() >= 1);
    let added = added.json(201);
    assert_eq!(added["member"]["peer_urls"], json!([first]));
    assert_eq!(added["member"]["learner"], true);
    assert_eq!(added["member"]["name"], "");
    assert_eq!(added["members"].as_array().map(Vec::len), Some(2));
    let id = added["member"]["id"].as_str().expect("an id").to_owned();
    let again = api.post("/cluster/members", &learner).send().await;
    again.problem(409, "already_exists");

    let list = api.get("/cluster/members").send().await.json(200);
    assert_eq!(list["members"], added["members"]);
    assert_eq!(list.get("member"), None);
    let cluster = api.get("/cluster").send().await.json(200);
    let member = crate::member_named(&cluster, "");
    assert_eq!(
        (&member["healthy"], &member["learner"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(member["error"], "not started yet");
    assert_eq!(cluster["quorum"], 1, "a learner has no vote");

    let path = format!("/cluster/members/{id}");
    let update = |id: &str, body: &serde_json::Value| {
        api.request(Method::PUT, &format!("/cluster/members/{id}"))
            .header("content-type", "application/json")
            .body(body.to_string())
    };
    let updated = update(&id, &json!({"peer_urls": [second]}))
        .send()
        .await
        .json(200);
    assert_eq!(
        crate::member_named(&updated, "")["peer_urls"],
        json!([second])
    );
    // Upper case and leading zeros are the same id.
    let long = format!("{id:0>16}").to_uppercase();
    let updated = update(&long, &json!({"peer_urls": [first]}))
        .send()
        .await
        .json(200);
    assert_eq!(
        crate::member_named(&updated, "")["peer_urls"],
        json!([first])
    );

    let promoted = api
        .request(Method::POST, &format!("{path}/promote"))
        .send()
        .await;
    let problem = promoted.problem(409, "conflict");
    let detail = problem["detail"].as_str().expect("text");
    assert!(detail.contains("can only promote a learner"), "{problem}");
    let removed = api.delete(&path).send().await.json(200);
    assert_eq!(removed["members"].as_array().map(Vec::len), Some(1));
    let list = api.get("/cluster/members").send().await.json(200);
    assert_eq!(list["members"], removed["members"]);
    for request in [
        api.delete(&path),
        api.request(Method::POST, &format!("{path}/promote")),
        update(&id, &json!({"peer_urls": [second]})),
    ] {
        request.send().await.problem(404, "member_not_found");
    }
    api.delete("/cluster/members/x")
        .send()
        .await
        .problem(400, "bad_request");
    api.write("a", "the cluster still works").await;
}

#[tokio::test]
async fn the_last_member_is_not_removed() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let list = api.get("/cluster/members").send().await.json(200);
    let id = list["members"][0]["id"].as_str().expect("an id");
    let removed = api.delete(&format!("/cluster/members/{id}")).send().await;
    let problem = removed.problem(409, "conflict");
    let detail = problem["detail"].as_str().expect("text");
    assert!(detail.contains("not enough started members"), "{problem}");
    assert!(
        problem["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("cannot be removed")),
        "{problem}"
    );
    api.get("/kv?prefix=&limit=1").send().await.json(200);
}

#[tokio::test]
async fn a_change_that_would_lose_the_majority_is_refused() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let list = api.get("/cluster/members").send().await.json(200);
    let id = list["members"][0]["id"].as_str().expect("an id");
    let promoted = api.request(Method::POST, &format!("/cluster/members/{id}/promote"));
    promoted.send().await.problem(409, "conflict");
    let bad = json!({"peer_urls": ["nonsense"]});
    api.post("/cluster/members", &bad)
        .send()
        .await
        .problem(400, "bad_request");
    api.write("a", "the cluster still works").await;
}
