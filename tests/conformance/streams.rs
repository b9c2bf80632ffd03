//! Many watches at once (etcd's own cases 6 to 14). etcd's gateway shares one connection among all of
//! them: at its limit of streams nothing else is answered. Ours keeps watches and the rest apart.

use std::time::Duration;

use serde_json::json;
use support::DEADLINE;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::side::{Results, Shown, Side};

/// How long a range may take that is not going to be answered.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer than a client may pause where it is not asked one question after the other.
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

/// A side before an etcd that takes so many streams of a connection.
async fn limited(ours: bool, tls: bool, limit: usize) -> Side {
    gateway::limits::raise_open_files().expect("the soft limit can be raised");
    let flag = format!("--max-concurrent-streams={limit}");
    if tls {
        Side::showing(ours, Shown::Named("conformance"), &[&flag]).await
    } else {
        Side::alone(ours, &[&flag]).await
    }
}

async fn below_the_limit(ours: bool, tls: bool, limit: usize) {
    let side = limited(ours, tls, limit).await;
    let _open = watches(&side, limit - 1).await;
    side.call("/v3/kv/range", &json!({"key": side.key("w")}))
        .await;
}

async fn at_the_limit(ours: bool, tls: bool, limit: usize) {
    let side = limited(ours, tls, limit).await;
    let _open = watches(&side, limit).await;
    let range = side
        .ask("/v3/kv/range", &json!({"key": side.key("w")}))
        .try_send();
    match timeout(PATIENCE, range).await {
        Ok(answer) => {
            assert!(ours, "etcd's gateway answers at its limit of streams");
            answer.expect("it answers").expect(200);
        }
        Err(_) => assert!(!ours, "our gateway does not answer beside many watches"),
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

/// A request whose body is not at its end, and its answer's lines.
async fn begin(side: &Side, path: &str) -> BufReader<TcpStream> {
    let address = side.client.address();
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sends");
    BufReader::new(stream)
}

/// Sends a piece of the body.
async fn say(stream: &mut BufReader<TcpStream>, piece: &str) {
    let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
    stream.write_all(chunk.as_bytes()).await.expect("sends");
}

/// Reads to the next line with this in it.
async fn hear(stream: &mut BufReader<TcpStream>, part: &str) {
    let mut all = String::new();
    while !all.contains(part) {
        let read = timeout(DEADLINE, stream.read_line(&mut all)).await;
        let read = read.expect("a line comes in time").expect("reads");
        assert!(read > 0, "it ended: {all}");
    }
}

#[tokio::test]
async fn a_client_may_pause_between_the_requests_of_a_stream() {
    let side = Side::ours().await;
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 120})).await;
    let beat = json!({"ID": granted["ID"]}).to_string();
    let beats = async {
        let mut stream = begin(&side, "/v3/lease/keepalive").await;
        say(&mut stream, &beat).await;
        hear(&mut stream, "\"TTL\":\"120\"").await;
        let mut rest = String::new();
        // What ended the line.
        let ended = async { while stream.read_line(&mut rest).await.is_ok_and(|read| read > 0) {} };
        assert!(timeout(PAUSE, ended).await.is_err(), "it ended: {rest}");
        say(&mut stream, &beat).await;
        hear(&mut stream, "\"TTL\":\"120\"").await;
    };
    // A client that has sent no request at all is refused after that time.
    let silence = async {
        let mut stream = begin(&side, "/v3/watch").await;
        let mut all = String::new();
        while !all.contains("request body timed out") {
            let read = timeout(PAUSE, stream.read_line(&mut all)).await;
            let read = read.expect("it is refused").expect("reads");
            assert!(read > 0, "it ended: {all}");
        }
        assert!(all.starts_with("HTTP/1.1 400 "), "{all}");
    };
    tokio::join!(beats, silence);
}
