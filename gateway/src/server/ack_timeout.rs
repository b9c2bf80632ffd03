//! How long data sent on a connection may stay unacknowledged (`TCP_USER_TIMEOUT`).
//!
//! A client that keeps a lease alive by staying connected must be noticed when its network fails. The kernel
//! alone retransmits for a quarter of an hour; with `TCP_USER_TIMEOUT` the connection ends when the lease
//! would. The timeout reaches only the next hop: behind a proxy, only a WebSocket's pings notice.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

/// The timeouts that requests on one connection have set; the shortest applies. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct AckTimeouts {
    set: Arc<Mutex<Vec<Duration>>>,
}

/// A timeout that applies until this is dropped.
#[derive(Debug)]
pub struct AckTimeoutGuard {
    timeouts: AckTimeouts,
    timeout: Duration,
}

impl AckTimeouts {
    /// Sets a timeout until the returned guard is dropped.
    pub fn set(&self, timeout: Duration) -> AckTimeoutGuard {
        self.with(|set| set.push(timeout));
        AckTimeoutGuard {
            timeouts: self.clone(),
            timeout,
        }
    }

    /// The timeout that applies now.
    fn shortest(&self) -> Option<Duration> {
        self.with(|set| set.iter().min().copied())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Vec<Duration>) -> T) -> T {
        change(&mut self.set.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for AckTimeoutGuard {
    fn drop(&mut self) {
        self.timeouts.with(|set| {
            if let Some(at) = set.iter().position(|timeout| *timeout == self.timeout) {
                set.swap_remove(at);
            }
        });
    }
}

/// Applies the timeouts to a connection's socket, and only when they have changed.
#[derive(Debug)]
pub(super) struct SocketTimeout {
    timeouts: AckTimeouts,
    current: Option<Duration>,
}

impl SocketTimeout {
    pub(super) fn new(timeouts: AckTimeouts) -> Self {
        Self {
            timeouts,
            current: None,
        }
    }

    /// Must be called before each write.
    pub(super) fn apply(&mut self, stream: &TcpStream) {
        let timeout = self.timeouts.shortest();
        if timeout != self.current {
            self.current = timeout;
            set_tcp_user_timeout(stream, timeout);
        }
    }
}

#[cfg(target_os = "linux")]
fn set_tcp_user_timeout(stream: &TcpStream, timeout: Option<Duration>) {
    // Without it a dead client is only noticed later.
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(timeout) {
        tracing::debug!(%error, "TCP_USER_TIMEOUT could not be set");
    }
}

#[cfg(not(target_os = "linux"))]
fn set_tcp_user_timeout(_: &TcpStream, _: Option<Duration>) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_shortest_timeout_applies_until_its_request_ends() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).await.expect("connects");
        let timeouts = AckTimeouts::default();
        let mut socket = SocketTimeout::new(timeouts.clone());
        let applied = |socket: &mut SocketTimeout| {
            socket.apply(&stream);
            let timeout = socket2::SockRef::from(&stream).tcp_user_timeout();
            timeout
                .expect("can be read")
                .filter(|timeout| !timeout.is_zero())
        };
        assert_eq!(applied(&mut socket), None);
        let long = timeouts.set(Duration::from_mins(1));
        let short = timeouts.set(Duration::from_secs(2));
        assert_eq!(applied(&mut socket), Some(Duration::from_secs(2)));
        drop(short);
        assert_eq!(applied(&mut socket), Some(Duration::from_mins(1)));
        drop(long);
        assert_eq!(applied(&mut socket), None);
    }
}
