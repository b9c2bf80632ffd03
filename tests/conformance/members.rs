//! Three members: one is down, the leader is lost, the majority is lost. The gateway is connected to a
//! follower.

use serde_json::{Value, json};
use support::cluster::Cluster;
use support::{DEADLINE, ensure, eventually, spawn};

use crate::case;
use crate::side::{Results, Side, b64, number, text};

/// A cluster with a gateway connected to one of its followers.
#[derive(Debug)]
pub(crate) struct Three {
    cluster: Cluster,
    side: Side,
    leader: usize,
    /// The follower that the gateway is not connected to.
    other: usize,
}

impl Three {
    /// With Watchgate, or with etcd's own gateway.
    pub(crate) async fn start(ours: bool) -> Self {
        let cluster = Cluster::start(3).await;
        let leader = cluster.leader().await;
        let followers: Vec<_> = (0..3).filter(|at| *at != leader).collect();
        let [own, other] = followers[..] else {
            unreachable!("two of three follow")
        };
        let side = Side::at_member(ours, &cluster, own).await;
        Self {
            cluster,
            side,
            leader,
            other,
        }
    }
}

fn watch_body(side: &Side) -> Value {
    json!({"create_request": {"key": side.key("k")}})
}

case!(one_member_down_does_not_interrupt_service, three, |three| {
    let side = &three.side;
    let mut watch = side.stream("/v3/watch", &watch_body(side)).await;
    assert_eq!(watch.next().await["created"], true);
    three.cluster.kill(three.other);
    side.put("k", "1").await;
    assert_eq!(watch.events(1).await[0]["kv"]["value"], b64("1"));
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let alive = json!({"ID": granted["ID"]});
    let mut renewed = side.stream("/v3/lease/keepalive", &alive).await;
    assert_eq!(renewed.next().await["TTL"], "60");
    let members = side.call("/v3/cluster/member/list", &json!({})).await;
    assert_eq!(members["members"].as_array().map(Vec::len), Some(3));
    three.cluster.restart(three.other).await;
    three.side.put("k", "2").await;
    assert_eq!(watch.events(1).await[0]["kv"]["value"], b64("2"));
});

case!(a_lost_leader_is_replaced, three, |three| {
    let side = &three.side;
    let mut watch = side.stream("/v3/watch", &watch_body(side)).await;
    assert_eq!(watch.next().await["created"], true);
    let name = side.key("lock");
    let mut keys = Vec::new();
    let mut leases = Vec::new();
    for _ in 0..2 {
        let granted = side.call("/v3/lease/grant", &json!({"TTL": 600})).await;
        leases.push(granted["ID"].clone());
    }
    let lock = json!({"name": name, "lease": leases[0]});
    let held = side.call("/v3/lock/lock", &lock).await;
    let waits = json!({"name": name, "lease": leases[1]});
    let waiting = spawn(side.request("/v3/lock/lock", &waits).send());
    eventually("a client waits", DEADLINE, async || {
        keys = side.keys("lock/").await;
        ensure(keys.len() == 2, || format!("{keys:?}"))
    })
    .await;

    three.cluster.kill(three.leader);
    // A put without a response may have been applied: every attempt has its own value.
    let (mut attempts, mut done) = (0, Vec::new());
    eventually("there is another leader", DEADLINE, async || {
        attempts += 1;
        let put = json!({"key": side.key("k"), "value": b64(&attempts.to_string())});
        let response = side.request("/v3/kv/put", &put).send().await;
        ensure(response.status == 200, || response.text())?;
        done.push(attempts);
        Ok(())
    })
    .await;
    let last = *done.last().expect("a completed put");
    let mut seen: Vec<i32> = Vec::new();
    while seen.last() != Some(&last) {
        let event = &watch.events(1).await[0];
        seen.push(text(&event["kv"]["value"]).parse().expect("a number"));
    }
    assert!(
        seen.is_sorted_by(|a, b| a < b),
        "each once, in order: {seen:?}"
    );

    side.call("/v3/lock/unlock", &json!({"key": held["key"]}))
        .await;
    let mut response = waiting.await.expect("no panic");
    if response.text().contains("leader changed") {
        // etcd itself gives up the place in the queue if its own request meets a change of leaders.
        response = side.request("/v3/lock/lock", &waits).send().await;
    }
    let response = response.expect(200);
    let got: Value = serde_json::from_slice(&response.body).expect("JSON");
    assert!(text(&got["key"]) != text(&held["key"]), "{got}");
    assert_eq!(side.keys("lock/").await, [text(&got["key"])]);
});

