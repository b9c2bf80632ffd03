//! `/cluster/alarms`.

use serde_json::json;
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, ensure, eventually};

use crate::{warning, warnings};

#[tokio::test]
async fn an_alarm_is_raised_listed_and_disarmed() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let cluster = api.get("/cluster").send().await.json(200);
    let id = cluster["members"][0]["id"].clone();
    let none = api.get("/cluster/alarms").send().await.json(200);
    assert_eq!(none["alarms"], json!([]));

    let raise = json!({"member_id": id, "alarm": "NOSPACE"});
    let raised = api.post("/cluster/alarms", &raise).send().await.json(201);
    assert_eq!(
        raised["alarms"],
        json!([{"member_id": id, "alarm": "NOSPACE"}])
    );
    let refused = api.put("/kv?key=a", "x").send().await;
    refused.problem(507, "no_space");
    let cluster = api.get("/cluster").send().await.json(200);
    assert_eq!(cluster["alarms"], raised["alarms"]);
    assert!(warning(&cluster, "alarm_raised").contains("NOSPACE"));
    assert_eq!(cluster["members"][0]["healthy"], false);
    assert!(cluster["members"][0]["error"].is_string());

    // A request that names another member changes nothing.
    for other in ["?alarm=CORRUPT", "?member=7b", "?member=7b&alarm=NOSPACE"] {
        let left = api.delete(&format!("/cluster/alarms{other}")).send().await;
        assert_eq!(left.json(200)["disarmed"], json!([]));
    }
    let wrong = api.delete("/cluster/alarms?alarm=nospace").send().await;
    wrong.problem(400, "bad_request");
    let id = id.as_str().expect("an id");
    let ended = api.delete(&format!("/cluster/alarms?member={id}&alarm=NOSPACE"));
    let ended = ended.send().await.json(200);
    assert_eq!(ended["disarmed"], raised["alarms"]);
    api.write("a", "x").await;
    let cluster = api.get("/cluster").send().await.json(200);
    assert!(!warnings(&cluster).contains(&"alarm_raised"));
    assert_eq!(cluster["members"][0]["healthy"], true);
}

/// A raised alarm once made every route respond 500.
#[tokio::test]
async fn a_corrupt_cluster_reports_an_error_with_a_hint() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.write("a", "x").await;
    let cluster = api.get("/cluster").send().await.json(200);
    let id = cluster["members"][0]["id"].clone();
    let raise = json!({"member_id": id, "alarm": "CORRUPT"});
    api.post("/cluster/alarms", &raise).send().await.json(201);
    let refused = api.put("/kv?key=a", "y").send().await;
    let refused = refused.problem(503, "unavailable");
    assert!(
        refused["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("/cluster/hash"))
    );
    let grant = api.post("/leases", &json!({"ttl": 60})).send().await;
    grant.problem(503, "unavailable");
    let ended = api.delete("/cluster/alarms?alarm=CORRUPT").send().await;
    assert_eq!(ended.json(200)["disarmed"], json!([raise]));
    assert_eq!(api.read("a").await["value"], "x");
}

#[tokio::test]
async fn an_exceeded_quota_can_be_fixed_through_the_api() {
    let etcd = Etcd::start_with(&["--quota-backend-bytes=2097152"]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let value = vec![b'x'; 300_000];
    // etcd measures its database file, which a value reaches a moment after the response.
    let full = eventually("two MiB are full", DEADLINE, async || {
        let response = api.put("/kv?key=a", value.clone()).send().await;
        ensure(!response.status.is_success(), || "it fits".to_owned())?;
        Ok(response)
    })
    .await;
    full.problem(507, "no_space");
    let cluster = api.get("/cluster").send().await.json(200);
    assert!(warnings(&cluster).contains(&"alarm_raised"), "{cluster}");
    let revision = cluster["header"]["revision"].as_i64().expect("a revision");
    let compact = json!({"revision": revision, "physical": true});
    api.post("/cluster/compact", &compact)
        .send()
        .await
        .json(200);
    api.post("/cluster/defragment", &json!({}))
        .send()
        .await
        .json(200);
    let ended = api.delete("/cluster/alarms").send().await.json(200);
    assert_eq!(ended["disarmed"][0]["alarm"], "NOSPACE");
    api.write("a", "small").await;
}

#[tokio::test]
async fn an_alarm_needs_a_known_member() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let stranger = json!({"member_id": "7b", "alarm": "CORRUPT"});
    let response = api.post("/cluster/alarms", &stranger).send().await;
    response.problem(422, "unprocessable");
    // Without an alarm's name etcd's own gateway once crashed.
    let nameless = api.post("/cluster/alarms", &json!({"member_id": "7b"}));
    nameless.send().await.problem(400, "bad_request");
    api.write("a", "b").await;
}
