//! Server-sent events: an EventSource that reconnects loses nothing.

use serde_json::Value;
use support::{Stream, World, events_of, revisions_of};

fn revision_of(id: &str) -> i64 {
    let (cluster, revision) = id
        .rsplit_once('-')
        .expect("an id is <cluster_id>-<revision>");
    assert!(
        u64::from_str_radix(cluster, 16).is_ok_and(|id| id > 0),
        "{id}"
    );
    revision.parse().expect("a revision")
}

#[tokio::test]
async fn an_event_source_that_reconnects_loses_nothing() {
    let world = World::new("cut").await;
    let mut stream = Stream::sse(world.watch("&prev"), "").await;
    stream.expect_type("opened").await;
    let mut id = stream.last_event_id.clone();

    let writer = async {
        let mut written = Vec::new();
        for n in 0..400 {
            written.push(world.put(&format!("k{}", n % 5), &n.to_string()).await);
        }
        written
    };
    let reader = async {
        let mut messages: Vec<Value> = Vec::new();
        for cut in 0.. {
            // Each connection is closed after a few messages, at any point.
            for _ in 0..=cut % 4 {
                let message = stream.next_any().await;
                let done = message["events"]
                    .as_array()
                    .is_some_and(|events| events.iter().any(|event| event["value"] == "399"));
                messages.push(message);
                if done {
                    return messages;
                }
            }
            id.clone_from(&stream.last_event_id);
            drop(stream);
            stream = Stream::sse(world.watch("&prev"), &id).await;
            let opened = stream.expect_type("opened").await;
            assert_eq!(opened["revision"], revision_of(&id) + 1);
        }
        unreachable!("the loop ends with the last value")
    };
    let (written, messages) = tokio::join!(writer, reader);
    let events = events_of(&messages);
    assert_eq!(
        revisions_of(&events),
        written,
        "no loss, no duplicate, in order"
    );
    // Previous entries are right across reconnections, too.
    for pair in events[5..].iter().zip(&events) {
        assert_eq!(pair.0["prev"]["value"], pair.1["value"]);
    }
}

#[tokio::test]
async fn an_id_names_the_revision_the_stream_is_complete_through() {
    let world = World::new("ids").await;
    let mut stream = Stream::sse(world.watch(""), "").await;
    let opened = stream.expect_type("opened").await;
    let first = opened["revision"].as_i64().expect("a revision");
    assert_eq!(revision_of(&stream.last_event_id), first - 1);
    let cluster = opened["cluster_id"].as_str().expect("an id");
    assert_eq!(stream.last_event_id, format!("{cluster}-{}", first - 1));
    let revision = world.put("a", "1").await;
    stream.until(revision).await;
    assert_eq!(stream.last_event_id, format!("{cluster}-{revision}"));
}

#[tokio::test]
async fn the_last_event_id_takes_precedence_over_the_revision() {
    let world = World::new("precedence").await;
    let from = world.put("a", "1").await;
    let then = world.put("a", "2").await;
    let mut stream = Stream::sse(world.watch(&format!("&revision={from}")), "").await;
    stream.expect_type("opened").await;
    stream.until(then).await;
    let id = stream.last_event_id.clone();
    let last = world.put("a", "3").await;
    let mut stream = Stream::sse(world.watch(&format!("&revision={from}")), &id).await;
    stream.expect_type("opened").await;
    assert_eq!(revisions_of(&stream.until(last).await), [last]);
    // An empty header counts as none. An EventSource without an id sends no header, but some clients do.
    let empty = world
        .watch(&format!("&revision={from}"))
        .header("last-event-id", "");
    let mut stream = Stream::sse(empty, "").await;
    stream.expect_type("opened").await;
    assert_eq!(stream.until(last).await.len(), 3);
}

#[tokio::test]
async fn an_invalid_or_foreign_id_is_a_reset_at_once() {
    let world = World::new("foreign-id").await;
    let now = world.put("a", "1").await;
    for id in [
        "words", "12", "-", "12-", "-12", "zz-5", "abc-5", "abc-5-6", "abc--5",
    ] {
        let mut stream = Stream::sse(world.watch("&snapshot"), id).await;
        let reset = stream.expect_type("reset").await;
        assert!(reset["revision"].as_i64() >= Some(now), "{id}: {reset}");
        let opened = stream.expect_type("opened").await;
        assert_eq!(opened["cluster_id"], reset["cluster_id"]);
        let snapshot = stream.expect_type("snapshot").await;
        assert_eq!(
            snapshot["entries"][0]["value"], "1",
            "requested, so sent after a reset"
        );
    }
    let mut bare = Stream::sse(world.watch(""), "abc-5").await;
    bare.expect_type("reset").await;
    bare.expect_type("opened").await;
    let next = world.put("a", "2").await;
    assert_eq!(revisions_of(&bare.until(next).await).last(), Some(&next));
}

#[tokio::test]
async fn a_resumed_stream_gets_no_snapshot() {
    let world = World::new("resumed").await;
    world.put("a", "1").await;
    let mut stream = Stream::sse(world.watch("&snapshot"), "").await;
    stream.expect_type("opened").await;
    stream.expect_type("snapshot").await;
    let id = stream.last_event_id.clone();
    drop(stream);
    let last = world.put("a", "2").await;
    let mut stream = Stream::sse(world.watch("&snapshot"), &id).await;
    stream.expect_type("opened").await;
    assert_eq!(revisions_of(&stream.until(last).await), [last]);
}
