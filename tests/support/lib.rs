//! Shared by the acceptance tests: a real etcd, the gateway in this process or as its binary, a TCP
//! proxy that can be cut, and clients that change nothing in what they send and receive.
//!
//! Responses are plain JSON here, so that the tests check the API independently of the gateway's own
//! types. Tests wait for a value with a deadline, never for a fixed time.

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
pub mod locks;
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

pub use self::auth::{AuthWorld, Grant, basic};
pub use self::cluster::Cluster;
pub use self::curl::Curl;
pub use self::encode::{bytes_in, json_bytes, key_path, key_query, keys_in, percent, text};
pub use self::etcd::Etcd;
pub use self::fake::FakeEtcd;
pub use self::gateway::{Watchgate, World};
pub use self::http::{Client, Response};
pub use self::peer::Peer;
pub use self::stream::{Stream, events_of, revisions_of};

/// How long a value may take to appear. Generous: the machine may be busy with a build.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A listener on a free loopback port, non-blocking, and its address.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener
        .set_nonblocking(true)
        .expect("a new socket can be configured");
    let address = listener.local_addr();
    (listener, address.expect("a bound socket has an address"))
}

/// The runtime of gateways and proxies, which outlive a test or run while one blocks.
pub fn background() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("the system has threads")
    })
}

/// Spawns a task on the test's own runtime: it ends with the test.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's tasks end with its runtime"
)]
pub fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task)
}

/// A name that no other test of this run uses.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{number}")
}

/// Calls `attempt` until it returns a value; its last error is part of the failure message.
pub async fn eventually<T>(
    what: &str,
    deadline: Duration,
    attempt: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let mut attempt = attempt;
    let end = Instant::now() + deadline;
    let mut pause = Duration::from_millis(5);
    loop {
        match attempt().await {
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

/// `Ok` if `holds`, else the observed state as an error, for [`eventually`].
pub fn ensure(holds: bool, seen: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(seen()) }
}
