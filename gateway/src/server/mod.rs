//! Accepts connections and serves them until shutdown.
//!
//! Each time limit of a connection has a module of its own: `activity` for request heads and idle
//! connections, `body_timeout` for request bodies, `ack_timeout` for unacknowledged data, `lingering_close`
//! for the end. `flushes` reports when a response has been written.

mod ack_timeout;
mod activity;
mod body_timeout;
mod flushes;
mod lingering_close;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

pub use self::ack_timeout::{AckTimeoutGuard, AckTimeouts};
use self::activity::{Activity, Expired, LimitTimer, TrackedBody};
use self::body_timeout::TimedBody;
pub use self::body_timeout::{BodyTimedOut, BodyTimeout};
pub use self::flushes::Flushes;
use self::lingering_close::LingeringStream;
use crate::tasks::Tasks;

/// Limits that keep one client from exhausting what others need.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections served at once.
    pub connections: usize,
    /// How long a client may take to send a request's head.
    pub head_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a client may send nothing of a request's body, unless the call disables the timeout.
    pub body_timeout: Duration,
}

impl Limits {
    /// The default timeouts of request heads and bodies.
    pub fn new(connections: usize, idle_timeout: Duration) -> Self {
        Self {
            connections,
            head_timeout: Duration::from_secs(15),
            idle_timeout,
            body_timeout: Duration::from_secs(30),
        }
    }
}

/// Between pings to an HTTP/2 client.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
/// Between the kernel's TCP keep-alive probes, for every client: an HTTP/1 client that waits for a change or a
/// lock has nothing to send, so its silence would not show that it is lost.
const TCP_PROBE_INTERVAL: Duration = Duration::from_secs(30);
/// Unanswered probes after which a client counts as lost.
const TCP_PROBES: u32 = 3;

/// An accepted connection: its addresses, its acknowledgement timeouts and its flush notifications.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The client's address.
    pub peer: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
    /// How long sent data may stay unacknowledged.
    pub ack_timeouts: AckTimeouts,
    /// Notifies when responses have been written.
    pub flushes: Flushes,
}

/// Serves `router` on `listener` until the tasks are stopped. Connections are tasks too, so `Tasks::wait`
/// waits for the requests in flight.
pub async fn serve(listener: TcpListener, router: Router, tasks: Tasks, limits: Limits) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    loop {
        // Shutdown must also interrupt the wait for a free connection slot.
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
                Ok(local) => (
                    stream,
                    Connection {
                        peer,
                        local,
                        ack_timeouts: AckTimeouts::default(),
                        flushes: Flushes::default(),
                    },
                ),
                Err(_) => continue,
            },
            Err(error) => {
                // Usually the limit of open files: waiting lets other connections close.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (router, connection_tasks) = (router.clone(), tasks.clone());
        tasks.spawn(async move {
            let _permit = permit;
            serve_connection(stream, router, connection_tasks, limits).await;
        });
    }
}

/// Spawns the streams of an HTTP/2 connection as tasks.
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

async fn serve_connection(
    (stream, connection): (TcpStream, Connection),
    router: Router,
    tasks: Tasks,
    limits: Limits,
) {
    configure(&stream);
    let peer = connection.peer;
    let (ack_timeouts, flushes) = (connection.ack_timeouts.clone(), connection.flushes.clone());
    let activity = Activity::new(limits.head_timeout, limits.idle_timeout);
    let requests = activity.clone();
    let keep_alive = keep_alive_value(limits.idle_timeout);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let in_flight = requests.begin_request(request.version() >= Version::HTTP_2);
        let keep_alive = keep_alive.clone().filter(|_| is_persistent(&request));
        let body_timeout = BodyTimeout::default();
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(connection.clone()));
        extensions.insert(body_timeout.clone());
        let timed = |body| TimedBody::new(body, limits.body_timeout, body_timeout);
        let request = request.map(|body| Body::new(timed(body)));
        let response = router.clone().oneshot(request);
        async move {
            let mut response = response.await.unwrap_or_else(|never| match never {});
            if let Some(keep_alive) = keep_alive
                && response.status() != StatusCode::SWITCHING_PROTOCOLS
            {
                response.headers_mut().insert(KEEP_ALIVE, keep_alive);
            }
            Ok::<_, Infallible>(response.map(|body| TrackedBody::new(body, in_flight)))
        }
    });
    let mut builder = Builder::new(Executor(tasks.clone()));
    // hyper's timeout of a request head would also run on an idle connection.
    builder.http1().header_read_timeout(None);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .max_concurrent_streams(256);
    let stream = LingeringStream::new(stream, ack_timeouts, flushes, activity.clone());
    let stream = TokioIo::new(stream);
    let serving = builder.serve_connection_with_upgrades(stream, service);
    tokio::pin!(serving);
    let mut timer = LimitTimer::new(activity.clone());
    let mut stopping = false;
    loop {
        let ended = poll_fn(|cx| match serving.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Ok(result)),
            Poll::Pending => timer.poll_expired(cx).map(Err),
        });
        let ended = tokio::select! {
            biased;
            ended = ended => ended,
            () = tasks.stop().cancelled(), if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
                continue;
            }
        };
        match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "connection ended");
                return;
            }
            Err(Expired::Idle) => {
                tracing::debug!(%peer, "idle connection closed");
                activity.close();
                serving.as_mut().graceful_shutdown();
            }
            Err(Expired::Stalled) => {
                tracing::debug!(%peer, "connection dropped: no complete request head in time");
                return;
            }
        }
    }
}

/// Announces to an HTTP/1 client how long an idle connection stays open (RFC 2068, 19.7.1).
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// The header's value; `None` if the timeout is below one second.
fn keep_alive_value(idle_timeout: Duration) -> Option<HeaderValue> {
    let seconds = Some(idle_timeout.as_secs()).filter(|seconds| *seconds > 0)?;
    HeaderValue::from_str(&format!("timeout={seconds}")).ok()
}

/// Whether the client keeps the connection open after this request. Always false for HTTP/2, which has no
/// `Keep-Alive` header.
fn is_persistent<B>(request: &Request<B>) -> bool {
    let has = |option| has_connection_option(request.headers(), option);
    match request.version() {
        Version::HTTP_11 => !has("close"),
        Version::HTTP_10 => has("keep-alive"),
        _ => false,
    }
}

fn has_connection_option(headers: &HeaderMap, option: &str) -> bool {
    let values = headers.get_all(header::CONNECTION).iter();
    let mut options = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    options.any(|found| found.trim().eq_ignore_ascii_case(option))
}

/// Sets the socket options of a connection. Failures are tolerated: the connection works without them.
fn configure(stream: &TcpStream) {
    // A small response must not wait for an acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let probes = socket2::TcpKeepalive::new()
        .with_time(TCP_PROBE_INTERVAL)
        .with_interval(TCP_PROBE_INTERVAL)
        .with_retries(TCP_PROBES);
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_keepalive(&probes) {
        tracing::debug!(%error, "TCP keep-alive could not be set");
    }
}

#[cfg(test)]
mod tests;
