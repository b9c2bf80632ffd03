//! What our streams ask of etcd: each demands a leader, so that a member cut off from the others ends them
//! instead of staying silent.

use serde_json::json;
use support::gateway::InProcess;
use support::tap::Tap;
use support::{Client, Etcd, Stream};

use crate::side::{Results, b64};

const WATCH: &str = "/etcdserverpb.Watch/Watch";
const KEEP_ALIVE: &str = "/etcdserverpb.Lease/LeaseKeepAlive";

/// A gateway, and what passes between it and etcd.
async fn tapped() -> (Tap, InProcess) {
    let tap = Tap::start(&Etcd::shared().await.direct_url());
    let gateway = InProcess::start(&tap.url(), &[]).await;
    (tap, gateway)
}

/// Every call of this path has demanded a leader, and there was one.
#[track_caller]
fn demanded(tap: &Tap, path: &str) {
    let calls = tap.calls();
    let calls: Vec<_> = calls.iter().filter(|call| call.path == path).collect();
    assert!(!calls.is_empty(), "no call of {path}");
    assert!(calls.iter().all(|call| call.requires_leader), "{calls:?}");
}

async fn watching_through_v3(root: &Client) -> Results {
    let create = json!({"create_request": {"key": b64("k")}}).to_string();
    let ask = root.request(http::Method::POST, "/v3/watch").body(create);
    let mut watch = Results::of(ask).await;
    assert_eq!(watch.next().await["created"], true);
    watch
}

#[tokio::test]
async fn a_watch_of_the_api_demands_a_leader() {
    let (tap, gateway) = tapped().await;
    let mut watch = Stream::ndjson(gateway.api().get("/watch?key=k")).await;
    watch.of("opened").await;
    demanded(&tap, WATCH);
}

#[tokio::test]
async fn a_held_lease_demands_a_leader() {
    let (tap, gateway) = tapped().await;
    let ask = gateway.api().post("/leases/hold", &json!({"ttl": 3}));
    let mut held = Stream::ndjson(ask).await;
    held.of("granted").await;
    held.of("renewed").await;
    demanded(&tap, KEEP_ALIVE);
}

#[tokio::test]
async fn a_watch_of_v3_demands_a_leader_asked_or_not() {
    let (tap, gateway) = tapped().await;
    let _watch = watching_through_v3(&gateway.root()).await;
    demanded(&tap, WATCH);
    let (tap, gateway) = tapped().await;
    let asking = gateway.root().with("grpc-metadata-hasleader", "true");
    let _watch = watching_through_v3(&asking).await;
    demanded(&tap, WATCH);
}

#[tokio::test]
async fn other_streams_of_v3_ask_what_their_client_asks() {
    let (tap, gateway) = tapped().await;
    for demand in [false, true] {
        let mut root = gateway.root();
        if demand {
            root = root.with("grpc-metadata-hasleader", "true");
        }
        let beat = json!({"ID": "1"}).to_string();
        let ask = root.request(http::Method::POST, "/v3/lease/keepalive");
        Results::of(ask.body(beat)).await.next().await;
        let calls = tap.calls();
        let mut calls = calls.iter().rev();
        let last = calls.find(|call| call.path == KEEP_ALIVE);
        assert_eq!(last.expect("a call").requires_leader, demand);
    }
}
