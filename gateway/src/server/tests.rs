use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// As many bytes as a test server takes pauses for.
async fn unhurried(mut request: axum::extract::Request) -> String {
    let unhurried: Unhurried = request.extensions_mut().remove().expect("it comes along");
    let mut body = request.into_body().into_data_stream();
    let mut size = 0;
    while let Some(Ok(piece)) = futures_util::StreamExt::next(&mut body).await {
        unhurried.lift();
        size += piece.len();
    }
    size.to_string()
}

/// Why a body could not be read.
async fn why(request: axum::extract::Request) -> String {
    let body = axum::body::to_bytes(request.into_body(), 100).await;
    body.map_or_else(
        |error| crate::content::unreadable(error.into(), 100).detail,
        |_| "it could".to_owned(),
    )
}

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_mins(1);

/// A client of a server with short times.
async fn connected() -> (TcpStream, Tasks) {
    connected_within(SHORT, LONG).await
}

/// The same, with so much time for a request's head, and between requests.
async fn connected_within(head: Duration, idle: Duration) -> (TcpStream, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let tasks = Tasks::default();
    let router = Router::new()
        .route(
            "/",
            axum::routing::put(async |_: bytes::Bytes| "ok").get(async || "hello"),
        )
        .route("/why", axum::routing::put(why))
        .route("/never", axum::routing::get(std::future::pending::<()>))
        .route("/unhurried", axum::routing::put(unhurried));
    let limits = Limits {
        connections: 10,
        head,
        idle,
        body: Duration::from_millis(100),
    };
    tasks.spawn(serve(listener, router, tasks.clone(), limits));
    let client = TcpStream::connect(address).await.expect("connects");
    (client, tasks)
}

/// What a client gets that sends these bytes and then nothing more.
async fn fate(sent: &[u8]) -> Vec<u8> {
    let (mut client, tasks) = connected().await;
    client.write_all(sent).await.expect("sends");
    let mut got = Vec::new();
    let read = client.read_to_end(&mut got);
    let within = tokio::time::timeout(Duration::from_secs(30), read);
    within.await.expect("the connection ends").expect("reads");
    tasks.cancel();
    got
}

