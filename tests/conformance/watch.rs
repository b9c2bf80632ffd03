//! Watches: the cases of etcd's own tests, and more.

use std::time::Duration;

use serde_json::{Value, json};
use support::{DEADLINE, ensure, eventually};

use crate::case;
use crate::side::{Results, Side, b64, number, text};

/// How long a client waits before it aborts its request.
const CLIENT_TIMEOUT: Duration = Duration::from_millis(50);

/// Watches the test's keys from `below` on, with further members of the create request.
async fn watch(side: &Side, below: &str, more: Value) -> Results {
    let mut create = json!({"key": side.key(below), "range_end": side.key("\u{7f}")});
    let members = more.as_object().expect("an object").clone();
    create.as_object_mut().expect("an object").extend(members);
    side.stream("/v3/watch", &json!({"create_request": create}))
        .await
}

case!(past_and_new_events_are_delivered, tls, |side| {
    let first = side.put("foo", "bar").await;
    let create = json!({"key": side.key("foo"), "start_revision": first.to_string()});
    let mut watch = side
        .stream("/v3/watch", &json!({"create_request": create}))
        .await;
    let created = watch.next().await;
    assert_eq!(created["created"], true, "{created}");
    assert!(created.get("watch_id").is_none() && created.get("events").is_none());
    let event = watch.events(1).await.remove(0);
    assert!(
        event.get("type").is_none(),
        "PUT is zero, and zeros are omitted"
    );
    assert_eq!(event["kv"]["value"], b64("bar"));
    assert_eq!(number(&event["kv"]["mod_revision"]), first);
    side.put("foo", "baz").await;
    let event = watch.events(1).await.remove(0);
    assert_eq!(event["kv"]["value"], b64("baz"));
    let delete = json!({"key": side.key("foo")});
    side.call("/v3/kv/deleterange", &delete).await;
    let event = watch.events(1).await.remove(0);
    assert_eq!(event["type"], "DELETE");
    assert!(event["kv"].get("value").is_none());
});

case!(one_revision_is_one_response, |side| {
    let mut watch = watch(side, "", json!({})).await;
    watch.next().await;
    let put = |name: &str| json!({"request_put": {"key": side.key(name), "value": b64(name)}});
    let txn = json!({"success": [put("a"), put("b"), put("c")]});
    side.call("/v3/kv/txn", &txn).await;
    let response = watch.next().await;
    let events = response["events"].as_array().expect("events");
    let keys: Vec<_> = events
        .iter()
        .map(|event| text(&event["kv"]["value"]))
        .collect();
    assert_eq!(keys, ["a", "b", "c"]);
});

case!(filters_and_previous_values_apply, |side| {
    side.put("f", "1").await;
    let mut puts = watch(side, "", json!({"filters": ["NODELETE"], "prev_kv": true})).await;
    let mut deletes = watch(side, "", json!({"filters": [0], "prevKv": true})).await;
    puts.next().await;
    deletes.next().await;
    side.put("f", "2").await;
    side.call("/v3/kv/deleterange", &json!({"key": side.key("f")}))
        .await;
    side.put("f", "3").await;
    let seen = puts.events(2).await;
    assert_eq!(seen[0]["prev_kv"]["value"], b64("1"));
    assert!(seen[1].get("prev_kv").is_none(), "a creation has none");
    let seen = deletes.events(1).await.remove(0);
    assert_eq!(
        (&seen["type"], &seen["prev_kv"]["value"]),
        (&json!("DELETE"), &json!(b64("2")))
    );
});

case!(fragments_together_cover_their_revision, |side| {
    for n in 0..4 {
        let put = json!({"key": side.key(&format!("fragment/{n}")), "value": b64(&"v".repeat(1_200_000))});
        side.call("/v3/kv/put", &put).await;
    }
    let mut watch = watch(side, "", json!({"prev_kv": true, "fragment": true})).await;
    watch.next().await;
    let delete = json!({"key": side.key("fragment/"), "range_end": side.key("fragment0")});
    side.call("/v3/kv/deleterange", &delete).await;
    let (mut events, mut pieces) = (0, 0);
    loop {
        let piece = watch.next().await;
        events += piece["events"].as_array().map_or(0, Vec::len);
        pieces += 1;
        if piece.get("fragment").is_none() {
            break;
        }
    }
    assert_eq!(events, 4);
    assert!(pieces > 1, "not fragmented");
});

case!(
    a_compacted_start_is_refused_within_the_stream,
    own_etcd,
    |side| {
        let first = side.put("c", "1").await;
        let last = side.put("c", "2").await;
        let compact = json!({"revision": last.to_string(), "physical": true});
        side.call("/v3/kv/compaction", &compact).await;
        let mut watch = watch(side, "", json!({"start_revision": first.to_string()})).await;
        let mut response = watch.next().await;
        if response["created"] == true && response.get("canceled").is_none() {
            response = watch.next().await;
        }
        assert_eq!(response["canceled"], true, "{response}");
        assert_eq!(response["compact_revision"], last.to_string());
    }
);

