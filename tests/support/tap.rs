//! A relay before an etcd that sees each call, and may act between an answer and its reader.

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

/// A call that has passed.
#[derive(Clone, Debug)]
pub struct Call {
    /// Such as `/etcdserverpb.Maintenance/Status`.
    pub path: String,
    /// It carried a token.
    pub signed: bool,
    /// It shall end where there is no leader.
    pub demands_leader: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Tap {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
}

type Act = dyn Fn(&str) -> BoxFuture<'static, ()> + Send + Sync;

impl Tap {
    /// Passes everything on to an etcd, for as long as the process lives.
    pub fn before(url: &str) -> Self {
        Self::acting(url, |_| ready(()).boxed())
    }

    /// The same; what `act` makes of a call's path is done before the answer is passed on.
    pub fn acting(
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

    /// Its client URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has passed so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("nobody panics holding it").clone()
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
            signed: request.headers().contains_key("token"),
            demands_leader: request
                .headers()
                .get("hasleader")
                .is_some_and(|value| value == "true"),
        };
        let path = call.path.clone();
        calls.lock().expect("nobody panics holding it").push(call);
        async move {
            let answer = sender.send_request(request).await;
            act(&path).await;
            answer
        }
    });
    let builder = Builder::new(TokioExecutor::new());
    let _ = builder
        .serve_connection(TokioIo::new(client), service)
        .await;
}
