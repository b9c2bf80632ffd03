//! The WebSocket form of every path.

use std::time::Duration;

use serde_json::{Value, json};
use support::proxy::Proxy;
use support::stream::Ended;
use support::{Client, DEADLINE, Stream, ensure, eventually};

use crate::case;
use crate::differences::Difference;
use crate::side::{Side, b64, number, text};

async fn line(socket: &mut Stream) -> Value {
    let line = socket.line_within(DEADLINE).await;
    line.unwrap_or_else(|ended| panic!("the socket has ended: {ended:?}"))
}

async fn result(socket: &mut Stream) -> Value {
    let mut line = line(socket).await;
    assert!(line.get("result").is_some(), "{line}");
    line["result"].take()
}

/// Waits until the socket ends, in any way.
async fn wait_for_end(socket: &mut Stream) -> Ended {
    socket.wait_for_end(DEADLINE).await
}

case!(
    a_socket_creates_cancels_and_asks_for_progress,
    tls,
    |side| {
        let mut socket = side.socket("/v3/watch", &[]).await;
        let create = |name: &str, id: i64| json!({"create_request": {"key": side.key(name), "watch_id": id}});
        socket.send(&create("a", 1)).await;
        assert_eq!(result(&mut socket).await["watch_id"], "1");
        socket.send(&create("b", 2)).await;
        assert_eq!(result(&mut socket).await["watch_id"], "2");
        side.put("a", "x").await;
        let response = result(&mut socket).await;
        assert_eq!(response["watch_id"], "1");
        assert_eq!(response["events"][0]["kv"]["value"], b64("x"));
        socket.send(&json!({"cancelRequest": {"watchId": 1}})).await;
        let response = result(&mut socket).await;
        assert_eq!(
            (&response["watch_id"], &response["canceled"]),
            (&json!("1"), &json!(true))
        );
        side.put("a", "unseen").await;
        side.put("b", "seen").await;
        let response = result(&mut socket).await;
        assert_eq!(response["events"][0]["kv"]["value"], b64("seen"));
        socket.send(&json!({"progress_request": {}})).await;
        let response = result(&mut socket).await;
        assert!(number(&response["header"]["revision"]) > 0 && response.get("events").is_none());
    }
);

case!(a_request_may_span_several_messages, |side| {
    let mut socket = side.socket("/v3/watch", &[]).await;
    let create = json!({"create_request": {"key": side.key("p")}}).to_string();
    let (first, second) = create.split_at(r#"{"create_request":"#.len());
    socket.send_text(first).await;
    socket.send_text(second).await;
    assert_eq!(result(&mut socket).await["created"], true);
});

case!(a_lease_is_kept_alive_over_a_socket, |side| {
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 60})).await;
    let mut socket = side.socket("/v3/lease/keepalive", &[]).await;
    for _ in 0..3 {
        socket.send(&json!({"ID": granted["ID"]})).await;
        assert_eq!(result(&mut socket).await["TTL"], "60");
    }
});

case!(a_unary_request_has_one_response_over_a_socket, |side| {
    if side.has(Difference::SocketsRespondAfterClose) {
        return;
    }
    let mut socket = side.socket("/v3/kv/put", &[]).await;
    let put = json!({"key": side.key("s"), "value": b64("v")});
    socket.send(&put).await;
    let response = line(&mut socket).await;
    assert!(response["header"]["revision"].is_string(), "{response}");
    wait_for_end(&mut socket).await;

    let mut socket = side.socket("/v3/kv/range", &[]).await;
    socket.send(&json!({})).await;
    let response = line(&mut socket).await;
    assert_eq!(
        (&response["code"], &response["message"]),
        (&json!(3), &json!("etcdserver: key is not provided"))
    );
    wait_for_end(&mut socket).await;
});

