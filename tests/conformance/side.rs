//! One of the two gateways under test, and a client for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::Value;
use support::certs::{Authority, Kind, Signed};
use support::cluster::Cluster;
use support::connect::Tls;
use support::gateway::InProcess;
use support::http::Request;
use support::stream::Lines;
use support::{Client, DEADLINE, Etcd, Stream, tools, unique};
use tokio::time::timeout;

use crate::differences::{self, Difference, Version};

/// A gateway in front of an etcd.
#[derive(Debug)]
pub(crate) struct Side {
    /// A client for the gateway's root path.
    pub(crate) client: Client,
    /// The version of etcd.
    pub(crate) version: Version,
    /// Whether the gateway is Watchgate.
    pub(crate) ours: bool,
    /// Prefix of the test's own keys. Ends with a slash; no other test has it.
    pub(crate) prefix: String,
    etcd: Upstream,
    /// Stops when dropped.
    _gateway: Option<InProcess>,
    /// Keeps the authority's files: dropping it deletes them.
    _authority: Option<Authority>,
}

/// The etcd that the gateway serves.
#[derive(Debug)]
enum Upstream {
    Shared(&'static Etcd),
    Own(Box<Etcd>),
    /// The client URL of a member of a cluster that the test owns.
    Member(String),
}

/// The subject of a client certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Certificate {
    /// No common name.
    Nameless,
    /// A common name: that of a user, while etcd's auth is on.
    Named(&'static str),
}

impl Certificate {
    fn signed_by(self, authority: &Authority) -> Signed {
        match self {
            Self::Nameless => authority.nameless_client(),
            Self::Named(name) => authority.client(name, Kind::Ec),
        }
    }
}

impl Side {
    /// etcd's own gateway, in the etcd that all tests share.
    pub(crate) async fn etcd() -> Self {
        Self::in_front_of(Upstream::Shared(Etcd::shared().await), false).await
    }

    /// Watchgate, in front of the etcd that all tests share.
    pub(crate) async fn ours() -> Self {
        Self::in_front_of(Upstream::Shared(Etcd::shared().await), true).await
    }

    /// Either gateway, with a separate etcd that has these flags.
    pub(crate) async fn own_etcd(ours: bool, flags: &[&str]) -> Self {
        Self::in_front_of(Upstream::Own(Box::new(Etcd::start_with(flags).await)), ours).await
    }

    /// Either gateway, with a separate etcd that requires TLS and a client certificate.
    pub(crate) async fn secure(ours: bool) -> Self {
        Self::with_certificate(ours, Certificate::Named("conformance"), &[]).await
    }

    /// As `secure`, with this client certificate and further flags. The party that connects to etcd presents
    /// the certificate: Watchgate, or the client of etcd's own gateway.
    pub(crate) async fn with_certificate(
        ours: bool,
        certificate: Certificate,
        flags: &[&str],
    ) -> Self {
        let authority = Authority::new();
        let client = certificate.signed_by(&authority);
        let etcd = Etcd::start_mtls(&authority, flags).await;
        let gateway = if ours {
            Some(InProcess::start_mtls(&etcd, &authority, &client).await)
        } else {
            None
        };
        let direct = || {
            let tls = Tls::of(&authority, &client);
            Client::to(address(&etcd.direct_url())).with_tls(tls)
        };
        let client = gateway.as_ref().map_or_else(direct, InProcess::root);
        let (major, minor, patch) = tools::etcd_version();
        let version = Version(major, minor, patch);
        let upstream = Upstream::Own(Box::new(etcd));
        Self {
            _authority: Some(authority),
            ..Self::assemble(upstream, client, version, gateway)
        }
    }

    /// Either gateway, connected to one member of a cluster.
    pub(crate) async fn at_member(ours: bool, cluster: &Cluster, at: usize) -> Self {
        Self::in_front_of(Upstream::Member(cluster.url(at)), ours).await
    }

