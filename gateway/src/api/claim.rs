//! Responses to `acquire` and `campaign`: the claim in the queue is kept only once the response has been sent.

use axum::body::Body;
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::once;

use crate::server::Flushes;
use crate::service::lock::ClaimGuard;

/// Keeps the claim once the response has been written to the socket. If the body is dropped before, as the server does
/// when the client disconnects, the claim is given up.
///
/// The body ends only after the claim was kept, so a client that read a complete response has the claim. Whether the
/// client read it cannot be known: if it disconnects after the write, the claim stays until its lease ends.
pub(super) fn keep_when_sent(
    response: Response,
    claim: ClaimGuard,
    flushes: Option<Flushes>,
) -> Response {
    run_when_sent(response, flushes, || claim.keep())
}

fn run_when_sent(
    response: Response,
    flushes: Option<Flushes>,
    keep: impl FnOnce() + Send + 'static,
) -> Response {
    response.map(|body| {
        let sent = async move {
            // A request without a connection has no socket to wait for.
            if let Some(flushes) = flushes {
                flushes.next().await;
            }
            keep();
        };
        let end = once(sent).filter_map(|()| async { None });
        Body::from_stream(body.into_data_stream().chain(end))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn the_body_ends_after_the_response_was_sent() {
        let kept = Arc::new(AtomicBool::new(false));
        let keep = {
            let kept = Arc::clone(&kept);
            move || kept.store(true, Ordering::Relaxed)
        };
        let flushes = Flushes::default();
        let response = Response::new(Body::from("acquired"));
        let response = run_when_sent(response, Some(flushes.clone()), keep);
        let mut body = response.into_body().into_data_stream();
        let data = body.next().await.expect("data").expect("no error");
        assert_eq!(data, "acquired");
        for _ in 0..3 {
            assert!(poll!(body.next()).is_pending());
            tokio::task::yield_now().await;
        }
        assert!(!kept.load(Ordering::Relaxed), "nothing has been sent");
        flushes.flushed();
        assert!(body.next().await.is_none());
        assert!(kept.load(Ordering::Relaxed));
    }
}