case!(
    without_a_majority_only_serializable_reads_succeed,
    three,
    |three| {
        let side = &three.side;
        let revision = side.put("k", "1").await;
        let key = json!({"key": side.key("k")});
        // The member may lag behind the one that wrote.
        eventually("the member has the key", DEADLINE, async || {
            let serializable = json!({"key": side.key("k"), "serializable": true});
            let response = side.call("/v3/kv/range", &serializable).await;
            ensure(response["count"] == "1", || response.to_string())
        })
        .await;
        three.cluster.kill(three.leader);
        three.cluster.kill(three.other);
        let serializable = json!({"key": side.key("k"), "serializable": true});
        let response = side.call("/v3/kv/range", &serializable).await;
        assert_eq!(response["kvs"][0]["value"], b64("1"));
        let message = side.expect_error("/v3/kv/range", &key, 503, 14).await;
        assert!(message.starts_with("etcdserver: "), "{message}");
        // Which of etcd's timeouts expires first is a matter of chance.
        let put = json!({"key": side.key("k"), "value": b64("2")});
        let response = side.request("/v3/kv/put", &put).send().await;
        let refusal: Value = serde_json::from_slice(&response.body).expect("JSON");
        let outcome = (response.status.as_u16(), refusal["code"].clone());
        let expected = [(503, json!(14)), (504, json!(4)), (500, json!(2))];
        // 3.4 gives the last timeout no code of its own.
        let expected = &expected[..if side.at_least(3, 5) { 2 } else { 3 }];
        assert!(expected.contains(&outcome), "{outcome:?}: {refusal}");
        three.cluster.restart(three.other).await;
        eventually("a majority is available again", DEADLINE, async || {
            let response = three.side.request("/v3/kv/range", &key).send().await;
            ensure(response.status == 200, || response.text())?;
            let response: Value = serde_json::from_slice(&response.body).expect("JSON");
            let found = number(&response["kvs"][0]["mod_revision"]);
            // The failed put may have been applied.
            ensure(found >= revision, || response.to_string())
        })
        .await;
    }
);

case!(requests_can_require_a_leader, three, |three| {
    let side = &three.side;
    side.put("k", "0").await;
    let requiring_leader = |path: &str, body: &Value| {
        let request = side.request(path, body);
        request.header("grpc-metadata-hasleader", "true")
    };
    let mut requiring = Results::open(requiring_leader("/v3/watch", &watch_body(side))).await;
    assert_eq!(requiring.next().await["created"], true);
    let mut waits = side.stream("/v3/watch", &watch_body(side)).await;
    assert_eq!(waits.next().await["created"], true);
    three.cluster.kill(three.leader);
    three.cluster.kill(three.other);
    let (code, message) = side.stream_error(&requiring.error().await);
    assert_eq!((code, &*message), (14, "etcdserver: no leader"));
    // Likewise for unary calls; without the header a serializable read needs no leader.
    let serializable = json!({"key": side.key("k"), "serializable": true});
    let request = requiring_leader("/v3/kv/range", &serializable);
    let message = side.expect_error_of(request, 503, 14).await;
    assert_eq!(message, "etcdserver: no leader");
    side.call("/v3/kv/range", &serializable).await;
    // A watch that does not require a leader has not noticed.
    three.cluster.restart(three.other).await;
    eventually("a majority accepts a put", DEADLINE, async || {
        let put = json!({"key": side.key("k"), "value": b64("1")});
        let response = side.request("/v3/kv/put", &put).send().await;
        ensure(response.status == 200, || response.text())
    })
    .await;
    let event = &waits.events(1).await[0];
    assert_eq!(event["kv"]["value"], b64("1"));
});
