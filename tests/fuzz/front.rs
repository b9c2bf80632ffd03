//! The whole gateway in front of an unreachable etcd: every parser runs as for a real request, and
//! every call to etcd is refused at once. Used by the fuzz targets and by the test that replays their
//! findings.

mod socket;

use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use clap::Parser as _;
use futures_util::stream;
use gateway::assets::Files;
use gateway::config::Cli;
use gateway::etcd::Etcd;
use gateway::identity::session::{SessionKey, Sessions};
use gateway::router::router;
use gateway::state::{ApiDocument, AppState, Cluster};
use gateway::tasks::Tasks;
use http::{Method, Request, StatusCode};
use tokio::time::timeout;
use tower::ServiceExt as _;

/// The time limit of a response.
const DEADLINE: Duration = Duration::from_secs(20);
/// The limit on bytes read from a response.
const MAX_BODY: usize = 16 << 20;

/// How the fuzzer's bytes are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The body of `POST /txn`.
    Txn,
    /// A query, of every route that takes one.
    Query,
    /// The part of a path after the route's name.
    Key,
    /// A cursor, as its JSON or in its URL form.
    Cursor,
    /// The first byte chooses a route that takes a body; the rest is the body.
    Body,
    /// The first byte chooses a call of `/v3`, a transaction most of the time; the rest is its request.
    V3,
    /// Lines sent one after another on the watch WebSocket.
    Socket,
    /// The requests of a `/v3` watch, over a WebSocket if the first byte is odd; they are sent in
    /// pieces that end at line ends.
    V3Watch,
}

const QUERY_ROUTES: [&str; 7] = [
    "kv", "tree", "search", "leases", "locks", "watch", "cluster",
];
const KEY_ROUTES: [(&str, &[&str]); 4] = [
    ("GET", &["kv/", "history/", "locks/", "leases/"]),
    ("PUT", &["kv/"]),
    ("DELETE", &["kv/", "locks/", "leases/"]),
    ("POST", &["locks/"]),
];
const CURSOR_ROUTES: [&str; 6] = ["kv?", "tree?", "search?", "leases?", "locks?", "history/k?"];
const BODY_ROUTES: [(&str, &str); 24] = [
    ("application/json", "txn"),
    ("application/json", "txn?explain"),
    ("application/json", "do"),
    ("application/json", "stm/read"),
    ("application/json", "stm/commit"),
    ("application/json", "leases"),
    ("application/json", "leases/hold"),
    ("application/json", "locks/a"),
    ("application/json", "elections/a/campaign"),
    ("application/json", "elections/a/proclaim"),
    ("application/x-ndjson", "import"),
    ("application/x-ndjson", "import?dry_run"),
    ("application/json", "auth/users"),
    ("application/json", "auth/roles"),
    ("application/json", "leases/7/hold"),
    ("application/json", "locks/a/hold"),
    ("application/json", "elections/a/hold"),
    ("application/json", "elections/a/resign"),
    ("application/json", "cluster/members"),
    ("application/json", "cluster/compact"),
    ("application/json", "cluster/alarms"),
    ("application/json", "cluster/move-leader"),
    ("application/json", "cluster/downgrade"),
    ("application/json", "auth/roles/r/permissions"),
];

/// Calls of `/v3`, each with different kinds of fields. The watch, which backs off and retries
/// before it fails, is a separate target.
const V3_CALLS: [&str; 28] = [
    "kv/range",
    "kv/put",
    "kv/deleterange",
    "kv/compaction",
    "lease/grant",
    "lease/revoke",
    "lease/timetolive",
    "lease/leases",
    "lease/keepalive",
    "lock/lock",
    "lock/unlock",
    "election/campaign",
    "election/proclaim",
    "election/leader",
    "election/observe",
    "election/resign",
    "cluster/member/add",
    "cluster/member/update",
    "cluster/member/list",
    "maintenance/alarm",
    "maintenance/status",
    "maintenance/downgrade",
    "maintenance/snapshot",
    "auth/status",
    "auth/user/add",
    "auth/user/grant",
    "auth/role/grant",
    "auth/role/revoke",
];

