//! A WebSocket to the gateway without a network: messages pass through the upgrade, the framing and the
//! session like a client's.

use axum::Router;
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::duplex;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// Bytes buffered in each direction.
const PIPE: usize = 16 << 10;

/// Sends each piece as a message, and reads until the gateway closes or sends `last`. Returns what the
/// gateway sent.
pub(crate) async fn exchange(
    router: Router,
    path: &str,
    headers: &[(&'static str, &'static str)],
    pieces: impl Iterator<Item = &[u8]>,
    last: &str,
) -> Vec<String> {
    let (ours, theirs) = duplex(PIPE);
    let service = TowerToHyperService::new(router);
    let serving = http1::Builder::new().serve_connection(TokioIo::new(theirs), service);
    let request = format!("ws://localhost{path}").into_client_request();
    let mut request = request.expect("a valid URL");
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(*name, value);
    }
    let conversation = async {
        let (socket, _) = client_async(request, ours)
            .await
            .expect("the gateway upgrades");
        let (mut sink, mut messages) = socket.split();
        let sending = async {
            for piece in pieces {
                let message = match std::str::from_utf8(piece) {
                    Ok(text) => Message::text(text),
                    Err(_) => Message::Binary(Bytes::copy_from_slice(piece)),
                };
                if sink.send(message).await.is_err() {
                    // The gateway has closed: read what it sent before.
                    break;
                }
            }
        };
        let receiving = async {
            let mut received = Vec::new();
            while let Some(Ok(message)) = messages.next().await {
                if let Message::Text(text) = message {
                    let is_last = text.contains(last);
                    received.push(text.to_string());
                    if is_last {
                        break;
                    }
                }
            }
            received
        };
        let ((), received) = tokio::join!(sending, receiving);
        received
    };
    let (served, received) = tokio::join!(serving.with_upgrades(), conversation);
    served.expect("the connection is served to its end");
    received
}
