//! `/kv`: one key, a page of keys, a range.

mod condition;
pub(super) mod ndjson;
pub mod replies;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use shared::{
    CountAnswer, DeleteAnswer, Entry, KeyAnswer, Page, Problem, PutAnswer, SortOrder, SortTarget,
};

use self::condition::{if_match, if_none_match, precondition};
use self::replies::{DeletionReply, KeyReply, PageReply};
use super::call::Call;
use super::reply::{CREATE_REVISION, LEASE, REVISION, VERSION, answer, tag};
use super::{body, range};
use crate::etcd::{Get, Range};
use crate::failure::{Failure, Result};
use crate::service::kv::{Guard, LeaseChoice, MAX_LIMIT, PageQuery, PageRequest, PutRequest};

const ROUTE: &str = "/kv";

fn no_key() -> Failure {
    Failure::bad_request("no key is given").hint("behind /kv/, or as ?key=")
}

/// Read a key.
///
/// The entry as JSON; the raw value under `Accept: application/octet-stream` or `?raw`.
#[utoipa::path(
    get, path = "/kv/{*key}", tag = "keys",
    params(
        ("key" = String, Path, description = "The key, percent-decoded once as bytes"),
        ("revision" = Option<i64>, Query, description = "At this revision"),
        ("raw" = Option<bool>, Query, description = "The value alone, as it is stored"),
        ("count_only" = Option<bool>, Query, description = "0 or 1, always 200"),
        ("serializable" = Option<bool>, Query, description = "Member-local, possibly stale"),
        ("If-Match" = Option<String>, Header, description = "Revisions as ETags, or *"),
        ("If-None-Match" = Option<String>, Header, description = "Revisions as ETags: 304"),
    ),
    responses(
        (status = 200, description = "As JSON, or the value alone", content(
            (KeyReply = "application/json"), (String = "application/octet-stream"),
        )), (status = 304), (status = 404, body = Problem),
        (status = 410, body = Problem), (status = 412, body = Problem),
        (status = 416, body = Problem),
    )
)]
pub async fn get_key(mut call: Call) -> Result<Response> {
    let key = call.key(ROUTE)?.ok_or_else(no_key)?;
    read_key(call, key).await
}

async fn read_key(mut call: Call, key: Vec<u8>) -> Result<Response> {
    let query = &mut call.query;
    let get = Get {
        revision: query.revision("revision")?.unwrap_or(0),
        serializable: query.flag("serializable")?,
        ..Get::default()
    };
    let raw = query.flag("raw")?;
    let count_only = query.flag("count_only")?;
    std::mem::take(query).finish()?;
    let caller = call.caller();
    if count_only {
        let count = call
            .cluster
            .kv
            .count(&caller, &Range::one(key), get)
            .await?;
        return Ok(answer(StatusCode::OK, count.header.revision, &count));
    }
    let precondition = if_match(&call.headers)?;
    let known = if_none_match(&call.headers)?;
    let found = call.cluster.kv.get(&caller, &key, get, &precondition);
    let (header, entry) = found.await?;
    let (revision, mod_revision) = (header.revision, entry.mod_revision);
    let mut response = if known.contains(mod_revision) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else if raw || call.accepts("application/octet-stream") {
        let value = entry.value.unwrap_or_default();
        let mut response = Response::new(Body::from(value.0));
        let headers = response.headers_mut();
        let octets = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, octets);
        headers.insert(CREATE_REVISION, HeaderValue::from(entry.create_revision));
        headers.insert(VERSION, HeaderValue::from(entry.version));
        if let Some(lease) = entry.lease {
            let text = HeaderValue::from_str(&lease.to_string());
            headers.insert(LEASE, text.expect("hexadecimal digits"));
        }
        response
    } else {
        answer(StatusCode::OK, revision, &KeyAnswer { header, entry })
    };
    let headers = response.headers_mut();
    headers.insert(REVISION, HeaderValue::from(revision));
    tag(headers, Some(mod_revision));
    Ok(response)
}

