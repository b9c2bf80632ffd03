use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Disables the body timeout after each piece, and responds with the body's size.
async fn size_without_timeout(mut request: axum::extract::Request) -> String {
    let timeout: BodyTimeout = request.extensions_mut().remove().expect("an extension");
    let mut body = request.into_body().into_data_stream();
    let mut size = 0;
    while let Some(Ok(piece)) = futures_util::StreamExt::next(&mut body).await {
        timeout.disable();
        size += piece.len();
    }
    size.to_string()
}

/// Responds with the error of reading the body.
async fn body_error(request: axum::extract::Request) -> String {
    let body = axum::body::to_bytes(request.into_body(), 100).await;
    body.map_or_else(
        |error| crate::content::unreadable(error.into(), 100).detail,
        |_| "no error".to_owned(),
    )
}

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_mins(1);

/// A client of a server with a short head timeout.
async fn connect() -> (TcpStream, Tasks) {
    connect_with(SHORT, LONG).await
}

/// A client of a server with these timeouts.
async fn connect_with(head_timeout: Duration, idle_timeout: Duration) -> (TcpStream, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let tasks = Tasks::default();
    let router = Router::new()
        .route(
            "/",
            axum::routing::put(async |_: bytes::Bytes| "ok").get(async || "hello"),
        )
        .route("/error", axum::routing::put(body_error))
        .route("/never", axum::routing::get(std::future::pending::<()>))
        .route("/no-timeout", axum::routing::put(size_without_timeout));
    let limits = Limits {
        connections: 10,
        head_timeout,
        idle_timeout,
        body_timeout: Duration::from_millis(100),
    };
    tasks.spawn(serve(listener, router, tasks.clone(), limits));
    let client = TcpStream::connect(address).await.expect("connects");
    (client, tasks)
}

/// Everything received by a client that sends only these bytes.
async fn response_to(sent: &[u8]) -> Vec<u8> {
    let (mut client, tasks) = connect().await;
    client.write_all(sent).await.expect("sends");
    let mut got = Vec::new();
    let read = client.read_to_end(&mut got);
    let within = tokio::time::timeout(Duration::from_secs(30), read);
    within.await.expect("the connection ends").expect("reads");
    tasks.cancel();
    got
}

