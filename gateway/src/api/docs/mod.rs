//! `/api/docs`: the OpenAPI document as one page, rendered here. The page loads nothing from other hosts.

use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use shared::Code;

use crate::api::query::NoQuery;
use crate::failure::Failure;
use crate::state::{ApiDocument, AppState};
use crate::web::status::status;

const STYLE: &str = include_str!("docs.css");

/// The document in both forms in which it is served: JSON and an HTML page.
pub fn publish(api: &utoipa::openapi::OpenApi) -> ApiDocument {
    let json = serde_json::to_vec(api).expect("an OpenAPI document has string keys");
    let document = serde_json::to_value(api).expect("an OpenAPI document has string keys");
    let mut page = String::new();
    render(&mut page, &document).expect("writing to a string cannot fail");
    ApiDocument {
        json: json.into(),
        page: page.into(),
    }
}

/// The Content-Security-Policy of the page: only its own style sheet is allowed.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 is ASCII")
});

/// The OpenAPI document as a page, which loads nothing from other hosts.
#[utoipa::path(
    get, path = "/api/docs", tag = "process",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
)]
pub async fn docs(State(app): State<AppState>, _: NoQuery) -> Response {
    let mut response = Html(app.api_document.page.clone()).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

/// Text escaped for HTML, which shows the line breaks of doc comments as spaces.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

fn text<'a>(value: &'a Value, member: &str) -> Escaped<'a> {
    Escaped(value[member].as_str().unwrap_or_default())
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn render(page: &mut String, document: &Value) -> fmt::Result {
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Watchgate API</title><style>{STYLE}</style></head><body><main>\
         <h1>Watchgate API</h1><p>{}</p><p>The same as <a href=\"openapi.json\">openapi.json</a>.</p>",
        text(&document["info"], "description")
    )?;
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            if operation.is_object() && operation.get("responses").is_some() {
                render_operation(page, path, method, operation)?;
            }
        }
    }
    page.push_str(
        "<h2 id=\"errors\">Errors</h2><table><tr><th>Code</th><th>Status</th><th>Meaning</th></tr>",
    );
    for code in Code::ALL {
        let status = status(&Failure::new(*code, ""));
        write!(
            page,
            "<tr id=\"{code}\"><td><code>{code}</code></td><td>{}</td><td>{}</td></tr>",
            status.as_u16(),
            Escaped(code.title())
        )?;
    }
    page.push_str("</table><h2>Schemas</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        render_schema(page, name, schema)?;
    }
    page.push_str("</main></body></html>\n");
    Ok(())
}

fn render_operation(page: &mut String, path: &str, method: &str, operation: &Value) -> fmt::Result {
    write!(
        page,
        "<section><h2><span class=\"{method}\">{}</span> <code>{}</code></h2><p><b>{}</b> {}</p>",
        method.to_uppercase(),
        Escaped(path),
        text(operation, "summary"),
        text(operation, "description"),
    )?;
    for sample in operation["x-codeSamples"].as_array().into_iter().flatten() {
        write!(page, "<pre>{}</pre>", text(sample, "source"))?;
    }
    if let Some(parameters) = operation["parameters"].as_array() {
        page.push_str("<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>");
        for parameter in parameters {
            write!(
                page,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                text(parameter, "name"),
                text(parameter, "in"),
                type_of(&parameter["schema"]),
                text(parameter, "description"),
            )?;
        }
        page.push_str("</table>");
    }
    for (media_type, content) in members(&operation["requestBody"]["content"]) {
        let schema = type_of(&content["schema"]);
        write!(page, "<p>Body: {} {schema}</p>", Escaped(media_type))?;
        render_body_examples(page, content)?;
    }
    page.push_str("<table><tr><th>Response</th><th></th><th></th></tr>");
    for (status, response) in members(&operation["responses"]) {
        if is_shared(response) {
            continue;
        }
        let schema = members(&response["content"]).map(|(_, content)| type_of(&content["schema"]));
        write!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            Escaped(status),
            schema.collect::<Vec<_>>().join(", "),
            text(response, "description"),
        )?;
    }
    page.push_str("</table>");
    for (status, response) in members(&operation["responses"]) {
        for (_, content) in members(&response["content"]) {
            render_response_example(page, status, content)?;
        }
    }
    let shared = members(&operation["responses"]).filter(|(_, response)| is_shared(response));
    let shared: Vec<_> = shared.map(|(status, _)| status.as_str()).collect();
    write!(
        page,
        "<p>Also, as on other routes: {}; see <a href=\"#errors\">errors</a>.</p></section>",
        shared.join(", ")
    )
}

