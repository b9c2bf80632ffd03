//! `snapshot`: the range first, then every later change, without a gap.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::fill::fill;
use support::{Stream, World, bytes_in, keys_in, percent};

/// Reads a snapshot: its revision, its entries and the number of its pieces.
async fn snapshot(stream: &mut Stream) -> (i64, Vec<Value>, usize) {
    let (mut entries, mut pieces) = (Vec::new(), 0);
    loop {
        let piece = stream.expect_type("snapshot").await;
        let size = piece.to_string().len();
        let own = piece["entries"].as_array().expect("entries").clone();
        assert!(
            size <= (1 << 20) + 200 || own.len() == 1,
            "a piece of {size} bytes"
        );
        entries.extend(own);
        pieces += 1;
        if piece["more"] != true {
            return (
                piece["revision"].as_i64().expect("a revision"),
                entries,
                pieces,
            );
        }
    }
}

#[tokio::test]
async fn a_snapshot_comes_between_opened_and_events() {
    let world = World::new("snapshot").await;
    for name in ["a", "b", "c"] {
        world.put(name, name).await;
    }
    let path = format!("/watch?prefix={}&snapshot", percent(&world.prefix));
    let mut stream = Stream::ndjson(world.api.get(&path)).await;
    stream.expect_type("opened").await;
    let (revision, entries, pieces) = snapshot(&mut stream).await;
    assert_eq!(pieces, 1);
    let expected: Vec<_> = ["a", "b", "c"]
        .map(|name| world.key(name).into_bytes())
        .into();
    assert_eq!(keys_in(&json!(entries)), expected);
    assert_eq!(entries[0]["value"], "a");
    let after = world.put("d", "d").await;
    assert!(after > revision);
    assert_eq!(stream.until(after).await.len(), 1);

    let empty = format!("/watch?prefix={}&snapshot", percent(world.key("none/")));
    let mut stream = Stream::ndjson(world.api.get(&empty)).await;
    stream.expect_type("opened").await;
    let (_, entries, _) = snapshot(&mut stream).await;
    assert!(entries.is_empty());
}

#[tokio::test]
async fn a_watch_from_a_revision_starts_without_a_snapshot() {
    let world = World::new("no-snapshot").await;
    let at = world.put("a", "a").await;
    let path = format!(
        "/watch?prefix={}&snapshot&revision={at}",
        percent(&world.prefix)
    );
    let mut stream = Stream::ndjson(world.api.get(&path)).await;
    stream.expect_type("opened").await;
    stream.expect_type("events").await;
}

#[tokio::test]
async fn a_large_snapshot_comes_in_pieces_of_one_revision() {
    let world = World::new("pieces").await;
    let keys: Vec<_> = (0..6_000)
        .map(|n| world.key(&format!("{n:04}")).into_bytes())
        .collect();
    let value = vec![b'v'; 900];
    fill(
        &world.client().await,
        keys.iter().cloned().map(|key| (key, value.clone())),
    )
    .await;
    let path = format!("/watch?prefix={}&snapshot", percent(&world.prefix));
    let mut with_id = 0;
    for mut stream in Stream::by_every_transport(&world.api, &path).await {
        stream.expect_type("opened").await;
        assert!(
            stream.last_event_id.is_empty(),
            "an unfinished snapshot has no id"
        );
        let (revision, entries, pieces) = snapshot(&mut stream).await;
        assert!(pieces > 5, "{pieces} pieces");
        assert!(keys_in(&json!(entries)) == keys);
        // Only server-sent events have ids.
        let id = &stream.last_event_id;
        assert!(
            id.is_empty() || id.ends_with(&format!("-{revision}")),
            "{id}"
        );
        with_id += usize::from(!id.is_empty());
    }
    assert_eq!(with_id, 1);
}

#[tokio::test]
async fn snapshot_and_events_equal_the_store_during_writes() {
    let world = World::new("writes").await;
    let path = format!("/watch?prefix={}&snapshot", percent(&world.prefix));
    let writer = async {
        for n in 0..400 {
            let name = format!("k{}", n % 23);
            if n % 5 == 4 {
                world
                    .api
                    .delete(&support::key_query(world.key(&name)))
                    .send()
                    .await;
            } else {
                world.put(&name, &n.to_string()).await;
            }
        }
        world.put("last", "").await
    };
    let watchers = futures_util::future::join_all((0..6).map(async |_| {
        let mut stream = Stream::socket(&world.api, &path).await;
        stream.expect_type("opened").await;
        let (at, entries, _) = snapshot(&mut stream).await;
        (stream, at, entries)
    }));
    let (last, watchers) = tokio::join!(writer, watchers);
    let page = world
        .api
        .get(&format!("/kv?prefix={}", percent(&world.prefix)));
    let page = page.send().await.json(200);
    let pair = |entry: &Value| (bytes_in(&entry["key"]), entry["value"].clone());
    let truth: BTreeMap<_, _> = page["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(pair)
        .collect();
    for (mut stream, at, entries) in watchers {
        let mut store: BTreeMap<_, _> = entries.iter().map(pair).collect();
        let events = if at < last {
            stream.until(last).await
        } else {
            Vec::new()
        };
        for event in events {
            if event["type"] == "put" {
                let (key, value) = pair(&event);
                store.insert(key, value);
            } else {
                store.remove(&bytes_in(&event["key"]));
            }
        }
        assert_eq!(store, truth);
    }
}