    async fn in_front_of(etcd: Upstream, ours: bool) -> Self {
        let (direct, proxied) = match &etcd {
            Upstream::Member(url) => (url.clone(), url.clone()),
            _ => (etcd.get().direct_url(), etcd.get().url()),
        };
        let direct = Client::to(address(&direct));
        let gateway = if ours {
            Some(InProcess::start(&proxied, &[]).await)
        } else {
            None
        };
        let version = direct.get("/version").send().await.expect(200);
        let version: Value = serde_json::from_slice(&version.body).expect("JSON");
        let version = version["etcdserver"].as_str().expect("etcd has a version");
        let client = gateway.as_ref().map_or(direct, InProcess::root);
        Self::assemble(etcd, client, version.parse().expect("a version"), gateway)
    }

    fn assemble(
        etcd: Upstream,
        client: Client,
        version: Version,
        gateway: Option<InProcess>,
    ) -> Self {
        Self {
            client,
            version,
            ours: gateway.is_some(),
            prefix: format!("/{}/", unique("conformance")),
            etcd,
            _gateway: gateway,
            _authority: None,
        }
    }

    /// The etcd that the gateway serves.
    pub(crate) fn upstream(&self) -> &Etcd {
        self.etcd.get()
    }

    /// The etcd that the gateway serves; panics unless the test has it to itself.
    pub(crate) fn upstream_mut(&mut self) -> &mut Etcd {
        match &mut self.etcd {
            Upstream::Own(etcd) => etcd,
            Upstream::Shared(_) => panic!("the shared etcd belongs to all tests"),
            Upstream::Member(_) => panic!("the cluster owns its members"),
        }
    }

    /// A further Watchgate in front of the same etcd.
    pub(crate) async fn second_gateway(&self, flags: &[&str]) -> InProcess {
        InProcess::start(&self.upstream().url(), flags).await
    }

    /// Whether this is etcd's gateway, of a version that has the difference.
    pub(crate) fn has(&self, difference: Difference) -> bool {
        !self.ours && differences::has(self.version, difference)
    }

    /// Whether etcd is of this version or newer.
    pub(crate) fn at_least(&self, major: u32, minor: u32) -> bool {
        self.version >= Version(major, minor, 0)
    }

    /// A key below the test's prefix, in base64.
    pub(crate) fn key(&self, name: &str) -> String {
        b64(&format!("{}{name}", self.prefix))
    }

    /// A POST that is not sent yet.
    pub(crate) fn request(&self, path: &str, body: &Value) -> Request {
        self.client
            .request(Method::POST, path)
            .body(body.to_string())
    }

    /// Makes a call and expects success; returns the response.
    pub(crate) async fn call(&self, path: &str, body: &Value) -> Value {
        let response = self.request(path, body).send().await.expect(200);
        assert_eq!(
            response.header("content-type"),
            "application/json",
            "{path}"
        );
        serde_json::from_slice(&response.body).expect("a response is JSON")
    }

    /// Makes a call and expects this status and gRPC code; returns the message.
    pub(crate) async fn expect_error(
        &self,
        path: &str,
        body: &Value,
        status: u16,
        code: i64,
    ) -> String {
        let request = self.request(path, body);
        self.expect_error_of(request, status, code).await
    }

    /// As `expect_error`, for a prepared request.
    pub(crate) async fn expect_error_of(&self, request: Request, status: u16, code: i64) -> String {
        let status = match (status, code) {
            (400, 9) if self.has(Difference::PreconditionsAre412) => 412,
            (status, _) => status,
        };
        let response = request.send().await.expect(status);
        let refusal: Value = serde_json::from_slice(&response.body)
            .unwrap_or_else(|error| panic!("{error}: {}", response.text()));
        assert_eq!(refusal["code"], code, "{refusal}");
        let message = refusal["message"].as_str().expect("a message");
        if self.ours || !self.at_least(3, 6) {
            // etcd 3.6 dropped this member.
            assert_eq!(refusal["error"], message, "{refusal}");
        }
        message.to_owned()
    }

    /// Puts a key of the test; returns the revision.
    pub(crate) async fn put(&self, name: &str, value: &str) -> i64 {
        let body = serde_json::json!({"key": self.key(name), "value": b64(value)});
        let response = self.call("/v3/kv/put", &body).await;
        number(&response["header"]["revision"])
    }

