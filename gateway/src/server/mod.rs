//! Accepting connections and serving them until told to stop.

mod activity;
mod flushes;
mod hurry;
mod linger;
mod patience;

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

use self::activity::{Activity, Clock, Expired, Served};
pub use self::flushes::Flushes;
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
    /// How long a connection may wait for its next request.
    pub idle: Duration,
    /// How long a client may pause within its request's body, unless the call lifts the limit.
    pub body: Duration,
}

impl Limits {
    /// The usual times.
    pub fn new(connections: usize, idle: Duration) -> Self {
        Self {
            connections,
            head: Duration::from_secs(15),
            idle,
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
    /// When what it was given has been written.
    pub flushes: Flushes,
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
                            flushes: Flushes::default(),
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
    let (peer, patience, flushes) = (ends.peer, ends.patience.clone(), ends.flushes.clone());
    let activity = Activity::new(limits.head, limits.idle);
    let requests = activity.clone();
    let kept = kept_alive(limits.idle);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let served = requests.request(request.version() >= Version::HTTP_2);
        let kept = kept.clone().filter(|_| keeps_alive(&request));
        let unhurried = Unhurried::default();
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(ends.clone()));
        extensions.insert(unhurried.clone());
        let request = request.map(|body| Body::new(Hurried::new(body, limits.body, unhurried)));
        let answer = router.clone().oneshot(request);
        async move {
            let mut response = answer.await.unwrap_or_else(|never| match never {});
            if let Some(kept) = kept
                && response.status() != StatusCode::SWITCHING_PROTOCOLS
            {
                response.headers_mut().insert(KEEP_ALIVE, kept);
            }
            Ok::<_, Infallible>(response.map(|body| Served::new(body, served)))
        }
    });
    let mut builder = Builder::new(Executor(tasks.clone()));
    // Its limit of a request's head would run on an idle connection too.
    builder.http1().header_read_timeout(None);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .max_concurrent_streams(256);
    let lingering = Lingering::new(stream, patience, flushes, activity.clone());
    let stream = TokioIo::new(lingering);
    let serving = builder.serve_connection_with_upgrades(stream, service);
    tokio::pin!(serving);
    let mut clock = Clock::new(activity.clone());
    let mut stopping = false;
    loop {
        let step = poll_fn(|cx| match serving.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Ok(ended)),
            Poll::Pending => clock.poll_expired(cx).map(Err),
        });
        let step = tokio::select! {
            biased;
            step = step => step,
            () = tasks.stop().cancelled(), if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
                continue;
            }
        };
        match step {
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
                tracing::debug!(%peer, "connection without a complete request head");
                return;
            }
        }
    }
}

/// Tells an HTTP/1 client how long its connection is kept (RFC 2068, 19.7.1).
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// The header's value; none where no whole second is kept.
fn kept_alive(idle: Duration) -> Option<HeaderValue> {
    let seconds = Some(idle.as_secs()).filter(|seconds| *seconds > 0)?;
    HeaderValue::from_str(&format!("timeout={seconds}")).ok()
}

/// Whether the connection is meant to be used again: HTTP/2 has no such header.
fn keeps_alive<B>(request: &Request<B>) -> bool {
    let says = |option| names_option(request.headers(), option);
    match request.version() {
        Version::HTTP_11 => !says("close"),
        Version::HTTP_10 => says("keep-alive"),
        _ => false,
    }
}

fn names_option(headers: &HeaderMap, option: &str) -> bool {
    let values = headers.get_all(header::CONNECTION).iter();
    let mut options = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    options.any(|named| named.trim().eq_ignore_ascii_case(option))
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

#[cfg(test)]
mod tests;