case!(a_unary_request_over_a_socket_takes_effect, |side| {
    let waits = side.has(Difference::SocketsRespondAfterClose);
    let mut tries = 0;
    eventually("a put takes effect", DEADLINE, async || {
        tries += 1;
        let put = json!({"key": side.key(&format!("s/{tries}")), "value": b64("v")});
        let mut socket = side.socket("/v3/kv/put", &[]).await;
        socket.send(&put).await;
        if !waits {
            line(&mut socket).await;
        }
        // A gateway that waits for the close sends the request only sometimes: it may instead notice first
        // that the client has disconnected.
        drop(socket);
        let keys = side.keys("s/").await;
        ensure(!keys.is_empty(), || format!("none of {tries}"))
    })
    .await;
    assert!(waits || tries == 1);
});

case!(a_snapshot_is_streamed_over_a_socket, |side| {
    if side.has(Difference::SocketsRespondAfterClose) {
        return;
    }
    let mut socket = side.socket("/v3/maintenance/snapshot", &[]).await;
    socket.send(&json!({})).await;
    assert!(result(&mut socket).await["blob"].is_string());
});

case!(closing_a_socket_removes_its_waiter, |side| {
    if side.has(Difference::SocketsRespondAfterClose)
        || side.has(Difference::ClosedSocketsKeepWaiting)
    {
        return;
    }
    let lock = json!({"name": side.key("l")});
    side.call("/v3/lock/lock", &lock).await;
    let mut socket = side.socket("/v3/lock/lock", &[]).await;
    socket.send(&lock).await;
    wait_for_queue(side, 2).await;
    drop(socket);
    wait_for_queue(side, 1).await;
});

async fn wait_for_queue(side: &Side, count: usize) {
    eventually("the queue has its length", DEADLINE, async || {
        let keys = side.keys("l").await;
        ensure(keys.len() == count, || format!("{keys:?}"))
    })
    .await;
}

case!(a_socket_waits_for_a_lock, |side| {
    if side.has(Difference::SocketsRespondAfterClose) {
        return;
    }
    let lock = json!({"name": side.key("l")});
    let first = side.call("/v3/lock/lock", &lock).await;
    let mut socket = side.socket("/v3/lock/lock", &[]).await;
    socket.send(&lock).await;
    wait_for_queue(side, 2).await;
    side.call("/v3/lock/unlock", &json!({"key": first["key"]}))
        .await;
    let response = line(&mut socket).await;
    assert_eq!(side.keys("l").await, [text(&response["key"])]);
});

/// Waits for a key in the queue that is not `known`.
async fn new_in_queue(side: &Side, known: &[&String]) -> String {
    eventually("another client is queued", DEADLINE, async || {
        let keys = side.keys("l").await;
        let other = keys.iter().find(|key| !known.contains(key));
        other.cloned().ok_or(format!("{keys:?}"))
    })
    .await
}

#[tokio::test]
async fn a_client_lost_without_a_close_leaves_no_waiter() {
    let side = Side::ours().await;
    let proxy = Proxy::start(side.client.address());
    let lock = json!({"name": side.key("l")});
    let holder = side.call("/v3/lock/lock", &lock).await["key"].take();
    let mut vanishing = Stream::socket(&Client::to(proxy.address()), "/v3/lock/lock").await;
    vanishing.send(&lock).await;
    let vanishing_key = new_in_queue(&side, &[&text(&holder)]).await;
    // This client sends nothing more either, but it is alive: its reads answer pings.
    let mut staying = side.socket("/v3/lock/lock", &[]).await;
    staying.send(&lock).await;
    let staying_key = new_in_queue(&side, &[&text(&holder), &vanishing_key]).await;
    let waiting = support::spawn(async move {
        let response = staying.line_within(2 * DEADLINE).await;
        response.expect("the socket is open")
    });
    proxy.stall();
    let deadline = Duration::from_secs(45);
    eventually("the waiter's key is deleted", deadline, async || {
        let keys = side.keys("l").await;
        ensure(!keys.contains(&vanishing_key), || format!("{keys:?}"))
    })
    .await;
    assert!(side.keys("l").await.contains(&staying_key));
    side.call("/v3/lock/unlock", &json!({"key": holder})).await;
    let response = waiting.await.expect("no panic");
    assert_eq!(text(&response["key"]), staying_key);
}
