//! Chunking of streaming responses: each JSON document is one HTTP chunk. Clients such as etcd3gw parse
//! each chunk by itself.

use serde_json::{Value, json};
use support::DEADLINE;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::case;
use crate::side::{Side, b64};

/// Sizes of values: within a packet, beyond the buffers of both gateways, near etcd's own limit.
const SIZES: [usize; 4] = [10, 100_000, 700_000, 1_400_000];

/// A chunked response as it is on the wire.
struct Chunks {
    stream: BufReader<TcpStream>,
}

impl Chunks {
    async fn open(side: &Side, path: &str, body: &Value) -> Self {
        let address = side.client.address();
        let stream = TcpStream::connect(address)
            .await
            .expect("the gateway listens");
        let mut stream = BufReader::new(stream);
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream
            .write_all(head.as_bytes())
            .await
            .expect("the connection is open");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let line = timeout(DEADLINE, stream.read_line(&mut head)).await;
            let read = line
                .expect("the head arrives in time")
                .expect("the connection is open");
            assert!(read > 0, "the connection ended: {head}");
        }
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        Self { stream }
    }

    /// The next chunk, or `None` at the end of the response.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let reading = async {
            let mut size = String::new();
            self.stream
                .read_line(&mut size)
                .await
                .expect("the connection is open");
            let size = usize::from_str_radix(size.trim_end(), 16)
                .unwrap_or_else(|error| panic!("{error}: {size:?}"));
            let mut chunk = vec![0; size + 2];
            self.stream
                .read_exact(&mut chunk)
                .await
                .expect("the connection is open");
            assert_eq!(chunk.split_off(size), b"\r\n");
            chunk
        };
        let chunk = timeout(DEADLINE, reading).await;
        Some(chunk.expect("a chunk arrives in time")).filter(|chunk| !chunk.is_empty())
    }

    /// The next document, which must be exactly one chunk. etcd's gateway sends the newline of a long line
    /// as a separate chunk.
    async fn document(&mut self) -> Option<Value> {
        loop {
            let chunk = self.chunk().await?;
            if chunk == b"\n" {
                continue;
            }
            let length = chunk.len();
            return Some(serde_json::from_slice(&chunk).unwrap_or_else(|error| {
                panic!("a chunk of {length} bytes is not a JSON document: {error}")
            }));
        }
    }

    /// The `result` of the next document.
    async fn result(&mut self) -> Value {
        let mut document = self.document().await.expect("the stream is open");
        assert!(document.get("result").is_some(), "{document}");
        document["result"].take()
    }
}

case!(each_event_is_one_chunk, |side| {
    let create = json!({"create_request": {"key": side.key("w"), "prev_kv": true}});
    let mut watch = Chunks::open(side, "/v3/watch", &create).await;
    assert_eq!(watch.result().await["created"], true);
    for size in SIZES {
        let value = "v".repeat(size);
        side.put("w", &value).await;
        let event = watch.result().await["events"][0].take();
        assert!(event["kv"]["value"] == b64(&value), "a value of {size}");
    }
    // Both values of this event are large.
    side.put("w", &"w".repeat(1_400_000)).await;
    let event = watch.result().await["events"][0].take();
    assert!(event["prev_kv"]["value"] == b64(&"v".repeat(1_400_000)));
});

case!(each_response_of_a_replay_is_one_chunk, |side| {
    let mut first = 0;
    for size in SIZES {
        let revision = side.put("h", &"v".repeat(size)).await;
        first = if first == 0 { revision } else { first };
    }
    let create = json!({"create_request": {"key": side.key("h"), "start_revision": first}});
    let mut watch = Chunks::open(side, "/v3/watch", &create).await;
    let mut events = 0;
    while events < SIZES.len() {
        let response = watch.result().await;
        events += response["events"].as_array().map_or(0, Vec::len);
    }
});

case!(each_proclamation_is_one_chunk, |side| {
    let lease = side.call("/v3/lease/grant", &json!({"TTL": 600})).await;
    let campaign = |size: usize| {
        let value = b64(&"v".repeat(size));
        json!({"name": side.key("e"), "lease": lease["ID"], "value": value})
    };
    let led = side.call("/v3/election/campaign", &campaign(10)).await;
    let observe = json!({"name": side.key("e")});
    let mut leaders = Chunks::open(side, "/v3/election/observe", &observe).await;
    leaders.result().await;
    for size in SIZES {
        let value = b64(&format!("{size}{}", "w".repeat(size)));
        let proclaim = json!({"leader": led["leader"], "value": value});
        side.call("/v3/election/proclaim", &proclaim).await;
        let leader = leaders.result().await;
        assert!(leader["kv"]["value"] == value, "a value of {size}");
    }
});

case!(
    each_renewal_and_each_piece_of_a_snapshot_is_one_chunk,
    |side| {
        let lease = side.call("/v3/lease/grant", &json!({"TTL": 600})).await;
        let renewal = json!({"ID": lease["ID"]});
        let mut renewals = Chunks::open(side, "/v3/lease/keepalive", &renewal).await;
        assert_eq!(renewals.result().await["TTL"], "600");
        assert_eq!(renewals.document().await, None);

        side.put("s", &"v".repeat(1_400_000)).await;
        let mut snapshot = Chunks::open(side, "/v3/maintenance/snapshot", &json!({})).await;
        let mut pieces = 0;
        while let Some(piece) = snapshot.document().await {
            assert!(piece["result"].is_object(), "{piece}");
            pieces += 1;
        }
        assert!(pieces > 40, "only {pieces} pieces for more than a MiB");
    }
);
