//! Accepting connections and serving them until told to stop.

mod hurry;
mod linger;
mod patience;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use self::hurry::Hurried;
pub use self::hurry::{Paused, Unhurried};
use self::linger::Lingering;
pub use self::patience::{Impatience, Patience};
use crate::tasks::Tasks;

/// What one client can take from the others at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections served at once.
    pub connections: usize,
    /// How long a client may take to send its request's head.
    pub head: Duration,
    /// How long a client may pause within its request's body, unless the call lifts the limit.
    pub body: Duration,
}

impl Limits {
    /// The usual times.
    pub fn new(connections: usize) -> Self {
        Self {
            connections,
            head: Duration::from_secs(15),
            body: Duration::from_secs(30),
        }
    }
}

/// How often an HTTP/2 client is asked whether it still lives.
const PING: Duration = Duration::from_secs(20);
/// The same of any client, by the system: an HTTP/1 client that waits for a change, or for a lock, owes
/// nothing by which it could be missed.
const PROBE: Duration = Duration::from_secs(30);
/// Probes without an answer after which a client is gone.
const PROBES: u32 = 3;

/// An accepted connection: its two ends, and how long it may stay without an acknowledgement.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The client's address.
    pub peer: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
    /// How long what was sent may stay unacknowledged.
    pub patience: Patience,
}

/// Serves `router` on `listener` until the tasks are told to stop; connections are tasks too, so
/// `Tasks::wait` waits for what they are still answering.
pub async fn serve(listener: TcpListener, router: Router, tasks: Tasks, limits: Limits) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    loop {
        // The end is told at the limit of connections too.
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = tasks.stop().cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, peer)) => match stream.local_addr() {
                Ok(local) => {
                    let patience = Patience::default();
                    (
                        stream,
                        Connection {
                            peer,
                            local,
                            patience,
                        },
                    )
                }
                Err(_) => continue,
            },
            Err(error) => {
                // Most often the limit of open files: waiting lets connections close.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (router, of_connection) = (router.clone(), tasks.clone());
        tasks.spawn(async move {
            let _permit = permit;
            connection(stream, router, of_connection, limits).await;
        });
    }
}

/// The streams of an HTTP/2 connection are tasks of their own.
#[derive(Clone)]
struct Executor(Tasks);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn(stream);
    }
}

async fn connection(
    (stream, ends): (TcpStream, Connection),
    router: Router,
    tasks: Tasks,
    limits: Limits,
) {
    set_up(&stream);
    let heard = Arc::new(AtomicBool::new(false));
    let hears = Arc::clone(&heard);
    let (peer, patience) = (ends.peer, ends.patience.clone());
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        hears.store(true, Ordering::Relaxed);
        let unhurried = Unhurried::default();
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(ends.clone()));
        extensions.insert(unhurried.clone());
        let request = request.map(|body| Body::new(Hurried::new(body, limits.body, unhurried)));
        let answer = router.clone().oneshot(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = Builder::new(Executor(tasks.clone()));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .max_concurrent_streams(256);
    let stream = TokioIo::new(Lingering::new(stream, patience));
    let serving = builder.serve_connection_with_upgrades(stream, service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = tasks.stop().cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
        () = silence(&heard, limits.head) => {
            tracing::debug!(%peer, "connection without a request");
            return;
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// What every connection has; one that cannot have it works all the same.
fn set_up(stream: &TcpStream) {
    // Small answers must not wait for an acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let probes = socket2::TcpKeepalive::new()
        .with_time(PROBE)
        .with_interval(PROBE)
        .with_retries(PROBES);
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_keepalive(&probes) {
        tracing::debug!(%error, "TCP keep-alive could not be set");
    }
}

/// Ends when no request has come in time. hyper's own limit begins with the first bytes that tell
/// HTTP/1 from HTTP/2, so that who sends none would keep a connection for ever.
async fn silence(heard: &AtomicBool, limit: Duration) {
    tokio::time::sleep(limit).await;
    if heard.load(Ordering::Relaxed) {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
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

    /// A client of a server with short times.
    async fn connected() -> (TcpStream, Tasks) {
        connected_within(Duration::from_millis(100)).await
    }

    /// The same, with so much time for a request's head.
    async fn connected_within(head: Duration) -> (TcpStream, Tasks) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let tasks = Tasks::default();
        let router = Router::new()
            .route("/", axum::routing::put(async |_: bytes::Bytes| "ok"))
            .route("/unhurried", axum::routing::put(unhurried));
        let limits = Limits {
            connections: 10,
            head,
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
    async fn the_end_is_told_when_no_more_may_connect() {
        let (tasks, router) = (Tasks::default(), Router::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let limits = Limits::new(0);
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
        let (client, tasks) = connected_within(Duration::from_mins(1)).await;
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
}
