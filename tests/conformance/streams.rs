//! Many watches at once. etcd's gateway shares one connection among all calls: at the connection's limit of
//! streams no other call gets a response. Watchgate has separate connections for watches and other calls.

use std::time::Duration;

use serde_json::json;
use support::DEADLINE;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::side::{Certificate, Results, Side};

/// How long to wait for a range that is expected to get no response.
const SHORT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longer than a client may pause before its first request.
const PAUSE: Duration = Duration::from_secs(33);

async fn watches(side: &Side, count: usize) -> Vec<Results> {
    let mut open = Vec::new();
    for _ in 0..count {
        let create = json!({"create_request": {"key": side.key("w")}});
        let mut watch = side.stream("/v3/watch", &create).await;
        assert_eq!(watch.next().await["created"], true);
        open.push(watch);
    }
    open
}

/// A side whose etcd accepts `limit` streams per connection.
async fn start_with_stream_limit(ours: bool, tls: bool, limit: usize) -> Side {
    gateway::limits::raise_open_files().expect("the soft limit can be raised");
    let flag = format!("--max-concurrent-streams={limit}");
    if tls {
        Side::with_certificate(ours, Certificate::Named("conformance"), &[&flag]).await
    } else {
        Side::own_etcd(ours, &[&flag]).await
    }
}

async fn below_the_limit(ours: bool, tls: bool, limit: usize) {
    let side = start_with_stream_limit(ours, tls, limit).await;
    let _open = watches(&side, limit - 1).await;
    side.call("/v3/kv/range", &json!({"key": side.key("w")}))
        .await;
}

async fn at_the_limit(ours: bool, tls: bool, limit: usize) {
    let side = start_with_stream_limit(ours, tls, limit).await;
    let _open = watches(&side, limit).await;
    let range = side
        .request("/v3/kv/range", &json!({"key": side.key("w")}))
        .try_send();
    match timeout(SHORT_TIMEOUT, range).await {
        Ok(response) => {
            assert!(ours, "etcd's gateway responds at its limit of streams");
            response.expect("a response").expect(200);
        }
        Err(_) => assert!(!ours, "Watchgate does not respond beside many watches"),
    }
}

macro_rules! limits {
    ($($name:ident: $tls:expr, $limit:expr;)*) => {$(
        mod $name {
            #[tokio::test]
            async fn etcd_below() {
                super::below_the_limit(false, $tls, $limit).await;
            }

            #[tokio::test]
            async fn etcd_reached() {
                super::at_the_limit(false, $tls, $limit).await;
            }

            #[tokio::test]
            async fn watchgate_below() {
                super::below_the_limit(true, $tls, $limit).await;
            }

            #[tokio::test]
            async fn watchgate_reached() {
                super::at_the_limit(true, $tls, $limit).await;
            }
        }
    )*};
}

limits! {
    small: false, 3;
    medium: false, 100;
    large: false, 1000;
    small_over_tls: true, 3;
    medium_over_tls: true, 100;
    large_over_tls: true, 1000;
}

/// Starts a request with a chunked body that stays open.
async fn open_chunked(side: &Side, path: &str) -> BufReader<TcpStream> {
    let address = side.client.address();
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the gateway listens");
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream
        .write_all(head.as_bytes())
        .await
        .expect("the connection is open");
    BufReader::new(stream)
}

/// Sends a piece of the body.
async fn send_chunk(stream: &mut BufReader<TcpStream>, piece: &str) {
    let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
    stream
        .write_all(chunk.as_bytes())
        .await
        .expect("the connection is open");
}

/// Reads up to the next line that contains `part`.
async fn read_until(stream: &mut BufReader<TcpStream>, part: &str) {
    let mut all = String::new();
    while !all.contains(part) {
        let read = timeout(DEADLINE, stream.read_line(&mut all)).await;
        let read = read
            .expect("a line arrives in time")
            .expect("the connection is open");
        assert!(read > 0, "the stream ended: {all}");
    }
}

#[tokio::test]
async fn a_client_may_pause_between_the_requests_of_a_stream() {
    let side = Side::ours().await;
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 120})).await;
    let renewal = json!({"ID": granted["ID"]}).to_string();
    let renewals = async {
        let mut stream = open_chunked(&side, "/v3/lease/keepalive").await;
        send_chunk(&mut stream, &renewal).await;
        read_until(&mut stream, "\"TTL\":\"120\"").await;
        let mut rest = String::new();
        let ended = async { while stream.read_line(&mut rest).await.is_ok_and(|read| read > 0) {} };
        assert!(
            timeout(PAUSE, ended).await.is_err(),
            "the stream ended: {rest}"
        );
        send_chunk(&mut stream, &renewal).await;
        read_until(&mut stream, "\"TTL\":\"120\"").await;
    };
    // A client that has sent no request at all is refused after that time.
    let silence = async {
        let mut stream = open_chunked(&side, "/v3/watch").await;
        let mut all = String::new();
        while !all.contains("request body timed out") {
            let read = timeout(PAUSE, stream.read_line(&mut all)).await;
            let read = read
                .expect("a refusal in time")
                .expect("the connection is open");
            assert!(read > 0, "the stream ended: {all}");
        }
        assert!(all.starts_with("HTTP/1.1 400 "), "{all}");
    };
    tokio::join!(renewals, silence);
}
