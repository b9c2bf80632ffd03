//! `Grpc-Timeout`: how long a call may take, whatever its form.

use std::time::Duration;

use serde_json::json;
use support::stream::Ended;
use support::{DEADLINE, Stream, eventually, when};
use tokio::time::Instant;

use crate::case;
use crate::differences::Difference;
use crate::side::{Results, Side, b64};

/// What the calls ask for, and the same in Rust.
const ASKED: (&str, Duration) = ("300m", Duration::from_millis(300));

case!(a_call_has_the_time_it_asks_for, |side| {
    // Somebody else holds the lock, so that this one waits.
    let name = side.key("lock");
    side.call("/v3/lock/lock", &json!({"name": name})).await;
    let waiting = side
        .ask("/v3/lock/lock", &json!({"name": name}))
        .header("grpc-timeout", ASKED.0);
    let message = side.refusal(waiting, 504, 4).await;
    assert!(is_said_so(side, &message), "{message}");
    for wrong in ["x", "5", "5s", "1.5S"] {
        let ask = side
            .ask("/v3/kv/range", &json!({"key": name}))
            .header("grpc-timeout", wrong);
        side.refusal(ask, 400, 3).await;
    }
    let ask = side
        .ask("/v3/kv/range", &json!({"key": name}))
        .header("grpc-timeout", "10S");
    ask.send().await.expect(200);
});

/// Whether these are the words for a time that is over.
fn is_said_so(side: &Side, message: &str) -> bool {
    // In etcd's, now and then the stream it has ended is quicker than the clock that ended it.
    let quicker = !side.ours && message.contains("RST_STREAM");
    quicker || message.contains("deadline exceeded")
}

case!(a_stream_has_the_time_it_asks_for, |side| {
    let create = json!({"create_request": {"key": side.key("k")}});
    let begun = Instant::now();
    let ask = side.ask("/v3/watch", &create);
    let mut watch = Results::of(ask.header("grpc-timeout", ASKED.0)).await;
    assert_eq!(watch.next().await["created"], true);
    // It has begun, so its end stands in it.
    let (code, message) = side.stream_error(&watch.error().await);
    assert!(begun.elapsed() >= ASKED.1, "before its time");
    assert_eq!(code, 4, "{message}");
    assert!(is_said_so(side, &message), "{message}");
    // Nobody leads, so there is nothing to observe and nothing has begun.
    let observe = json!({"name": side.key("nobody's")});
    let ask = side.ask("/v3/election/observe", &observe);
    let observed = Results::of(ask.header("grpc-timeout", ASKED.0)).await;
    let status = observed.status;
    let error = observed.error().await;
    let whole = error["code"].as_i64().zip(error["message"].as_str());
    // What has not begun 3.4 refuses as a single call, and now and then with a code that says nothing.
    let (code, message) = whole.map_or_else(
        || side.stream_error(&error),
        |(code, message)| (code, message.to_owned()),
    );
    let codes = [(504, 4), (500, 2)];
    let codes = &codes[..if side.ours || side.from(3, 5) { 1 } else { 2 }];
    assert!(codes.contains(&(status, code)), "{status}: {error}");
    assert!(is_said_so(side, &message), "{message}");
    // Who leaves it more has more.
    let ask = side.ask("/v3/watch", &create);
    let mut watch = Results::of(ask.header("grpc-timeout", "1M")).await;
    assert_eq!(watch.next().await["created"], true);
    side.put("k", "v").await;
    assert_eq!(watch.events(1).await[0]["kv"]["value"], b64("v"));
});

case!(a_socket_has_the_time_it_asks_for, |side| {
    if side.has(Difference::SocketsHearNoHeaders) {
        return;
    }
    let headers = [("grpc-timeout", ASKED.0)];
    let mut watch = side.socket("/v3/watch", &headers).await;
    watch
        .send(&json!({"create_request": {"key": side.key("k")}}))
        .await;
    let line = watch.line_within(DEADLINE).await.expect("it is open");
    assert_eq!(line["result"]["created"], true, "{line}");
    is_over(side, &mut watch).await;

    let mut observed = side.socket("/v3/election/observe", &headers).await;
    observed.send(&json!({"name": side.key("nobody's")})).await;
    is_over(side, &mut observed).await;

    let lock = json!({"name": side.key("l")});
    side.call("/v3/lock/lock", &lock).await;
    let mut waiting = side.socket("/v3/lock/lock", &headers).await;
    waiting.send(&lock).await;
    let refusal = waiting.line_within(DEADLINE).await.expect("it is open");
    assert_eq!(refusal["code"], 4, "{refusal}");
    let ended = waiting.ended(DEADLINE).await;
    assert_eq!(ended, Ended::Orderly(Some(1000.into())));
    // And takes its key along.
    eventually("nobody waits", DEADLINE, async || {
        let keys = side.keys("l").await;
        when(keys.len() == 1, || format!("{keys:?}"))
    })
    .await;
});

/// Reads the end of a stream whose time is over.
async fn is_over(side: &Side, socket: &mut Stream) {
    let line = socket.line_within(DEADLINE).await.expect("it is open");
    let (code, message) = side.stream_error(&line);
    assert_eq!(code, 4, "{message}");
    let ended = socket.ended(DEADLINE).await;
    assert_eq!(ended, Ended::Orderly(Some(1000.into())));
}
