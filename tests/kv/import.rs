//! `POST /import`: an exported file written back into a cluster.

use etcd_client::GetOptions;
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use support::fill::{Numbers, fill};
use support::gateway::InProcess;
use support::http::Request;
use support::locks::{create_leased, grant_lease};
use support::{Client, DEADLINE, Etcd, Response, World, json_bytes, key_query, percent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn import(api: &Client, query: &str, file: impl Into<bytes::Bytes>) -> Request {
    let path = format!("/import{query}");
    api.request(http::Method::POST, &path)
        .header("content-type", "application/x-ndjson")
        .body(file)
}

/// The lines of a response, and the last one separately.
fn report(response: &Response) -> (Vec<Value>, Value) {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), "application/x-ndjson");
    let mut lines = response.lines();
    let last = lines.pop().expect("a last line");
    (lines, last)
}

async fn import_all(api: &Client, query: &str, file: impl Into<bytes::Bytes>) -> Value {
    let (_, last) = report(&import(api, query, file).send().await);
    assert!(last["end"].is_object(), "{last}");
    last["end"].clone()
}

fn line(key: &str, value: &str) -> String {
    format!("{}\n", json!({"key": key, "value": value}))
}

#[tokio::test]
async fn an_export_is_imported_byte_for_byte() {
    let world = World::new("import").await;
    let mut numbers = Numbers::new(7);
    let entries: Vec<_> = (0..2_000)
        .map(|n| {
            let length = numbers.draw() as usize % 400;
            (
                world.key(&format!("{n:04}")).into_bytes(),
                numbers.bytes(length),
            )
        })
        .collect();
    let client = world.client().await;
    fill(&client, entries.clone()).await;
    // An entry so large that it needs a separate transaction.
    let large = Numbers::new(8).bytes(1_400_000);
    world.api.write(world.key("large"), large.clone()).await;
    let prefix = percent(&world.prefix);
    let path = format!("/export?prefix={prefix}");
    let file = world.api.get(&path).send().await.expect(200).body;
    let delete = format!("/kv?prefix={prefix}&confirm=2001");
    world.api.delete(&delete).send().await.json(200);

    let end = import_all(&world.api, "", file.clone()).await;
    assert_eq!(
        (&end["count"], &end["created"]),
        (&json!(2001), &json!(2001))
    );
    assert_eq!(end["complete"], true);
    assert_eq!(end["line"], 2002);
    let options = GetOptions::new().with_prefix();
    let mut kv = client.kv_client().max_decoding_message_size(64 << 20);
    let stored = kv
        .get(world.prefix.as_bytes(), Some(options))
        .await
        .expect("etcd responds");
    let stored: Vec<_> = stored
        .kvs()
        .iter()
        .map(|kv| (kv.key().to_vec(), kv.value().to_vec()))
        .collect();
    assert_eq!(stored[..2000], entries);
    assert_eq!(stored[2000].1, large);

    // A second import writes nothing.
    let before = world
        .api
        .get(&key_query(world.key("large")))
        .send()
        .await
        .revision();
    let again = import_all(&world.api, "", file).await;
    assert_eq!(
        (&again["unchanged"], &again["created"]),
        (&json!(2001), &json!(0))
    );
    let after = world.api.read(world.key("large")).await;
    assert!(after["mod_revision"].as_i64() <= Some(before));
}

#[tokio::test]
async fn a_preview_lists_the_conflicts_and_changes_nothing() {
    let world = World::new("import-preview").await;
    world.put("same", "1").await;
    let revision = world.put("other", "theirs").await;
    let file = [("new", "1"), ("other", "ours"), ("same", "1")]
        .map(|(key, value)| line(&world.key(key), value))
        .concat();
    for (policy, overwritten, skipped) in [("fail", 0, 0), ("skip", 0, 1), ("overwrite", 1, 0)] {
        let query = format!("?dry_run&on_conflict={policy}");
        let response = import(&world.api, &query, file.clone()).send().await;
        assert!(response.revision() >= revision);
        let (lines, last) = report(&response);
        let conflict =
            json!({"conflict": {"line": 2, "key": world.key("other"), "mod_revision": revision}});
        assert_eq!(lines, [conflict], "{policy}");
        let end = &last["end"];
        assert_eq!(end["dry_run"], true);
        let counts = [
            "created",
            "unchanged",
            "conflicts",
            "overwritten",
            "skipped",
        ];
        let counts = counts.map(|name| end[name].as_i64().expect("a count"));
        assert_eq!(counts, [1, 1, 1, overwritten, skipped], "{policy}");
    }
    world
        .api
        .get(&key_query(world.key("new")))
        .send()
        .await
        .problem(404, "key_not_found");
    assert_eq!(
        world.api.read(world.key("other")).await["mod_revision"],
        revision
    );
}

