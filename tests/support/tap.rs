//! A gRPC relay in front of an etcd. It records each call, and can act between a response and the
//! client that receives it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::Request;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};

use crate::{background, listener};

/// A call that was relayed.
#[derive(Clone, Debug)]
pub struct Call {
    /// For example `/etcdserverpb.Maintenance/Status`.
    pub path: String,
    /// Whether the call carried a token.
    pub with_token: bool,
    /// Whether the call requires a leader: etcd then ends it while the member has none.
    pub requires_leader: bool,
}

/// The relay.
#[derive(Clone, Debug)]
pub struct Tap {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
}

type Act = dyn Fn(&str) -> BoxFuture<'static, ()> + Send + Sync;

impl Tap {
    /// Relays to an etcd until the process ends.
    pub fn start(url: &str) -> Self {
        Self::start_with(url, |_| ready(()).boxed())
    }

    /// As `start`; the future that `act` returns for a call's path is awaited before the response is
    /// relayed.
    pub fn start_with(
        url: &str,
        act: impl Fn(&str) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        let target = url.trim_start_matches("http://");
        let target: SocketAddr = target.parse().expect("an etcd's client URL");
        let (listener, address) = listener();
        let tap = Self {
            address,
            calls: Arc::default(),
        };
        let (calls, act): (_, Arc<Act>) = (Arc::clone(&tap.calls), Arc::new(act));
        background().spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the runtime has a reactor");
            while let Ok((client, _)) = listener.accept().await {
                background().spawn(carry(client, target, Arc::clone(&calls), Arc::clone(&act)));
            }
        });
        tap
    }

    /// The relay's client URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls
            .lock()
            .expect("no holder of the lock panics")
            .clone()
    }
}

async fn carry(client: TcpStream, target: SocketAddr, calls: Arc<Mutex<Vec<Call>>>, act: Arc<Act>) {
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let handshake = http2::handshake::<_, _, Incoming>(TokioExecutor::new(), TokioIo::new(server));
    let Ok((sender, connection)) = handshake.await else {
        return;
    };
    background().spawn(connection);
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut sender, act) = (sender.clone(), Arc::clone(&act));
        let call = Call {
            path: request.uri().path().to_owned(),
            with_token: request.headers().contains_key("token"),
            requires_leader: request
                .headers()
                .get("hasleader")
                .is_some_and(|value| value == "true"),
        };
        let path = call.path.clone();
        calls
            .lock()
            .expect("no holder of the lock panics")
            .push(call);
        async move {
            let response = sender.send_request(request).await;
            act(&path).await;
            response
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let _ = builder
        .serve_connection(TokioIo::new(client), service)
        .await;
}
