//! Our watches survive a restart of etcd, and say so where they cannot.

use http::Method;
use serde_json::{Value, json};
use support::DEADLINE;
use support::fake::FakeEtcd;
use support::gateway::InProcess;

use crate::side::{Results, Side, b64, number, text};

async fn watch(side: &Side, create: Value) -> Results {
    let mut watch = side
        .stream("/v3/watch", &json!({"create_request": create}))
        .await;
    assert_eq!(watch.next().await["created"], true);
    watch
}

/// Puts a key, as soon as etcd is back.
async fn put(side: &Side, name: &str, value: &str) {
    support::eventually("etcd takes a put", DEADLINE, async || {
        let put = json!({"key": side.key(name), "value": b64(value)});
        let answer = side.ask("/v3/kv/put", &put).send().await;
        support::when(answer.status == 200, || answer.text())
    })
    .await;
}

#[tokio::test]
async fn a_watch_goes_on_after_a_restart() {
    let mut side = Side::alone(true, &[]).await;
    let start = side.put("k", "0").await;
    let mut from_now = watch(&side, json!({"key": side.key("k")})).await;
    let asked = json!({"key": side.key("k"), "start_revision": start.to_string(), "prev_kv": true});
    let mut from_then = watch(&side, asked).await;
    // This one has seen nothing when etcd goes.
    let mut idle = watch(&side, json!({"key": side.key("other")})).await;
    side.put("k", "1").await;
    assert_eq!(from_now.events(1).await[0]["kv"]["value"], b64("1"));
    assert_eq!(from_then.events(2).await[1]["kv"]["value"], b64("1"));
    for round in 2..5 {
        side.behind_mut().restart().await;
        put(&side, "k", &round.to_string()).await;
        put(&side, "other", &round.to_string()).await;
        for watch in [&mut from_now, &mut from_then, &mut idle] {
            let events = watch.events(1).await;
            assert_eq!(events.len(), 1, "nothing twice: {events:?}");
            assert_eq!(events[0]["kv"]["value"], b64(&round.to_string()));
        }
    }
}

#[tokio::test]
async fn all_watches_of_a_socket_keep_their_numbers() {
    let mut side = Side::alone(true, &[]).await;
    let mut socket = side.socket("/v3/watch", &[]).await;
    // 0 by itself, then a chosen one, then 1 by itself.
    for (name, id) in [("a", None), ("b", Some(7)), ("c", None)] {
        let mut create = json!({"key": side.key(name)});
        if let Some(id) = id {
            create["watch_id"] = json!(id);
        }
        socket.send(&json!({"create_request": create})).await;
        let line = socket.line_within(DEADLINE).await.expect("open");
        assert_eq!(line["result"]["created"], true);
    }
    side.behind_mut().restart().await;
    for (name, id) in [("a", json!(null)), ("b", json!("7")), ("c", json!("1"))] {
        put(&side, name, "again").await;
        let line = socket.line_within(DEADLINE).await.expect("open");
        let result = &line["result"];
        assert_eq!(result["watch_id"], id, "{line}");
        assert_eq!(text(&result["events"][0]["kv"]["value"]), "again");
    }
    socket
        .send(&json!({"cancel_request": {"watch_id": 7}}))
        .await;
    let line = socket.line_within(DEADLINE).await.expect("open");
    assert_eq!(line["result"]["canceled"], true, "{line}");
    // Numbers are not given twice.
    let create = json!({"create_request": {"key": side.key("d")}});
    socket.send(&create).await;
    let line = socket.line_within(DEADLINE).await.expect("open");
    assert_eq!(line["result"]["watch_id"], "2", "{line}");
}

#[tokio::test]
async fn a_link_that_is_cut_loses_nothing() {
    let side = Side::alone(true, &[]).await;
    let mut watch = watch(
        &side,
        json!({"key": side.key(""), "range_end": side.key("\u{7f}")}),
    )
    .await;
    let direct = side.behind().client().await;
    for round in 0..5 {
        side.behind().proxy.cut();
        let mut direct = direct.clone();
        for n in 0..20 {
            let key = format!("{}{round}/{n:02}", side.prefix);
            direct.put(key, "v", None).await.expect("past the proxy");
        }
        side.behind().proxy.restore();
        let events = watch.events(20).await;
        let keys: Vec<String> = events
            .iter()
            .map(|event| text(&event["kv"]["key"]))
            .collect();
        let expected: Vec<String> = (0..20)
            .map(|n| format!("{}{round}/{n:02}", side.prefix))
            .collect();
        assert_eq!(keys, expected);
    }
}

