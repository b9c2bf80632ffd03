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

/// The state and how often the link was cut: a connection ends even if the link is restored at once.
#[derive(Clone, Copy, Debug)]
struct State {
    link: Link,
    cuts: u64,
}

/// The proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    state: watch::Sender<State>,
    /// Connections of earlier generations are stalled for good.
    generation: Arc<AtomicU64>,
}

impl Proxy {
    /// Listens on a free port until the process ends.
    pub fn start(target: SocketAddr) -> Self {
        let (listener, address) = listener();
        let state = watch::Sender::new(State {
            link: Link::Up,
            cuts: 0,
        });
        let proxy = Self {
            address,
            target: Arc::new(Mutex::new(target)),
            state,
            generation: Arc::default(),
        };
        let serving = proxy.clone();
        background().spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the runtime has a reactor");
            while let Ok((client, _)) = listener.accept().await {
                let target = *serving.target.lock().expect("no holder of the lock panics");
                let state = serving.state.subscribe();
                let generation = Generation::now(&serving.generation);
                background().spawn(carry(client, target, state, generation));
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

    /// Closes every connection and refuses new ones. Nothing that is sent after the call is forwarded.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.link = Link::Cut;
            state.cuts += 1;
        });
    }

    /// Holds back every byte, in both directions.
    pub fn stall(&self) {
        self.state.send_modify(|state| state.link = Link::Stalled);
    }

    /// Forwards nothing more on the open connections; new ones work.
    pub fn strand(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Forwards everything again.
    pub fn restore(&self) {
        self.state.send_modify(|state| state.link = Link::Up);
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
    mut state: watch::Receiver<State>,
    generation: Generation,
) {
    let Ok(start) = state
        .wait_for(|state| state.link != Link::Stalled)
        .await
        .map(|state| *state)
    else {
        return;
    };
    if start.link != Link::Up {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let (mut forth, mut back) = (state.clone(), state.clone());
    tokio::select! {
        () = pump(client_in, server_out, &mut forth, start.cuts, &generation) => {}
        () = pump(server_in, client_out, &mut back, start.cuts, &generation) => {}
        _ = state.wait_for(|state| state.cuts != start.cuts) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &mut watch::Receiver<State>,
    cuts: u64,
    generation: &Generation,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        let forwards = state
            .wait_for(|state| state.link != Link::Stalled || state.cuts != cuts)
            .await
            .is_ok_and(|state| state.cuts == cuts);
        if !forwards {
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
