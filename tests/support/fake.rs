//! A server of etcd's protocol with configured responses, for versions and failures that no real etcd
//! shows on demand.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use prost::Message;
use tokio::net::TcpListener;

use crate::{background, listener};

/// gRPC's status code for an unknown method.
const UNIMPLEMENTED: u16 = 12;

#[derive(Clone, Debug)]
enum Reply {
    Messages(Vec<Bytes>),
    Error(u16, String),
    /// The call never ends.
    Hang,
}

/// The server.
#[derive(Clone, Debug)]
pub struct FakeEtcd {
    address: SocketAddr,
    replies: Arc<Mutex<HashMap<String, Reply>>>,
}

impl FakeEtcd {
    /// Starts the server, until the process ends. Every method is unknown until it is configured.
    pub fn start() -> Self {
        let (listener, address) = listener();
        let fake = Self {
            address,
            replies: Arc::default(),
        };
        let replies = Arc::clone(&fake.replies);
        background().spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the runtime has a reactor");
            while let Ok((stream, _)) = listener.accept().await {
                let replies = Arc::clone(&replies);
                background().spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        let response = respond(&replies, &request);
                        async move {
                            match response {
                                Some(response) => Ok::<_, Infallible>(response),
                                None => std::future::pending().await,
                            }
                        }
                    });
                    let builder = Builder::new(TokioExecutor::new());
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        fake
    }

    /// The server's client URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the response of a method such as `Maintenance/Status`.
    pub fn respond_with<M: Message>(&self, call: &str, messages: &[M]) {
        let messages = messages.iter().map(encode_frame).collect();
        self.set(call, Reply::Messages(messages));
    }

    /// Makes a method fail with this gRPC status code and message.
    pub fn fail_with(&self, call: &str, code: u16, message: &str) {
        self.set(call, Reply::Error(code, message.to_owned()));
    }

    /// Makes a method hang while its connection stays healthy.
    pub fn hang(&self, call: &str) {
        self.set(call, Reply::Hang);
    }

    fn set(&self, call: &str, reply: Reply) {
        let mut replies = self.replies.lock().expect("no holder of the lock panics");
        replies.insert(format!("/etcdserverpb.{call}"), reply);
    }
}

fn encode_frame<M: Message>(message: &M) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).expect("messages are small"));
    message.encode(&mut frame).expect("a buffer grows");
    frame.freeze()
}

type Body = StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

fn respond(
    replies: &Mutex<HashMap<String, Reply>>,
    request: &Request<Incoming>,
) -> Option<Response<Body>> {
    let reply = {
        let replies = replies.lock().expect("no holder of the lock panics");
        replies.get(request.uri().path()).cloned()
    };
    let unknown = || Reply::Error(UNIMPLEMENTED, "unknown method".to_owned());
    let (messages, code, message) = match reply.unwrap_or_else(unknown) {
        Reply::Messages(messages) => (messages, 0, String::new()),
        Reply::Error(code, message) => (Vec::new(), code, message),
        Reply::Hang => return None,
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(code));
    if let Ok(message) = HeaderValue::from_str(&message) {
        trailers.insert("grpc-message", message);
    }
    let mut frames: Vec<_> = messages
        .into_iter()
        .map(|message| Ok(Frame::data(message)))
        .collect();
    let mut headers = HeaderMap::new();
    if code == 0 {
        frames.push(Ok(Frame::trailers(trailers)));
    } else {
        // An error before the first message is sent in the headers, as etcd sends it.
        headers = trailers;
    }
    let mut response = Response::new(StreamBody::new(stream::iter(frames)));
    *response.headers_mut() = headers;
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    Some(response)
}
