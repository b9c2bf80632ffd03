//! Three members: one that is down, a leader that is gone, a majority that is gone. The gateway speaks to
//! one that follows.

use serde_json::{Value, json};
use support::cluster::Cluster;
use support::{DEADLINE, eventually, spawn, when};

use crate::case;
use crate::side::{Results, Side, b64, number, text};

/// A cluster with a gateway at one of its followers.
#[derive(Debug)]
pub(crate) struct Three {
    cluster: Cluster,
    side: Side,
    leader: usize,
    /// The follower that the gateway does not speak to.
    other: usize,
}

impl Three {
    /// Either gateway's.
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

fn watched(side: &Side) -> Value {
    json!({"create_request": {"key": side.key("k")}})
}

case!(a_member_that_is_down_is_not_missed, three, |three| {
    let side = &three.side;
    let mut watch = side.stream("/v3/watch", &watched(side)).await;
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

case!(a_leader_that_is_gone_is_replaced, three, |three| {
    let side = &three.side;
    let mut watch = side.stream("/v3/watch", &watched(side)).await;
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
    let waiting = spawn(side.ask("/v3/lock/lock", &waits).send());
    eventually("somebody waits", DEADLINE, async || {
        keys = side.keys("lock/").await;
        when(keys.len() == 2, || format!("{keys:?}"))
    })
    .await;

    three.cluster.kill(three.leader);
    // What is not answered may have been done: every attempt has a value of its own.
    let (mut attempts, mut done) = (0, Vec::new());
    eventually("there is another leader", DEADLINE, async || {
        attempts += 1;
        let put = json!({"key": side.key("k"), "value": b64(&attempts.to_string())});
        let answer = side.ask("/v3/kv/put", &put).send().await;
        when(answer.status == 200, || answer.text())?;
        done.push(attempts);
        Ok(())
    })
    .await;
    let last = *done.last().expect("one was done");
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
    let mut answer = waiting.await.expect("it was asked");
    if answer.text().contains("leader changed") {
        // etcd itself gives the place up where its question falls into a change of leaders.
        answer = side.ask("/v3/lock/lock", &waits).send().await;
    }
    let answer = answer.expect(200);
    let got: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert!(text(&got["key"]) != text(&held["key"]), "{got}");
    assert_eq!(side.keys("lock/").await, [text(&got["key"])]);
});

case!(
    without_a_majority_the_old_is_read_and_nothing_is_written,
    three,
    |three| {
        let side = &three.side;
        let revision = side.put("k", "1").await;
        let key = json!({"key": side.key("k")});
        // What the member knows may lag behind the one that wrote.
        eventually("the member has it", DEADLINE, async || {
            let old = json!({"key": side.key("k"), "serializable": true});
            let answer = side.call("/v3/kv/range", &old).await;
            when(answer["count"] == "1", || answer.to_string())
        })
        .await;
        three.cluster.kill(three.leader);
        three.cluster.kill(three.other);
        let old = json!({"key": side.key("k"), "serializable": true});
        let answer = side.call("/v3/kv/range", &old).await;
        assert_eq!(answer["kvs"][0]["value"], b64("1"));
        let message = side.refused("/v3/kv/range", &key, 503, 14).await;
        assert!(message.starts_with("etcdserver: "), "{message}");
        // Which of its clocks runs out first etcd leaves to chance.
        let put = json!({"key": side.key("k"), "value": b64("2")});
        let answer = side.ask("/v3/kv/put", &put).send().await;
        let refusal: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let told = (answer.status.as_u16(), refusal["code"].clone());
        let clocks = [(503, json!(14)), (504, json!(4)), (500, json!(2))];
        // 3.4 gives the last of them no code.
        let clocks = &clocks[..if side.from(3, 5) { 2 } else { 3 }];
        assert!(clocks.contains(&told), "{told:?}: {refusal}");
        three.cluster.restart(three.other).await;
        eventually("a majority is back", DEADLINE, async || {
            let answer = three.side.ask("/v3/kv/range", &key).send().await;
            when(answer.status == 200, || answer.text())?;
            let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
            let found = number(&answer["kvs"][0]["mod_revision"]);
            // The put that was refused may have been done.
            when(found >= revision, || answer.to_string())
        })
        .await;
    }
);

case!(a_leader_can_be_demanded, three, |three| {
    let side = &three.side;
    side.put("k", "0").await;
    let demanding = |path: &str, body: &Value| {
        let ask = side.ask(path, body);
        ask.header("grpc-metadata-hasleader", "true")
    };
    let mut demands = Results::of(demanding("/v3/watch", &watched(side))).await;
    assert_eq!(demands.next().await["created"], true);
    let mut waits = side.stream("/v3/watch", &watched(side)).await;
    assert_eq!(waits.next().await["created"], true);
    three.cluster.kill(three.leader);
    three.cluster.kill(three.other);
    let (code, message) = side.stream_error(&demands.error().await);
    assert_eq!((code, &*message), (14, "etcdserver: no leader"));
    // The same for what is asked once: the old can be read without a leader.
    let old = json!({"key": side.key("k"), "serializable": true});
    let ask = demanding("/v3/kv/range", &old);
    let message = side.refusal(ask, 503, 14).await;
    assert_eq!(message, "etcdserver: no leader");
    side.call("/v3/kv/range", &old).await;
    // Who demands none has heard nothing of it.
    three.cluster.restart(three.other).await;
    eventually("a majority takes a put", DEADLINE, async || {
        let put = json!({"key": side.key("k"), "value": b64("1")});
        let answer = side.ask("/v3/kv/put", &put).send().await;
        when(answer.status == 200, || answer.text())
    })
    .await;
    let event = &waits.events(1).await[0];
    assert_eq!(event["kv"]["value"], b64("1"));
});