#[tokio::test]
async fn a_member_without_a_leader_is_left_for_another() {
    let side = Side::alone(true, &[]).await;
    let alone = FakeEtcd::start();
    alone.refuses("Watch/Watch", 14, "etcdserver: no leader");
    let both = format!("{},{}", alone.url(), side.behind().url());
    let client = InProcess::start(&both, &[]).await;
    let create = json!({"create_request": {"key": side.key("k"), "start_revision": "1"}});
    let ask = client.root().request(Method::POST, "/v3/watch");
    let mut watch = Results::of(ask.body(create.to_string())).await;
    assert_eq!(watch.next().await["created"], true);
    side.put("k", "1").await;
    watch.events(1).await;
}

#[tokio::test]
async fn history_that_is_gone_is_said() {
    let side = Side::alone(true, &[]).await;
    let mut watch = watch(&side, json!({"key": side.key("k")})).await;
    side.put("k", "1").await;
    watch.events(1).await;
    side.behind().proxy.cut();
    let mut direct = side.behind().client().await;
    let key = format!("{}k", side.prefix);
    direct.put(key.clone(), "2", None).await.expect("put");
    let answer = direct.put(key, "3", None).await.expect("put");
    let last = answer.header().expect("a header").revision();
    direct.compact(last, None).await.expect("compacted");
    side.behind().proxy.restore();
    let answer = watch.next().await;
    assert_eq!(answer["canceled"], true, "{answer}");
    assert_eq!(number(&answer["compact_revision"]), last);
}

#[tokio::test]
async fn history_that_was_nothing_to_a_watch_may_go() {
    let mut side = Side::alone(true, &[]).await;
    if !side.from(3, 5) {
        // What 3.4.23 says of its progress may be wrong.
        return;
    }
    let mut idle = watch(&side, json!({"key": side.key("idle")})).await;
    let mut last = 0;
    for n in 0..10 {
        last = side.put("other", &n.to_string()).await;
    }
    let asked = async |side: &Side| -> f64 {
        let direct = side.behind().direct_url();
        let metrics = support::Client::to(direct[7..].parse().expect("an address"));
        let text = metrics.get("/metrics").send().await.expect(200).text();
        let count = text.lines().find_map(|line| {
            let labels = line.strip_prefix("grpc_server_msg_received_total")?;
            let (labels, count) = labels.rsplit_once(' ')?;
            labels.contains(r#""Watch""#).then_some(count)
        });
        count.expect("etcd counts").parse().expect("a number")
    };
    let before = asked(&side).await;
    support::eventually("the gateway asks how far it is", DEADLINE, async || {
        let now = asked(&side).await;
        // With the second question the first was answered.
        support::when(now >= before + 2.0, || now.to_string())
    })
    .await;
    let compact = json!({"revision": last.to_string(), "physical": true});
    side.call("/v3/kv/compaction", &compact).await;
    side.behind_mut().restart().await;
    put(&side, "idle", "again").await;
    // etcd's answers to the gateway are not the client's.
    let answer = idle.next().await;
    assert_eq!(answer["events"][0]["kv"]["value"], b64("again"), "{answer}");
}

#[tokio::test]
async fn data_that_went_back_is_said() {
    // The cluster's id comes from this.
    let mut side = Side::alone(true, &["--initial-cluster-token=always"]).await;
    for n in 0..10 {
        side.put("k", &n.to_string()).await;
    }
    let mut watch = watch(&side, json!({"key": side.key("k")})).await;
    let seen = side.put("k", "last").await;
    watch.events(1).await;
    side.behind_mut().restart_wiped().await;
    let line = watch.line().await;
    assert_eq!(line["error"]["code"], 14, "{line}");
    let message = line["error"]["message"].as_str().expect("a message");
    let expected = format!("went back from revision {seen} to 1");
    assert!(message.contains(&expected), "{message}");
    // Who asks anew is answered.
    let mut anew = self::watch(&side, json!({"key": side.key("k")})).await;
    put(&side, "k", "anew").await;
    assert_eq!(anew.events(1).await[0]["kv"]["value"], b64("anew"));
}

#[tokio::test]
async fn another_cluster_at_the_same_address_is_said() {
    let mut side = Side::alone(true, &[]).await;
    let mut watch = watch(&side, json!({"key": side.key("k")})).await;
    side.put("k", "1").await;
    watch.events(1).await;
    side.behind_mut().restart_wiped().await;
    let line = watch.line().await;
    assert_eq!(line["error"]["code"], 14, "{line}");
    let message = line["error"]["message"].as_str().expect("a message");
    assert!(message.contains("another cluster"), "{message}");
}
