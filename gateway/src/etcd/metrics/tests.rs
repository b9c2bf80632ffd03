//! Reading metrics from servers that are not etcd.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::Settings;
use super::*;

/// Reads the metrics of a server that sends `response` to one request and keeps the connection open.
async fn read(response: Vec<u8>) -> Result<Bytes> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.expect("a request"));
        }
        assert!(request.starts_with(b"GET /metrics HTTP/1.1\r\n"));
        let _ = stream.write_all(&response).await;
        std::future::pending::<()>().await;
    };
    let settings = Settings::new(vec![format!("http://{address}")], TIME_LIMIT);
    let etcd = Etcd::new(settings).await.expect("connects later");
    tokio::select! {
        read = etcd.metrics() => read,
        () = server => unreachable!("the server waits"),
    }
}

fn with_length(length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn the_text_is_returned() {
    let text = read(with_length(4, b"a 1\n")).await.expect("reads");
    assert_eq!(&text[..], b"a 1\n");
}

#[tokio::test]
async fn redirects_and_errors_are_not_followed() {
    for head in [
        "302 Found\r\nlocation: http://127.0.0.1:1/",
        "404 Not Found",
        "204 No Content",
    ] {
        let response = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n");
        let failure = read(response.into_bytes()).await.expect_err(head);
        assert!(failure.detail.contains("status"), "{failure}");
    }
}

#[tokio::test]
async fn a_text_of_more_than_a_mebibyte_is_refused() {
    let most = vec![b'#'; MAX_BYTES];
    let text = read(with_length(most.len(), &most)).await.expect("reads");
    assert_eq!(text.len(), MAX_BYTES);
    let more = [&most[..], b"#"].concat();
    assert!(read(with_length(more.len(), &more)).await.is_err());
    // Without a length it is counted while it is read.
    let chunk = format!("{:x}\r\n", more.len());
    let chunked = [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".as_slice(),
        chunk.as_bytes(),
        &more,
        b"\r\n0\r\n\r\n",
    ];
    assert!(read(chunked.concat()).await.is_err());
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let failure = read(with_length(4, b"a")).await.expect_err("never ends");
    assert!(failure.detail.contains("in time"), "{failure}");
}