/// The last message on a socket, with an unknown op; its error marks the end of the gateway's responses.
const LAST: (&[u8], &str) = (br#"{"op":"end-of-input"}"#, "end-of-input");
/// How long a `/v3` watch may retry to reach etcd.
const V3_TIMEOUT: [(&str, &str); 1] = [("grpc-timeout", "2m")];

/// The gateway, without a listener.
#[derive(Debug)]
pub(crate) struct Front {
    router: Router,
}

impl Front {
    /// Must be called within a runtime.
    pub(crate) async fn new() -> Self {
        // Nothing listens on this port: refused at once.
        let flags = [
            "watchgate",
            "--etcd",
            "http://127.0.0.1:1",
            "--dial-timeout",
            "1s",
        ];
        let config = Cli::try_parse_from(flags).expect("valid flags").config;
        let tasks = Tasks::default();
        let mut clusters = Vec::new();
        for cluster in config.clusters().expect("the flags name a cluster") {
            let etcd = Etcd::new(cluster.settings.clone())
                .await
                .expect("no connection is made yet");
            clusters.push(Cluster::new(&cluster, etcd, &tasks));
        }
        Self {
            router: router(AppState::new(
                config,
                clusters,
                Sessions::new(SessionKey::random(), "", 8379),
                tasks,
                None,
                Files::default(),
                LazyLock::new(ApiDocument::default),
            )),
        }
    }

    /// Sends the requests derived from the bytes. Panics if the gateway fails to respond.
    pub(crate) async fn feed(&self, kind: Kind, data: &[u8]) {
        match kind {
            Kind::Socket => self.feed_socket(data).await,
            Kind::V3Watch => self.feed_v3_watch(data).await,
            _ => {
                for (method, path, media_type, body) in requests(kind, data) {
                    let headers = [("content-type", media_type)];
                    self.send(method, &path, &headers, body.into()).await;
                }
            }
        }
    }

    async fn feed_socket(&self, data: &[u8]) {
        let (last, refused) = LAST;
        let messages = data.split(|byte| *byte == b'\n').chain([last]);
        let received = self.exchange("/api/v1/watch", &[], messages, refused).await;
        for text in &received {
            assert!(!text.contains("\"internal\""), "{text}");
        }
        let end = received.last();
        assert!(
            end.is_some_and(|text| text.contains(refused)),
            "{received:?}"
        );
    }

    async fn feed_v3_watch(&self, data: &[u8]) {
        let Some((chosen, messages)) = data.split_first() else {
            return;
        };
        if chosen % 2 == 1 {
            let messages = messages.split(|byte| *byte == b'\n');
            let received = self
                .exchange("/v3/watch", &V3_TIMEOUT, messages, "\"error\"")
                .await;
            let end = received.last();
            assert!(
                end.is_some_and(|text| text.contains("\"error\"")),
                "{received:?}"
            );
            return;
        }
        let pieces = messages.split_inclusive(|byte| *byte == b'\n');
        let pieces: Vec<_> = pieces
            .map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece)))
            .collect();
        let body = Body::from_stream(stream::iter(pieces));
        self.send("POST", "/v3/watch", &V3_TIMEOUT, body).await;
    }

    async fn exchange(
        &self,
        path: &str,
        headers: &[(&'static str, &'static str)],
        messages: impl Iterator<Item = &[u8]>,
        last: &str,
    ) -> Vec<String> {
        let exchange = socket::exchange(self.router.clone(), path, headers, messages, last);
        timeout(DEADLINE, exchange).await.expect("ends in time")
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).expect("a method of the table"))
            .uri(path)
            .header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // A URI that the http crate does not accept never reaches the router.
        let Ok(request) = request.body(body) else {
            return;
        };
        let result = timeout(DEADLINE, self.router.clone().oneshot(request)).await;
        let response = result
            .expect("a response in time")
            .unwrap_or_else(|never| match never {});
        let status = response.status();
        if status == StatusCode::OK {
            // A stream waits for etcd; only its start can be checked.
            return;
        }
        let body = to_bytes(response.into_body(), MAX_BODY).await;
        let body = body.expect("a response that is not a stream ends");
        let text = String::from_utf8_lossy(&body);
        assert!(
            status != StatusCode::INTERNAL_SERVER_ERROR,
            "{method} {path}: {text}"
        );
        assert!(
            text.contains("\"code\""),
            "{method} {path}: {status} {text}"
        );
    }
}

type Parts = (&'static str, String, &'static str, Vec<u8>);

fn requests(kind: Kind, data: &[u8]) -> Vec<Parts> {
    const JSON: &str = "application/json";
    let text = || String::from_utf8_lossy(data).into_owned();
    match kind {
        Kind::Txn => vec![("POST", "/api/v1/txn".to_owned(), JSON, data.to_vec())],
        Kind::Query => {
            let query = text();
            let routes = QUERY_ROUTES.iter();
            routes
                .map(|route| ("GET", format!("/api/v1/{route}?{query}"), JSON, Vec::new()))
                .collect()
        }
        Kind::Key => {
            let key = text();
            let each = KEY_ROUTES.iter();
            each.flat_map(|(method, routes)| {
                let key = &key;
                routes
                    .iter()
                    .map(move |route| (*method, format!("/api/v1/{route}{key}"), JSON, Vec::new()))
            })
            .collect()
        }
        Kind::Cursor => {
            let forms = [text(), base64_url(data)];
            let each = CURSOR_ROUTES.iter();
            each.flat_map(|route| {
                forms.iter().map(move |cursor| {
                    let path = format!("/api/v1/{route}cursor={cursor}");
                    ("GET", path, JSON, Vec::new())
                })
            })
            .collect()
        }
        Kind::Body => {
            let Some((chosen, body)) = data.split_first() else {
                return Vec::new();
            };
            let (media_type, route) = BODY_ROUTES[usize::from(*chosen) % BODY_ROUTES.len()];
            vec![(
                "POST",
                format!("/api/v1/{route}"),
                media_type,
                body.to_vec(),
            )]
        }
        Kind::V3 => {
            let Some((chosen, body)) = data.split_first() else {
                return Vec::new();
            };
            let call = V3_CALLS.get(usize::from(*chosen)).unwrap_or(&"kv/txn");
            vec![("POST", format!("/v3/{call}"), JSON, body.to_vec())]
        }
        Kind::Socket | Kind::V3Watch => unreachable!("sent as messages of a socket or a stream"),
    }
}

/// Unpadded URL-safe base64, as cursors are written.
fn base64_url(data: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(data)
}