/// Write a key.
///
/// The body is the value, byte for byte, whatever its Content-Type.
///
/// With `lease=keep`, the default, an account that may read the key never drops a lease that somebody else
/// attaches at the same time. An account that may only write cannot have etcd compare anything, so it may:
/// the key is found absent, somebody creates it with a lease, and the write replaces it without one. Such an
/// account names the lease: `lease=<id>` and `lease=none` are one write, and certain.
#[utoipa::path(
    put, path = "/kv/{*key}", tag = "keys",
    params(
        ("key" = String, Path, description = "The key"),
        ("lease" = Option<String>, Query, description = "keep (default), none, or a lease id"),
        ("prev" = Option<bool>, Query, description = "Answer the entry before"),
        ("guard" = Option<String>, Query, description = "<lock key>:<fencing token>"),
        ("If-Match" = Option<String>, Header, description = "Revisions as ETags, or *"),
        ("If-None-Match" = Option<String>, Header, description = "* is create-only"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Replaced", body = PutAnswer),
        (status = 201, description = "Created", body = PutAnswer),
        (status = 412, body = Problem), (status = 413, body = Problem),
        (status = 422, description = "The lease does not exist", body = Problem),
    )
)]
pub async fn put_key(call: Call, body: body::Whole) -> Result<Response> {
    write(call, body.0).await
}

/// Write a key named by `?key=`.
///
/// As `PUT /kv/{key}`, leases included.
#[utoipa::path(
    operation_id = "put_key_by_query",
    put, path = "/kv", tag = "keys",
    params(
        ("key" = String, Query, description = "The key"),
        ("lease" = Option<String>, Query, description = "keep (default), none, or a lease id"),
        ("prev" = Option<bool>, Query, description = "Answer the entry before"),
        ("guard" = Option<String>, Query, description = "<lock key>:<fencing token>"),
        ("If-Match" = Option<String>, Header, description = "Revisions as ETags, or *"),
        ("If-None-Match" = Option<String>, Header, description = "* is create-only"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Replaced", body = PutAnswer),
        (status = 201, description = "Created", body = PutAnswer),
        (status = 412, body = Problem), (status = 413, body = Problem),
        (status = 422, description = "The lease does not exist", body = Problem),
    )
)]
pub async fn put_by_query(call: Call, body: body::Whole) -> Result<Response> {
    write(call, body.0).await
}

async fn write(mut call: Call, body: Bytes) -> Result<Response> {
    call.writable()?;
    let key = call.key(ROUTE)?.ok_or_else(no_key)?;
    let lease = match call.query.text("lease")?.as_deref() {
        None | Some("keep") => LeaseChoice::Keep,
        Some("none") => LeaseChoice::None,
        Some(id) => match id.parse::<shared::LeaseId>() {
            Ok(shared::LeaseId(0)) => LeaseChoice::None,
            Ok(id) => LeaseChoice::Id(id),
            Err(error) => {
                let failure = Failure::bad_request(format!("`lease`: {error}"));
                return Err(failure.hint("keep, none, or a lease id"));
            }
        },
    };
    let request = PutRequest {
        lease,
        prev: call.query.flag("prev")?,
        precondition: precondition(&call.headers, true)?,
        guard: call
            .query
            .bytes("guard")?
            .map(|text| Guard::parse(&text))
            .transpose()?,
    };
    std::mem::take(&mut call.query).finish()?;
    let put = call
        .cluster
        .kv
        .put(&call.caller(), key, body.into(), &request)
        .await?;
    let status = if put.version == Some(1) {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut response = answer(status, put.header.revision, &put);
    tag(response.headers_mut(), put.mod_revision);
    Ok(response)
}

/// Delete a key.
#[utoipa::path(
    delete, path = "/kv/{*key}", tag = "keys",
    params(
        ("key" = String, Path, description = "The key"),
        ("prev" = Option<bool>, Query, description = "Answer the deleted entry"),
        ("guard" = Option<String>, Query, description = "<lock key>:<fencing token>"),
        ("If-Match" = Option<String>, Header, description = "Revisions as ETags, or *"),
    ),
    responses(
        (status = 200, body = DeleteAnswer), (status = 404, body = Problem),
        (status = 412, body = Problem),
    )
)]
pub async fn delete_key(mut call: Call) -> Result<Response> {
    let key = call.key(ROUTE)?.ok_or_else(no_key)?;
    remove_key(call, key).await
}

