//! A server that speaks etcd's protocol and says what it is told: for versions and failures that no
//! real etcd shows on demand.

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

/// gRPC's code for a call that does not exist.
const UNIMPLEMENTED: u16 = 12;

#[derive(Clone, Debug)]
enum Reply {
    Messages(Vec<Bytes>),
    Refusal(u16, String),
    /// None, ever.
    Nothing,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct FakeEtcd {
    address: SocketAddr,
    replies: Arc<Mutex<HashMap<String, Reply>>>,
}

impl FakeEtcd {
    /// Listens for as long as the process lives; every call is unknown to it.
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
                        let answer = answer(&replies, &request);
                        async move {
                            match answer {
                                Some(answer) => Ok::<_, Infallible>(answer),
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

    /// Its client URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a call such as `Maintenance/Status` is answered from now on.
    pub fn answers<M: Message>(&self, call: &str, messages: &[M]) {
        let messages = messages.iter().map(framed).collect();
        self.set(call, Reply::Messages(messages));
    }

    /// Refuses a call with a gRPC code and message from now on.
    pub fn refuses(&self, call: &str, code: u16, message: &str) {
        self.set(call, Reply::Refusal(code, message.to_owned()));
    }

    /// Leaves a call without an answer from now on, on a connection that is well.
    pub fn hangs(&self, call: &str) {
        self.set(call, Reply::Nothing);
    }

    fn set(&self, call: &str, reply: Reply) {
        let mut replies = self.replies.lock().expect("nobody panics holding it");
        replies.insert(format!("/etcdserverpb.{call}"), reply);
    }
}

fn framed<M: Message>(message: &M) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).expect("messages are small"));
    message.encode(&mut frame).expect("a buffer grows");
    frame.freeze()
}

type Body = StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

fn answer(
    replies: &Mutex<HashMap<String, Reply>>,
    request: &Request<Incoming>,
) -> Option<Response<Body>> {
    let reply = {
        let replies = replies.lock().expect("nobody panics holding it");
        replies.get(request.uri().path()).cloned()
    };
    let unknown = || Reply::Refusal(UNIMPLEMENTED, "unknown method".to_owned());
    let (messages, code, message) = match reply.unwrap_or_else(unknown) {
        Reply::Messages(messages) => (messages, 0, String::new()),
        Reply::Refusal(code, message) => (Vec::new(), code, message),
        Reply::Nothing => return None,
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
    let mut head = HeaderMap::new();
    if code == 0 {
        frames.push(Ok(Frame::trailers(trailers)));
    } else {
        // A call that is refused before it is answered has its refusal in the head, as etcd's has.
        head = trailers;
    }
    let mut response = Response::new(StreamBody::new(stream::iter(frames)));
    *response.headers_mut() = head;
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    Some(response)
}
