//! `GET /cluster/samples`: the numbers of a cluster over time, as etcd's own.

use serde_json::{Value, json};
use support::auth::{AuthWorld, ROOT};
use support::certs::{Authority, Kind};
use support::gateway::InProcess;
use support::{Client, Cluster, DEADLINE, Etcd, ensure, eventually, tools};

async fn samples(api: &Client, query: &str) -> Value {
    let path = format!("/cluster/samples{query}");
    api.get(&path).send().await.json(200)
}

/// The newest sample.
#[track_caller]
fn newest(response: &Value) -> &Value {
    let samples = response["samples"].as_array().expect("samples");
    samples
        .last()
        .unwrap_or_else(|| panic!("none in {response}"))
}

#[tokio::test]
async fn the_first_viewer_gets_etcds_own_numbers() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    for key in ["a", "b", "b", "c"] {
        api.write(key, "1").await;
    }
    api.delete("/kv?key=c").send().await.json(200);
    api.post("/leases", &json!({"ttl": 600}))
        .send()
        .await
        .json(201);
    let found = samples(&api, "").await;
    assert_eq!(
        (&found["interval_ms"], &found["window_ms"]),
        (&json!(10_000), &json!(3_600_000))
    );
    assert_eq!(found.get("problem"), None);
    let cluster = api.get("/cluster").send().await.json(200);
    let sample = newest(&found);
    assert_eq!(sample["revision"], cluster["header"]["revision"]);
    assert_eq!((&sample["keys"], &sample["leases"]), (&json!(2), &json!(1)));
    assert!(sample["watches"].is_u64(), "{sample}");
    assert_eq!(sample["leader"], cluster["leader"]);
    let member = &sample["members"][0];
    assert_eq!(member["id"], cluster["members"][0]["id"]);
    // Before 3.6 the quota is in the metrics only.
    assert!(member["db_quota"].as_i64() > Some(0), "{member}");
    assert!(member["db_size_in_use"].as_i64() > Some(0), "{member}");
    let at = sample["at"].as_i64().expect("a time");
    let later = samples(&api, &format!("?since={at}")).await;
    assert_eq!(later["samples"], json!([]));
    assert_eq!(later["members"], found["members"]);
    let before = samples(&api, &format!("?since={}", at - 1)).await;
    assert_eq!(newest(&before)["at"], at);
    api.get("/cluster/samples?since=x")
        .send()
        .await
        .problem(400, "bad_request");
}

#[tokio::test]
async fn all_members_are_sampled_by_their_own_status() {
    let mut cluster = Cluster::start(3).await;
    cluster.leader().await;
    let gateway = InProcess::start(&cluster.url(0), &[]).await;
    let api = gateway.api();
    let found = samples(&api, "").await;
    let sample = newest(&found);
    assert_eq!(sample["members"].as_array().map(Vec::len), Some(3));
    for member in sample["members"].as_array().expect("members") {
        assert!(
            member["watches"].is_u64(),
            "its metrics were read: {member}"
        );
        assert!(member["raft_lag"].as_i64() < Some(20), "{member}");
    }
    cluster.kill(2);
    let next = eventually("the next sample", DEADLINE, async || {
        let next = samples(&api, "").await;
        let count = next["samples"].as_array().map(Vec::len);
        ensure(count > Some(1), || next.to_string())?;
        Ok(next)
    })
    .await;
    let sample = newest(&next);
    assert_eq!(
        sample["members"].as_array().map(Vec::len),
        Some(2),
        "{sample}"
    );
    assert!(sample["revisions_per_second"].is_number(), "{sample}");
    assert_eq!(next["members"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn metrics_are_read_with_the_clusters_tls_files() {
    let authority = Authority::new();
    let etcd = Etcd::start_mtls(&authority, &[]).await;
    let client = authority.client("app", Kind::Ec);
    let gateway = InProcess::start_mtls(&etcd, &authority, &client).await;
    let found = samples(&gateway.api(), "").await;
    assert!(newest(&found)["keys"].is_u64(), "{found}");
}

#[tokio::test]
async fn a_gateway_without_an_account_says_so() {
    let world = AuthWorld::start(&[]).await;
    let found = samples(&world.gateway.api(), "").await;
    if tools::etcd_version() >= (3, 6, 9) {
        assert_eq!(found["samples"], json!([]), "{found}");
        assert_eq!(found["problem"]["code"], "no_account", "{found}");
        let fix = found["problem"]["fix"].as_str().unwrap_or_default();
        assert!(fix.contains("--user"), "{fix}");
    }
}

#[tokio::test]
async fn only_those_who_see_the_cluster_see_samples() {
    let world = AuthWorld::start(&[]).await;
    let own = ["--user", &format!("root:{ROOT}")];
    let gateway = InProcess::start(&world.etcd.url(), &own).await;
    let api = gateway.api();
    for client in [&api, &api.with_password("root", ROOT)] {
        assert!(newest(&samples(client, "").await)["keys"].is_u64());
    }
    let app = api.with_password("app", "secret");
    let members = app.get("/cluster").send().await.json(200);
    let sees_status = members["members"][0]["db_size"].is_i64();
    let status = app.get("/cluster/samples").send().await.status;
    assert_eq!(status.as_u16() == 200, sees_status, "{members}");
    let wrong = api.with_password("app", "wrong");
    let wrong = wrong.get("/cluster/samples").send().await;
    wrong.problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_unreachable_cluster_is_a_problem_not_a_gap() {
    let nowhere = support::etcd::free_address();
    let gateway = InProcess::start(&format!("http://{nowhere}"), &[]).await;
    let found = samples(&gateway.api(), "").await;
    assert_eq!(found["samples"], json!([]));
    assert_eq!(found["problem"]["code"], "unreachable", "{found}");
}