async fn remove_key(mut call: Call, key: Vec<u8>) -> Result<Response> {
    call.writable()?;
    let prev = call.query.flag("prev")?;
    let guard = call
        .query
        .bytes("guard")?
        .map(|text| Guard::parse(&text))
        .transpose()?;
    let precondition = precondition(&call.headers, false)?;
    std::mem::take(&mut call.query).finish()?;
    let caller = call.caller();
    let deleted = call
        .cluster
        .kv
        .delete(&caller, &key, prev, &precondition, guard.as_ref())
        .await?;
    Ok(answer(StatusCode::OK, deleted.header.revision, &deleted))
}

/// List a range, a page at a time.
///
/// With `?key=` it is no list, but the route of that one key.
/// Under `Accept: application/x-ndjson` the whole range, a line an entry, ended by `{"end":…}`.
/// Only ascending key order pages: with another order, or bounds on revisions, the answer has the first
/// `limit` entries, `next` is null, and `more` says whether there are others. A range that is to be
/// sorted or filtered may have 100,000 keys, since etcd loads them all (422 `unprocessable` with its
/// `count`); as NDJSON any range is filtered.
#[utoipa::path(
    operation_id = "list_keys",
    get, path = "/kv", tag = "keys",
    params(
        ("prefix" = Option<String>, Query, description = "Keys that begin so; empty is all"),
        ("start" = Option<String>, Query, description = "From this key, with end"),
        ("end" = Option<String>, Query, description = "Up to this key, exclusive"),
        ("from" = Option<String>, Query, description = "From this key to the end"),
        ("limit" = Option<i64>, Query, description = "Entries, 1 to 10,000; default 100"),
        ("cursor" = Option<String>, Query, description = "next of the page before; only limit beside it"),
        ("keys_only" = Option<bool>, Query, description = "Without values and leases"),
        ("count_only" = Option<bool>, Query, description = "{header, count}"),
        ("sort" = Option<SortTarget>, Query, description = "Default key"),
        ("order" = Option<SortOrder>, Query, description = "Default asc"),
        ("min_create_revision" = Option<i64>, Query, description = "Created then or later"),
        ("max_create_revision" = Option<i64>, Query, description = "Created then or earlier"),
        ("min_mod_revision" = Option<i64>, Query, description = "Last changed then or later"),
        ("max_mod_revision" = Option<i64>, Query, description = "Last changed then or earlier"),
        ("revision" = Option<i64>, Query, description = "At this revision"),
        ("serializable" = Option<bool>, Query, description = "Member-local, possibly stale"),
        ("key" = Option<String>, Query, description = "This key alone, as behind /kv/; beside it only what is of use there"),
        ("raw" = Option<bool>, Query, description = "With key: the value alone, as it is stored"),
        ("If-Match" = Option<String>, Header, description = "With key: revisions as ETags, or *"),
        ("If-None-Match" = Option<String>, Header, description = "With key: revisions as ETags: 304"),
    ),
    responses(
        (status = 200, description = "A page; or all of it, a line an entry; or one key", content(
            (PageReply = "application/json"), (Entry = "application/x-ndjson"),
            (String = "application/octet-stream"),
        )), (status = 304), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 410, body = Problem), (status = 412, body = Problem),
        (status = 416, body = Problem),
        (status = 422, description = "Too many keys to sort or filter", body = Problem),
    )
)]
pub async fn list(mut call: Call) -> Result<Response> {
    // `?key=` on /kv is the key route.
    if let Some(key) = call.key(ROUTE)? {
        return read_key(call, key).await;
    }
    let query = &mut call.query;
    let limit = query.number("limit", 1..=MAX_LIMIT)?;
    if let Some(cursor) = query.text("cursor")? {
        std::mem::take(query).finish()?;
        let request = PageRequest::Next(cursor);
        let page = call.cluster.kv.page(&call.caller(), request, limit).await?;
        return Ok(listed(&page));
    }
    let range = range::from_query(query, false)?.ok_or_else(Range::required)?;
    let page = PageQuery {
        range,
        keys_only: query.flag("keys_only")?,
        revision: query.revision("revision")?.unwrap_or(0),
        serializable: query.flag("serializable")?,
        sort: range::sort(query)?,
        filter: range::filter(query)?,
    };
    let count_only = query.flag("count_only")?;
    std::mem::take(query).finish()?;
    if count_only {
        if page.sort.is_some() || page.filter.is_set() {
            let detail = "`count_only` counts the whole range: it is neither sorted nor filtered";
            return Err(Failure::bad_request(detail));
        }
        let get = Get {
            revision: page.revision,
            serializable: page.serializable,
            ..Get::default()
        };
        let count: CountAnswer = call
            .cluster
            .kv
            .count(&call.caller(), &page.range, get)
            .await?;
        return Ok(answer(StatusCode::OK, count.header.revision, &count));
    }
    if call.accepts("application/x-ndjson") {
        if limit.is_some() {
            let failure = Failure::bad_request("`limit` has no meaning for a whole range");
            return Err(failure.hint("leave out the Accept header for pages"));
        }
        if page.sort.is_some() {
            let detail = "a whole range comes in key order: `sort` and `order` are for pages";
            return Err(Failure::bad_request(detail));
        }
        let export = call.cluster.kv.export(call.streaming_caller()?, page);
        return ndjson::stream(export, call.request_id).await;
    }
    let request = PageRequest::First(page);
    let page = call.cluster.kv.page(&call.caller(), request, limit).await?;
    Ok(listed(&page))
}

