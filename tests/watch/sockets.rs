//! Many watches on one socket: open, refuse, cancel, pause, resume, close.

use serde_json::json;
use support::stream::Ended;
use support::{DEADLINE, Stream, World, percent, revisions_of};

#[tokio::test]
async fn many_watches_share_a_socket() {
    let world = World::new("many").await;
    let mut socket = Stream::socket(&world.api, "/watch").await;
    for n in 0..20 {
        let prefix = world.key(&format!("{n:02}/"));
        socket
            .send(&json!({"op": "watch", "id": format!("w{n}"), "prefix": prefix}))
            .await;
    }
    socket.send(&json!({"op": "watch", "id": "all", "prefix": world.prefix, "only": ["put"], "prev": true})).await;
    for _ in 0..21 {
        socket.expect_type("opened").await;
    }
    for n in [7, 3] {
        let revision = world.put(&format!("{n:02}/k"), "v").await;
        let mut ids = Vec::new();
        for _ in 0..2 {
            let events = socket.expect_type("events").await;
            assert_eq!(events["revision"], revision);
            ids.push(events["id"].as_str().expect("an id").to_owned());
        }
        ids.sort();
        assert_eq!(ids, ["all".to_owned(), format!("w{n}")]);
    }
}

#[tokio::test]
async fn an_invalid_message_is_an_error_and_closes_nothing() {
    let world = World::new("errors").await;
    let mut socket = Stream::socket(&world.api, "/watch").await;
    let prefix = &world.prefix;
    socket
        .send(&json!({"op": "watch", "id": "w", "prefix": prefix}))
        .await;
    socket.expect_type("opened").await;
    for (op, id) in [
        (
            json!({"op": "watch", "id": "w", "prefix": prefix}),
            Some("w"),
        ),
        (json!({"op": "watch", "id": "x"}), Some("x")),
        (
            json!({"op": "watch", "id": "x", "prefix": prefix, "revision": 0}),
            Some("x"),
        ),
        (
            json!({"op": "watch", "id": "x", "prefix": prefix, "revision": -1}),
            Some("x"),
        ),
        (
            json!({"op": "watch", "id": "x", "prefix": prefix, "key": prefix}),
            Some("x"),
        ),
        (
            json!({"op": "watch", "id": "x", "prefix": prefix, "perv": true}),
            Some("x"),
        ),
        (
            json!({"op": "watch", "id": "x", "prefix": prefix, "only": ["puts"]}),
            Some("x"),
        ),
        (json!({"op": "cancel", "id": "unknown"}), Some("unknown")),
        (json!({"op": "pause", "id": "unknown"}), Some("unknown")),
        (json!({"op": "dance", "id": "w"}), None),
        (json!({"id": "x"}), None),
        (json!({"op": "watch", "prefix": prefix}), None),
        (json!([]), None),
        (json!("watch"), None),
        (json!(null), None),
    ] {
        socket.send(&op).await;
        let error = socket.expect_type("error").await;
        for member in ["code", "detail"] {
            assert!(
                error[member].as_str().is_some_and(|text| !text.is_empty()),
                "{op}: {error}"
            );
        }
        if let Some(id) = id {
            assert_eq!(error["id"], id, "{op}: {error}");
        }
    }
    for text in ["", "{", "nonsense", "{\"op\":", "\u{0}"] {
        socket.send_text(text).await;
        socket.expect_type("error").await;
    }
    let revision = world.put("a", "v").await;
    assert_eq!(socket.expect_type("events").await["revision"], revision);
}

#[tokio::test]
async fn a_cancelled_watch_delivers_nothing_and_frees_its_id() {
    let world = World::new("cancel").await;
    let mut socket = Stream::socket(&world.api, "/watch").await;
    let open = json!({"op": "watch", "id": "w", "prefix": world.prefix});
    socket.send(&open).await;
    socket.expect_type("opened").await;
    let first = world.put("a", "1").await;
    assert_eq!(socket.until(first).await.len(), 1);
    socket.send(&json!({"op": "cancel", "id": "w"})).await;
    let closed = socket.expect_type("closed").await;
    assert_eq!(
        (&closed["code"], &closed["id"]),
        (&json!("cancelled"), &json!("w"))
    );
    assert!(closed["detail"].is_string());
    world.put("a", "2").await;
    socket.send(&open).await;
    let again = socket.expect_type("opened").await;
    assert!(
        again["revision"].as_i64() > Some(first + 1),
        "the watch starts at the current revision"
    );
    let last = world.put("a", "3").await;
    assert_eq!(revisions_of(&socket.until(last).await), [last]);
}

#[tokio::test]
async fn a_paused_watch_loses_nothing() {
    let world = World::new("pause").await;
    let mut socket = Stream::socket(&world.api, "/watch").await;
    for id in ["paused", "free"] {
        socket
            .send(&json!({"op": "watch", "id": id, "prefix": world.prefix}))
            .await;
        assert_eq!(socket.expect_type("opened").await["id"], id);
    }
    let first = world.put("a", "1").await;
    for _ in 0..2 {
        assert_eq!(socket.expect_type("events").await["revision"], first);
    }
    socket.send(&json!({"op": "pause", "id": "paused"})).await;
    let paused = socket.expect_type("paused").await;
    assert_eq!(
        (&paused["id"], &paused["revision"]),
        (&json!("paused"), &json!(first))
    );
    let mut written = Vec::new();
    for n in 0..30 {
        written.push(world.put("a", &n.to_string()).await);
    }
    let mut free = Vec::new();
    while free.last() != written.last() {
        let events = socket.expect_type("events").await;
        assert_eq!(
            events["id"], "free",
            "a paused watch delivers nothing: {events}"
        );
        free.extend(revisions_of(events["events"].as_array().expect("events")));
    }
    assert_eq!(free, written);
    socket.send(&json!({"op": "resume", "id": "paused"})).await;
    let mut resumed = Vec::new();
    while resumed.last() != written.last() {
        let message = socket.next().await;
        assert_eq!(message["id"], "paused");
        if message["type"] == "events" {
            resumed.extend(revisions_of(message["events"].as_array().expect("events")));
        }
    }
    assert_eq!(resumed, written);
}

