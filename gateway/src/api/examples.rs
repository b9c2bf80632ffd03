//! An example of every operation: a request, and the response of a gateway.
//!
//! `examples.json` in this folder is one scenario, recorded in order with an etcd of one member. The acceptance test
//! `tests/http/openapi_examples.rs` replays and compares it, so the document shows what the gateway really returns.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, RefOr};

/// The prefix of most paths.
const API: &str = "/api/v1";
/// The gateway's address in the examples.
const AUTHORITY: &str = "127.0.0.1:8379";

static SCENARIO: LazyLock<Vec<Example>> = LazyLock::new(|| {
    let scenario = serde_json::from_str(include_str!("examples.json"));
    scenario.expect("examples.json has this shape")
});

/// One request of the scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    /// The operation that it shows; none if it only prepares the next request.
    operation: Option<String>,
    method: String,
    /// Path and query after `/api/v1`, or the whole path with `outside_api`.
    path: String,
    /// Whether the path is outside `/api/v1`.
    #[serde(default)]
    outside_api: bool,
    /// JSON; a string is sent as it is.
    #[serde(default)]
    body: Option<Value>,
    /// The body's media type, if not `application/json`.
    #[serde(default, rename = "type")]
    media_type: Option<String>,
    /// Name and password.
    #[serde(default)]
    user: Option<String>,
    /// Whether only a page of the gateway may send it.
    #[serde(default)]
    own_page: bool,
    #[serde(default)]
    form: Form,
    status: u16,
    /// The response: JSON, the first messages of a stream, all lines of a file; null for bytes.
    response: Value,
}

/// The form of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    #[default]
    Json,
    /// A finite NDJSON response.
    Lines,
    /// An endless NDJSON response.
    Stream,
    Socket,
    /// Plain text.
    Text,
    Bytes,
    /// No body.
    Empty,
}

/// Adds an operation's example, unless the handler has its own.
pub(super) fn add(operation: &mut Operation) {
    let id = operation.operation_id.as_deref();
    let Some(example) = SCENARIO
        .iter()
        .find(|it| id.is_some() && it.operation.as_deref() == id)
    else {
        return;
    };
    let sample = serde_json::json!([{
        "lang": "Shell",
        "label": "curl",
        "source": example.command(),
    }]);
    let extensions = ExtensionsBuilder::new().add("x-codeSamples", sample);
    operation
        .extensions
        .get_or_insert_default()
        .merge(extensions.build());
    if let (Some(body), Some(RefOr::T(request))) = (&example.body, &mut operation.request_body) {
        for content in request.content.values_mut() {
            set_example(content, body.clone());
        }
    }
    let status = example.status.to_string();
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(&status) {
        for (media_type, content) in &mut response.content {
            if let Some(body) = example.response_as(media_type) {
                set_example(content, body);
            }
        }
    }
}

fn set_example(content: &mut RefOr<Content>, example: Value) {
    let RefOr::T(content) = content else {
        return;
    };
    if content.example.is_none() && content.examples.is_empty() {
        content.example = Some(example);
    }
}

impl Example {
    /// The command line that sends the request.
    fn command(&self) -> String {
        let path = format!("{}{}", if self.outside_api { "" } else { API }, self.path);
        if self.form == Form::Socket {
            return format!("websocat 'ws://{AUTHORITY}{path}'");
        }
        let mut line = "curl".to_owned();
        let mut add = |part: &str| {
            line.push(' ');
            line.push_str(part);
        };
        if self.form == Form::Stream {
            add("-N");
        }
        let posts_json = self.method == "POST" && matches!(&self.body, Some(Value::Object(_)));
        if self.method != "GET" && !posts_json {
            add("-X");
            add(&self.method);
        }
        if let Some(user) = &self.user {
            add("-u");
            add(user);
        }
        add(&format!("'http://{AUTHORITY}{path}'"));
        if self.own_page {
            add("-H 'Sec-Fetch-Site: same-origin'");
        }
        if let Some(media_type) = &self.media_type {
            add(&format!("-H 'Content-Type: {media_type}'"));
        }
        match &self.body {
            // As an argument, the line would lose its end in the shell.
            Some(Value::String(text)) if text.ends_with('\n') => add("--data-binary @FILE"),
            Some(Value::String(text)) => add(&format!("-d '{text}'")),
            // `--json` would also send `Accept: application/json`, which requests no stream.
            Some(body) if self.form == Form::Stream => {
                add(&format!("-H 'Content-Type: application/json' -d '{body}'"));
            }
            Some(body) => add(&format!("--json '{body}'")),
            None => {}
        }
        if self.form == Form::Bytes {
            add("-o FILE");
        }
        line
    }

    /// The response as an example of this media type.
    fn response_as(&self, media_type: &str) -> Option<Value> {
        match (self.form, media_type) {
            (Form::Json, "application/json" | "application/problem+json") => {
                Some(self.response.clone())
            }
            (Form::Text, "text/plain") => Some(self.response.clone()),
            (Form::Lines | Form::Stream, "application/x-ndjson") => {
                let mut lines = String::new();
                for line in self.response.as_array()? {
                    // Writing to a string cannot fail.
                    let _ = writeln!(lines, "{line}");
                }
                Some(Value::String(lines))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_examples_match() {
        let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
        let mut ids = Vec::new();
        for item in api["paths"].as_object().expect("paths").values() {
            for operation in item.as_object().expect("an item").values() {
                let Some(id) = operation["operationId"].as_str() else {
                    continue;
                };
                let sample = operation["x-codeSamples"][0]["source"].as_str();
                assert!(sample.is_some(), "{id} has no example");
                ids.push(id);
            }
        }
        assert!(ids.len() > 60, "{}", ids.len());
        for example in SCENARIO.iter().filter_map(|it| it.operation.as_deref()) {
            assert!(ids.contains(&example), "no such operation: {example}");
        }
    }

    #[test]
    fn examples_are_shown_as_commands() {
        let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
        let put = &api["paths"]["/api/v1/kv/{key}"]["put"];
        assert_eq!(
            put["x-codeSamples"][0]["source"],
            r#"curl -X PUT 'http://127.0.0.1:8379/api/v1/kv//config/limits' -d '{"rate": 100}'"#
        );
        let acquire = &api["paths"]["/api/v1/locks/{name}"]["post"]["x-codeSamples"][0]["source"];
        assert!(
            acquire
                .as_str()
                .is_some_and(|line| line.contains(" --json '{")),
            "{acquire}"
        );
        let created = &put["responses"]["201"]["content"]["application/json"]["example"];
        assert_eq!(created["key"], "/config/limits");
    }
}
