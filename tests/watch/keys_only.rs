//! Watches without values, and with closed folders, whose changes are counted.

use serde_json::{Value, json};
use support::{Stream, World, percent};

/// A value that would be noticed.
fn large() -> String {
    "value ".repeat(20_000)
}

#[tokio::test]
async fn events_without_values_have_every_other_member_on_every_transport() {
    let world = World::new("keys-only").await;
    let lease = world
        .api
        .post("/leases", &json!({"ttl": 600}))
        .send()
        .await
        .json(201);
    let lease = lease["id"].as_str().expect("an id").to_owned();
    let first = world.put("k", &large()).await;
    let path = format!(
        "/watch?prefix={}&keys_only&prev&revision={first}",
        percent(&world.prefix)
    );
    let key = format!("{}&lease={lease}", support::key_query(world.key("k")));
    let put = world.api.put(&key, large()).send().await.json(200);
    let second = put["mod_revision"].as_i64().expect("a revision");
    let size = large().len();
    for mut stream in Stream::by_every_transport(&world.api, &path).await {
        stream.expect_type("opened").await;
        let events = stream.until(second).await;
        let text = json!(events).to_string();
        assert!(text.len() < 2_000, "{text}");
        let created = json!({
            "type": "put", "key": world.key("k"), "create_revision": first, "mod_revision": first,
            "version": 1, "size": size, "prev": null,
        });
        assert_eq!(events[0], created);
        let prev = json!({
            "key": world.key("k"), "create_revision": first, "mod_revision": first, "version": 1,
        });
        let updated = json!({
            "type": "put", "key": world.key("k"), "create_revision": first, "mod_revision": second,
            "version": 2, "lease": lease, "size": size, "prev": prev,
        });
        assert_eq!(events[1], updated);
    }
}

#[tokio::test]
async fn a_snapshot_without_values_has_every_key_and_no_lease() {
    let world = World::new("keys-only-snapshot").await;
    for name in ["a", "b"] {
        world.put(name, &large()).await;
    }
    let path = format!(
        "/watch?prefix={}&keys_only&snapshot",
        percent(&world.prefix)
    );
    let mut stream = Stream::ndjson(world.api.get(&path)).await;
    stream.expect_type("opened").await;
    let snapshot = stream.expect_type("snapshot").await;
    let entries = snapshot["entries"].as_array().expect("entries");
    let keys: Vec<&Value> = entries.iter().map(|entry| &entry["key"]).collect();
    assert_eq!(keys, [&world.key("a"), &world.key("b")]);
    assert!(entries.iter().all(|entry| entry.get("value").is_none()));
    assert!(snapshot.to_string().len() < 2_000);
    // The same as an operation, from the snapshot on.
    let mut socket = Stream::socket(&world.api, "/watch").await;
    socket
        .send(&json!({"op": "watch", "id": "w", "prefix": world.prefix, "keys_only": true, "snapshot": true}))
        .await;
    socket.expect_type("opened").await;
    assert_eq!(
        socket.expect_type("snapshot").await["entries"],
        snapshot["entries"]
    );
    let revision = world.put("c", &large()).await;
    let events = socket.until(revision).await;
    assert_eq!(events[0]["size"], large().len());
    assert!(events[0].get("value").is_none());
}

/// The sums of the folders in a message, by prefix relative to the world's: created, updated, deleted.
fn folders(world: &World, message: &Value) -> Vec<(String, [i64; 3])> {
    let folders = message["folders"].as_array().cloned().unwrap_or_default();
    let of = |folder: &Value| {
        let prefix = folder["prefix"].as_str().expect("UTF-8");
        let prefix = prefix.strip_prefix(&world.prefix).expect("in the range");
        let number = |name: &str| folder[name].as_i64().unwrap_or(0);
        let counts = ["created", "updated", "deleted"].map(number);
        (prefix.to_owned(), counts)
    };
    folders.iter().map(of).collect()
}

