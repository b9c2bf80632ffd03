//! A place in a queue, kept only once its caller has been told of it.

use axum::body::Body;
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::once;

use crate::service::lock::Standing;

/// Keeps the place only when the answer was written: until then dropping the body gives it up.
pub(super) fn kept_when_written(response: Response, standing: Standing) -> Response {
    response.map(|body| {
        let written = async move {
            // Lets the server write what it has, and notice a connection that is closed.
            tokio::task::yield_now().await;
            standing.keep();
        };
        let end = once(written).filter_map(|()| async { None });
        Body::from_stream(body.into_data_stream().chain(end))
    })
}