/// Whether a response is described once for all operations.
fn is_shared(response: &Value) -> bool {
    response.get("$ref").is_some()
}

/// The example of a response, collapsed.
fn render_response_example(page: &mut String, status: &str, content: &Value) -> fmt::Result {
    let Some(example) = content.get("example") else {
        return Ok(());
    };
    let shown = match example {
        Value::String(lines) => lines.clone(),
        example => serde_json::to_string_pretty(example).unwrap_or_default(),
    };
    write!(
        page,
        "<details><summary>Example of {}</summary><pre>{}</pre></details>",
        Escaped(status),
        Escaped(&shown)
    )
}

/// The examples of a request body.
fn render_body_examples(page: &mut String, content: &Value) -> fmt::Result {
    let named = members(&content["examples"]).map(|(name, example)| {
        let summary = example["summary"].as_str();
        (summary.unwrap_or(name), &example["value"])
    });
    let single = content.get("example").map(|value| ("Example", value));
    for (title, value) in named.chain(single) {
        let value = match value {
            Value::String(lines) => lines.clone(),
            value => value.to_string(),
        };
        write!(
            page,
            "<p>{}</p><pre>{}</pre>",
            Escaped(title),
            Escaped(&value)
        )?;
    }
    Ok(())
}

fn render_schema(page: &mut String, name: &str, schema: &Value) -> fmt::Result {
    let description = text(schema, "description");
    write!(
        page,
        "<section><h3 id=\"schema-{name}\">{name}</h3><p>{description}</p>"
    )?;
    let combined = ["oneOf", "anyOf", "allOf"].map(|member| schema[member].as_array());
    let parts = combined.into_iter().flatten().flatten();
    for part in parts.chain([schema]) {
        if part.get("$ref").is_some() {
            write!(page, "<p>{}</p>", type_of(part))?;
        }
        if part["properties"].is_object() {
            page.push_str("<table><tr><th>Member</th><th>Type</th><th></th></tr>");
            for (member, property) in members(&part["properties"]) {
                write!(
                    page,
                    "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                    Escaped(member),
                    type_of(property),
                    text(property, "description"),
                )?;
            }
            page.push_str("</table>");
        }
    }
    page.push_str("</section>");
    Ok(())
}

/// A schema's type in short, linked if it has a name.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(variants) = schema["enum"].as_array() {
        let words = variants.iter().filter_map(Value::as_str);
        return words
            .map(|word| Escaped(word).to_string())
            .collect::<Vec<_>>()
            .join(" | ");
    }
    for member in ["oneOf", "anyOf"] {
        if let Some(alternatives) = schema[member].as_array() {
            return alternatives
                .iter()
                .map(type_of)
                .collect::<Vec<_>>()
                .join(" | ");
        }
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("[{}]", type_of(&schema["items"])),
        Value::String(kind) => Escaped(kind).to_string(),
        Value::Array(kinds) => {
            let words = kinds.iter().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(" | ")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_path_and_code() {
        let api = crate::router::openapi();
        let document = serde_json::to_value(&api).expect("serialises");
        let page = publish(&api).page;
        let page = std::str::from_utf8(&page).expect("the page is UTF-8");
        assert!(members(&document["paths"]).count() > 5);
        for (path, _) in members(&document["paths"]) {
            assert!(
                page.contains(&format!("<code>{}</code>", Escaped(path))),
                "{path}"
            );
        }
        for code in Code::ALL {
            assert!(page.contains(&format!("id=\"{code}\"")), "{code}");
        }
    }
}
