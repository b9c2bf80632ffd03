//! One of the two gateways, and how it is spoken to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::Value;
use support::certs::{Authority, Kind, Signed};
use support::cluster::Cluster;
use support::connect::Tls;
use support::gateway::InProcess;
use support::http::Ask;
use support::stream::Lines;
use support::{Client, DEADLINE, Etcd, Stream, tools, unique};
use tokio::time::timeout;

use crate::differences::{self, Difference, Version};

/// A gateway in front of an etcd.
#[derive(Debug)]
pub(crate) struct Side {
    /// Speaks to the gateway's root.
    pub(crate) client: Client,
    /// The version of etcd.
    pub(crate) version: Version,
    /// Whether it is ours.
    pub(crate) ours: bool,
    /// Ends with a slash; no other test has it.
    pub(crate) prefix: String,
    etcd: Held,
    /// Stops with the side.
    _gateway: Option<InProcess>,
    /// Its files are there as long as it is.
    _authority: Option<Authority>,
}

#[derive(Debug)]
enum Held {
    Shared(&'static Etcd),
    Own(Box<Etcd>),
    /// A member of a cluster that somebody else holds.
    Member(String),
}

/// What a certificate says of who shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown {
    /// Nothing.
    Nameless,
    /// A name: a user's, where etcd's auth is on.
    Named(&'static str),
}

impl Shown {
    fn by(self, authority: &Authority) -> Signed {
        match self {
            Self::Nameless => authority.nameless(),
            Self::Named(name) => authority.client(name, Kind::Ec),
        }
    }
}

impl Side {
    /// etcd's own gateway, of the etcd that all tests share.
    pub(crate) async fn etcd() -> Self {
        Self::before(Held::Shared(Etcd::shared().await), false).await
    }

    /// Ours, before the etcd that all tests share.
    pub(crate) async fn ours() -> Self {
        Self::before(Held::Shared(Etcd::shared().await), true).await
    }

    /// Either, with an etcd of its own that has these flags.
    pub(crate) async fn alone(ours: bool, flags: &[&str]) -> Self {
        Self::before(Held::Own(Box::new(Etcd::start_with(flags).await)), ours).await
    }

    /// Either, with an etcd of its own that speaks TLS and asks for a certificate.
    pub(crate) async fn secure(ours: bool) -> Self {
        Self::showing(ours, Shown::Named("conformance"), &[]).await
    }

    /// The same with a certificate of this kind, and further flags. It is shown to etcd by whoever speaks
    /// to it: by our gateway, or by the client of etcd's own.
    pub(crate) async fn showing(ours: bool, shown: Shown, flags: &[&str]) -> Self {
        let authority = Authority::new();
        let server = authority.server(&["127.0.0.1"]);
        let (ca, client) = (authority.file(), shown.by(&authority));
        let own = [
            format!("--cert-file={}", server.cert()),
            format!("--key-file={}", server.key()),
            format!("--trusted-ca-file={ca}"),
            "--client-cert-auth".to_owned(),
        ];
        let own = own.each_ref().map(String::as_str);
        let etcd = Etcd::start_secure(&[&own, flags].concat()).await;
        let (cert, key) = (client.cert(), client.key());
        let keys = ["--cacert", &ca, "--cert", cert, "--key", key];
        let gateway = if ours {
            Some(InProcess::start(&etcd.url(), &keys).await)
        } else {
            None
        };
        let direct = || {
            let tls = Tls::of(&authority, &client);
            Client::to(address(&etcd.direct_url())).under(tls)
        };
        let client = gateway.as_ref().map_or_else(direct, InProcess::root);
        let (major, minor, patch) = tools::etcd_version();
        let (version, held) = (Version(major, minor, patch), Held::Own(Box::new(etcd)));
        Self {
            _authority: Some(authority),
            ..Self::made(held, client, version, gateway)
        }
    }

    /// Either, at one member of a cluster.
    pub(crate) async fn at_member(ours: bool, cluster: &Cluster, at: usize) -> Self {
        Self::before(Held::Member(cluster.url(at)), ours).await
    }

    async fn before(etcd: Held, ours: bool) -> Self {
        let (direct, standing) = match &etcd {
            Held::Member(url) => (url.clone(), url.clone()),
            _ => (etcd.get().direct_url(), etcd.get().url()),
        };
        let direct = Client::to(address(&direct));
        let gateway = if ours {
            Some(InProcess::start(&standing, &[]).await)
        } else {
            None
        };
        let version = direct.get("/version").send().await.expect(200);
        let version: Value = serde_json::from_slice(&version.body).expect("JSON");
        let version = version["etcdserver"].as_str().expect("etcd has a version");
        let client = gateway.as_ref().map_or(direct, InProcess::root);
        Self::made(etcd, client, version.parse().expect("a version"), gateway)
    }

