//! Compacted history and a user who may read only one prefix.

use etcd_client::CompactionOptions;
use support::tools::first_after_compaction;
use support::{AuthWorld, Client, Stream, key_query, percent, revisions_of};

struct Compacted {
    world: AuthWorld,
    /// The world's user, signed in by a token.
    bearer: Client,
    /// The revisions of five values of `/app/k`; everything before the third is compacted.
    written: Vec<i64>,
}

async fn start_compacted() -> Compacted {
    let mut world = Box::pin(AuthWorld::start(&[])).await;
    let mut written = Vec::new();
    for n in 0..5 {
        written.push(world.app.write("/app/k", n.to_string()).await);
    }
    let physical = CompactionOptions::new().with_physical();
    let done = world.root.compact(written[2], Some(physical)).await;
    done.expect("etcd compacts");
    Compacted {
        bearer: world.bearer().await,
        world,
        written,
    }
}

#[tokio::test]
async fn resuming_from_a_compacted_revision_reports_the_gap_to_a_limited_user() {
    let compacted = start_compacted().await;
    let (from, last) = (compacted.written[0], compacted.written[4]);
    let first = first_after_compaction(compacted.written[2]);
    for client in [&compacted.world.app, &compacted.bearer] {
        for range in ["prefix=/app/", "key=/app/k"] {
            let path = format!("/watch?{range}&revision={from}");
            let mut stream = Stream::ndjson(client.get(&path)).await;
            let gap = stream.expect_type("compacted").await;
            assert_eq!(
                (gap["from"].as_i64(), gap["to"].as_i64()),
                (Some(from), Some(first))
            );
            assert_eq!(stream.expect_type("opened").await["revision"], first);
            let events = stream.until(last).await;
            assert_eq!(revisions_of(&events).last(), Some(&last));
        }
    }
}

#[tokio::test]
async fn an_event_source_of_a_limited_user_survives_a_compaction() {
    let compacted = start_compacted().await;
    let cluster = compacted.world.app.read("/app/k").await;
    let cluster = cluster["header"]["cluster_id"].as_str().expect("an id");
    let id = format!("{cluster}-{}", compacted.written[0]);
    let watch = compacted.world.app.get("/watch?prefix=/app/&snapshot");
    let mut stream = Stream::sse(watch, &id).await;
    stream.expect_type("compacted").await;
    stream.expect_type("opened").await;
    assert_eq!(
        stream.expect_type("snapshot").await["entries"][0]["value"],
        "4"
    );
    let next = compacted.world.app.write("/app/k", "5").await;
    assert_eq!(revisions_of(&stream.until(next).await), [next]);
}

#[tokio::test]
async fn history_that_ends_in_a_compaction_is_readable_by_a_limited_user() {
    let compacted = start_compacted().await;
    for query in ["", "&deleted"] {
        let path = format!("/history?key={}{query}", percent("/app/k"));
        for client in [&compacted.world.app, &compacted.bearer] {
            let page = client.get(&path).send().await.json(200);
            assert_eq!(page["ended_by"], "compaction", "{page}");
            assert_eq!(page["compacted_revision"], compacted.written[2], "{page}");
            let values = page["entries"].as_array().expect("a list");
            let values: Vec<_> = values.iter().map(|one| one["value"].as_str()).collect();
            assert_eq!(values, [Some("4"), Some("3"), Some("2")]);
        }
    }
    let refused = compacted.world.app.get("/history?key=/other").send().await;
    refused.problem(403, "forbidden");
}

#[tokio::test]
async fn an_empty_import_needs_no_permission_on_any_key() {
    let compacted = start_compacted().await;
    for client in [&compacted.world.app, &compacted.bearer] {
        let import = client.request(http::Method::POST, "/import");
        let import = import.header("content-type", "application/x-ndjson");
        let response = import.body("").send().await.expect(200);
        let end: serde_json::Value = serde_json::from_slice(&response.body).expect("one line");
        assert_eq!(end["end"]["count"], 0, "{end}");
        let revision = end["end"]["header"]["revision"].as_i64();
        assert_eq!(revision, Some(compacted.written[4]), "{end}");
    }
    // The keys of a non-empty file still need permission.
    let root = &compacted.world.all;
    let import = compacted.world.app.request(http::Method::POST, "/import");
    let import = import.header("content-type", "application/x-ndjson");
    let import = import.body("{\"key\":\"/other\",\"value\":\"1\"}\n");
    import.send().await.problem(403, "forbidden");
    let absent = root.get(&key_query("/other")).send().await;
    absent.problem(404, "key_not_found");
}