#[tokio::test]
async fn a_socket_opened_with_a_range_accepts_more_watches() {
    let world = World::new("range-socket").await;
    let path = format!("/watch?prefix={}", percent(&world.prefix));
    let mut socket = Stream::socket(&world.api, &path).await;
    assert_eq!(
        socket.expect_type("opened").await["id"],
        "0",
        "the first watch has id 0"
    );
    socket
        .send(&json!({"op": "watch", "id": "w1", "key": world.key("a")}))
        .await;
    assert_eq!(socket.expect_type("opened").await["id"], "w1");
    socket.send(&json!({"op": "cancel", "id": "0"})).await;
    assert_eq!(socket.expect_type("closed").await["id"], "0");
    let revision = world.put("a", "1").await;
    let events = socket.expect_type("events").await;
    assert_eq!(
        (&events["id"], &events["revision"]),
        (&json!("w1"), &json!(revision))
    );
}

#[tokio::test]
async fn bytes_are_accepted_as_base64() {
    let world = World::new("base64").await;
    let mut socket = Stream::socket(&world.api, "/watch").await;
    let prefix = [world.prefix.as_bytes(), b"\xff"].concat();
    let op = json!({"op": "watch", "id": "w", "prefix": support::json_bytes(&prefix)});
    socket.send(&op).await;
    socket.expect_type("opened").await;
    world.put("plain", "v").await;
    let key = [&prefix[..], b"\xfe"].concat();
    let revision = world.api.write(&key, "v").await;
    let events = socket.expect_type("events").await;
    assert_eq!(events["revision"], revision);
    assert_eq!(events["events"][0]["key"], support::json_bytes(&key));
}

#[tokio::test]
async fn malformed_messages_close_the_socket_with_a_code() {
    let world = World::new("malformed").await;
    let mut socket = Stream::socket(&world.api, "/watch").await;
    socket.send_pieces(&[b"{\xff"], true).await;
    assert_eq!(
        socket.wait_for_end(DEADLINE).await,
        Ended::Orderly(Some(1007.into()))
    );
    let mut socket = Stream::socket(&world.api, "/watch").await;
    // The last fragment exceeds the limit: none is left unread, so the connection is not reset.
    let piece = vec![b'x'; 64 << 10];
    socket.send_pieces(&[&piece[..]; 17], false).await;
    assert_eq!(
        socket.wait_for_end(DEADLINE).await,
        Ended::Orderly(Some(1009.into()))
    );
}

/// Codes with which RFC 6455 permits a client to close, and a close without a code.
const CODES: [Option<u16>; 4] = [Some(1000), Some(1001), Some(4321), None];

#[tokio::test]
async fn every_socket_echoes_the_clients_close_code() {
    let world = World::new("closing").await;
    let name = |name: &str| percent(world.key(name));
    let leader = json!({"ttl": 60, "value": "one"});
    let leading = world
        .api
        .post(&format!("/elections/{}/hold", name("led")), &leader);
    let _leading = Stream::ndjson(leading).await;
    let held = world.api.post(
        &format!("/locks/{}/hold", name("held")),
        &json!({"ttl": 60}),
    );
    let mut held = Stream::ndjson(held).await;
    held.expect_type("acquired").await;
    for code in CODES {
        for path in [
            "/watch".to_owned(),
            format!("/watch?prefix={}", name("")),
            format!("/watch?prefix={}&snapshot", name("")),
            "/locks?live".to_owned(),
            format!("/locks/{}?live", name("held")),
            "/leases/hold?ttl=60".to_owned(),
            format!("/locks/{}/hold?ttl=60", name("free")),
            // The next two sockets wait for the lock and the leadership.
            format!("/locks/{}/hold?ttl=60", name("held")),
            format!("/elections/{}/hold?ttl=60&value=two", name("led")),
            format!("/elections/{}/observe", name("led")),
            format!("/elections/{}/observe", name("unknown")),
        ] {
            let mut socket = Stream::socket(&world.api, &path).await;
            let ended = socket.close(code, DEADLINE).await;
            let expected = Ended::Orderly(code.map(Into::into));
            assert_eq!(ended, expected, "{path} closed with {code:?}");
        }
    }
}

#[tokio::test]
async fn a_close_is_echoed_during_a_long_history() {
    let world = World::new("closing-busy").await;
    let key = world.key("k").into_bytes();
    let client = world.client().await;
    let first = support::fill::fill(&client, [(key.clone(), vec![b'v'; 100])]).await;
    for _ in 0..40 {
        // Each is one revision, because a transaction can write a key only once.
        support::fill::fill(&client, [(key.clone(), vec![b'v'; 500_000])]).await;
    }
    let path = format!("/watch?key={}&revision={first}", percent(world.key("k")));
    let mut socket = Stream::socket(&world.api, &path).await;
    socket.expect_type("opened").await;
    let ended = socket.close(Some(4321), DEADLINE).await;
    assert_eq!(ended, Ended::Orderly(Some(4321_u16.into())));
}
