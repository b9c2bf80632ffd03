//! `snapshot`: the range first, then every change since, with no seam.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::fill::fill;
use support::{Stream, World, bytes_in, keys_in, percent};

/// Reads the pieces of a snapshot; gives its revision and entries.
async fn snapshot(stream: &mut Stream) -> (i64, Vec<Value>, usize) {
    let (mut entries, mut pieces) = (Vec::new(), 0);
    loop {
        let piece = stream.of("snapshot").await;
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
async fn it_follows_opened_and_events_follow_it() {
    let world = World::new("snapshot").await;
    for name in ["a", "b", "c"] {
        world.put(name, name).await;
    }
    let path = format!("/watch?prefix={}&snapshot", percent(&world.prefix));
    let mut stream = Stream::ndjson(world.api.get(&path)).await;
    stream.of("opened").await;
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
    stream.of("opened").await;
    let (_, entries, _) = snapshot(&mut stream).await;
    assert!(entries.is_empty());
}

#[tokio::test]
async fn with_a_revision_none_comes_at_opening() {
    let world = World::new("no-snapshot").await;
    let at = world.put("a", "a").await;
    let path = format!(
        "/watch?prefix={}&snapshot&revision={at}",
        percent(&world.prefix)
    );
    let mut stream = Stream::ndjson(world.api.get(&path)).await;
    stream.of("opened").await;
    stream.of("events").await;
}

#[tokio::test]
async fn a_large_one_comes_in_pieces_of_one_revision() {
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
    for transport in ["ndjson", "sse", "socket"] {
        let mut stream = match transport {
            "ndjson" => Stream::ndjson(world.api.get(&path)).await,
            "sse" => Stream::sse(world.api.get(&path), "").await,
            _ => Stream::socket(&world.api, &path).await,
        };
        stream.of("opened").await;
        assert!(
            stream.last_event_id.is_empty(),
            "not complete through anything yet"
        );
        let (revision, entries, pieces) = snapshot(&mut stream).await;
        assert!(pieces > 5, "{pieces} pieces");
        assert!(keys_in(&json!(entries)) == keys);
        if transport == "sse" {
            assert!(
                stream.last_event_id.ends_with(&format!("-{revision}")),
                "{}",
                stream.last_event_id
            );
        }
    }
}

#[tokio::test]
async fn snapshot_and_events_give_the_store_while_others_write() {
    let world = World::new("seam").await;
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
        stream.of("opened").await;
        let (at, entries, _) = snapshot(&mut stream).await;
        (stream, at, entries)
    }));
    let (last, watchers) = tokio::join!(writer, watchers);
    let page = world
        .api
        .get(&format!("/kv?prefix={}", percent(&world.prefix)));
    let page = page.send().await.json(200);
    let line = |entry: &Value| (bytes_in(&entry["key"]), entry["value"].clone());
    let truth: BTreeMap<_, _> = page["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(line)
        .collect();
    for (mut stream, at, entries) in watchers {
        let mut store: BTreeMap<_, _> = entries.iter().map(line).collect();
        let events = if at < last {
            stream.until(last).await
        } else {
            Vec::new()
        };
        for event in events {
            if event["type"] == "put" {
                let (key, value) = line(&event);
                store.insert(key, value);
            } else {
                store.remove(&bytes_in(&event["key"]));
            }
        }
        assert_eq!(store, truth);
    }
}