#[tokio::test]
async fn who_sends_no_request_is_dropped() {
    assert_eq!(fate(b"").await, b"");
    assert_eq!(fate(b"PRI * HTT").await, b"");
    assert_eq!(fate(b"GET / HTTP/1.1\r\nHost: lo").await, b"");
    fate(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
}

#[tokio::test]
async fn a_refusal_reaches_who_is_still_sending() {
    let (mut client, tasks) = connected().await;
    let head = b"POST / HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n";
    client.write_all(head).await.expect("sends");
    let body = vec![0; 50_000_000];
    client.write_all(&body).await.expect("sends all the same");
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.expect("reads");
    assert!(got.starts_with(b"HTTP/1.1 405 "), "{}", got.escape_ascii());
    tasks.cancel();
}

#[tokio::test]
async fn a_body_that_stops_is_refused() {
    let got = fate(b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc").await;
    assert!(got.starts_with(b"HTTP/1.1 400 "), "{}", got.escape_ascii());
    // Before a call lifts the limit it holds there too.
    let got = fate(b"PUT /unhurried HTTP/1.1\r\nContent-Length: 9\r\n\r\n").await;
    assert!(got.ends_with(b"\r\n\r\n0"), "{}", got.escape_ascii());
}

#[tokio::test]
async fn a_pause_is_distinguished_from_an_early_end() {
    let head = b"PUT /why HTTP/1.1\r\nConnection: close\r\nContent-Length: 9\r\n\r\nabc";
    let paused = fate(head).await;
    let expected = "the client paused: no byte of the body arrived for 0.1 s";
    assert!(
        paused.ends_with(expected.as_bytes()),
        "{}",
        paused.escape_ascii()
    );

    let (mut client, tasks) = connected().await;
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
async fn the_end_is_told_when_no_more_may_connect() {
    let (tasks, router) = (Tasks::default(), Router::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let limits = Limits::new(0, Duration::from_mins(1));
    tasks.spawn(serve(listener, router, tasks.clone(), limits));
    tasks.cancel();
    assert!(tasks.wait(Duration::from_secs(10)).await, "it goes on");
}

#[tokio::test]
async fn a_call_may_leave_its_client_time() {
    let (mut client, tasks) = connected().await;
    let head = b"PUT /unhurried HTTP/1.1\r\nConnection: close\r\nContent-Length: 6\r\n\r\n";
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
async fn a_client_that_waits_is_probed() {
    let (client, tasks) = connected_within(LONG, LONG).await;
    let port = |address: std::io::Result<SocketAddr>| {
        format!(":{:04X}", address.expect("it is connected").port())
    };
    let (ours, theirs) = (port(client.peer_addr()), port(client.local_addr()));
    let probed = || {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux shows it");
        table.lines().any(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            // A timer of the kind that probes runs.
            columns[1].ends_with(&ours)
                && columns[2].ends_with(&theirs)
                && columns[5].starts_with("02:")
        })
    };
    let began = tokio::time::Instant::now();
    // It is accepted in its own time.
    while !probed() {
        assert!(began.elapsed() < Duration::from_secs(10), "never probed");
        tokio::task::yield_now().await;
    }
    tasks.cancel();
}

/// Sends a request on an open connection and gives the whole response, which ends with `end`.
async fn asked(client: &mut TcpStream, request: &str, end: &str) -> String {
    client.write_all(request.as_bytes()).await.expect("sends");
    let mut got = Vec::new();
    let read = async {
        while !got.ends_with(end.as_bytes()) {
            let read = client.read_buf(&mut got).await.expect("reads");
            assert!(read > 0, "closed after {}", got.escape_ascii());
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(30), read);
    within.await.expect("it answers in time");
    String::from_utf8(got).expect("text")
}

/// Waits until the other side closes, for half a minute; whatever comes before.
async fn closed(client: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let read = client.read_to_end(&mut rest);
    let within = tokio::time::timeout(Duration::from_secs(30), read);
    within.await.expect("it closes").expect("without a reset");
    rest
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A time for heads that suffices on a loaded machine, and a longer pause.
const HEAD: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn a_connection_may_pause_between_requests_for_longer_than_a_head_may_take() {
    let (mut client, tasks) = connected_within(HEAD, LONG).await;
    for _ in 0..3 {
        let response = asked(&mut client, GET, "hello").await;
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
async fn a_slow_head_is_cut_on_a_connection_that_was_used_before() {
    for begun in ["GET / HTTP/1.1\r\nHost: ", "G"] {
        let (mut client, tasks) = connected_within(HEAD, LONG).await;
        asked(&mut client, GET, "hello").await;
        client.write_all(begun.as_bytes()).await.expect("sends");
        assert_eq!(closed(&mut client).await, b"", "{begun:?}");
        tasks.cancel();
    }
}

#[tokio::test]
async fn bytes_that_trickle_in_do_not_prolong_a_head() {
    let (mut client, tasks) = connected_within(HEAD, LONG).await;
    asked(&mut client, GET, "hello").await;
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
    assert!(started.elapsed() < LONG / 2, "the head went on");
    assert_eq!(rest, b"");
    tasks.cancel();
}

#[tokio::test]
async fn an_idle_connection_ends_after_its_time_and_no_earlier() {
    let idle = Duration::from_secs(1);
    let (mut client, tasks) = connected_within(LONG, idle).await;
    let response = asked(&mut client, GET, "hello").await;
    assert!(
        response.contains("\r\nkeep-alive: timeout=1\r\n"),
        "{response}"
    );
    let since = tokio::time::Instant::now();
    assert_eq!(closed(&mut client).await, b"");
    assert!(since.elapsed() >= idle, "after {:?}", since.elapsed());
    tasks.cancel();
}

#[tokio::test]
async fn a_request_under_way_is_not_idle() {
    let (mut client, tasks) = connected_within(HEAD, Duration::ZERO).await;
    client
        .write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("sends");
    // Longer than a head may take, and than an idle connection is kept.
    let waiting = tokio::time::timeout(Duration::from_secs(3), client.read_u8());
    assert!(waiting.await.is_err(), "it was cut");
    tasks.cancel();
}

#[tokio::test]
async fn only_a_connection_that_is_kept_announces_it() {
    for (request, announced) in [
        (GET, true),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
            false,
        ),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
    ] {
        let (mut client, tasks) = connected_within(HEAD, LONG).await;
        let response = asked(&mut client, request, "hello").await;
        assert_eq!(
            response.contains("\r\nkeep-alive: timeout="),
            announced,
            "{response}"
        );
        tasks.cancel();
    }
}

/// HTTP/2 answers pings and updates windows between requests: such bytes begin no head.
#[tokio::test]
async fn frames_of_http_2_between_requests_are_no_head() {
    let (client, tasks) = connected_within(HEAD, LONG).await;
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut speaker, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(client))
            .await
            .expect("shakes hands");
    let connection = tasks.spawn(connection);
    for _ in 0..3 {
        let request = Request::get("http://a/")
            .body(Body::empty())
            .expect("a request");
        let response = speaker.send_request(request).await.expect("answers");
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
async fn an_idle_connection_of_http_2_ends_too() {
    let (client, tasks) = connected_within(LONG, Duration::ZERO).await;
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut speaker, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(client))
            .await
            .expect("shakes hands");
    let connection = tasks.spawn(connection);
    let request = Request::get("http://a/")
        .body(Body::empty())
        .expect("a request");
    let response = speaker.send_request(request).await.expect("answers");
    let body = axum::body::to_bytes(Body::new(response.into_body()), 100).await;
    assert_eq!(body.expect("the body"), "hello");
    let ended = tokio::time::timeout(Duration::from_secs(30), connection);
    let ended = ended.await.expect("it ends").expect("no panic");
    ended.expect("ended by GOAWAY, not cut");
    tasks.cancel();
}