#[tokio::test]
async fn changes_in_closed_folders_are_counted_and_lose_nothing_across_reconnections() {
    let world = World::new("closed").await;
    let open = percent(world.key("open/"));
    let watch = |from: i64| {
        let prefix = percent(&world.prefix);
        world.api.get(&format!(
            "/watch?prefix={prefix}&keys_only&collapse=/&open={open}&revision={from}"
        ))
    };
    let first = world.put("key", "1").await;
    world.put("open/a", "1").await;
    for n in 0..20 {
        world.put(&format!("closed/{}", n % 10), "1").await;
    }
    world.put("open/inner/a", "1").await;
    let deleted = percent(world.key("closed/3"));
    world
        .api
        .delete(&format!("/kv?key={deleted}"))
        .send()
        .await
        .json(200);
    let last = world.put("open/b", "1").await;
    let mut from = first;
    let mut keys = Vec::new();
    let mut sums: std::collections::BTreeMap<String, [i64; 3]> = std::collections::BTreeMap::new();
    // Another connection for each message.
    while from <= last {
        let mut stream = Stream::ndjson(watch(from)).await;
        stream.expect_type("opened").await;
        let message = stream.expect_type("events").await;
        for event in message["events"].as_array().expect("events") {
            keys.push(event["key"].as_str().expect("UTF-8").to_owned());
        }
        for (prefix, counts) in folders(&world, &message) {
            let sum = sums.entry(prefix).or_default();
            for (sum, count) in sum.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        from = message["revision"].as_i64().expect("a revision") + 1;
    }
    assert_eq!(
        keys,
        ["key", "open/a", "open/b"].map(|name| world.key(name))
    );
    let expected = [
        ("closed/".to_owned(), [10, 10, 1]),
        ("open/inner/".to_owned(), [1, 0, 0]),
    ];
    assert_eq!(sums, expected.into());
}

#[tokio::test]
async fn a_busy_closed_folder_costs_a_message_a_second() {
    let world = World::new("busy").await;
    let prefix = percent(&world.prefix);
    let path = format!("/watch?prefix={prefix}&keys_only&collapse=/");
    let mut stream = Stream::socket(&world.api, &path).await;
    stream.expect_type("opened").await;
    let start = tokio::time::Instant::now();
    let (mut written, value) = (0_i64, large());
    while start.elapsed() < std::time::Duration::from_secs(3) {
        world
            .put(&format!("closed/{}", written % 100), &value)
            .await;
        written += 1;
    }
    let seconds = start.elapsed().as_secs() as i64;
    let (mut messages, mut bytes, mut counted) = (0, 0, 0);
    while counted < written {
        let message = stream.expect_type("events").await;
        assert_eq!(message["events"], json!([]));
        bytes += message.to_string().len();
        messages += 1;
        for (_, [created, updated, _]) in folders(&world, &message) {
            counted += created + updated;
        }
    }
    assert_eq!(counted, written);
    // One at once, then one a second.
    assert!(
        messages <= seconds + 2,
        "{messages} messages in {seconds} s"
    );
    assert!(bytes < 2_000, "{bytes} bytes for {written} changes");
    // A key of the open level does not wait for that second.
    let revision = world.put("key", "1").await;
    let events = stream.until(revision).await;
    assert_eq!(events[0]["key"], world.key("key"));
}

#[tokio::test]
async fn an_invalid_combination_of_options_is_refused() {
    let world = World::new("collapse-invalid").await;
    for query in [
        "key=a&collapse=/",
        "prefix=a&collapse",
        "prefix=a&open=a/",
        "prefix=a&collapse=/&snapshot",
        "prefix=a&keys_only=maybe",
    ] {
        let refused = world.api.get(&format!("/watch?{query}")).send().await;
        refused.problem(400, "bad_request");
    }
    let mut socket = Stream::socket(&world.api, "/watch").await;
    socket
        .send(&json!({"op": "watch", "id": "w", "prefix": "a", "collapse": "/", "snapshot": true}))
        .await;
    let error = socket.expect_type("error").await;
    assert_eq!(
        (&error["id"], &error["code"]),
        (&json!("w"), &json!("bad_request"))
    );
}
