//! Completes the OpenAPI document with what operations have in common: error statuses, `timeout` and examples.
//!
//! A handler lists only what is specific to it. The rest follows from the method, the body and the table of codes and
//! statuses ([`crate::web::status::status`]), so that no list can become outdated.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shared::Code;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{AnyOf, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Ref, RefOr, Required, Response, ResponseBuilder, Schema};

use super::examples;
use crate::failure::Failure;
use crate::web::status::status as status_of;

/// Error statuses that the middleware may return for any request.
const MIDDLEWARE: [u16; 5] = [400, 403, 421, 429, 500];
/// Error statuses of any request below `/api/v1`: from the middleware, the time limit or etcd.
const API_REQUEST: [u16; 10] = [400, 401, 403, 404, 421, 429, 500, 501, 503, 504];
/// Additional error statuses of a request that may write.
const WRITE: [u16; 4] = [409, 413, 422, 507];
/// Additional error statuses of a request with a body.
const WITH_BODY: [u16; 1] = [415];

/// The prefix of the paths that call etcd.
const API: &str = "/api/v1/";
/// Suffixes of the paths without `timeout`: those of streams, which have no end of their own, and those of the doctor and
/// the list of clusters, which have limits of their own.
const WITHOUT_TIMEOUT: [&str; 8] = [
    "/watch",
    "/hold",
    "/observe",
    "/export",
    "/import",
    "/snapshot",
    "/clusters",
    "/doctor",
];

/// The media type of problems (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// The forms of credentials, by their names in the document.
const SCHEMES: [&str; 3] = ["basic", "token", "session"];

/// Describes the forms of credentials. None is required by the document: whether a request needs credentials depends
/// on the gateway's flags and on etcd.
fn add_security(api: &mut utoipa::openapi::OpenApi) {
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("Name and password of a user in etcd"));
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of etcd's `Authenticate` call"));
    let session = ApiKeyValue::with_description(
        "watchgate-{hash}",
        "Set by `POST /session`. The hash is of the base path, the port and the cluster. A request with it \
         that may change something, or that opens a WebSocket, must come from this gateway's own page: with \
         its `Origin`, or with `Sec-Fetch-Site: same-origin`; otherwise it is 403 `foreign_origin`. \
         `Authorization` takes precedence. It does not count at `/v3`.",
    );
    let schemes = [
        SecurityScheme::Http(basic.build()),
        SecurityScheme::Http(token.build()),
        SecurityScheme::ApiKey(ApiKey::Cookie(session)),
    ];
    let components = api.components.get_or_insert_default();
    for (name, scheme) in SCHEMES.into_iter().zip(schemes) {
        components.add_security_scheme(name, scheme);
    }
    let alternatives = SCHEMES.map(|name| SecurityRequirement::new::<_, [&str; 0], _>(name, []));
    let mut security = vec![SecurityRequirement::default()];
    security.extend(alternatives);
    api.security = Some(security);
}

/// Adds to each operation the error statuses that it does not describe itself, `timeout`, and an example.
pub fn complete(api: &mut utoipa::openapi::OpenApi) {
    add_security(api);
    let mut used = BTreeMap::new();
    for (path, item) in &mut api.paths.paths {
        let calls_etcd = path.starts_with(API);
        for (may_write, operation) in operations(item) {
            let mut statuses = if calls_etcd {
                &API_REQUEST[..]
            } else {
                &MIDDLEWARE[..]
            }
            .to_vec();
            if calls_etcd && !WITHOUT_TIMEOUT.iter().any(|end| path.ends_with(end)) {
                add_timeout(operation);
            }
            if may_write {
                statuses.extend(WRITE);
            }
            if operation.request_body.is_some() {
                statuses.extend(WITH_BODY);
            }
            for status in statuses {
                let described = &mut operation.responses.responses;
                described.entry(status.to_string()).or_insert_with(|| {
                    used.entry(status)
                        .or_insert_with(|| problem_response(status));
                    RefOr::Ref(Ref::from_response_name(response_name(status)))
                });
            }
            for response in operation.responses.responses.values_mut() {
                set_problem_media_type(response);
            }
            examples::add(operation);
        }
    }
    let components = api.components.get_or_insert_default();
    for name in ["DeletionReply", "KeyReply", "PageReply"] {
        if let Some(schema) = components.schemas.get_mut(name) {
            one_of_to_any_of(schema);
        }
    }
    let responses = used
        .into_iter()
        .map(|(status, response)| (response_name(status), RefOr::T(response)));
    components.responses.extend(responses);
}

/// Adds `timeout`, unless the handler describes its own.
fn add_timeout(operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    if parameters
        .iter()
        .any(|parameter| matches!(parameter, RefOr::T(known) if known.name == "timeout"))
    {
        return;
    }
    let timeout = ParameterBuilder::new()
        .name("timeout")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(
            "Time limit of the call: 500ms, 5s, 2m; default 10s, at most 10m",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    parameters.push(RefOr::T(timeout));
}

/// Turns `oneOf` into `anyOf`: a page has all members of a count, so it matches both alternatives.
fn one_of_to_any_of(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::OneOf(one)) = schema {
        let mut any = AnyOf::new();
        any.items = std::mem::take(&mut one.items);
        any.description = one.description.take();
        *schema = RefOr::T(Schema::AnyOf(any));
    }
}

/// Sets RFC 9457's media type for `body = Problem`, which the macro describes as `application/json`.
fn set_problem_media_type(response: &mut RefOr<Response>) {
    let problem = Ref::from_schema_name("Problem").ref_location;
    let RefOr::T(response) = response else {
        return;
    };
    let is_problem = |content: &RefOr<Content>| {
        let RefOr::T(content) = content else {
            return false;
        };
        matches!(&content.schema, Some(RefOr::Ref(schema)) if schema.ref_location == problem)
    };
    if let Some(content) = response
        .content
        .get("application/json")
        .filter(|it| is_problem(it))
        .cloned()
    {
        response.content.clear();
        response.content.insert(PROBLEM.to_owned(), content);
    }
}

fn response_name(status: u16) -> String {
    format!("Problem{status}")
}

/// The operations of a path, each with whether it may write.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    [
        (false, &mut item.get),
        (true, &mut item.put),
        (true, &mut item.post),
        (true, &mut item.delete),
        (true, &mut item.patch),
    ]
    .into_iter()
    .filter_map(|(may_write, operation)| Some((may_write, operation.as_mut()?)))
}

/// The response for a status: a problem with one of the codes that have this status.
fn problem_response(status: u16) -> Response {
    let mut description = String::new();
    for code in Code::ALL {
        let plain = Failure::new(*code, "");
        let elsewhere = plain.clone().named_elsewhere();
        let timed_out = plain.clone().with(|facts| facts.timed_out = true);
        let has = |failure: &Failure| status_of(failure).as_u16() == status;
        if has(&plain) || has(&elsewhere) || has(&timed_out) {
            let comma = if description.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(description, "{comma}`{code}`");
        }
    }
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(description)
        .content(PROBLEM, problem)
        .build()
}

#[cfg(test)]
mod tests;
