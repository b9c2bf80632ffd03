//! Learners, which serve their status and little else.

use http::Method;
use serde_json::{Value, json};
use support::gateway::InProcess;
use support::{Cluster, DEADLINE, Etcd, ensure, eventually, tools};

use crate::{member_named, warning};

/// A cluster of three with a started learner, the learner's id, and its index.
async fn with_learner() -> (Cluster, String, usize) {
    let mut cluster = Cluster::start(3).await;
    let gateway = InProcess::start(&cluster.urls(), &[]).await;
    let api = gateway.api();
    let peer = Cluster::free_peer_url();
    let learner = json!({"peer_urls": [peer], "learner": true});
    let added = eventually("etcd accepts a member", DEADLINE, async || {
        let response = api.post("/cluster/members", &learner).send().await;
        ensure(response.status == 201, || response.text())?;
        Ok(response.json(201))
    })
    .await;
    let id = added["member"]["id"].as_str().expect("an id").to_owned();
    let at = cluster.join(&peer);
    let name = format!("m{at}");
    eventually("the learner has started", DEADLINE, async || {
        let now = api.get("/cluster").send().await.json(200);
        let mut members = now["members"].as_array().expect("members").iter();
        let healthy = members.any(|it| it["name"] == name && it["healthy"] == true);
        ensure(healthy, || now.to_string())
    })
    .await;
    (cluster, id, at)
}

fn ids(members: &Value) -> Vec<&str> {
    let members = members.as_array().expect("members").iter();
    members
        .map(|it| it["id"].as_str().expect("an id"))
        .collect()
}

#[tokio::test]
async fn a_learner_does_not_hinder_maintenance() {
    let (cluster, id, at) = with_learner().await;
    let name = format!("m{at}");
    // The learner is the first endpoint.
    let endpoints = format!("{},{}", cluster.url(at), cluster.urls());
    let gateway = InProcess::start(&endpoints, &[]).await;
    let api = gateway.api();
    let overview = api.get("/cluster").send().await.json(200);
    let learner = member_named(&overview, &name);
    assert_eq!(
        (&learner["learner"], &learner["healthy"]),
        (&json!(true), &json!(true))
    );

    let done = api
        .request(Method::POST, "/cluster/defragment")
        .send()
        .await
        .json(200);
    assert_eq!(done["complete"], true, "{done}");
    let order = ids(&done["members"]);
    assert_eq!(order.len(), 4);
    assert_eq!(order[3], id, "the learner is skipped");
    assert_eq!(json!(order[2]), overview["leader"]);
    let error = member_named(&done, &name)["error"]
        .as_str()
        .expect("a reason");
    assert!(error.contains("learner"), "{error}");

    // If a request names the learner, etcd's error is reported, after the other members are done.
    let voter = order[0].to_owned();
    let both = json!({"members": [id, voter]});
    let done = api
        .post("/cluster/defragment", &both)
        .send()
        .await
        .json(200);
    assert_eq!(done["complete"], false, "{done}");
    assert_eq!(ids(&done["members"]), [voter.as_str(), id.as_str()]);
    assert_eq!(done["members"][0].get("error"), None);
    let alone = json!({"members": [id]});
    let refused = api.post("/cluster/defragment", &alone).send().await;
    refused.problem(501, "unsupported");

    let hash = api.get("/cluster/hash").send().await.json(200);
    assert_eq!(hash["verdict"], "same", "{hash}");
    assert!(warning(&hash, "learner_left_out").contains(&name));
    assert_eq!(member_named(&hash, &name).get("hash"), None);
    assert_eq!(hash["members"].as_array().map(Vec::len), Some(4));

    let moved = json!({"member_id": voter});
    let moved = api.post("/cluster/move-leader", &moved).send().await;
    assert_eq!(moved.json(200)["leader"], voter);
    if tools::etcd_version() < (3, 5, 0) {
        // Before 3.5 a learner serves no snapshot either.
        return;
    }
    let path = format!("/cluster/snapshot?member={id}");
    let snapshot = api.get(&path).send().await.expect(200);
    crate::snapshot::check(&snapshot.body);
}

#[tokio::test]
async fn a_learner_that_has_not_started_does_not_hinder_maintenance() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let learner = json!({"peer_urls": [Cluster::free_peer_url()], "learner": true});
    let added = api.post("/cluster/members", &learner).send().await;
    let id = added.json(201)["member"]["id"].clone();
    let done = api
        .request(Method::POST, "/cluster/defragment")
        .send()
        .await
        .json(200);
    assert_eq!(done["complete"], true, "{done}");
    assert_eq!(done["members"][0]["reached_by"], etcd.url());
    assert_eq!(done["members"][1]["id"], id);
    assert!(done["members"][1]["error"].is_string(), "{done}");
    let hash = api.get("/cluster/hash").send().await.json(200);
    assert_eq!(hash["verdict"], "same", "{hash}");
    let named = json!({"members": [id]});
    let refused = api.post("/cluster/defragment", &named).send().await;
    refused.problem(409, "conflict");
}
