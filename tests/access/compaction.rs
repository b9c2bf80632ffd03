//! Compacted history and a user who may read only one prefix.

use etcd_client::CompactionOptions;
use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::tools::first_after_compaction;
use support::{Client, Etcd, Grant, Stream, key_query, percent, revisions_of};

struct World {
    _etcd: Etcd,
    gateway: InProcess,
    /// Signed in as a user who may only read and write below `/app/`.
    app: Client,
    /// The same user, with a token.
    bearer: Client,
    /// The revisions of five values of `/app/k`; everything before the third is compacted.
    written: Vec<i64>,
}

async fn compacted() -> World {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Both, "/app/")]).await;
    let token = etcd.token_of("app", "secret").await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let app = gateway.api().signed("app", "secret");
    let bearer = format!("Bearer {token}");
    let bearer = gateway.api().with("authorization", &bearer);
    let mut written = Vec::new();
    for n in 0..5 {
        written.push(app.write("/app/k", n.to_string()).await);
    }
    let physical = CompactionOptions::new().with_physical();
    let done = root.compact(written[2], Some(physical)).await;
    done.expect("etcd compacts");
    World {
        _etcd: etcd,
        gateway,
        app,
        bearer,
        written,
    }
}

#[tokio::test]
async fn resuming_from_a_compacted_revision_reports_the_gap_to_a_limited_user() {
    let world = compacted().await;
    let (from, last) = (world.written[0], world.written[4]);
    let first = first_after_compaction(world.written[2]);
    for client in [&world.app, &world.bearer] {
        for range in ["prefix=/app/", "key=/app/k"] {
            let path = format!("/watch?{range}&revision={from}");
            let mut stream = Stream::ndjson(client.get(&path)).await;
            let gap = stream.of("compacted").await;
            assert_eq!(
                (gap["from"].as_i64(), gap["to"].as_i64()),
                (Some(from), Some(first))
            );
            assert_eq!(stream.of("opened").await["revision"], first);
            let events = stream.until(last).await;
            assert_eq!(revisions_of(&events).last(), Some(&last));
        }
    }
}

#[tokio::test]
async fn an_event_source_of_a_limited_user_survives_a_compaction() {
    let world = compacted().await;
    let cluster = world.app.read("/app/k").await;
    let cluster = cluster["header"]["cluster_id"].as_str().expect("an id");
    let id = format!("{cluster}-{}", world.written[0]);
    let watch = world.app.get("/watch?prefix=/app/&snapshot");
    let mut stream = Stream::sse(watch, &id).await;
    stream.of("compacted").await;
    stream.of("opened").await;
    assert_eq!(stream.of("snapshot").await["entries"][0]["value"], "4");
    let next = world.app.write("/app/k", "5").await;
    assert_eq!(revisions_of(&stream.until(next).await), [next]);
}

#[tokio::test]
async fn history_that_ends_in_a_compaction_is_readable_by_a_limited_user() {
    let world = compacted().await;
    for query in ["", "&deleted"] {
        let path = format!("/history?key={}{query}", percent("/app/k"));
        for client in [&world.app, &world.bearer] {
            let page = client.get(&path).send().await.json(200);
            assert_eq!(page["ended_by"], "compaction", "{page}");
            assert_eq!(page["compacted_revision"], world.written[2], "{page}");
            let values = page["entries"].as_array().expect("a list");
            let values: Vec<_> = values.iter().map(|one| one["value"].as_str()).collect();
            assert_eq!(values, [Some("4"), Some("3"), Some("2")]);
        }
    }
    let refused = world.app.get("/history?key=/other").send().await;
    refused.problem(403, "forbidden");
}

#[tokio::test]
async fn an_empty_import_needs_no_permission_on_any_key() {
    let world = compacted().await;
    for client in [&world.app, &world.bearer] {
        let import = client.ask(http::Method::POST, "/import");
        let import = import.header("content-type", "application/x-ndjson");
        let response = import.body("").send().await.expect(200);
        let end: serde_json::Value = serde_json::from_slice(&response.body).expect("one line");
        assert_eq!(end["end"]["count"], 0, "{end}");
        let revision = end["end"]["header"]["revision"].as_i64();
        assert_eq!(revision, Some(world.written[4]), "{end}");
    }
    // The keys of a non-empty file still need permission.
    let root = world.gateway.api().signed("root", ROOT);
    let import = world.app.ask(http::Method::POST, "/import");
    let import = import.header("content-type", "application/x-ndjson");
    let import = import.body("{\"key\":\"/other\",\"value\":\"1\"}\n");
    import.send().await.problem(403, "forbidden");
    let absent = root.get(&key_query("/other")).send().await;
    absent.problem(404, "key_not_found");
}