#[tokio::test]
async fn on_conflict_decides_how_a_conflict_is_handled() {
    let world = World::new("import-policy").await;
    let keys: Vec<_> = (0..250).map(|n| world.key(&format!("{n:03}"))).collect();
    let file: String = keys.iter().map(|key| line(key, "ours")).collect();
    let theirs = world.put("150", "theirs").await;

    let (lines, last) = report(&import(&world.api, "", file.clone()).send().await);
    assert_eq!(last["error"]["code"], "conflict", "{last}");
    assert_eq!(last["error"]["status"], 409);
    assert_eq!(
        last["resume_from"], 151,
        "the lines before were imported: {last}"
    );
    assert_eq!(last["done"]["created"], 150);
    let conflict = json!({"conflict": {"line": 151, "key": keys[150], "mod_revision": theirs}});
    assert_eq!(lines.last(), Some(&conflict));
    assert_eq!(world.api.read(&keys[149]).await["value"], "ours");
    assert_eq!(world.api.read(&keys[150]).await["value"], "theirs");
    let none = world.api.get(&key_query(&keys[151])).send().await;
    none.problem(404, "key_not_found");

    let skipped = import_all(&world.api, "?on_conflict=skip", file.clone()).await;
    let counts = |end: &Value| {
        ["created", "unchanged", "skipped", "overwritten"].map(|name| end[name].clone())
    };
    assert_eq!(counts(&skipped), [99, 150, 1, 0].map(Value::from));
    assert_eq!(world.api.read(&keys[150]).await["value"], "theirs");
    let overwritten = import_all(&world.api, "?on_conflict=overwrite", file).await;
    assert_eq!(counts(&overwritten), [0, 249, 0, 1].map(Value::from));
    let now = world.api.read(&keys[150]).await;
    assert_eq!(
        (&now["value"], &now["version"]),
        (&json!("ours"), &json!(2))
    );
}

#[tokio::test]
async fn progress_is_reported_each_second() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    // One report a second: how many keys that takes depends on the machine.
    for size in [20_000, 100_000, 500_000] {
        let file: String = (0..size)
            .map(|n| line(&format!("{size}/{n:06}"), "v"))
            .collect();
        let request = import(&gateway.api(), "", file);
        let (reports, last) = report(&request.send().await);
        assert_eq!(last["end"]["created"], size, "{last}");
        let lines: Vec<u64> = reports
            .iter()
            .map(|report| {
                report["progress"]["line"]
                    .as_u64()
                    .expect("a progress line")
            })
            .collect();
        assert!(lines.is_sorted_by(|a, b| a < b), "{lines:?}");
        let Some(line) = lines.last() else {
            continue;
        };
        assert!((1..=size).contains(line), "{lines:?}");
        let created = reports.last().map(|report| &report["progress"]["created"]);
        assert_eq!(created, Some(&json!(line)), "{reports:?}");
        return;
    }
    panic!("half a million keys were imported without a progress report");
}

