//! `GET /doctor`: the doctor's findings over HTTP, who sees them, and how runs are shared.

use std::net::SocketAddr;

use futures_util::future::join_all;
use serde_json::{Value, json};
use support::auth::{AuthWorld, ROOT};
use support::etcd::free_address;
use support::gateway::{InProcess, Watchgate};
use support::{Client, Etcd};
use tempfile::TempDir;

async fn examine(api: &Client) -> Value {
    api.get("/doctor").send().await.json(200)
}

/// The outcome of a step.
#[track_caller]
fn outcome<'a>(response: &'a Value, step: &str) -> &'a Value {
    let mut findings = response["findings"].as_array().expect("findings").iter();
    let found = findings.find(|finding| finding["step"] == step);
    &found.unwrap_or_else(|| panic!("no {step} in {response}"))["outcome"]
}

#[tokio::test]
async fn a_healthy_cluster_passes_every_step() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let found = examine(&gateway.api()).await;
    assert_eq!(
        (&found["reachable"], &found["failed_step"]),
        (&json!(true), &json!(null))
    );
    for step in ["dns", "tcp", "http2", "auth", "permission", "advertised"] {
        assert_eq!(outcome(&found, step), "ok", "{found}");
    }
    let named = gateway.api().get("/clusters/default/doctor").send().await;
    assert_eq!(named.json(200), found, "the same run");
    let target = gateway.api().get("/doctor?etcd=http://127.0.0.1:1").send();
    target.await.problem(400, "unknown_parameter");
}

#[tokio::test]
async fn an_unreachable_cluster_is_examined_too() {
    let nowhere: SocketAddr = free_address();
    let gateway = InProcess::start(&format!("http://{nowhere}"), &[]).await;
    let found = examine(&gateway.api()).await;
    assert_eq!(found["reachable"], false);
    // Another process may have been given the port meanwhile.
    let step = found["failed_step"].as_str().expect("a step");
    assert!(["tcp", "http2"].contains(&step), "{found}");
    assert_eq!(outcome(&found, step), "failed");
    // Nobody can check credentials now: their owner sees that the cluster is unreachable, and no more.
    let root = gateway.api().with_password("root", "anything");
    let limited = examine(&root).await;
    assert_eq!(
        (&limited["failed_step"], &limited["findings"]),
        (&json!("tcp"), &json!(null))
    );
}

#[tokio::test]
async fn callers_share_one_run() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let responses = join_all((0..20).map(|_| examine(&api))).await;
    for response in &responses {
        assert_eq!(response, &responses[0]);
    }
}

#[tokio::test]
async fn limited_callers_see_no_details() {
    let world = AuthWorld::start(&[]).await;
    let url = world.etcd.url();
    for client in [&world.app, &world.bearer().await] {
        let response = client.get("/doctor").send().await;
        let text = response.text();
        assert!(!text.contains(&url), "{text}");
        let response = response.json(200);
        assert_eq!(response["reachable"], true);
        assert_eq!(response["findings"], json!(null));
    }
    for client in [&world.all, &world.gateway.api()] {
        assert_eq!(outcome(&examine(client).await, "tcp"), "ok");
    }
    let token = world.etcd.token_of("root", ROOT).await;
    let bearer = format!("Bearer {token}");
    let by_token = world.gateway.api().with_header("authorization", &bearer);
    assert_eq!(outcome(&examine(&by_token).await, "tcp"), "ok");
    let wrong = world.gateway.api().with_password("root", "wrong");
    wrong
        .get("/doctor")
        .send()
        .await
        .problem(401, "unauthenticated");
    // A gateway that refuses requests without credentials says no more than that it reaches the cluster.
    let open = InProcess::start(&url, &["--allow-host", "gateway.example"]).await;
    let anonymous = examine(&open.api()).await;
    assert_eq!(
        (&anonymous["reachable"], &anonymous["findings"]),
        (&json!(true), &json!(null))
    );
    open.api()
        .get("/cluster")
        .send()
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_signed_in_root_sees_why_the_cluster_is_lost() {
    let mut world = AuthWorld::start(&[]).await;
    for client in [&world.all, &world.app] {
        client.get("/auth/self").send().await.json(200);
    }
    world.etcd.kill();
    let found = examine(&world.all).await;
    // The proxy between gateway and etcd still accepts connections.
    assert_eq!(
        (&found["reachable"], &found["failed_step"]),
        (&json!(false), &json!("http2"))
    );
    assert_eq!(outcome(&found, "http2"), "failed");
    assert_eq!(examine(&world.app).await["findings"], json!(null));
}

#[tokio::test]
async fn the_private_etcd_is_examined() {
    let data = TempDir::new().expect("a folder");
    let gateway = Watchgate::embedded(data.path(), &[])
        .await
        .expect("it starts");
    let found = examine(&gateway.api()).await;
    for step in ["tcp", "http2", "auth", "advertised"] {
        assert_eq!(outcome(&found, step), "ok", "{found}");
    }
}
