//! Lists as NDJSON: the whole range, one entry a line.

use serde_json::Value;
use support::fill::fill;
use support::gateway::InProcess;
use support::stream::Ended;
use support::{DEADLINE, Etcd, Stream, World, bytes_in, percent};

async fn lines(stream: &mut Stream) -> Vec<Value> {
    let mut lines = Vec::new();
    loop {
        match stream.line_within(DEADLINE).await {
            Ok(line) => lines.push(line),
            Err(ended) => {
                assert_eq!(ended, Ended::Orderly(None));
                return lines;
            }
        }
    }
}

#[tokio::test]
async fn the_whole_range_is_followed_by_an_end_line() {
    let world = World::new("ndjson").await;
    let keys: Vec<_> = (0..25_000)
        .map(|n| world.key(&format!("{n:05}")).into_bytes())
        .collect();
    let odd = world.key("\u{1}").into_bytes();
    let entries = keys.iter().map(|key| (key.clone(), b"\xff\0".to_vec()));
    fill(
        &world.client().await,
        std::iter::once((odd.clone(), vec![])).chain(entries),
    )
    .await;

    let range = format!("/kv?prefix={}", percent(&world.prefix));
    let mut stream = Stream::ndjson(world.api.get(&range)).await;
    let read = lines(&mut stream).await;
    let (end, entries) = read.split_last().expect("an end line at least");
    assert_eq!(end["end"]["count"], 25_001);
    let revision = end["end"]["header"]["revision"].as_i64().expect("a header");
    assert_eq!(bytes_in(&entries[0]["key"]), odd);
    for (entry, key) in entries[1..].iter().zip(&keys) {
        assert_eq!(bytes_in(&entry["key"]), *key);
        assert_eq!(bytes_in(&entry["value"]), b"\xff\0");
        assert!(entry["mod_revision"].as_i64() <= Some(revision));
    }
    assert_eq!(entries.len(), 25_001);

    let keys_only = world
        .api
        .get(&format!("{range}&keys_only&revision={revision}"));
    let read = lines(&mut Stream::ndjson(keys_only).await).await;
    assert_eq!(read.len(), 25_002);
    assert!(read[0].get("value").is_none());

    let nothing = world
        .api
        .get(&format!("/kv?prefix={}", percent(world.key("no"))));
    let read = lines(&mut Stream::ndjson(nothing).await).await;
    assert_eq!((read.len(), &read[0]["end"]["count"]), (1, &Value::from(0)));
}

#[tokio::test]
async fn a_stream_has_no_timeout_and_no_limit() {
    let world = World::new("ndjson-flags").await;
    for wrong in ["timeout=5s", "limit=10"] {
        let path = format!("/kv?prefix={}&{wrong}", percent(&world.prefix));
        let request = world
            .api
            .get(&path)
            .header("accept", "application/x-ndjson");
        request.send().await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_compaction_during_the_list_is_the_last_line() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let client = etcd.client().await;
    // More than the socket buffers hold, so the gateway is still sending when etcd is compacted.
    let value = vec![b'v'; 2_000];
    let entries = (0..40_000).map(|n| (format!("k{n:05}").into_bytes(), value.clone()));
    fill(&client, entries).await;
    let mut stream = Stream::ndjson(gateway.api().get("/kv?prefix=")).await;
    let first = stream.line_within(DEADLINE).await.expect("a line");
    assert_eq!(first["key"], "k00000");
    let now = gateway.api().write("z", "z").await;
    etcd.compact(now).await;
    let read = lines(&mut stream).await;
    let (last, entries) = read.split_last().expect("an error line at least");
    assert_eq!(last["error"]["code"], "compacted", "{last}");
    assert_eq!(last["error"]["status"], 410);
    assert!(entries.len() < 39_999 && entries.iter().all(|entry| entry.get("end").is_none()));
}

#[tokio::test]
async fn an_error_before_the_first_line_is_a_problem_response() {
    let world = World::new("ndjson-error").await;
    let path = format!("/kv?prefix={}&revision=999999999", percent(&world.prefix));
    let request = world
        .api
        .get(&path)
        .header("accept", "application/x-ndjson");
    request.send().await.problem(416, "future_revision");
}
