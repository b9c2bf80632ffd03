//! Accepting connections and serving them until told to stop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::tasks::Tasks;

/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// The two ends of an accepted connection.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The client's address.
    pub peer: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
}

/// Serves `router` on `listener` until the tasks are told to stop; connections are tasks too, so
/// `Tasks::wait` waits for what they are still answering.
pub async fn serve(listener: TcpListener, router: Router, tasks: Tasks, max_connections: usize) {
    let permits = Arc::new(Semaphore::new(max_connections));
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tasks.stop().cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, peer)) => match stream.local_addr() {
                Ok(local) => (stream, Connection { peer, local }),
                Err(_) => continue,
            },
            Err(error) => {
                // Most often the limit of open files: waiting lets connections close.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let router = router.clone();
        let stop = tasks.stop().clone();
        tasks.spawn(async move {
            let _permit = permit;
            connection(stream, router, stop).await;
        });
    }
}

async fn connection(
    (stream, ends): (TcpStream, Connection),
    router: Router,
    stop: tokio_util::sync::CancellationToken,
) {
    // Small answers must not wait for an acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(ends));
        let answer = router.clone().oneshot(request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(256);
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %ends.peer, %error, "connection ended");
    }
}
