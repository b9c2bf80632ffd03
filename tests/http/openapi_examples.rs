//! The examples of the OpenAPI document: one sequence of requests, sent to a gateway, whose responses are
//! compared with those in `gateway/src/api/examples.json`.
//!
//! Numbers and ids differ from run to run; the members of a response and their types do not. Where a
//! response has another id than the example, later requests use that id.

use http::Method;
use serde_json::Value;
use support::gateway::InProcess;
use support::stream::Lines;
use support::{Client, DEADLINE, Etcd, Stream, tools};
use tokio::time::timeout;

/// Whether this is an id: sixteen hexadecimal digits, or fewer because leading zeros are omitted.
fn is_id(text: &str) -> bool {
    (10..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Ids of the examples, with the ids that they have here.
#[derive(Default)]
struct Ids(Vec<(String, String)>);

impl Ids {
    fn learn(&mut self, example: &str, real: &str) {
        if example != real && !self.0.iter().any(|(known, _)| known == example) {
            self.0.push((example.to_owned(), real.to_owned()));
        }
    }

    fn apply(&self, text: &str) -> String {
        let ids = self.0.iter();
        ids.fold(text.to_owned(), |text, (example, real)| {
            text.replace(example, real)
        })
    }

    /// Fails where two responses do not have the same shape.
    fn compare(&mut self, place: &str, example: &Value, real: &Value) {
        match (example, real) {
            (Value::Object(example), Value::Object(real)) => {
                let members = |object: &serde_json::Map<String, Value>| {
                    object.keys().cloned().collect::<Vec<_>>()
                };
                assert_eq!(members(example), members(real), "{place}");
                for (name, example) in example {
                    self.compare(&format!("{place}.{name}"), example, &real[name]);
                }
            }
            (Value::Array(example), Value::Array(real)) => {
                assert_eq!(example.len(), real.len(), "{place}: {real:?}");
                // Members of a cluster are listed by their ids.
                let (example, real) = (sorted(example), sorted(real));
                for (at, (example, real)) in example.into_iter().zip(real).enumerate() {
                    self.compare(&format!("{place}[{at}]"), example, real);
                }
            }
            (Value::String(example), Value::String(real)) => {
                if is_id(example) && is_id(real) {
                    self.learn(example, real);
                }
            }
            (example, real) => assert_eq!(
                std::mem::discriminant(example),
                std::mem::discriminant(real),
                "{place}: {example} in the example, {real} here"
            ),
        }
    }
}

fn sorted(items: &[Value]) -> Vec<&Value> {
    let mut items: Vec<_> = items.iter().collect();
    items.sort_by_cached_key(|item| shape(item));
    items
}

/// A value's members and the number of its items, without its scalars.
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
async fn the_examples_of_the_document_match_real_responses() {
    let file = tools::root().join("gateway/src/api/examples.json");
    let examples = std::fs::read_to_string(file).expect("the file exists");
    let examples: Vec<Value> = serde_json::from_str(&examples).expect("the file is JSON");
    let version = examples
        .iter()
        .find_map(|example| example["response"]["version"].as_str());
    let version = version.expect("a version");
    let (major, minor, _) = tools::etcd_version();
    if !version.starts_with(&format!("{major}.{minor}.")) {
        eprintln!("skipped: the examples are for etcd {version}, and this is {major}.{minor}");
        return;
    }
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let mut ids = Ids::default();
    for example in &examples {
        let line = format!("{} {}", example["method"], example["path"]);
        let client = if example["outside_api"] == true {
            gateway.root()
        } else {
            gateway.api()
        };
        let client = match example["user"]
            .as_str()
            .and_then(|user| user.split_once(':'))
        {
            Some((name, password)) => client.with_password(name, password),
            None => client,
        };
        let response = response(&client, &ids, example).await;
        ids.compare(&line, &example["response"], &response);
    }
}

/// The gateway's response to an example's request.
async fn response(client: &Client, ids: &Ids, example: &Value) -> Value {
    let path = ids.apply(example["path"].as_str().expect("a path"));
    let messages = example["response"].as_array().map_or(0, Vec::len);
    if example["form"] == "socket" {
        let mut stream = Stream::socket(client, &path).await;
        return read(messages, async || {
            stream
                .line_within(DEADLINE)
                .await
                .expect("the socket is open")
        })
        .await;
    }
    let method = example["method"].as_str().expect("a method");
    let mut request = client.request(
        Method::from_bytes(method.as_bytes()).expect("a method"),
        &path,
    );
    if let Some(media_type) = example["type"].as_str() {
        request = request.header("content-type", media_type);
    }
    if example["own_page"] == true {
        request = request.header("sec-fetch-site", "same-origin");
    }
    match &example["body"] {
        Value::Null => {}
        Value::String(text) => request = request.body(ids.apply(text)),
        body => {
            let text = ids.apply(&body.to_string());
            request = request
                .header("content-type", "application/json")
                .body(text);
        }
    }
    let status = u16::try_from(example["status"].as_u64().expect("a status")).expect("a status");
    match example["form"].as_str() {
        Some("stream") => {
            let request = request.header("accept", "application/x-ndjson");
            let head = request.open().await.expect("a response");
            assert_eq!(head.status, status, "{path}");
            let mut lines = Lines::new(head);
            read(messages, async || {
                let line = timeout(DEADLINE, lines.line())
                    .await
                    .expect("a line arrives in time");
                serde_json::from_str(&line.expect("the stream is open")).expect("JSON")
            })
            .await
        }
        Some("lines") => {
            let request = request.header("accept", "application/x-ndjson");
            let response = request.send().await.expect(status);
            let text = response.text();
            let lines = text.lines().map(serde_json::from_str::<Value>);
            Value::Array(lines.collect::<Result<_, _>>().expect("lines of JSON"))
        }
        Some("text") => Value::String(request.send().await.expect(status).text()),
        Some("empty") => {
            let response = request.send().await.expect(status);
            assert!(response.body.is_empty(), "{path}");
            Value::Null
        }
        Some("bytes") => {
            let response = request.send().await.expect(status);
            assert!(!response.body.is_empty(), "{path}");
            Value::Null
        }
        _ => {
            let response = request.send().await.expect(status);
            let value: Value = serde_json::from_slice(&response.body).expect("JSON");
            if let Some(revision) = value["header"]["revision"].as_i64() {
                assert_eq!(response.revision(), revision, "{path}");
            }
            value
        }
    }
}

/// The next `count` messages of a stream.
async fn read(count: usize, mut next: impl AsyncFnMut() -> Value) -> Value {
    let mut messages = Vec::new();
    while messages.len() < count {
        messages.push(next().await);
    }
    Value::Array(messages)
}
