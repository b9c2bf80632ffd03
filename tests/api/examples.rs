//! The examples of the OpenAPI document: one story, told to a gateway and compared with what stands in
//! `gateway/src/api/examples.json`.
//!
//! Numbers and ids differ from run to run; which members an answer has, of which types, does not. An id that
//! an answer names differently is used so in what is asked later.

use http::Method;
use serde_json::Value;
use support::gateway::InProcess;
use support::stream::Lines;
use support::{Client, DEADLINE, Etcd, Stream, tools};
use tokio::time::timeout;

/// An id: sixteen hexadecimal digits, less where it begins with zeros.
fn is_id(text: &str) -> bool {
    (10..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What is here under another name than in the story.
#[derive(Default)]
struct Names(Vec<(String, String)>);

impl Names {
    fn learn(&mut self, told: &str, real: &str) {
        if told != real && !self.0.iter().any(|(known, _)| known == told) {
            self.0.push((told.to_owned(), real.to_owned()));
        }
    }

    fn apply(&self, text: &str) -> String {
        let names = self.0.iter();
        names.fold(text.to_owned(), |text, (told, real)| {
            text.replace(told, real)
        })
    }

    /// Panics where two answers are not of one shape.
    fn compare(&mut self, place: &str, told: &Value, real: &Value) {
        match (told, real) {
            (Value::Object(told), Value::Object(real)) => {
                let members = |object: &serde_json::Map<String, Value>| {
                    object.keys().cloned().collect::<Vec<_>>()
                };
                assert_eq!(members(told), members(real), "{place}");
                for (name, told) in told {
                    self.compare(&format!("{place}.{name}"), told, &real[name]);
                }
            }
            (Value::Array(told), Value::Array(real)) => {
                assert_eq!(told.len(), real.len(), "{place}: {real:?}");
                // Members of a cluster are listed by their ids.
                let (told, real) = (sorted(told), sorted(real));
                for (at, (told, real)) in told.into_iter().zip(real).enumerate() {
                    self.compare(&format!("{place}[{at}]"), told, real);
                }
            }
            (Value::String(told), Value::String(real)) => {
                if is_id(told) && is_id(real) {
                    self.learn(told, real);
                }
            }
            (told, real) => assert_eq!(
                std::mem::discriminant(told),
                std::mem::discriminant(real),
                "{place}: {told} in the story, {real} here"
            ),
        }
    }
}

fn sorted(items: &[Value]) -> Vec<&Value> {
    let mut items: Vec<_> = items.iter().collect();
    items.sort_by_cached_key(|item| shape(item));
    items
}

/// Which members there are, and how many items.
fn shape(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{name}:{}", shape(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items = sorted(items).into_iter().map(shape);
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        _ => "_".to_owned(),
    }
}

#[tokio::test]
async fn the_examples_of_the_document_are_what_is_answered() {
    let file = tools::root().join("gateway/src/api/examples.json");
    let story = std::fs::read_to_string(file).expect("the story is there");
    let story: Vec<Value> = serde_json::from_str(&story).expect("the story is JSON");
    let told = story
        .iter()
        .find_map(|told| told["answer"]["version"].as_str());
    let told = told.expect("a version");
    let (major, minor, _) = tools::etcd_version();
    if !told.starts_with(&format!("{major}.{minor}.")) {
        eprintln!("skipped: the examples are those of etcd {told}, and this is {major}.{minor}");
        return;
    }
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let mut names = Names::default();
    for told in &story {
        let asked = format!("{} {}", told["method"], told["path"]);
        let client = if told["beside"] == true {
            gateway.root()
        } else {
            gateway.api()
        };
        let client = match told["user"].as_str().and_then(|user| user.split_once(':')) {
            Some((name, password)) => client.signed(name, password),
            None => client,
        };
        let answer = answer(&client, &names, told).await;
        names.compare(&asked, &told["answer"], &answer);
    }
}

/// What a gateway answers to a request of the story.
async fn answer(client: &Client, names: &Names, told: &Value) -> Value {
    let path = names.apply(told["path"].as_str().expect("a path"));
    let messages = told["answer"].as_array().map_or(0, Vec::len);
    if told["form"] == "socket" {
        let mut stream = Stream::socket(client, &path).await;
        return read(messages, async || {
            stream.line_within(DEADLINE).await.expect("open")
        })
        .await;
    }
    let method = told["method"].as_str().expect("a method");
    let mut ask = client.ask(
        Method::from_bytes(method.as_bytes()).expect("a method"),
        &path,
    );
    if let Some(media_type) = told["type"].as_str() {
        ask = ask.header("content-type", media_type);
    }
    match &told["body"] {
        Value::Null => {}
        Value::String(text) => ask = ask.body(names.apply(text)),
        body => {
            let text = names.apply(&body.to_string());
            ask = ask.header("content-type", "application/json").body(text);
        }
    }
    let status = u16::try_from(told["status"].as_u64().expect("a status")).expect("a status");
    match told["form"].as_str() {
        Some("stream") => {
            let ask = ask.header("accept", "application/x-ndjson");
            let head = ask.open().await.expect("an answer");
            assert_eq!(head.status, status, "{path}");
            let mut lines = Lines::new(head);
            read(messages, async || {
                let line = timeout(DEADLINE, lines.line()).await.expect("in time");
                serde_json::from_str(&line.expect("the stream is open")).expect("JSON")
            })
            .await
        }
        Some("lines") => {
            let ask = ask.header("accept", "application/x-ndjson");
            let answer = ask.send().await.expect(status);
            let text = answer.text();
            let lines = text.lines().map(serde_json::from_str::<Value>);
            Value::Array(lines.collect::<Result<_, _>>().expect("lines of JSON"))
        }
        Some("text") => Value::String(ask.send().await.expect(status).text()),
        Some("bytes") => {
            let answer = ask.send().await.expect(status);
            assert!(!answer.body.is_empty(), "{path}");
            Value::Null
        }
        _ => {
            let answer = ask.send().await.expect(status);
            let value: Value = serde_json::from_slice(&answer.body).expect("JSON");
            if let Some(revision) = value["header"]["revision"].as_i64() {
                assert_eq!(answer.revision(), revision, "{path}");
            }
            value
        }
    }
}

/// So many messages of a stream.
async fn read(count: usize, mut next: impl AsyncFnMut() -> Value) -> Value {
    let mut messages = Vec::new();
    while messages.len() < count {
        messages.push(next().await);
    }
    Value::Array(messages)
}
