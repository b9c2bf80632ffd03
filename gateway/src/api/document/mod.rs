//! What every operation of the OpenAPI document has in common: the errors that any request may meet,
//! and `timeout`.
//!
//! A handler lists what is its own; the rest follows from the method, the body and the one table of
//! codes and statuses ([`crate::web::status::status`]), so that no list can fall behind it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shared::Code;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{AnyOf, ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Required, Response, ResponseBuilder, Schema};

use super::examples;
use crate::failure::Failure;
use crate::web::status::status as status_of;

/// What the door may answer to anything.
const DOOR: [u16; 5] = [400, 403, 421, 429, 500];
/// What the door, the clock and etcd itself may answer to anything below `/api/v1`.
const ALWAYS: [u16; 10] = [400, 401, 403, 404, 421, 429, 500, 501, 503, 504];
/// What a request that changes something may meet besides.
const CHANGING: [u16; 4] = [409, 413, 422, 507];
/// What a request with a body may meet besides.
const WITH_BODY: [u16; 1] = [415];

/// Where etcd answers.
const API: &str = "/api/v1/";
/// How the paths end that take no `timeout`: those of streams, which have no end of their own, and the
/// one that asks no etcd.
const TIMELESS: [&str; 7] = [
    "/watch",
    "/hold",
    "/observe",
    "/export",
    "/import",
    "/snapshot",
    "/clusters",
];

/// The media type of every refusal (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// Adds to each operation the statuses that it has not described itself, its `timeout`, and its example.
pub fn complete(api: &mut utoipa::openapi::OpenApi) {
    let mut used = BTreeMap::new();
    for (path, item) in &mut api.paths.paths {
        let of_etcd = path.starts_with(API);
        for (changes, operation) in operations(item) {
            let mut statuses = if of_etcd { &ALWAYS[..] } else { &DOOR[..] }.to_vec();
            if of_etcd && !TIMELESS.iter().any(|end| path.ends_with(end)) {
                take_a_timeout(operation);
            }
            if changes {
                statuses.extend(CHANGING);
            }
            if operation.request_body.is_some() {
                statuses.extend(WITH_BODY);
            }
            for status in statuses {
                let described = &mut operation.responses.responses;
                described.entry(status.to_string()).or_insert_with(|| {
                    used.entry(status).or_insert_with(|| response(status));
                    RefOr::Ref(Ref::from_response_name(name(status)))
                });
            }
            for response in operation.responses.responses.values_mut() {
                name_problems(response);
            }
            examples::add(operation);
        }
    }
    let components = api.components.get_or_insert_default();
    for name in ["DeletionReply", "KeyReply", "PageReply"] {
        if let Some(schema) = components.schemas.get_mut(name) {
            widen(schema);
        }
    }
    let responses = used
        .into_iter()
        .map(|(status, response)| (name(status), RefOr::T(response)));
    components.responses.extend(responses);
}

/// Adds `timeout`, unless the handler says of its own what it means there.
fn take_a_timeout(operation: &mut Operation) {
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
        .description(Some("500ms, 5s, 2m; default 10s, at most 10m"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    parameters.push(RefOr::T(timeout));
}

/// What is a page is also a count, with more beside it: either alternative may hold, and so may both.
fn widen(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::OneOf(one)) = schema {
        let mut any = AnyOf::new();
        any.items = std::mem::take(&mut one.items);
        any.description = one.description.take();
        *schema = RefOr::T(Schema::AnyOf(any));
    }
}

/// A handler that says `body = Problem` means RFC 9457's media type, which the macro cannot know.
fn name_problems(response: &mut RefOr<Response>) {
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

fn name(status: u16) -> String {
    format!("Problem{status}")
}

/// An item's operations, each with whether it may change something.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    [
        (false, &mut item.get),
        (true, &mut item.put),
        (true, &mut item.post),
        (true, &mut item.delete),
        (true, &mut item.patch),
    ]
    .into_iter()
    .filter_map(|(changes, operation)| Some((changes, operation.as_mut()?)))
}

/// A problem, with the codes that have this status.
fn response(status: u16) -> Response {
    let mut description = String::new();
    for code in Code::ALL {
        let plain = Failure::new(*code, "");
        let elsewhere = plain.clone().named_elsewhere();
        let late = plain.clone().with(|facts| facts.timed_out = true);
        let has = |failure: &Failure| status_of(failure).as_u16() == status;
        if has(&plain) || has(&elsewhere) || has(&late) {
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