/// A page, which under another `Accept` would be a stream.
fn listed(page: &Page) -> Response {
    let mut response = answer(StatusCode::OK, page.header.revision, page);
    tag(response.headers_mut(), None);
    response
}

/// Delete a range of a confirmed size.
///
/// With `?key=` it is the route of that one key, and nothing is to be confirmed.
/// First `?dry_run`, then `confirm=<count>&revision=<its header.revision>`; keys written after that
/// revision make it fail as a whole.
#[utoipa::path(
    delete, path = "/kv", tag = "keys",
    params(
        ("prefix" = Option<String>, Query, description = "Keys that begin so; empty is all"),
        ("start" = Option<String>, Query, description = "From this key, with end"),
        ("end" = Option<String>, Query, description = "Up to this key, exclusive"),
        ("from" = Option<String>, Query, description = "From this key to the end"),
        ("dry_run" = Option<bool>, Query, description = "{header, count}, changing nothing"),
        ("confirm" = Option<i64>, Query, description = "How many keys this deletes"),
        ("revision" = Option<i64>, Query, description = "The revision they were counted at"),
        ("prev" = Option<bool>, Query, description = "Answer the deleted entries"),
        ("guard" = Option<String>, Query, description = "<lock key>:<fencing token>"),
        ("key" = Option<String>, Query, description = "This key alone, as behind /kv/; beside it prev and guard"),
        ("If-Match" = Option<String>, Header, description = "With key: revisions as ETags, or *"),
    ),
    responses(
        (status = 200, body = DeletionReply), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem),
    )
)]
pub async fn delete_range(mut call: Call) -> Result<Response> {
    if let Some(key) = call.key(ROUTE)? {
        return remove_key(call, key).await;
    }
    let query = &mut call.query;
    let range = range::from_query(query, false)?.ok_or_else(Range::required)?;
    let dry_run = query.flag("dry_run")?;
    let confirm = query.number("confirm", 0..=i64::MAX)?;
    let revision = query.revision("revision")?;
    let prev = query.flag("prev")?;
    let guard = query
        .bytes("guard")?
        .map(|text| Guard::parse(&text))
        .transpose()?;
    std::mem::take(query).finish()?;
    let caller = call.caller();
    if dry_run {
        let count = call
            .cluster
            .kv
            .count(&caller, &range, Get::default().at(revision.unwrap_or(0)))
            .await?;
        return Ok(answer(StatusCode::OK, count.header.revision, &count));
    }
    call.writable()?;
    let kv = &call.cluster.kv;
    let deleted = kv
        .delete_range(&caller, &range, confirm, revision, prev, guard.as_ref())
        .await?;
    Ok(answer(StatusCode::OK, deleted.header.revision, &deleted))
}
