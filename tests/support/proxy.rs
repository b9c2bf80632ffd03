//! A TCP proxy between the gateway and etcd: the connection can be cut, stalled and restored, and etcd
//! can be restarted on any port while the gateway keeps its address.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::{background, listener};

/// The state of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Forwards everything.
    Up,
    /// Closes open and new connections.
    Cut,
    /// Accepts connections and forwards nothing, like a network that drops packets.
    Stalled,
}

/// The proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    link: watch::Sender<Link>,
    /// Connections of earlier generations are stalled for good.
    generation: Arc<AtomicU64>,
}

impl Proxy {
    /// Listens on a free port until the process ends.
    pub fn start(target: SocketAddr) -> Self {
        let (listener, address) = listener();
        let link = watch::Sender::new(Link::Up);
        let proxy = Self {
            address,
            target: Arc::new(Mutex::new(target)),
            link,
            generation: Arc::default(),
        };
        let serving = proxy.clone();
        background().spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the runtime has a reactor");
            while let Ok((client, _)) = listener.accept().await {
                let target = *serving.target.lock().expect("no holder of the lock panics");
                let link = serving.link.subscribe();
                let generation = Generation::now(&serving.generation);
                background().spawn(carry(client, target, link, generation));
            }
        });
        proxy
    }

    /// The proxy's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends new connections to another server.
    pub fn point_at(&self, target: SocketAddr) {
        *self.target.lock().expect("no holder of the lock panics") = target;
    }

    /// Closes every connection and refuses new ones.
    pub fn cut(&self) {
        self.link.send_replace(Link::Cut);
    }

    /// Holds back every byte, in both directions.
    pub fn stall(&self) {
        self.link.send_replace(Link::Stalled);
    }

    /// Forwards nothing more on the open connections; new ones work.
    pub fn strand(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Forwards everything again.
    pub fn restore(&self) {
        self.link.send_replace(Link::Up);
    }
}

/// The generation of a connection.
#[derive(Clone, Debug)]
struct Generation {
    born: u64,
    current: Arc<AtomicU64>,
}

impl Generation {
    fn now(current: &Arc<AtomicU64>) -> Self {
        Self {
            born: current.load(Ordering::Relaxed),
            current: Arc::clone(current),
        }
    }

    fn stranded(&self) -> bool {
        self.current.load(Ordering::Relaxed) != self.born
    }
}

async fn carry(
    client: TcpStream,
    target: SocketAddr,
    mut link: watch::Receiver<Link>,
    generation: Generation,
) {
    let up = async |link: &mut watch::Receiver<Link>| {
        link.wait_for(|link| *link != Link::Stalled)
            .await
            .is_ok_and(|link| *link == Link::Up)
    };
    if !up(&mut link).await {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let (mut forth, mut back) = (link.clone(), link.clone());
    tokio::select! {
        () = pump(client_in, server_out, &mut forth, &generation) => {}
        () = pump(server_in, client_out, &mut back, &generation) => {}
        _ = link.wait_for(|link| *link == Link::Cut) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: &mut watch::Receiver<Link>,
    generation: &Generation,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || link.wait_for(|link| *link != Link::Stalled).await.is_err() {
            return;
        }
        if generation.stranded() {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
