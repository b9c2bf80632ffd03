//! `Grpc-Timeout`: how long a unary call, a stream or a socket may take.

use std::time::Duration;

use serde_json::json;
use support::stream::Ended;
use support::{DEADLINE, Stream, ensure, eventually};
use tokio::time::Instant;

use crate::case;
use crate::differences::Difference;
use crate::side::{Results, Side, b64};

/// The timeout as the header's value and as a `Duration`.
const TIMEOUT: (&str, Duration) = ("300m", Duration::from_millis(300));

case!(a_call_times_out_after_grpc_timeout, |side| {
    // Another client holds the lock, so that this one waits.
    let name = side.key("lock");
    side.call("/v3/lock/lock", &json!({"name": name})).await;
    let waiting = side
        .request("/v3/lock/lock", &json!({"name": name}))
        .header("grpc-timeout", TIMEOUT.0);
    let message = side.expect_error_of(waiting, 504, 4).await;
    assert!(is_timeout_message(side, &message), "{message}");
    for wrong in ["x", "5", "5s", "1.5S"] {
        let request = side
            .request("/v3/kv/range", &json!({"key": name}))
            .header("grpc-timeout", wrong);
        side.expect_error_of(request, 400, 3).await;
    }
    let request = side
        .request("/v3/kv/range", &json!({"key": name}))
        .header("grpc-timeout", "10S");
    request.send().await.expect(200);
});

/// Whether the message reports a timeout.
fn is_timeout_message(side: &Side, message: &str) -> bool {
    // etcd's gateway sometimes sees the reset of the stream before its own timer.
    let reset_first = !side.ours && message.contains("RST_STREAM");
    reset_first || message.contains("deadline exceeded")
}

case!(a_stream_times_out_after_grpc_timeout, |side| {
    let create = json!({"create_request": {"key": side.key("k")}});
    let started = Instant::now();
    let request = side.request("/v3/watch", &create);
    let mut watch = Results::open(request.header("grpc-timeout", TIMEOUT.0)).await;
    assert_eq!(watch.next().await["created"], true);
    // The response has started, so the error is in the stream.
    let (code, message) = side.stream_error(&watch.error().await);
    assert!(started.elapsed() >= TIMEOUT.1, "timed out too early");
    assert_eq!(code, 4, "{message}");
    assert!(is_timeout_message(side, &message), "{message}");
    // There is no leader, so there is nothing to observe and the response has not started.
    let observe = json!({"name": side.key("leaderless")});
    let request = side.request("/v3/election/observe", &observe);
    let observed = Results::open(request.header("grpc-timeout", TIMEOUT.0)).await;
    let status = observed.status;
    let error = observed.error().await;
    let whole = error["code"].as_i64().zip(error["message"].as_str());
    // 3.4 reports a stream that has not started as a unary call, and sometimes with an unspecific code.
    let (code, message) = whole.map_or_else(
        || side.stream_error(&error),
        |(code, message)| (code, message.to_owned()),
    );
    let codes = [(504, 4), (500, 2)];
    let specific = side.ours || side.at_least(3, 5);
    let codes = &codes[..if specific { 1 } else { 2 }];
    assert!(codes.contains(&(status, code)), "{status}: {error}");
    assert!(is_timeout_message(side, &message), "{message}");
    // A longer timeout lets the watch deliver.
    let request = side.request("/v3/watch", &create);
    let mut watch = Results::open(request.header("grpc-timeout", "1M")).await;
    assert_eq!(watch.next().await["created"], true);
    side.put("k", "v").await;
    assert_eq!(watch.events(1).await[0]["kv"]["value"], b64("v"));
});

case!(a_socket_times_out_after_grpc_timeout, |side| {
    if side.has(Difference::SocketsIgnoreHeaders) {
        return;
    }
    let headers = [("grpc-timeout", TIMEOUT.0)];
    let mut watch = side.socket("/v3/watch", &headers).await;
    watch
        .send(&json!({"create_request": {"key": side.key("k")}}))
        .await;
    let line = watch
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    assert_eq!(line["result"]["created"], true, "{line}");
    assert_timed_out(side, &mut watch).await;

    let mut observed = side.socket("/v3/election/observe", &headers).await;
    observed
        .send(&json!({"name": side.key("leaderless")}))
        .await;
    assert_timed_out(side, &mut observed).await;

    let lock = json!({"name": side.key("l")});
    side.call("/v3/lock/lock", &lock).await;
    let mut waiting = side.socket("/v3/lock/lock", &headers).await;
    waiting.send(&lock).await;
    let refusal = waiting
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    assert_eq!(refusal["code"], 4, "{refusal}");
    let ended = waiting.wait_for_end(DEADLINE).await;
    assert_eq!(ended, Ended::Orderly(Some(1000.into())));
    // The waiter's key is deleted.
    eventually("no client waits", DEADLINE, async || {
        let keys = side.keys("l").await;
        ensure(keys.len() == 1, || format!("{keys:?}"))
    })
    .await;
});

/// Reads the end of a stream that timed out.
async fn assert_timed_out(side: &Side, socket: &mut Stream) {
    let line = socket
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    let (code, message) = side.stream_error(&line);
    assert_eq!(code, 4, "{message}");
    let ended = socket.wait_for_end(DEADLINE).await;
    assert_eq!(ended, Ended::Orderly(Some(1000.into())));
}
