//! Messages of a watch: its start, its range, its filters, and the form of its events.

use serde_json::{Value, json};
use support::{Stream, World, bytes_in, key_query, percent, revisions_of};

#[tokio::test]
async fn a_watch_is_complete_from_the_revision_in_opened() {
    let world = World::new("opened").await;
    let before = world.put("a", "before").await;
    let mut stream = Stream::ndjson(world.watch("")).await;
    let opened = stream.expect_type("opened").await;
    assert_eq!(opened["id"], "0");
    assert!(opened["revision"].as_i64() > Some(before));
    let cluster = world.api.get("/cluster").send().await.json(200);
    assert_eq!(opened["cluster_id"], cluster["header"]["cluster_id"]);
    let after = world.put("a", "after").await;
    let events = stream.until(after).await;
    assert_eq!(revisions_of(&events), [after]);
}

#[tokio::test]
async fn history_is_replayed_from_a_revision() {
    let world = World::new("replay").await;
    let mut written = Vec::new();
    for n in 0..50 {
        written.push(world.put(&format!("k{}", n % 7), &n.to_string()).await);
    }
    for from in [0, 17, 49] {
        let request = world.watch(&format!("&revision={}", written[from]));
        let mut stream = Stream::ndjson(request).await;
        assert_eq!(
            stream.expect_type("opened").await["revision"],
            written[from]
        );
        let events = stream.until(written[written.len() - 1]).await;
        assert_eq!(revisions_of(&events), written[from..]);
        // After the history the watch continues live, without a gap.
        written.push(world.put("k", "live").await);
        let events = stream.until(written[written.len() - 1]).await;
        assert_eq!(events.len(), 1);
    }
}

#[tokio::test]
async fn every_transport_delivers_the_same_messages() {
    let world = World::new("transports").await;
    let from = world.put("a", "1").await;
    let path = format!(
        "/watch?prefix={}&revision={from}&prev",
        percent(&world.prefix)
    );
    let mut streams = Stream::by_every_transport(&world.api, &path).await;
    world
        .api
        .put(&key_query(world.key("a")), vec![0xff, 0xfe, 0])
        .send()
        .await
        .json(200);
    let last = world
        .api
        .delete(&key_query(world.key("a")))
        .send()
        .await
        .revision();
    let mut received: Vec<Vec<Value>> = Vec::new();
    for stream in &mut streams {
        let mut messages = vec![stream.expect_type("opened").await];
        messages.extend(stream.until(last).await);
        received.push(messages);
    }
    assert_eq!(received[0], received[1]);
    assert_eq!(received[0], received[2]);
    let events = &received[0][1..];
    assert_eq!(events[0].get("prev"), Some(&Value::Null));
    assert_eq!(bytes_in(&events[1]["value"]), [0xff, 0xfe, 0]);
    assert_eq!(events[1]["prev"]["value"], "1");
    assert_eq!(bytes_in(&events[2]["prev"]["value"]), [0xff, 0xfe, 0]);
    let members: Vec<_> = events[2].as_object().expect("an object").keys().collect();
    assert_eq!(members, ["key", "mod_revision", "prev", "type"]);
}

#[tokio::test]
async fn types_and_ranges_are_selected() {
    let world = World::new("chosen").await;
    let from = world.put("a", "1").await;
    world.put("a", "2").await;
    world.put("b", "1").await;
    world
        .api
        .delete(&key_query(world.key("a")))
        .send()
        .await
        .json(200);
    let last = world.put("z", "end").await;
    let end = world
        .api
        .delete(&key_query(world.key("z")))
        .send()
        .await
        .revision();
    let delivered = async |more: String, until: i64| {
        let path = format!("/watch?{more}&revision={from}");
        let mut stream = Stream::ndjson(world.api.get(&path)).await;
        stream.expect_type("opened").await;
        let events = stream.until(until).await;
        let show = |event: &Value| {
            let key = event["key"]
                .as_str()
                .expect("text")
                .trim_start_matches(&world.prefix)
                .to_owned();
            (event["type"].as_str().expect("a type").to_owned(), key)
        };
        events.iter().map(show).collect::<Vec<_>>()
    };
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    let prefix = format!("prefix={}", percent(&world.prefix));
    assert_eq!(
        delivered(format!("{prefix}&only=delete"), end).await,
        pairs(&[("delete", "a"), ("delete", "z")])
    );
    let puts = [("put", "a"), ("put", "a"), ("put", "b"), ("put", "z")];
    assert_eq!(
        delivered(format!("{prefix}&only=put"), last).await,
        pairs(&puts)
    );
    assert_eq!(
        delivered(format!("{prefix}&only=put,delete"), end)
            .await
            .len(),
        6
    );
    let (a, b) = (percent(world.key("a")), percent(world.key("b")));
    let of_a = [("put", "a"), ("put", "a"), ("delete", "a")];
    assert_eq!(
        delivered(format!("start={a}&end={b}"), last - 1).await,
        pairs(&of_a)
    );
    assert_eq!(
        delivered(format!("key={b}"), last - 2).await,
        pairs(&[("put", "b")])
    );
}

