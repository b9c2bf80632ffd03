//! Our watches survive a restart of etcd, and say so where they cannot.

use serde_json::{Value, json};
use support::DEADLINE;

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
