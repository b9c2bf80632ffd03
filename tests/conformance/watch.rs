//! Watches (etcd's own cases 4 and 5, and what they leave out).

use std::time::Duration;

use serde_json::{Value, json};
use support::{DEADLINE, eventually, when};

use crate::case;
use crate::side::{Results, Side, b64, number, text};

/// How long a client waits that is going to break off.
const MOMENT: Duration = Duration::from_millis(50);

/// A watch of the test's keys below `below`.
async fn watch(side: &Side, below: &str, more: Value) -> Results {
    let mut create = json!({"key": side.key(below), "range_end": side.key("\u{7f}")});
    let members = more.as_object().expect("an object").clone();
    create.as_object_mut().expect("an object").extend(members);
    side.stream("/v3/watch", &json!({"create_request": create}))
        .await
}

case!(what_was_and_what_comes_is_delivered, tls, |side| {
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
        "a put is a zero, which is left out"
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

case!(one_revision_is_one_answer, |side| {
    let mut watch = watch(side, "", json!({})).await;
    watch.next().await;
    let put = |name: &str| json!({"request_put": {"key": side.key(name), "value": b64(name)}});
    let txn = json!({"success": [put("a"), put("b"), put("c")]});
    side.call("/v3/kv/txn", &txn).await;
    let answer = watch.next().await;
    let events = answer["events"].as_array().expect("events");
    let keys: Vec<_> = events
        .iter()
        .map(|event| text(&event["kv"]["value"]))
        .collect();
    assert_eq!(keys, ["a", "b", "c"]);
});

case!(filters_and_previous_values, |side| {
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

case!(fragments_join_to_their_revision, |side| {
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
    assert!(pieces > 1, "it was cut");
});

case!(
    a_compacted_start_is_refused_within_the_stream,
    alone,
    |side| {
        let first = side.put("c", "1").await;
        let last = side.put("c", "2").await;
        let compact = json!({"revision": last.to_string(), "physical": true});
        side.call("/v3/kv/compaction", &compact).await;
        let mut watch = watch(side, "", json!({"start_revision": first.to_string()})).await;
        let mut answer = watch.next().await;
        if answer["created"] == true && answer.get("canceled").is_none() {
            answer = watch.next().await;
        }
        assert_eq!(answer["canceled"], true, "{answer}");
        assert_eq!(answer["compact_revision"], last.to_string());
    }
);

case!(
    compaction_does_not_end_a_watch_that_is_up_to_date,
    alone,
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

case!(
    a_watch_that_cannot_be_is_cancelled_at_its_creation,
    |side| {
        // The range ends before it begins.
        let create = json!({"key": side.key("b"), "range_end": side.key("a")});
        let mut watch = side
            .stream("/v3/watch", &json!({"create_request": create}))
            .await;
        let answer = watch.next().await;
        assert_eq!(
            (&answer["created"], &answer["canceled"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(answer["watch_id"], "-1");
    }
);

case!(questions_stand_one_behind_the_other, |side| {
    // Two watches and the end of one of them, in one body.
    let create = |name: &str, id: i64| {
        json!({"create_request": {"key": side.key(name), "watch_id": id}}).to_string()
    };
    let cancel = json!({"cancel_request": {"watch_id": "7"}}).to_string();
    let body = format!("{}{}\n {cancel}", create("a", 7), create("b", 9));
    let ask = side
        .client
        .request(http::Method::POST, "/v3/watch")
        .body(body);
    let mut watch = Results::of(ask).await;
    let mut said = Vec::new();
    while said.len() < 3 {
        let answer = watch.next().await;
        let what = ["created", "canceled"]
            .iter()
            .find(|what| answer[**what] == true);
        said.push((answer["watch_id"].clone(), *what.expect("one of both")));
    }
    assert!(said.contains(&(json!("7"), "created")), "{said:?}");
    assert!(said.contains(&(json!("9"), "created")));
    assert!(said.contains(&(json!("7"), "canceled")));
    side.put("a", "unseen").await;
    side.put("b", "seen").await;
    let event = watch.next().await;
    assert_eq!(event["watch_id"], "9");
    assert_eq!(event["events"][0]["kv"]["value"], b64("seen"));
});

case!(progress_can_be_asked_for, |side| {
    let create = json!({"create_request": {"key": side.key("p")}}).to_string();
    let progress = json!({"progress_request": {}}).to_string();
    let ask = side.client.request(http::Method::POST, "/v3/watch");
    let mut watch = Results::of(ask.body(format!("{create}{progress}"))).await;
    watch.next().await;
    let answer = watch.next().await;
    assert!(answer.get("events").is_none(), "{answer}");
    assert!(number(&answer["header"]["revision"]) > 0);
});

case!(who_goes_takes_the_watch_along, alone, |side| {
    let watching = async || -> String {
        let metrics =
            support::Client::to(side.behind().direct_url()[7..].parse().expect("an address"));
        let text = metrics.get("/metrics").send().await.expect(200).text();
        let line = text
            .lines()
            .find(|line| line.starts_with("etcd_debugging_mvcc_watcher_total "));
        line.expect("etcd counts its watchers").to_owned()
    };
    let before = watching().await;
    let mut watches = Vec::new();
    for _ in 0..5 {
        let mut watch = watch(side, "", json!({})).await;
        watch.next().await;
        watches.push(watch);
    }
    assert_ne!(watching().await, before);
    drop(watches);
    eventually("the watches have gone", DEADLINE, async || {
        let now = watching().await;
        when(now == before, || now.clone())
    })
    .await;
});

case!(
    who_breaks_off_a_watch_without_a_word_breaks_nothing,
    |side| {
        for body in ["", "{", "nonsense", "{}", "{\"create_request\":"] {
            for _ in 0..2 {
                let ask = side
                    .client
                    .request(http::Method::POST, "/v3/watch")
                    .body(body);
                let mut asked =
                    support::spawn(async move { ask.try_send().await.map(|a| a.status) });
                // etcd never answers some of these; ours refuses them.
                let answers = side.ours && body != "{}";
                let patience = if answers { DEADLINE } else { MOMENT };
                let waited = tokio::time::timeout(patience, &mut asked).await;
                // The client is gone, whether it had its answer or not.
                asked.abort();
                if answers {
                    let status = waited
                        .expect("an answer")
                        .expect("no panic")
                        .expect("no break");
                    assert_eq!(status, 400, "{body}");
                }
                side.put("still", "there").await;
            }
        }
    }
);
