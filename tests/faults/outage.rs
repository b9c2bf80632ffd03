//! etcd outages: the gateway keeps running, reports them, and recovers automatically.

use std::time::Duration;

use serde_json::json;
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, Stream, ensure, eventually, revisions_of};

#[tokio::test]
async fn the_gateway_starts_and_responds_before_etcd() {
    let mut etcd = Etcd::start().await;
    etcd.kill();
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    gateway.root().get("/healthz").send().await.expect(200);
    gateway
        .root()
        .get("/readyz")
        .send()
        .await
        .problem(503, "unavailable");
    let mut sse = Stream::sse(gateway.api().get("/watch?prefix=k"), "").await;
    let error = sse.expect_type("error").await;
    assert_eq!(
        error["code"], "unavailable",
        "an EventSource gives up for good on anything but 200"
    );
    etcd.restart().await;
    sse.expect_type("opened").await;
    let revision = gateway.api().write("k", "v").await;
    assert_eq!(revisions_of(&sse.until(revision).await), [revision]);
    gateway.root().get("/readyz").send().await.expect(200);
}

#[tokio::test]
async fn the_gateway_recovers_quickly() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.write("k", "before").await;
    for _ in 0..3 {
        etcd.proxy.cut();
        let response = api.get("/kv?key=k&timeout=2s").send().await;
        assert!(
            matches!(response.status.as_u16(), 503 | 504),
            "{}",
            response.text()
        );
        let health = gateway.root().get("/health").send().await;
        assert_eq!(health.status, 503);
        assert!(health.text().contains("\"false\""), "{}", health.text());
        etcd.proxy.restore();
        eventually(
            "the gateway responds again",
            Duration::from_secs(10),
            async || {
                let response = api.get("/kv?key=k").send().await;
                ensure(response.status == 200, || response.text())
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_waiting_lock_survives_a_cut_link() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let held = api
        .post("/locks/a", &json!({"holder": "s1"}))
        .send()
        .await
        .json(201);
    let waiting = support::spawn(
        api.post("/locks/a", &json!({"holder": "s2", "wait": 60}))
            .send(),
    );
    eventually("the second waits", DEADLINE, async || {
        let lock = api.get("/locks/a").send().await.json(200);
        ensure(lock["waiters"][0]["name"] == "s2", || lock.to_string())
    })
    .await;
    etcd.proxy.cut();
    let response = api.get("/kv?key=k&timeout=2s").send().await;
    assert!(!response.status.is_success());
    etcd.proxy.restore();
    let lease = held["lease"].as_str().expect("an id");
    eventually("the first releases", DEADLINE, async || {
        let response = api.delete(&format!("/locks/a?lease={lease}")).send().await;
        ensure(response.status == 200 || response.status == 412, || {
            response.text()
        })
    })
    .await;
    let second = waiting.await.expect("no panic").json(201);
    assert!(second["fencing_token"].as_i64() > held["fencing_token"].as_i64());
}