#[tokio::test]
async fn an_import_resumes_from_a_line() {
    let world = World::new("import-resume").await;
    let mut file: String = (0..150)
        .map(|n| line(&world.key(&format!("{n:03}")), "v"))
        .collect();
    file.push_str("this is not an entry\n");
    let rest: String = (150..200)
        .map(|n| line(&world.key(&format!("{n:03}")), "v"))
        .collect();
    let (_, last) = report(
        &import(&world.api, "", [file.clone(), rest.clone()].concat())
            .send()
            .await,
    );
    assert_eq!(last["error"]["code"], "bad_request", "{last}");
    let detail = last["error"]["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("line 151: "), "{detail}");
    assert_eq!(
        (&last["resume_from"], &last["done"]["created"]),
        (&json!(151), &json!(150))
    );
    // The line is fixed; the lines before it are ignored.
    let fixed = file.replace("this is not an entry", "").replacen(
        r#""value":"v""#,
        r#""value":"changed""#,
        1,
    );
    let end = import_all(&world.api, "?from_line=151", [fixed, rest].concat()).await;
    assert_eq!(
        (&end["count"], &end["created"], &end["line"]),
        (&json!(50), &json!(50), &json!(201))
    );
    assert!(end.get("complete").is_none(), "part of a file");
    assert_eq!(world.api.read(world.key("000")).await["value"], "v");
    assert_eq!(world.api.read(world.key("199")).await["version"], 1);
}

#[tokio::test]
async fn an_import_stopped_by_etcd_resumes_where_it_stopped() {
    let etcd = Etcd::start_with(&["--quota-backend-bytes=16777216"]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let value = "v".repeat(100_000);
    let file: String = (0..400)
        .map(|n| line(&format!("k{n:03}"), &value))
        .collect();
    let (_, last) = report(&import(&api, "", file.clone()).send().await);
    assert_eq!(last["error"]["code"], "no_space", "{last}");
    let from = last["resume_from"].as_u64().expect("a line");
    assert_eq!(last["done"]["created"], from - 1);
    assert!(from > 1, "some were written: {last}");
    let page = api.get("/kv?prefix=&count_only").send().await.json(200);
    let written = page["count"].as_u64().expect("a count");
    // etcd may report "no space" for the transaction that used the last space.
    assert!(
        (from - 1..from + 10).contains(&written),
        "{written}: {last}"
    );
    // The first lines after the resumption may therefore exist already, which is harmless.
    let again = format!("?dry_run&from_line={from}");
    let end = import_all(&api, &again, file).await;
    assert_eq!(end["unchanged"], written + 1 - from);
    assert_eq!(end["conflicts"], 0);
}

#[tokio::test]
async fn leases_are_dropped_or_kept_where_they_exist() {
    let world = World::new("import-leases").await;
    let alive = grant_lease(&world.api, 600).await;
    let own = grant_lease(&world.api, 600).await;
    create_leased(&world.api, &world.key("present"), "old", &own).await;
    let entry = |key: &str, lease: &str| {
        format!(
            "{}\n",
            json!({"key": world.key(key), "value": "new", "lease": lease})
        )
    };
    let file = [
        entry("a", &alive),
        entry("b", "7d0"),
        entry("present", &alive),
    ]
    .concat();
    let lease = async |key: &str| world.api.read(world.key(key)).await["lease"].clone();

    let end = import_all(&world.api, "?on_conflict=overwrite", file.clone()).await;
    assert_eq!(
        (&end["created"], &end["overwritten"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(lease("a").await, Value::Null);
    assert_eq!(
        lease("present").await,
        json!(own),
        "a present key keeps its lease"
    );

    // Only the lease differs now, which is a conflict with `leases=keep`.
    let kept = import_all(
        &world.api,
        "?on_conflict=overwrite&leases=keep",
        file.clone(),
    )
    .await;
    assert_eq!(
        (&kept["overwritten"], &kept["unchanged"]),
        (&json!(2), &json!(1)),
        "{kept}"
    );
    assert_eq!(lease("a").await, json!(alive));
    assert_eq!(lease("b").await, Value::Null, "the lease does not exist");
    assert_eq!(lease("present").await, json!(alive));
    world
        .api
        .delete(&key_query(world.key("b")))
        .send()
        .await
        .json(200);
    let again = import_all(&world.api, "?leases=keep", file).await;
    let counts = ["created", "unchanged", "leases_missing"].map(|name| again[name].clone());
    assert_eq!(counts, [1, 2, 1].map(Value::from));
}

#[tokio::test]
async fn a_key_given_twice_conflicts_with_itself() {
    let world = World::new("import-twice").await;
    let file = ["1", "2"]
        .map(|value| line(&world.key("k"), value))
        .concat();
    let (_, last) = report(&import(&world.api, "", file.clone()).send().await);
    assert_eq!(
        (&last["error"]["code"], &last["resume_from"]),
        (&json!("conflict"), &json!(2))
    );
    import_all(&world.api, "?on_conflict=overwrite", file).await;
    let now = world.api.read(world.key("k")).await;
    assert_eq!((&now["value"], &now["version"]), (&json!("2"), &json!(2)));
}

#[tokio::test]
async fn a_truncated_file_is_reported_as_incomplete() {
    let world = World::new("import-cut").await;
    let entry = line(&world.key("k"), "v");
    let complete =
        async |file: String| import_all(&world.api, "?dry_run", file).await["complete"].clone();
    assert_eq!(complete(entry.clone()).await, false);
    assert_eq!(
        complete(format!("{entry}{{\"end\":{{\"count\":1}}}}")).await,
        true
    );
    assert_eq!(
        complete(format!("{entry}{{\"end\":{{\"count\":2}}}}")).await,
        false
    );
    assert_eq!(complete(String::new()).await, false);
    let failed = format!("{entry}{}\n", json!({"error": {"code": "compacted"}}));
    let (_, last) = report(&import(&world.api, "?dry_run", failed).send().await);
    assert_eq!(last["error"]["code"], "unprocessable", "{last}");
    assert_eq!(last["resume_from"], 2);
}

#[tokio::test]
async fn an_error_before_the_first_line_is_an_ordinary_response() {
    let world = World::new("import-wrong").await;
    let entry = line(&world.key("k"), "v");
    let json = world.api.post("/import", &json!({})).body(entry.clone());
    let problem = json.send().await.problem(415, "unsupported_media_type");
    assert!(problem["hint"].is_string());
    let bare = world.api.post_empty("/import").body(entry.clone());
    bare.send().await.problem(415, "unsupported_media_type");
    for (query, code) in [
        ("?timeout=5s", "bad_request"),
        ("?on_conflict=merge", "bad_request"),
        ("?leases=all", "bad_request"),
        ("?from_line=0", "bad_request"),
        ("?dryrun", "unknown_parameter"),
    ] {
        import(&world.api, query, entry.clone())
            .send()
            .await
            .problem(400, code);
    }
    for bad in [
        "x",
        "[]",
        "null",
        r#"{"key":"k"}"#,
        r#"{"key":"","value":"v"}"#,
        r#"{"key":"k","value":"v","x":1}"#,
    ] {
        let problem = import(&world.api, "", bad)
            .send()
            .await
            .problem(400, "bad_request");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.starts_with("line 1: "), "{detail}");
    }
    let long = "x".repeat(17 << 20);
    import(&world.api, "", long)
        .send()
        .await
        .problem(413, "too_large");
    let huge = line(&world.key("k"), &"v".repeat(2_000_000));
    import(&world.api, "", huge)
        .send()
        .await
        .problem(413, "too_large");
    world
        .api
        .get(&key_query(world.key("k")))
        .send()
        .await
        .problem(404, "key_not_found");
}

#[tokio::test]
async fn a_read_only_gateway_previews() {
    let world = World::with("import-read-only", &["--read-only"]).await;
    let entry = line(&world.key("k"), "v");
    import(&world.api, "", entry.clone())
        .send()
        .await
        .problem(403, "read_only");
    assert_eq!(
        import_all(&world.api, "?dry_run", entry).await["created"],
        1
    );
}

#[tokio::test]
async fn lower_limits_of_etcd_are_detected() {
    let etcd = Etcd::start_with(&["--max-txn-ops=9", "--max-request-bytes=300000"]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let file: String = (0..300)
        .map(|n| line(&format!("k{n:03}"), &"v".repeat(20_000)))
        .collect();
    let end = import_all(&api, "", file).await;
    assert_eq!(end["created"], 300);
    let page = api.get("/kv?prefix=&count_only").send().await.json(200);
    assert_eq!(page["count"], 300);
}

#[tokio::test]
async fn concurrent_writes_are_not_overwritten() {
    let world = World::new("import-race").await;
    let keys: Vec<_> = (0..40).map(|n| world.key(&format!("{n:02}"))).collect();
    let file: String = keys.iter().map(|key| line(key, "file")).collect();
    let writers = (0..4).map(|writer| {
        let (api, keys) = (&world.api, &keys);
        async move {
            for key in keys.iter().skip(writer).step_by(4) {
                let create = api
                    .put(&key_query(key), "theirs")
                    .header("if-none-match", "*");
                create.send().await;
            }
        }
    });
    let importing = async {
        let response = import(&world.api, "?on_conflict=skip", file).send().await;
        report(&response).1
    };
    let (_, last) = tokio::join!(join_all(writers), importing);
    let end = &last["end"];
    let count = |name: &str| end[name].as_i64().expect("a count");
    assert_eq!(count("created") + count("skipped"), 40, "{last}");
    let path = format!("/kv?prefix={}", percent(&world.prefix));
    let page = world.api.get(&path).send().await.json(200);
    let entries = page["entries"].as_array().expect("entries");
    let ours = entries
        .iter()
        .filter(|entry| entry["value"] == "file")
        .count();
    assert_eq!(ours as i64, count("created"));
    assert!(
        entries.iter().all(|entry| entry["version"] == 1),
        "each was created once"
    );
}

/// Entries with keys and values of any bytes.
fn any_entries() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let key = prop::collection::vec(any::<u8>(), 0..24);
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "\\PC{0,40}".prop_map(String::into_bytes),
    ];
    prop::collection::btree_map(key, value, 0..60).prop_map(|map| map.into_iter().collect())
}

#[test]
fn importing_an_export_restores_it() {
    let runtime = tokio::runtime::Runtime::new().expect("the system has threads");
    let world = runtime.block_on(World::new("import-property"));
    let mut runner = TestRunner::new(Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    });
    let tested = runner.run(&any_entries(), |entries| {
        runtime.block_on(round_trip(&world, entries));
        Ok(())
    });
    tested.expect("an imported export equals the original");
}

async fn round_trip(world: &World, entries: Vec<(Vec<u8>, Vec<u8>)>) {
    let prefix = format!("{}{}/", world.prefix, support::unique("case"));
    let entries: Vec<_> = entries
        .into_iter()
        .map(|(key, value)| ([prefix.as_bytes(), &key].concat(), value))
        .collect();
    let put = |(key, value): &(Vec<u8>, Vec<u8>)| json!({"put": {"key": json_bytes(key), "value": json_bytes(value)}});
    let puts: Vec<_> = entries.iter().map(put).collect();
    world
        .api
        .post("/txn", &json!({"then": puts}))
        .send()
        .await
        .json(200);
    let path = format!("/export?prefix={}", percent(&prefix));
    let file = world.api.get(&path).send().await.expect(200).body;
    let all = json!({"then": [{"delete": {"prefix": prefix}}]});
    world.api.post("/txn", &all).send().await.json(200);
    let end = import_all(&world.api, "", file.clone()).await;
    assert_eq!(
        (&end["created"], &end["complete"]),
        (&json!(entries.len()), &json!(true))
    );
    let options = GetOptions::new().with_prefix();
    let mut client = world.client().await;
    let stored = client
        .get(prefix.as_bytes(), Some(options))
        .await
        .expect("etcd responds");
    let stored: Vec<_> = stored
        .kvs()
        .iter()
        .map(|kv| (kv.key().to_vec(), kv.value().to_vec()))
        .collect();
    assert_eq!(stored, entries);
}

/// The gateway waits 30 s for the next byte.
#[tokio::test]
async fn a_client_that_pauses_gets_an_error_about_the_pause() {
    let world = World::new("paused").await;
    let address = world.api.address();
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the gateway listens");
    let first = line(&world.key("a"), "1");
    let head = format!(
        "POST /api/v1/import HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{first}",
        first.len() + 1,
    );
    stream
        .write_all(head.as_bytes())
        .await
        .expect("the gateway reads the request");
    let mut got = Vec::new();
    let read = timeout(3 * DEADLINE, stream.read_to_end(&mut got));
    read.await.expect("a response in time").expect("a response");
    let text = String::from_utf8(got).expect("text");
    let timed_out = "request body timed out: no byte arrived for 30 s";
    assert!(text.contains(timed_out), "{text}");
    assert!(!text.contains("ended early"), "{text}");
    assert!(text.contains("\"resume_from\":"), "{text}");
}
