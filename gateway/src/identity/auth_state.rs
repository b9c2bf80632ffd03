//! Whether etcd's auth is enabled: one request for all callers that need to know.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

use crate::failure::Result;

/// How long a response is reused.
const VALID_FOR: Duration = Duration::from_secs(2);

/// When etcd responded, and whether its auth is enabled.
type Response = Result<(Instant, bool)>;
type Request = Shared<BoxFuture<'static, Response>>;

/// The cached state of etcd's auth, and the request in flight.
#[derive(Debug, Default)]
pub(super) struct AuthState {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    latest: Option<(Instant, bool)>,
    /// The request in flight. Only the callers that wait for it own it: once all of them have given up, it
    /// is dropped, so that no later caller finds a request whose deadline has long passed.
    in_flight: Option<WeakShared<BoxFuture<'static, Response>>>,
}

impl AuthState {
    /// A response that is recent enough, else the one to `request`. Callers that arrive meanwhile share the
    /// request, and its failure: if each sent its own, one after the other, the last would wait for all
    /// before it.
    pub(super) async fn is_enabled<F>(&self, request: impl FnOnce() -> F) -> Result<bool>
    where
        F: Future<Output = Result<bool>> + Send + 'static,
    {
        let request = {
            let mut state = self.lock();
            if let Some((at, enabled)) = state.latest
                && at.elapsed() < VALID_FOR
            {
                return Ok(enabled);
            }
            let in_flight = state.in_flight.as_ref().and_then(WeakShared::upgrade);
            in_flight.unwrap_or_else(|| {
                let request = shared(request());
                state.in_flight = request.downgrade();
                request
            })
        };
        let (at, enabled) = request.await?;
        self.lock().latest = Some((at, enabled));
        Ok(enabled)
    }

    /// Discards the latest response, so that the next caller gets a new one.
    pub(super) fn forget(&self) {
        self.lock().latest = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shared(request: impl Future<Output = Result<bool>> + Send + 'static) -> Request {
    let response = async move { request.await.map(|enabled| (Instant::now(), enabled)) };
    response.boxed().shared()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{join_all, pending, ready};
    use shared::Code;
    use tokio::time::timeout;

    use super::*;
    use crate::failure::Failure;

    #[tokio::test]
    async fn waiting_callers_share_one_request_and_a_failure_is_not_cached() {
        let (auth, requests) = (AuthState::default(), Arc::new(AtomicUsize::new(0)));
        let fails = || {
            let requests = Arc::clone(&requests);
            async move {
                tokio::task::yield_now().await;
                requests.fetch_add(1, Ordering::Relaxed);
                Err(Failure::new(Code::Timeout, "frozen"))
            }
        };
        let responses = join_all((0..50).map(|_| auth.is_enabled(fails))).await;
        assert!(responses.iter().all(Result::is_err));
        assert_eq!(requests.load(Ordering::Relaxed), 1);
        let enabled = auth.is_enabled(|| ready(Ok(true))).await;
        assert!(enabled.expect("a new request"));
        let cached = auth.is_enabled(|| ready(Ok(false))).await;
        assert!(cached.expect("the response before"));
        auth.forget();
        let renewed = auth.is_enabled(|| ready(Ok(false))).await;
        assert!(!renewed.expect("a new request"));
    }

    #[tokio::test]
    async fn an_abandoned_request_is_not_joined() {
        let auth = AuthState::default();
        let abandoned = timeout(Duration::ZERO, auth.is_enabled(pending)).await;
        assert!(abandoned.is_err());
        let enabled = auth.is_enabled(|| ready(Ok(true))).await;
        assert!(enabled.expect("a new request"));
    }
}
