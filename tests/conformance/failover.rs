//! Watchgate's watches survive a restart of etcd, or report why they cannot.

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
    support::eventually("etcd accepts a put", DEADLINE, async || {
        let put = json!({"key": side.key(name), "value": b64(value)});
        let response = side.request("/v3/kv/put", &put).send().await;
        support::ensure(response.status == 200, || response.text())
    })
    .await;
}

#[tokio::test]
async fn a_watch_resumes_after_a_restart() {
    let mut side = Side::own_etcd(true, &[]).await;
    let start = side.put("k", "0").await;
    let mut from_now = watch(&side, json!({"key": side.key("k")})).await;
    let past = json!({"key": side.key("k"), "start_revision": start.to_string(), "prev_kv": true});
    let mut from_start = watch(&side, past).await;
    // A watch that has delivered nothing when etcd stops.
    let mut idle = watch(&side, json!({"key": side.key("other")})).await;
    side.put("k", "1").await;
    assert_eq!(from_now.events(1).await[0]["kv"]["value"], b64("1"));
    assert_eq!(from_start.events(2).await[1]["kv"]["value"], b64("1"));
    for round in 2..5 {
        side.upstream_mut().restart().await;
        put(&side, "k", &round.to_string()).await;
        put(&side, "other", &round.to_string()).await;
        for watch in [&mut from_now, &mut from_start, &mut idle] {
            let events = watch.events(1).await;
            assert_eq!(events.len(), 1, "no duplicates: {events:?}");
            assert_eq!(events[0]["kv"]["value"], b64(&round.to_string()));
        }
    }
}

#[tokio::test]
async fn watches_of_a_socket_keep_their_ids_across_a_restart() {
    let mut side = Side::own_etcd(true, &[]).await;
    let mut socket = side.socket("/v3/watch", &[]).await;
    // 0 is assigned, 7 is chosen by the client, 1 is assigned.
    for (name, id) in [("a", None), ("b", Some(7)), ("c", None)] {
        let mut create = json!({"key": side.key(name)});
        if let Some(id) = id {
            create["watch_id"] = json!(id);
        }
        socket.send(&json!({"create_request": create})).await;
        let line = socket
            .line_within(DEADLINE)
            .await
            .expect("the socket is open");
        assert_eq!(line["result"]["created"], true);
    }
    side.upstream_mut().restart().await;
    for (name, id) in [("a", json!(null)), ("b", json!("7")), ("c", json!("1"))] {
        put(&side, name, "again").await;
        let line = socket
            .line_within(DEADLINE)
            .await
            .expect("the socket is open");
        let result = &line["result"];
        assert_eq!(result["watch_id"], id, "{line}");
        assert_eq!(text(&result["events"][0]["kv"]["value"]), "again");
    }
    socket
        .send(&json!({"cancel_request": {"watch_id": 7}}))
        .await;
    let line = socket
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    assert_eq!(line["result"]["canceled"], true, "{line}");
    // Ids are not reused.
    let create = json!({"create_request": {"key": side.key("d")}});
    socket.send(&create).await;
    let line = socket
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    assert_eq!(line["result"]["watch_id"], "2", "{line}");
}

