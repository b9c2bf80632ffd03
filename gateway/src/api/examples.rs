//! An example of every operation: a request, and what a gateway answered to it.
//!
//! `examples.json` beside this is one story, told in order to an etcd of one member. The acceptance
//! test `tests/http/openapi_examples.rs` tells it again and compares, so what the document shows is what is
//! answered.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, RefOr};

/// Where the operations are.
const API: &str = "/api/v1";
/// Where the examples ask.
const AUTHORITY: &str = "127.0.0.1:8379";

static STORY: LazyLock<Vec<Example>> = LazyLock::new(|| {
    let story = serde_json::from_str(include_str!("examples.json"));
    story.expect("the story is JSON of this shape")
});

/// One request of the story.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    /// The operation that it shows; what only prepares the next shows none.
    operation: Option<String>,
    method: String,
    /// Behind `/api/v1`, or alone where it is `beside`; with its query.
    path: String,
    /// Whether it stands outside `/api/v1`.
    #[serde(default)]
    beside: bool,
    /// JSON, or text as it stands.
    #[serde(default)]
    body: Option<Value>,
    /// The body's media type where it is not `application/json`.
    #[serde(default, rename = "type")]
    media_type: Option<String>,
    /// Name and password.
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    form: Form,
    status: u16,
    /// A JSON answer, the first messages of a stream, all lines of a file; null for bytes.
    answer: Value,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    #[default]
    Json,
    /// Lines that end.
    Lines,
    /// Lines that go on.
    Stream,
    Socket,
    /// A line or more for people.
    Text,
    Bytes,
}

/// Adds an operation's example, where the handler gives none of its own.
pub(super) fn add(operation: &mut Operation) {
    let id = operation.operation_id.as_deref();
    let Some(example) = STORY
        .iter()
        .find(|it| id.is_some() && it.operation.as_deref() == id)
    else {
        return;
    };
    let sample = serde_json::json!([{
        "lang": "Shell",
        "label": "curl",
        "source": example.typed(),
    }]);
    let extensions = ExtensionsBuilder::new().add("x-codeSamples", sample);
    operation
        .extensions
        .get_or_insert_default()
        .merge(extensions.build());
    if let (Some(body), Some(RefOr::T(request))) = (&example.body, &mut operation.request_body) {
        for content in request.content.values_mut() {
            show(content, body.clone());
        }
    }
    let status = example.status.to_string();
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(&status) {
        for (media_type, content) in &mut response.content {
            if let Some(answer) = example.shown(media_type) {
                show(content, answer);
            }
        }
    }
}

fn show(content: &mut RefOr<Content>, example: Value) {
    let RefOr::T(content) = content else {
        return;
    };
    if content.example.is_none() && content.examples.is_empty() {
        content.example = Some(example);
    }
}

impl Example {
    /// The line to type.
    fn typed(&self) -> String {
        let path = format!("{}{}", if self.beside { "" } else { API }, self.path);
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
        if let Some(media_type) = &self.media_type {
            add(&format!("-H 'Content-Type: {media_type}'"));
        }
        match &self.body {
            // Of a file's line the shell would take the end away.
            Some(Value::String(text)) if text.ends_with('\n') => add("--data-binary @FILE"),
            Some(Value::String(text)) => add(&format!("-d '{text}'")),
            // It asks for JSON too, which is no stream.
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

    /// The answer, as a body of that media type would show it.
    fn shown(&self, media_type: &str) -> Option<Value> {
        match (self.form, media_type) {
            (Form::Json, "application/json" | "application/problem+json") => {
                Some(self.answer.clone())
            }
            (Form::Text, "text/plain") => Some(self.answer.clone()),
            (Form::Lines | Form::Stream, "application/x-ndjson") => {
                let mut lines = String::new();
                for line in self.answer.as_array()? {
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
    fn every_operation_has_an_example_and_every_example_an_operation() {
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
        for example in STORY.iter().filter_map(|it| it.operation.as_deref()) {
            assert!(ids.contains(&example), "there is no operation {example}");
        }
    }

    #[test]
    fn examples_are_shown_as_they_are_typed() {
        let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
        let put = &api["paths"]["/api/v1/kv/{key}"]["put"];
        assert_eq!(
            put["x-codeSamples"][0]["source"],
            r#"curl -X PUT 'http://127.0.0.1:8379/api/v1/kv//config/limits' -d '{"rate": 100}'"#
        );
        let txn = &api["paths"]["/api/v1/locks/{name}"]["post"]["x-codeSamples"][0]["source"];
        assert!(
            txn.as_str().is_some_and(|line| line.contains(" --json '{")),
            "{txn}"
        );
        let created = &put["responses"]["201"]["content"]["application/json"]["example"];
        assert_eq!(created["key"], "/config/limits");
    }
}
