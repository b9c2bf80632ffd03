//! Watchgate's streams to etcd require a leader, so that a member cut off from the others ends them instead
//! of staying silent.

use serde_json::json;
use support::gateway::InProcess;
use support::tap::Tap;
use support::{Client, Etcd, Stream};

use crate::side::{Results, b64};

const WATCH: &str = "/etcdserverpb.Watch/Watch";
const KEEP_ALIVE: &str = "/etcdserverpb.Lease/LeaseKeepAlive";

/// A gateway, and a recorder of its calls to etcd.
async fn start_with_tap() -> (Tap, InProcess) {
    let tap = Tap::start(&Etcd::shared().await.direct_url());
    let gateway = InProcess::start(&tap.url(), &[]).await;
    (tap, gateway)
}

/// Asserts that there were calls to this path and that each required a leader.
#[track_caller]
fn assert_leader_required(tap: &Tap, path: &str) {
    let calls = tap.calls();
    let calls: Vec<_> = calls.iter().filter(|call| call.path == path).collect();
    assert!(!calls.is_empty(), "no call of {path}");
    assert!(calls.iter().all(|call| call.requires_leader), "{calls:?}");
}

async fn watch_through_v3(root: &Client) -> Results {
    let create = json!({"create_request": {"key": b64("k")}}).to_string();
    let request = root.request(http::Method::POST, "/v3/watch").body(create);
    let mut watch = Results::open(request).await;
    assert_eq!(watch.next().await["created"], true);
    watch
}

#[tokio::test]
async fn a_rest_watch_requires_a_leader() {
    let (tap, gateway) = start_with_tap().await;
    let mut watch = Stream::ndjson(gateway.api().get("/watch?key=k")).await;
    watch.expect_type("opened").await;
    assert_leader_required(&tap, WATCH);
}

#[tokio::test]
async fn a_held_lease_requires_a_leader() {
    let (tap, gateway) = start_with_tap().await;
    let request = gateway.api().post("/leases/hold", &json!({"ttl": 3}));
    let mut held = Stream::ndjson(request).await;
    held.expect_type("granted").await;
    held.expect_type("renewed").await;
    assert_leader_required(&tap, KEEP_ALIVE);
}

#[tokio::test]
async fn a_v3_watch_always_requires_a_leader() {
    let (tap, gateway) = start_with_tap().await;
    let _watch = watch_through_v3(&gateway.root()).await;
    assert_leader_required(&tap, WATCH);
    let (tap, gateway) = start_with_tap().await;
    let requiring = gateway
        .root()
        .with_header("grpc-metadata-hasleader", "true");
    let _watch = watch_through_v3(&requiring).await;
    assert_leader_required(&tap, WATCH);
}

#[tokio::test]
async fn other_v3_streams_require_a_leader_only_on_request() {
    let (tap, gateway) = start_with_tap().await;
    for demand in [false, true] {
        let mut root = gateway.root();
        if demand {
            root = root.with_header("grpc-metadata-hasleader", "true");
        }
        let renewal = json!({"ID": "1"}).to_string();
        let request = root.request(http::Method::POST, "/v3/lease/keepalive");
        Results::open(request.body(renewal)).await.next().await;
        let calls = tap.calls();
        let mut calls = calls.iter().rev();
        let last = calls.find(|call| call.path == KEEP_ALIVE);
        assert_eq!(last.expect("a call").requires_leader, demand);
    }
}