#[tokio::test]
async fn invalid_parameters_are_refused() {
    let world = World::new("refused").await;
    let prefix = format!("prefix={}", percent(&world.prefix));
    for wrong in [
        "revision=0",
        "revision=-1",
        "revision=x",
        "only=puts",
        "only=",
        "future=now",
        "timeout=5s",
        "prefix=",
        "key=a",
        "prev=maybe",
    ] {
        let response = world
            .api
            .get(&format!("/watch?{prefix}&{wrong}"))
            .send()
            .await;
        assert_eq!(response.status, 400, "{wrong}: {}", response.text());
    }
    world
        .api
        .get(&format!("/watch?{prefix}&recursive"))
        .send()
        .await
        .problem(400, "unknown_parameter");
    world
        .api
        .get("/watch")
        .send()
        .await
        .problem(400, "bad_request");
    world
        .api
        .get("/watch?start=b&end=a")
        .send()
        .await
        .problem(400, "bad_request");
}

#[tokio::test]
async fn a_future_revision_is_a_reset_or_waited_for() {
    let world = World::new("future").await;
    let now = world.put("a", "1").await;
    let far = now + 1_000_000;
    let mut stream = Stream::ndjson(world.watch(&format!("&revision={far}"))).await;
    let reset = stream.expect_type("reset").await;
    assert!(
        reset["revision"]
            .as_i64()
            .is_some_and(|at| at >= now && at < far),
        "{reset}"
    );
    assert!(
        reset["reason"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    assert!(reset["cluster_id"].is_string());
    let opened = stream.expect_type("opened").await;
    assert!(opened["revision"].as_i64() < Some(far));
    let next = world.put("a", "2").await;
    let events = stream.until(next).await;
    assert_eq!(revisions_of(&events).last(), Some(&next));

    let waiting = world.put("a", "3").await;
    let mut stream =
        Stream::ndjson(world.watch(&format!("&revision={}&future=wait", waiting + 40))).await;
    assert_eq!(stream.expect_type("opened").await["revision"], waiting + 40);
    let mut last = waiting;
    while last < waiting + 45 {
        last = world.put("a", "x").await;
    }
    let events = stream.until(last).await;
    assert!(revisions_of(&events)[0] >= waiting + 40);
}

#[tokio::test]
async fn keys_and_values_of_any_bytes_are_delivered() {
    let world = World::new("odd").await;
    let keys: [&[u8]; 6] = [
        b"\xff\xfe\0",
        b"a//b",
        b"..",
        b"%2F",
        "占用".as_bytes(),
        b"\"\\\n",
    ];
    let mut stream = Stream::sse(world.watch("&prev"), "").await;
    stream.expect_type("opened").await;
    let mut last = 0;
    for key in keys {
        let key = [world.prefix.as_bytes(), key].concat();
        last = world.api.write(&key, key.clone()).await;
    }
    let events = stream.until(last).await;
    for (event, key) in events.iter().zip(keys) {
        let key = [world.prefix.as_bytes(), key].concat();
        assert_eq!(bytes_in(&event["key"]), key);
        assert_eq!(bytes_in(&event["value"]), key);
    }
    let large = vec![b'x'; 1_400 << 10];
    let last = world.api.write(world.key("large"), large.clone()).await;
    let events = stream.until(last).await;
    assert!(bytes_in(&events[0]["value"]) == large);
}

#[tokio::test]
async fn a_stream_without_events_sends_a_message_every_10_seconds() {
    let world = World::new("silent").await;
    let mut watching = Stream::ndjson(world.watch("")).await;
    let opened = watching.expect_type("opened").await["revision"].as_i64();
    let mut socket = Stream::socket(&world.api, "/watch").await;
    let soon = std::time::Duration::from_secs(10);
    for _ in 0..2 {
        let progress = watching
            .next_within(soon)
            .await
            .expect("the stream is open");
        assert_eq!(progress["type"], "progress", "{progress}");
        assert!(progress["revision"].as_i64() >= opened.map(|at| at - 1));
        let idle = socket.next_within(soon).await.expect("the socket is open");
        assert_eq!(idle, json!({"type": "idle"}));
    }
}

#[tokio::test]
async fn dropping_one_stream_ends_no_other() {
    let world = World::new("dropped").await;
    let stream = Stream::ndjson(world.watch("")).await;
    let mut other = Stream::ndjson(world.watch("")).await;
    other.expect_type("opened").await;
    drop(stream);
    let at = world.put("a", "1").await;
    assert_eq!(other.until(at).await.len(), 1);
}