#[tokio::test]
async fn a_connection_without_a_complete_head_is_dropped() {
    assert_eq!(response_to(b"").await, b"");
    assert_eq!(response_to(b"PRI * HTT").await, b"");
    assert_eq!(response_to(b"GET / HTTP/1.1\r\nHost: lo").await, b"");
    response_to(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
}

#[tokio::test]
async fn a_client_receives_a_refusal_while_it_sends() {
    // hyper may read some of the body after its response, which looks like the head of a next request.
    let (mut client, tasks) = connect_with(LONG, LONG).await;
    let head = b"POST / HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n";
    client.write_all(head).await.expect("sends");
    let body = vec![0; 50_000_000];
    client
        .write_all(&body)
        .await
        .expect("sends although it is refused");
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.expect("reads");
    assert!(got.starts_with(b"HTTP/1.1 405 "), "{}", got.escape_ascii());
    tasks.cancel();
}

#[tokio::test]
async fn a_stalled_body_is_refused() {
    let got = response_to(b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc").await;
    assert!(got.starts_with(b"HTTP/1.1 400 "), "{}", got.escape_ascii());
    // The timeout applies until the handler disables it.
    let got = response_to(b"PUT /no-timeout HTTP/1.1\r\nContent-Length: 9\r\n\r\n").await;
    assert!(got.ends_with(b"\r\n\r\n0"), "{}", got.escape_ascii());
}

#[tokio::test]
async fn a_body_timeout_is_distinguished_from_an_early_end() {
    let head = b"PUT /error HTTP/1.1\r\nConnection: close\r\nContent-Length: 9\r\n\r\nabc";
    let timed_out = response_to(head).await;
    let expected = "request body timed out: no byte arrived for 0.1 s";
    assert!(
        timed_out.ends_with(expected.as_bytes()),
        "{}",
        timed_out.escape_ascii()
    );

    let (mut client, tasks) = connect().await;
    client.write_all(head).await.expect("sends");
    client.shutdown().await.expect("ends");
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.expect("reads");
    assert!(
        got.ends_with(b"the body ended early"),
        "{}",
        got.escape_ascii()
    );
    tasks.cancel();
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_connection_slot() {
    let (tasks, router) = (Tasks::default(), Router::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let limits = Limits::new(0, Duration::from_mins(1));
    tasks.spawn(serve(listener, router, tasks.clone(), limits));
    tasks.cancel();
    assert!(tasks.wait(Duration::from_secs(10)).await, "still running");
}

#[tokio::test]
async fn a_handler_can_disable_the_body_timeout() {
    let (mut client, tasks) = connect().await;
    let head = b"PUT /no-timeout HTTP/1.1\r\nConnection: close\r\nContent-Length: 6\r\n\r\n";
    client.write_all(head).await.expect("sends");
    for piece in [b"abc", b"def"] {
        client.write_all(piece).await.expect("sends");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.expect("reads");
    assert!(got.ends_with(b"\r\n\r\n6"), "{}", got.escape_ascii());
    tasks.cancel();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_waiting_client_is_probed() {
    let (client, tasks) = connect_with(LONG, LONG).await;
    let port = |address: std::io::Result<SocketAddr>| {
        format!(":{:04X}", address.expect("the socket is connected").port())
    };
    let (server_port, client_port) = (port(client.peer_addr()), port(client.local_addr()));
    let probed = || {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
        table.lines().any(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            // `02`: the keep-alive timer runs.
            columns[1].ends_with(&server_port)
                && columns[2].ends_with(&client_port)
                && columns[5].starts_with("02:")
        })
    };
    let began = tokio::time::Instant::now();
    // The server may not have accepted it yet.
    while !probed() {
        assert!(began.elapsed() < Duration::from_secs(10), "never probed");
        tokio::task::yield_now().await;
    }
    tasks.cancel();
}

/// Sends a request on an open connection and returns the whole response, which ends with `end`.
async fn request(client: &mut TcpStream, head: &str, end: &str) -> String {
    client.write_all(head.as_bytes()).await.expect("sends");
    let mut got = Vec::new();
    let read = async {
        while !got.ends_with(end.as_bytes()) {
            let read = client.read_buf(&mut got).await.expect("reads");
            assert!(read > 0, "closed after {}", got.escape_ascii());
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(30), read);
    within.await.expect("a response in time");
    String::from_utf8(got).expect("text")
}

/// Waits up to 30 s until the server closes the connection; returns what arrived before.
async fn wait_closed(client: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let read = client.read_to_end(&mut rest);
    let within = tokio::time::timeout(Duration::from_secs(30), read);
    within.await.expect("the server closes").expect("no reset");
    rest
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A head timeout that suffices on a loaded machine, and a longer pause.
const HEAD: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn the_head_timeout_does_not_apply_between_requests() {
    let (mut client, tasks) = connect_with(HEAD, LONG).await;
    for _ in 0..3 {
        let response = request(&mut client, GET, "hello").await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        assert!(
            response.contains("\r\nkeep-alive: timeout=60\r\n"),
            "{response}"
        );
        tokio::time::sleep(PAUSE).await;
    }
    tasks.cancel();
}

#[tokio::test]
async fn the_head_timeout_applies_to_later_requests() {
    for start in ["GET / HTTP/1.1\r\nHost: ", "G"] {
        let (mut client, tasks) = connect_with(HEAD, LONG).await;
        request(&mut client, GET, "hello").await;
        client.write_all(start.as_bytes()).await.expect("sends");
        assert_eq!(wait_closed(&mut client).await, b"", "{start:?}");
        tasks.cancel();
    }
}

#[tokio::test]
async fn a_trickle_of_bytes_does_not_extend_the_head_timeout() {
    let (mut client, tasks) = connect_with(HEAD, LONG).await;
    request(&mut client, GET, "hello").await;
    let started = tokio::time::Instant::now();
    let (mut reading, mut writing) = client.split();
    let trickle = async {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(HEAD / 20).await;
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        read = reading.read_to_end(&mut rest) => drop(read),
        () = trickle => {}
    }
    assert!(started.elapsed() < LONG / 2, "the head was not cut");
    assert_eq!(rest, b"");
    tasks.cancel();
}

#[tokio::test]
async fn an_idle_connection_ends_after_its_timeout_and_no_earlier() {
    let idle = Duration::from_secs(1);
    let (mut client, tasks) = connect_with(LONG, idle).await;
    let response = request(&mut client, GET, "hello").await;
    assert!(
        response.contains("\r\nkeep-alive: timeout=1\r\n"),
        "{response}"
    );
    let since = tokio::time::Instant::now();
    assert_eq!(wait_closed(&mut client).await, b"");
    assert!(since.elapsed() >= idle, "after {:?}", since.elapsed());
    tasks.cancel();
}

#[tokio::test]
async fn a_request_in_flight_is_not_idle() {
    let (mut client, tasks) = connect_with(HEAD, Duration::ZERO).await;
    client
        .write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("sends");
    // Longer than the head timeout and the idle timeout.
    let waiting = tokio::time::timeout(Duration::from_secs(3), client.read_u8());
    assert!(waiting.await.is_err(), "the connection ended");
    tasks.cancel();
}

#[tokio::test]
async fn only_a_persistent_connection_announces_keep_alive() {
    for (head, announced) in [
        (GET, true),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
            false,
        ),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
    ] {
        let (mut client, tasks) = connect_with(HEAD, LONG).await;
        let response = request(&mut client, head, "hello").await;
        assert_eq!(
            response.contains("\r\nkeep-alive: timeout="),
            announced,
            "{response}"
        );
        tasks.cancel();
    }
}

/// HTTP/2 answers pings and updates windows between requests: such bytes do not begin a head.
#[tokio::test]
async fn http_2_frames_between_requests_do_not_begin_a_head() {
    let (client, tasks) = connect_with(HEAD, LONG).await;
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(client))
            .await
            .expect("the handshake succeeds");
    let connection = tasks.spawn(connection);
    for _ in 0..3 {
        let request = Request::get("http://a/")
            .body(Body::empty())
            .expect("a request");
        let response = sender.send_request(request).await.expect("a response");
        assert!(!response.headers().contains_key(KEEP_ALIVE), "{response:?}");
        let body = Body::new(response.into_body());
        let body = axum::body::to_bytes(body, 100).await.expect("the body");
        assert_eq!(body, "hello");
        tokio::time::sleep(PAUSE).await;
    }
    assert!(!connection.is_finished());
    tasks.cancel();
}

#[tokio::test]
async fn an_idle_http_2_connection_ends_too() {
    let (client, tasks) = connect_with(LONG, Duration::ZERO).await;
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(client))
            .await
            .expect("the handshake succeeds");
    let connection = tasks.spawn(connection);
    let request = Request::get("http://a/")
        .body(Body::empty())
        .expect("a request");
    let response = sender.send_request(request).await.expect("a response");
    let body = axum::body::to_bytes(Body::new(response.into_body()), 100).await;
    assert_eq!(body.expect("the body"), "hello");
    let ended = tokio::time::timeout(Duration::from_secs(30), connection);
    let ended = ended.await.expect("the connection ends").expect("no panic");
    ended.expect("the server sends GOAWAY");
    tasks.cancel();
}
