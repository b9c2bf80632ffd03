//! A place in a queue, kept only once its caller has been told of it.

use axum::body::Body;
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::once;

use crate::server::Flushes;
use crate::service::lock::ClaimGuard;

/// Keeps the place only when the answer was written to the socket. Until then dropping the body, as the
/// server does when the client disconnects, gives it up.
///
/// The body ends only then, so a client that read a complete answer has the place. Whether it read the answer
/// cannot be known: a client that disconnects after the write keeps the place until its lease ends.
pub(super) fn kept_when_written(
    response: Response,
    standing: ClaimGuard,
    flushes: Option<Flushes>,
) -> Response {
    when_written(response, flushes, || standing.keep())
}

fn when_written(
    response: Response,
    flushes: Option<Flushes>,
    keep: impl FnOnce() + Send + 'static,
) -> Response {
    response.map(|body| {
        let written = async move {
            // Without a connection there is no socket to wait for.
            if let Some(flushes) = flushes {
                flushes.next().await;
            }
            keep();
        };
        let end = once(written).filter_map(|()| async { None });
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
    async fn the_end_waits_until_the_answer_was_written() {
        let kept = Arc::new(AtomicBool::new(false));
        let keep = {
            let kept = Arc::clone(&kept);
            move || kept.store(true, Ordering::Relaxed)
        };
        let flushes = Flushes::default();
        let answer = Response::new(Body::from("acquired"));
        let answer = when_written(answer, Some(flushes.clone()), keep);
        let mut body = answer.into_body().into_data_stream();
        let data = body.next().await.expect("data").expect("no error");
        assert_eq!(data, "acquired");
        for _ in 0..3 {
            assert!(poll!(body.next()).is_pending());
            tokio::task::yield_now().await;
        }
        assert!(!kept.load(Ordering::Relaxed), "nothing was written");
        flushes.flushed();
        assert!(body.next().await.is_none());
        assert!(kept.load(Ordering::Relaxed));
    }
}
