//! What the acceptance tests stand on: a real etcd, the gateway in this process or as its binary, a
//! TCP proxy that can be cut, and clients that show the wire as it is.
//!
//! It knows the contract's transports and nothing of its meaning: answers are plain JSON here, so
//! that the tests read the contract independently of the product's own types. Nothing waits for a
//! time to pass; everything waits for a value, with a deadline.

pub mod auth;
pub mod certs;
pub mod cluster;
pub mod coding;
pub mod connect;
pub mod ctl;
pub mod curl;
pub mod docs;
pub mod encode;
pub mod etcd;
pub mod fake;
pub mod fill;
pub mod gateway;
pub mod http;
pub mod peer;
pub mod proxy;
pub mod stream;
pub mod tap;
pub mod tools;

use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub use self::auth::{Grant, basic};
pub use self::cluster::Cluster;
pub use self::curl::Curl;
pub use self::encode::{bytes_in, json_bytes, key_path, key_query, keys_in, percent};
pub use self::etcd::Etcd;
pub use self::fake::FakeEtcd;
pub use self::gateway::{Watchgate, World};
pub use self::http::{Answer, Client};
pub use self::peer::Peer;
pub use self::stream::{Stream, events_of, revisions_of};

/// How long a value may take to come. Generous: the machine may be building something beside us.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A free port of loopback, ready to be handed to a runtime, and its address.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener
        .set_nonblocking(true)
        .expect("a fresh socket can be set up");
    let address = listener.local_addr();
    (listener, address.expect("a bound socket has an address"))
}

/// The runtime of whatever outlives a test or must run while one blocks: gateways and proxies.
pub fn background() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("the system gives us threads")
    })
}

/// Runs something beside the test, on the test's own runtime: it ends with the test.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with the test's runtime"
)]
pub fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task)
}

/// A name that no other test of this run has.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{number}")
}

/// Asks again and again until `look` gives a value; its last refusal is part of the failure.
pub async fn eventually<T>(
    what: &str,
    deadline: Duration,
    look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let mut look = look;
    let end = Instant::now() + deadline;
    let mut pause = Duration::from_millis(5);
    loop {
        match look().await {
            Ok(value) => return value,
            Err(seen) => assert!(
                Instant::now() < end,
                "not within {deadline:?}: {what}; last seen: {seen}"
            ),
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// `Ok` once `holds`; for `eventually`.
pub fn when(holds: bool, seen: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(seen()) }
}