    fn made(etcd: Held, client: Client, version: Version, gateway: Option<InProcess>) -> Self {
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

    /// The etcd behind it.
    pub(crate) fn behind(&self) -> &Etcd {
        self.etcd.get()
    }

    /// The etcd of its own.
    pub(crate) fn behind_mut(&mut self) -> &mut Etcd {
        match &mut self.etcd {
            Held::Own(etcd) => etcd,
            Held::Shared(_) => panic!("the shared etcd is nobody's"),
            Held::Member(_) => panic!("the cluster holds its members"),
        }
    }

    /// Another gateway of ours before the same etcd; etcd's own has no such thing.
    pub(crate) async fn another(&self, flags: &[&str]) -> InProcess {
        InProcess::start(&self.behind().url(), flags).await
    }

    /// Whether it is etcd's gateway and differs so.
    pub(crate) fn has(&self, difference: Difference) -> bool {
        !self.ours && differences::has(self.version, difference)
    }

    /// Whether etcd is this new.
    pub(crate) fn from(&self, major: u32, minor: u32) -> bool {
        self.version >= Version(major, minor, 0)
    }

    /// A key of the test's own, in base64.
    pub(crate) fn key(&self, name: &str) -> String {
        b64(&format!("{}{name}", self.prefix))
    }

    /// A call, about to be made.
    pub(crate) fn ask(&self, path: &str, body: &Value) -> Ask {
        self.client.ask(Method::POST, path).body(body.to_string())
    }

    /// A call that succeeds.
    pub(crate) async fn call(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask(path, body).send().await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        serde_json::from_slice(&answer.body).expect("an answer is JSON")
    }

    /// A call that is refused with this status and code of gRPC; gives the message.
    pub(crate) async fn refused(&self, path: &str, body: &Value, status: u16, code: i64) -> String {
        let ask = self.ask(path, body);
        self.refusal(ask, status, code).await
    }

    /// As `refused`, for any request.
    pub(crate) async fn refusal(&self, ask: Ask, status: u16, code: i64) -> String {
        let status = match (status, code) {
            (400, 9) if self.has(Difference::PreconditionsAre412) => 412,
            (status, _) => status,
        };
        let answer = ask.send().await.expect(status);
        let refusal: Value = serde_json::from_slice(&answer.body)
            .unwrap_or_else(|error| panic!("{error}: {}", answer.text()));
        assert_eq!(refusal["code"], code, "{refusal}");
        let message = refusal["message"].as_str().expect("a message");
        if self.ours || !self.from(3, 6) {
            // What 3.6 dropped.
            assert_eq!(refusal["error"], message, "{refusal}");
        }
        message.to_owned()
    }

    /// Puts a key of the test; gives the revision.
    pub(crate) async fn put(&self, name: &str, value: &str) -> i64 {
        let body = serde_json::json!({"key": self.key(name), "value": b64(value)});
        let answer = self.call("/v3/kv/put", &body).await;
        number(&answer["header"]["revision"])
    }

    /// The keys below the test's prefix and more of it.
    pub(crate) async fn keys(&self, below: &str) -> Vec<String> {
        let start = format!("{}{below}", self.prefix);
        let mut end = start.clone().into_bytes();
        *end.last_mut().expect("a prefix is not empty") += 1;
        let body = serde_json::json!({"key": b64(&start), "range_end": STANDARD.encode(end)});
        let answer = self.call("/v3/kv/range", &body).await;
        let found = answer["kvs"].as_array().into_iter().flatten();
        found.map(|kv| text(&kv["key"])).collect()
    }

    /// A call whose answers come one by one.
    pub(crate) async fn stream(&self, path: &str, body: &Value) -> Results {
        Results::of(self.ask(path, body)).await
    }

    /// A WebSocket to a path, with these headers.
    pub(crate) async fn socket(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        let opened = Stream::try_socket(&self.client, path, headers).await;
        opened.unwrap_or_else(|error| panic!("upgrade of {path}: {error}"))
    }

    /// What stands in a stream instead of an answer: the code and the message.
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

impl Held {
    fn get(&self) -> &Etcd {
        match self {
            Self::Shared(etcd) => etcd,
            Self::Own(etcd) => etcd,
            Self::Member(_) => panic!("the cluster holds its members"),
        }
    }
}

fn address(url: &str) -> std::net::SocketAddr {
    let (_, address) = url.split_once("//").expect("a URL");
    address.parse().expect("an address")
}

/// Answers that come a line each. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Results {
    /// The answer's status.
    pub(crate) status: u16,
    lines: Lines,
}

impl Results {
    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn of(ask: Ask) -> Self {
        let head = ask.open().await.expect("the gateway answers");
        Self {
            status: head.status.as_u16(),
            lines: Lines::new(head),
        }
    }

    /// The next line, which must come.
    pub(crate) async fn line(&mut self) -> Value {
        let line = timeout(DEADLINE, self.lines.line()).await;
        let line = line
            .expect("a line comes in time")
            .expect("the stream is open");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next answer, which must be none of an error.
    pub(crate) async fn next(&mut self) -> Value {
        assert_eq!(self.status, 200);
        let mut line = self.line().await;
        assert!(line.get("result").is_some(), "{line}");
        line["result"].take()
    }

    /// What stands there instead of answers.
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

    /// Events until there are this many.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut found = Vec::new();
        while found.len() < count {
            let answer = self.next().await;
            found.extend(answer["events"].as_array().cloned().unwrap_or_default());
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

/// An integer of 64 bits, which is a string.
pub(crate) fn number(value: &Value) -> i64 {
    let digits = value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no string"));
    digits.parse().expect("digits")
}