#[tokio::test]
async fn a_cut_connection_loses_no_events() {
    let side = Side::own_etcd(true, &[]).await;
    let mut watch = watch(
        &side,
        json!({"key": side.key(""), "range_end": side.key("\u{7f}")}),
    )
    .await;
    let direct = side.upstream().client().await;
    for round in 0..5 {
        side.upstream().proxy.cut();
        let mut direct = direct.clone();
        for n in 0..20 {
            let key = format!("{}{round}/{n:02}", side.prefix);
            let put = direct.put(key, "v", None).await;
            put.expect("etcd is reachable without the proxy");
        }
        side.upstream().proxy.restore();
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
async fn a_watch_fails_over_from_a_member_without_a_leader() {
    let side = Side::own_etcd(true, &[]).await;
    let leaderless = FakeEtcd::start();
    leaderless.fail_with("Watch/Watch", 14, "etcdserver: no leader");
    let both = format!("{},{}", leaderless.url(), side.upstream().url());
    let client = InProcess::start(&both, &[]).await;
    let create = json!({"create_request": {"key": side.key("k"), "start_revision": "1"}});
    let request = client.root().request(Method::POST, "/v3/watch");
    let mut watch = Results::open(request.body(create.to_string())).await;
    assert_eq!(watch.next().await["created"], true);
    side.put("k", "1").await;
    watch.events(1).await;
}

#[tokio::test]
async fn resume_after_compaction_cancels_the_watch() {
    let side = Side::own_etcd(true, &[]).await;
    let mut watch = watch(&side, json!({"key": side.key("k")})).await;
    side.put("k", "1").await;
    watch.events(1).await;
    side.upstream().proxy.cut();
    let mut direct = side.upstream().client().await;
    let key = format!("{}k", side.prefix);
    direct.put(key.clone(), "2", None).await.expect("etcd puts");
    let response = direct.put(key, "3", None).await.expect("etcd puts");
    let last = response.header().expect("a header").revision();
    direct.compact(last, None).await.expect("etcd compacts");
    side.upstream().proxy.restore();
    let response = watch.next().await;
    assert_eq!(response["canceled"], true, "{response}");
    assert_eq!(number(&response["compact_revision"]), last);
}

#[tokio::test]
async fn an_idle_watch_survives_compaction_of_other_keys() {
    let mut side = Side::own_etcd(true, &[]).await;
    if !side.at_least(3, 5) {
        // Progress notifications of 3.4.23 may be wrong.
        return;
    }
    let mut idle = watch(&side, json!({"key": side.key("idle")})).await;
    let mut last = 0;
    for n in 0..10 {
        last = side.put("other", &n.to_string()).await;
    }
    let watch_requests = async |side: &Side| -> f64 {
        let direct = side.upstream().direct_url();
        let metrics = support::Client::to(direct[7..].parse().expect("an address"));
        let text = metrics.get("/metrics").send().await.expect(200).text();
        let count = text.lines().find_map(|line| {
            let labels = line.strip_prefix("grpc_server_msg_received_total")?;
            let (labels, count) = labels.rsplit_once(' ')?;
            labels.contains(r#""Watch""#).then_some(count)
        });
        count.expect("etcd counts").parse().expect("a number")
    };
    let before = watch_requests(&side).await;
    support::eventually("the gateway requests progress", DEADLINE, async || {
        let now = watch_requests(&side).await;
        // A second request is sent only after the first was answered.
        support::ensure(now >= before + 2.0, || now.to_string())
    })
    .await;
    let compact = json!({"revision": last.to_string(), "physical": true});
    side.call("/v3/kv/compaction", &compact).await;
    side.upstream_mut().restart().await;
    put(&side, "idle", "again").await;
    // Progress that the gateway requested is not forwarded to the client.
    let response = idle.next().await;
    assert_eq!(
        response["events"][0]["kv"]["value"],
        b64("again"),
        "{response}"
    );
}

#[tokio::test]
async fn resume_reports_a_lower_revision() {
    // The cluster's id is derived from the token, so it stays the same.
    let mut side = Side::own_etcd(true, &["--initial-cluster-token=always"]).await;
    for n in 0..10 {
        side.put("k", &n.to_string()).await;
    }
    let mut watch = watch(&side, json!({"key": side.key("k")})).await;
    let seen = side.put("k", "last").await;
    watch.events(1).await;
    side.upstream_mut().restart_wiped().await;
    let line = watch.line().await;
    assert_eq!(line["error"]["code"], 14, "{line}");
    let message = line["error"]["message"].as_str().expect("a message");
    let expected = format!("went back from revision {seen} to 1");
    assert!(message.contains(&expected), "{message}");
    // A new watch works.
    let mut second = self::watch(&side, json!({"key": side.key("k")})).await;
    put(&side, "k", "new").await;
    assert_eq!(second.events(1).await[0]["kv"]["value"], b64("new"));
}

#[tokio::test]
async fn resume_reports_another_cluster_at_the_same_address() {
    let mut side = Side::own_etcd(true, &[]).await;
    let mut watch = watch(&side, json!({"key": side.key("k")})).await;
    side.put("k", "1").await;
    watch.events(1).await;
    side.upstream_mut().restart_wiped().await;
    let line = watch.line().await;
    assert_eq!(line["error"]["code"], 14, "{line}");
    let message = line["error"]["message"].as_str().expect("a message");
    assert!(message.contains("another cluster"), "{message}");
}