    /// The keys that start with the test's prefix and `below`.
    pub(crate) async fn keys(&self, below: &str) -> Vec<String> {
        let start = format!("{}{below}", self.prefix);
        let mut end = start.clone().into_bytes();
        *end.last_mut().expect("a prefix is not empty") += 1;
        let body = serde_json::json!({"key": b64(&start), "range_end": STANDARD.encode(end)});
        let response = self.call("/v3/kv/range", &body).await;
        let found = response["kvs"].as_array().into_iter().flatten();
        found.map(|kv| text(&kv["key"])).collect()
    }

    /// Makes a server-streaming call.
    pub(crate) async fn stream(&self, path: &str, body: &Value) -> Results {
        Results::open(self.request(path, body)).await
    }

    /// A WebSocket to a path, with these headers.
    pub(crate) async fn socket(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        let opened = Stream::try_socket(&self.client, path, headers).await;
        opened.unwrap_or_else(|error| panic!("upgrade of {path}: {error}"))
    }

    /// The code and the message of an error in a stream.
    pub(crate) fn stream_error(&self, line: &Value) -> (i64, String) {
        let error = &line["error"];
        let member = if self.has(Difference::OldStreamErrors) {
            "grpc_code"
        } else {
            "code"
        };
        let code = error[member].as_i64();
        let message = error["message"].as_str();
        (
            code.unwrap_or_else(|| panic!("no code in {line}")),
            message.expect("a message").to_owned(),
        )
    }
}

impl Upstream {
    fn get(&self) -> &Etcd {
        match self {
            Self::Shared(etcd) => etcd,
            Self::Own(etcd) => etcd,
            Self::Member(_) => panic!("the cluster owns its members"),
        }
    }
}

fn address(url: &str) -> std::net::SocketAddr {
    let (_, address) = url.split_once("//").expect("a URL");
    address.parse().expect("an address")
}

/// A streaming response, one line per message. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Results {
    /// The response's status.
    pub(crate) status: u16,
    lines: Lines,
}

impl Results {
    /// Sends a request and waits for the response's head.
    pub(crate) async fn open(request: Request) -> Self {
        let head = request.open().await.expect("the gateway responds");
        Self {
            status: head.status.as_u16(),
            lines: Lines::new(head),
        }
    }

    /// The next line.
    pub(crate) async fn line(&mut self) -> Value {
        let line = timeout(DEADLINE, self.lines.line()).await;
        let line = line
            .expect("a line arrives in time")
            .expect("the stream is open");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The `result` of the next line; panics on an error.
    pub(crate) async fn next(&mut self) -> Value {
        assert_eq!(self.status, 200);
        let mut line = self.line().await;
        assert!(line.get("result").is_some(), "{line}");
        line["result"].take()
    }

    /// The error that the response consists of.
    pub(crate) async fn error(self) -> Value {
        let text = timeout(DEADLINE, self.lines.rest()).await;
        let text = text.expect("the stream ends in time");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Reads to the end of the stream.
    pub(crate) async fn end(mut self) -> Vec<Value> {
        let mut rest = Vec::new();
        let reading = async {
            while let Ok(line) = self.lines.line().await {
                rest.push(serde_json::from_str(&line).expect("a line is JSON"));
            }
        };
        timeout(DEADLINE, reading)
            .await
            .expect("the stream ends in time");
        rest
    }

    /// Reads until there are `count` events.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut found = Vec::new();
        while found.len() < count {
            let response = self.next().await;
            found.extend(response["events"].as_array().cloned().unwrap_or_default());
        }
        found
    }
}

/// Text in base64.
pub(crate) fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

/// Base64 as text.
pub(crate) fn text(value: &Value) -> String {
    let bytes = STANDARD
        .decode(value.as_str().unwrap_or_default())
        .expect("bytes are base64");
    String::from_utf8(bytes).expect("the tests' bytes are text")
}

/// A 64-bit integer, which JSON carries as a string.
pub(crate) fn number(value: &Value) -> i64 {
    let digits = value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not a string"));
    digits.parse().expect("digits")
}
