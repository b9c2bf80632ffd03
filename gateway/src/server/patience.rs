//! How long what was sent on a connection may stay without an acknowledgement.
//!
//! Whoever keeps a lease by being connected must be missed when the network takes them away. The
//! system retransmits for a quarter of an hour by itself; with TCP_USER_TIMEOUT the connection ends
//! when the lease would. It ends at the next proxy: behind one, only the pings of a WebSocket tell.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

/// The limits that requests on one connection have set; the shortest holds. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Patience {
    limits: Arc<Mutex<Vec<Duration>>>,
}

/// A limit, until it is dropped.
#[derive(Debug)]
pub struct Impatience {
    patience: Patience,
    limit: Duration,
}

impl Patience {
    /// Sets a limit for as long as what this returns lives.
    pub fn limit(&self, limit: Duration) -> Impatience {
        self.with(|limits| limits.push(limit));
        Impatience {
            patience: self.clone(),
            limit,
        }
    }

    /// The limit that holds now.
    fn shortest(&self) -> Option<Duration> {
        self.with(|limits| limits.iter().min().copied())
    }

    fn with<T>(&self, change: impl FnOnce(&mut Vec<Duration>) -> T) -> T {
        change(&mut self.limits.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Impatience {
    fn drop(&mut self) {
        self.patience.with(|limits| {
            if let Some(at) = limits.iter().position(|limit| *limit == self.limit) {
                limits.swap_remove(at);
            }
        });
    }
}

/// Tells the system, where what it was told before is no longer right.
#[derive(Debug)]
pub(super) struct Applied {
    patience: Patience,
    told: Option<Duration>,
}

impl Applied {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            patience,
            told: None,
        }
    }

    /// To be called before something is written.
    pub(super) fn apply(&mut self, stream: &TcpStream) {
        let limit = self.patience.shortest();
        if limit != self.told {
            self.told = limit;
            tell(stream, limit);
        }
    }
}

#[cfg(target_os = "linux")]
fn tell(stream: &TcpStream, limit: Option<Duration>) {
    // Without it a dead client is only noticed later.
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(limit) {
        tracing::debug!(%error, "TCP_USER_TIMEOUT could not be set");
    }
}

#[cfg(not(target_os = "linux"))]
fn tell(_: &TcpStream, _: Option<Duration>) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_shortest_limit_reaches_the_system_and_goes_with_its_request() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).await.expect("connects");
        let patience = Patience::default();
        let mut applied = Applied::new(patience.clone());
        let told = |applied: &mut Applied| {
            applied.apply(&stream);
            let timeout = socket2::SockRef::from(&stream).tcp_user_timeout();
            timeout
                .expect("can be read")
                .filter(|limit| !limit.is_zero())
        };
        assert_eq!(told(&mut applied), None);
        let long = patience.limit(Duration::from_mins(1));
        let short = patience.limit(Duration::from_secs(2));
        assert_eq!(told(&mut applied), Some(Duration::from_secs(2)));
        drop(short);
        assert_eq!(told(&mut applied), Some(Duration::from_mins(1)));
        drop(long);
        assert_eq!(told(&mut applied), None);
    }
}