case!(
    compaction_does_not_end_a_watch_that_is_up_to_date,
    own_etcd,
    |side| {
        let mut watch = watch(side, "", json!({})).await;
        watch.next().await;
        side.put("k", "1").await;
        watch.events(1).await;
        let last = side.put("k", "2").await;
        watch.events(1).await;
        let compact = json!({"revision": last.to_string(), "physical": true});
        side.call("/v3/kv/compaction", &compact).await;
        side.put("k", "3").await;
        let event = watch.events(1).await.remove(0);
        assert_eq!(event["kv"]["value"], b64("3"));
    }
);

case!(an_invalid_range_is_cancelled_on_creation, |side| {
    // The range ends before it starts.
    let create = json!({"key": side.key("b"), "range_end": side.key("a")});
    let mut watch = side
        .stream("/v3/watch", &json!({"create_request": create}))
        .await;
    let response = watch.next().await;
    assert_eq!(
        (&response["created"], &response["canceled"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(response["watch_id"], "-1");
});

case!(one_body_may_hold_several_requests, |side| {
    // Two watches and the cancellation of one of them, in one body.
    let create = |name: &str, id: i64| {
        json!({"create_request": {"key": side.key(name), "watch_id": id}}).to_string()
    };
    let cancel = json!({"cancel_request": {"watch_id": "7"}}).to_string();
    let body = format!("{}{}\n {cancel}", create("a", 7), create("b", 9));
    let request = side
        .client
        .request(http::Method::POST, "/v3/watch")
        .body(body);
    let mut watch = Results::open(request).await;
    let mut states = Vec::new();
    while states.len() < 3 {
        let response = watch.next().await;
        let state = ["created", "canceled"]
            .iter()
            .find(|state| response[**state] == true);
        states.push((
            response["watch_id"].clone(),
            *state.expect("`created` or `canceled`"),
        ));
    }
    assert!(states.contains(&(json!("7"), "created")), "{states:?}");
    assert!(states.contains(&(json!("9"), "created")));
    assert!(states.contains(&(json!("7"), "canceled")));
    side.put("a", "unseen").await;
    side.put("b", "seen").await;
    let event = watch.next().await;
    assert_eq!(event["watch_id"], "9");
    assert_eq!(event["events"][0]["kv"]["value"], b64("seen"));
});

case!(progress_can_be_requested, |side| {
    let create = json!({"create_request": {"key": side.key("p")}}).to_string();
    let progress = json!({"progress_request": {}}).to_string();
    let request = side.client.request(http::Method::POST, "/v3/watch");
    let mut watch = Results::open(request.body(format!("{create}{progress}"))).await;
    watch.next().await;
    let response = watch.next().await;
    assert!(response.get("events").is_none(), "{response}");
    assert!(number(&response["header"]["revision"]) > 0);
});

case!(disconnecting_ends_the_watch, own_etcd, |side| {
    let watcher_count = async || -> String {
        let metrics = support::Client::to(
            side.upstream().direct_url()[7..]
                .parse()
                .expect("an address"),
        );
        let text = metrics.get("/metrics").send().await.expect(200).text();
        let line = text
            .lines()
            .find(|line| line.starts_with("etcd_debugging_mvcc_watcher_total "));
        line.expect("etcd counts its watchers").to_owned()
    };
    let before = watcher_count().await;
    let mut watches = Vec::new();
    for _ in 0..5 {
        let mut watch = watch(side, "", json!({})).await;
        watch.next().await;
        watches.push(watch);
    }
    assert_ne!(watcher_count().await, before);
    drop(watches);
    eventually("the watches have ended", DEADLINE, async || {
        let now = watcher_count().await;
        ensure(now == before, || now.clone())
    })
    .await;
});

case!(aborted_watch_requests_affect_no_other_call, |side| {
    for body in ["", "{", "nonsense", "{}", "{\"create_request\":"] {
        for _ in 0..2 {
            let request = side
                .client
                .request(http::Method::POST, "/v3/watch")
                .body(body);
            let mut sent =
                support::spawn(async move { request.try_send().await.map(|a| a.status) });
            // etcd's gateway never responds to some of these; Watchgate refuses them.
            let responds = side.ours && body != "{}";
            let time_limit = if responds { DEADLINE } else { CLIENT_TIMEOUT };
            let waited = tokio::time::timeout(time_limit, &mut sent).await;
            // The client disconnects, whether it had a response or not.
            sent.abort();
            if responds {
                let status = waited
                    .expect("a response in time")
                    .expect("no panic")
                    .expect("a response");
                assert_eq!(status, 400, "{body}");
            }
            side.put("still", "there").await;
        }
    }
});
