//! A member's own metrics, which it serves at `/metrics` of its client URL.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use shared::Code;
use tokio::time::timeout;
use tower::{BoxError, Service as _};

use super::{Etcd, tls};
use crate::failure::{Failure, Result};

/// How many bytes are read at most. etcd's own metrics are below 200 KB.
const MAX_BYTES: usize = 1 << 20;
/// How long a read may take, with the connection.
const TIME_LIMIT: Duration = Duration::from_secs(2);

impl Etcd {
    /// The metrics of the member at the first endpoint, as Prometheus text, with the cluster's TLS files
    /// and without a token. Redirects are errors, as is everything but 200.
    ///
    /// # Errors
    /// `unavailable`, also if the text is longer than 1 MiB or takes longer than 2 s.
    pub async fn metrics(&self) -> Result<Bytes> {
        let read = timeout(TIME_LIMIT, self.read_metrics()).await;
        let error: BoxError = match read {
            Ok(Ok(text)) => return Ok(text),
            Ok(Err(error)) => error,
            Err(_) => "no response in time".into(),
        };
        let detail = format!("the member's metrics cannot be read: {error}");
        Err(Failure::new(Code::Unavailable, detail))
    }

    async fn read_metrics(&self) -> std::result::Result<Bytes, BoxError> {
        let url = self.endpoints().first().ok_or("no endpoint")?;
        let base: Uri = url.parse()?;
        let authority = base.authority().ok_or("the URL has no host")?.clone();
        let uri = Uri::builder()
            .scheme(base.scheme_str().unwrap_or("http"))
            .authority(authority.clone())
            .path_and_query("/metrics")
            .build()?;
        if tls::is_secure(url) {
            let tls = std::sync::Arc::clone(&self.inner.tls);
            let connector = tls::Connector::new(base.clone(), tls, TIME_LIMIT);
            let mut connector = connector.ok_or("the host is not a certificate name")?;
            let io = connector.call(base).await?;
            // Under TLS etcd accepts HTTP/2 for everything; without, HTTP/2 is gRPC only.
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            let exchange = async {
                let request = Request::get(uri).body(Empty::<Bytes>::new())?;
                body(sender.send_request(request).await?).await
            };
            tokio::select! {
                text = exchange => text,
                ended = connection => Err(closed(ended)),
            }
        } else {
            let io = HttpConnector::new().call(base).await?;
            let (mut sender, connection) = http1::handshake(io).await?;
            let exchange = async {
                let host = HeaderValue::from_str(authority.as_str())?;
                let request = Request::get("/metrics").header(header::HOST, host);
                let request = request.body(Empty::<Bytes>::new())?;
                body(sender.send_request(request).await?).await
            };
            tokio::select! {
                text = exchange => text,
                ended = connection => Err(closed(ended)),
            }
        }
    }
}

fn closed(ended: std::result::Result<(), hyper::Error>) -> BoxError {
    match ended {
        Ok(()) => "the connection was closed".into(),
        Err(error) => error.into(),
    }
}

async fn body(response: http::Response<Incoming>) -> std::result::Result<Bytes, BoxError> {
    if response.status() != StatusCode::OK {
        return Err(format!("status {}", response.status()).into());
    }
    let read = Limited::new(response.into_body(), MAX_BYTES).collect();
    Ok(read.await?.to_bytes())
}

#[cfg(test)]
mod tests;
