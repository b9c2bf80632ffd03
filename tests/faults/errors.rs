//! 503 and 504: a read reports that it failed, a write whether it may have taken effect.

use etcd_client::proto::{PbRangeResponse, PbResponseHeader};
use serde_json::json;
use support::gateway::InProcess;
use support::{Etcd, FakeEtcd, spawn};

/// gRPC's code for errors without a code of their own.
const UNKNOWN: u16 = 2;

#[tokio::test]
async fn a_read_is_503_when_etcd_is_down_and_504_when_it_is_silent() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.write("k", "v").await;
    etcd.freeze().await;
    for path in [
        "/kv?key=k",
        "/kv?prefix=k",
        "/tree?prefix=",
        "/history?key=k",
        "/leases",
    ] {
        let path = format!(
            "{path}{}timeout=500ms",
            if path.contains('?') { '&' } else { '?' }
        );
        let response = api.get(&path).send().await;
        response.problem(504, "timeout");
    }
    etcd.thaw();
    etcd.proxy.cut();
    for path in [
        "/kv?key=k",
        "/kv?prefix=k",
        "/tree?prefix=",
        "/history?key=k",
        "/leases",
    ] {
        let response = api.get(path).send().await;
        assert!(!response.header("retry-after").is_empty(), "{path}");
        response.problem(503, "unavailable");
    }
}

#[tokio::test]
async fn a_write_without_a_response_has_an_unknown_outcome() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.write("k", "before").await;
    etcd.freeze().await;
    let put = json!({"put": {"key": "k", "value": "do"}});
    for (at, request) in [
        api.put("/kv?key=k&timeout=500ms", "put"),
        api.delete("/kv?key=gone&timeout=500ms"),
        api.post("/do?timeout=500ms", &put),
        api.post("/txn?timeout=500ms", &json!({"then": [put]})),
        api.post("/leases?timeout=500ms", &json!({"ttl": 60})),
    ]
    .into_iter()
    .enumerate()
    {
        let problem = request.send().await.problem(504, "outcome_unknown");
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("may")),
            "{at}: {problem}"
        );
    }
    etcd.thaw();
    let now = api.read("k").await["value"].clone();
    assert!(
        ["before", "put", "do"].iter().any(|value| now == *value),
        "{now}"
    );
}

#[tokio::test]
async fn an_interrupted_write_has_an_unknown_outcome() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.write("k", "before").await;
    // Sent, and etcd does not respond before the connection breaks.
    etcd.freeze().await;
    let put = spawn(api.put("/kv?key=k", "cut off").send());
    let read = spawn(api.get("/kv?key=k&timeout=20s").send());
    // A read that timed out shows that the put has been sent as well.
    let limit = api.get("/kv?key=k&timeout=1s").send().await;
    limit.problem(504, "timeout");
    etcd.proxy.cut();
    put.await.expect("no panic").problem(503, "outcome_unknown");
    etcd.thaw();
    etcd.proxy.restore();
    // Reads are retried: this one may succeed, or report that it failed.
    let read = read.await.expect("no panic");
    assert!(matches!(read.status.as_u16(), 200 | 503), "{}", read.text());
}

#[tokio::test]
async fn a_write_never_sent_is_unavailable() {
    let mut etcd = Etcd::start().await;
    etcd.kill();
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    // Nothing listens: the connection is refused before anything is sent.
    for request in [
        api.put("/kv?key=k", "v"),
        api.delete("/kv?key=k"),
        api.post("/do", &json!({"put": {"key": "k", "value": "v"}})),
        api.post("/leases", &json!({"ttl": 60})),
        api.post("/locks/a", &json!({})),
    ] {
        let response = request.send().await;
        assert_eq!(response.status, 503, "{}", response.text());
        assert!(!response.header("retry-after").is_empty());
    }
}

#[tokio::test]
async fn a_dropped_raft_proposal_is_503_no_leader_and_unchanged_at_v3() {
    let fake = FakeEtcd::start();
    let dropped = "raft proposal dropped";
    for call in ["KV/Put", "KV/Txn", "Lease/LeaseGrant"] {
        // etcd's `togRPCError` passes on errors that it has no code for like this.
        fake.fail_with(call, UNKNOWN, dropped);
    }
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let api = gateway.api();
    for request in [
        api.put("/kv?key=k", "v"),
        api.post(
            "/txn",
            &json!({"then": [{"put": {"key": "k", "value": "v"}}]}),
        ),
        api.post("/leases", &json!({"ttl": 60})),
    ] {
        let response = request.send().await;
        assert!(!response.header("retry-after").is_empty());
        let problem = response.problem(503, "no_leader");
        assert_eq!(problem["detail"], dropped);
    }
    let put = gateway.root().post("/v3/kv/put", &json!({"key": "aw=="}));
    let refused = put.send().await.json(500);
    assert_eq!(
        (&refused["code"], &refused["message"]),
        (&json!(UNKNOWN), &json!(dropped))
    );
}

#[tokio::test]
async fn a_replay_of_the_log_ends_after_30_s_however_long_its_timeout() {
    let fake = FakeEtcd::start();
    let header = PbResponseHeader {
        revision: 20,
        ..PbResponseHeader::default()
    };
    let absent = PbRangeResponse {
        header: Some(header),
        ..PbRangeResponse::default()
    };
    fake.respond_with("KV/Range", &[absent]);
    // The replay first requests etcd's release.
    fake.hang("Maintenance/Status");
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let request = gateway.api().get("/history?key=k&deleted&timeout=300s");
    let problem = request.send().await.problem(504, "timeout");
    let hint = problem["hint"].as_str().expect("a hint");
    assert!(hint.contains("30 s"), "{problem}");
}
