//! `/kv`: one key, a page of keys, a range.

mod condition;
pub(super) mod ndjson;
pub mod params;
pub mod replies;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use shared::{
    CountResponse, DeleteResponse, Entry, KeyResponse, Page, Problem, PutResponse, SortOrder,
    SortTarget,
};

use self::condition::{if_match, if_none_match, precondition};
use self::params::{ChangeParams, CreateOnly, IfMatch, IfNoneMatch, PutParams};
use self::replies::{DeletionReply, KeyReply, PageReply};
use super::call::Call;
use super::params::{CursorParams, KeyPath, RangeParams, ReadParams, RevisionBounds};
use super::response::{CREATE_REVISION, LEASE, VERSION, respond};
use super::{body, range};
use crate::etcd::{Get, Range};
use crate::failure::{Failure, Result};
use crate::service::kv::{Guard, LeaseChoice, MAX_LIMIT, PageQuery, PageRequest, PutRequest};
use crate::web::headers::{REVISION, set_etag};

const ROUTE: &str = "/kv";

fn no_key() -> Failure {
    Failure::bad_request("key is required").hint("put it after /kv/ in the path, or use ?key=")
}

/// Read a key.
///
/// The entry as JSON, or with `Accept: application/octet-stream` or `?raw` the value alone.
#[utoipa::path(
    get, path = "/kv/{*key}", tag = "keys",
    params(
        KeyPath, ReadParams, IfMatch, IfNoneMatch,
        ("raw" = Option<bool>, Query, description = "Return the value alone, byte for byte"),
        ("count_only" = Option<bool>, Query, description = "Return the count, 0 or 1, always with 200"),
    ),
    responses(
        (status = 200, description = "The entry, or the value alone", content(
            (KeyReply = "application/json"), (String = "application/octet-stream"),
        )), (status = 304),
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
    call.finish_query()?;
    let caller = call.caller();
    if count_only {
        let count = call
            .cluster
            .kv
            .count(&caller, &Range::single(key), get)
            .await?;
        return Ok(respond(StatusCode::OK, count.header.revision, &count));
    }
    let precondition = if_match(&call.headers)?;
    let cached = if_none_match(&call.headers)?;
    let found = call.cluster.kv.get(&caller, &key, get, &precondition);
    let (header, entry) = found.await?;
    let (revision, mod_revision) = (header.revision, entry.mod_revision);
    let mut response = if cached.matches(mod_revision) {
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
        respond(StatusCode::OK, revision, &KeyResponse { header, entry })
    };
    let headers = response.headers_mut();
    headers.insert(REVISION, HeaderValue::from(revision));
    set_etag(headers, Some(mod_revision));
    Ok(response)
}

/// Write a key.
///
/// The body is the value, byte for byte, with any Content-Type.
///
/// With `lease=keep`, the default, an account that may read the key never drops a lease that another client
/// attaches at the same time. An account that may only write cannot have etcd compare anything, so it can drop one:
/// if the key is absent, another client creates it with a lease, and then this write replaces it without one. Such an
/// account should name the lease: `lease=<id>` and `lease=none` are a single write, so nothing can come in between.
#[utoipa::path(
    put, path = "/kv/{*key}", tag = "keys",
    params(KeyPath, PutParams, ChangeParams, IfMatch, CreateOnly),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Replaced", body = PutResponse),
        (status = 201, description = "Created", body = PutResponse),
        (status = 412, body = Problem),
        (status = 422, description = "No such lease", body = Problem),
    )
)]
pub async fn put_key(call: Call, body: body::Buffered) -> Result<Response> {
    write(call, body.0).await
}

/// Write a key named by `?key=`.
///
/// Like `PUT /kv/{key}`, including leases.
#[utoipa::path(
    operation_id = "put_key_by_query",
    put, path = "/kv", tag = "keys",
    params(
        ("key" = String, Query, description = "The key"),
        PutParams, ChangeParams, IfMatch, CreateOnly,
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Replaced", body = PutResponse),
        (status = 201, description = "Created", body = PutResponse),
        (status = 412, body = Problem),
        (status = 422, description = "No such lease", body = Problem),
    )
)]
pub async fn put_by_query(call: Call, body: body::Buffered) -> Result<Response> {
    write(call, body.0).await
}

async fn write(mut call: Call, body: Bytes) -> Result<Response> {
    call.ensure_writable()?;
    let key = call.key(ROUTE)?.ok_or_else(no_key)?;
    let lease = match call.query.text("lease")?.as_deref() {
        None | Some("keep") => LeaseChoice::Keep,
        Some("none") => LeaseChoice::None,
        Some(id) => match id.parse::<shared::LeaseId>() {
            Ok(shared::LeaseId(0)) => LeaseChoice::None,
            Ok(id) => LeaseChoice::Id(id),
            Err(error) => {
                let failure = Failure::bad_request(format!("`lease`: {error}"));
                return Err(failure.hint("one of keep, none, or a lease id"));
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
    call.finish_query()?;
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
    let mut response = respond(status, put.header.revision, &put);
    set_etag(response.headers_mut(), put.mod_revision);
    Ok(response)
}

/// Delete a key.
#[utoipa::path(
    delete, path = "/kv/{*key}", tag = "keys",
    params(KeyPath, ChangeParams, IfMatch),
    responses(
        (status = 200, body = DeleteResponse),
        (status = 412, body = Problem),
    )
)]
pub async fn delete_key(mut call: Call) -> Result<Response> {
    let key = call.key(ROUTE)?.ok_or_else(no_key)?;
    remove_key(call, key).await
}

async fn remove_key(mut call: Call, key: Vec<u8>) -> Result<Response> {
    call.ensure_writable()?;
    let prev = call.query.flag("prev")?;
    let guard = call
        .query
        .bytes("guard")?
        .map(|text| Guard::parse(&text))
        .transpose()?;
    let precondition = precondition(&call.headers, false)?;
    call.finish_query()?;
    let caller = call.caller();
    let deleted = call
        .cluster
        .kv
        .delete(&caller, &key, prev, &precondition, guard.as_ref())
        .await?;
    Ok(respond(StatusCode::OK, deleted.header.revision, &deleted))
}

/// List a range page by page.
///
/// With `?key=` this is the route of that single key.
/// With `Accept: application/x-ndjson` it returns the whole range, one entry per line, ended by `{"end":…}`.
/// Only ascending key order has pages: with another order, or with bounds on revisions, the response has the first
/// `limit` entries, `next` is null, and `more` says whether there are others. A range to sort or filter may have at
/// most 100,000 keys, since etcd loads them all (422 `unprocessable` with the `count`); NDJSON filters a range of
/// any size.
#[utoipa::path(
    operation_id = "list_keys",
    get, path = "/kv", tag = "keys",
    params(
        RangeParams, RevisionBounds, ReadParams, CursorParams,
        ("limit" = Option<i64>, Query, description = "Entries per page, 1 to 10,000; default 100"),
        ("keys_only" = Option<bool>, Query, description = "Omit values and leases"),
        ("count_only" = Option<bool>, Query, description = "Return `{header, count}` alone"),
        ("sort" = Option<SortTarget>, Query, description = "Default key"),
        ("order" = Option<SortOrder>, Query, description = "Default asc"),
        ("key" = Option<String>, Query, description = "This key alone, as after `/kv/`; takes the parameters of that route only"),
        ("raw" = Option<bool>, Query, description = "With `key`: return the value alone, byte for byte"),
        IfMatch, IfNoneMatch,
    ),
    responses(
        (status = 200, description = "A page of entries; or the whole range, one entry per line; or a single key", content(
            (PageReply = "application/json"), (Entry = "application/x-ndjson"),
            (String = "application/octet-stream"),
        )), (status = 304),
        (status = 410, body = Problem), (status = 412, body = Problem),
        (status = 416, body = Problem),
        (status = 422, description = "Too many keys to sort or filter", body = Problem),
    )
)]
pub async fn list(mut call: Call) -> Result<Response> {
    // With `?key=` this is the key route.
    if let Some(key) = call.key(ROUTE)? {
        return read_key(call, key).await;
    }
    let query = &mut call.query;
    let limit = query.number("limit", 1..=MAX_LIMIT)?;
    if let Some(cursor) = query.text("cursor")? {
        call.finish_query()?;
        let request = PageRequest::Next(cursor);
        let page = call.cluster.kv.page(&call.caller(), request, limit).await?;
        return Ok(page_response(&page));
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
    call.finish_query()?;
    if count_only {
        if page.sort.is_some() || page.filter.is_set() {
            let detail = "`count_only` counts the whole range; it takes no order and no bounds";
            return Err(Failure::bad_request(detail));
        }
        let get = Get {
            revision: page.revision,
            serializable: page.serializable,
            ..Get::default()
        };
        let count: CountResponse = call
            .cluster
            .kv
            .count(&call.caller(), &page.range, get)
            .await?;
        return Ok(respond(StatusCode::OK, count.header.revision, &count));
    }
    if call.accepts("application/x-ndjson") {
        if limit.is_some() {
            let failure = Failure::bad_request("`limit` does not apply to NDJSON");
            return Err(failure.hint("for pages, omit the Accept header"));
        }
        if page.sort.is_some() {
            let detail = "`sort` and `order` do not apply to NDJSON, which is in key order";
            return Err(Failure::bad_request(detail));
        }
        let export = call.cluster.kv.export(call.streaming_caller()?, page);
        return ndjson::stream(export, call.request_id).await;
    }
    let request = PageRequest::First(page);
    let page = call.cluster.kv.page(&call.caller(), request, limit).await?;
    Ok(page_response(&page))
}

/// A page as JSON. Its `Vary` names `Accept`, since the same URL is a stream for NDJSON.
fn page_response(page: &Page) -> Response {
    let mut response = respond(StatusCode::OK, page.header.revision, page);
    set_etag(response.headers_mut(), None);
    response
}

/// Delete a range after its size is confirmed.
///
/// With `?key=` this is the route of that single key, without confirmation.
/// First send `?dry_run`, then `confirm=<count>&revision=<header.revision of the dry run>`. If a key of the range was
/// written after that revision, nothing is deleted.
#[utoipa::path(
    delete, path = "/kv", tag = "keys",
    params(
        RangeParams, ChangeParams, IfMatch,
        ("dry_run" = Option<bool>, Query, description = "Return `{header, count}` and change nothing"),
        ("confirm" = Option<i64>, Query, description = "How many keys this deletes"),
        ("revision" = Option<i64>, Query, description = "The revision at which they were counted"),
        ("key" = Option<String>, Query, description = "This key alone, as after `/kv/`; takes `prev` and `guard` only"),
    ),
    responses(
        (status = 200, body = DeletionReply),
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
    call.finish_query()?;
    let caller = call.caller();
    if dry_run {
        let count = call
            .cluster
            .kv
            .count(&caller, &range, Get::default().at(revision.unwrap_or(0)))
            .await?;
        return Ok(respond(StatusCode::OK, count.header.revision, &count));
    }
    call.ensure_writable()?;
    let kv = &call.cluster.kv;
    let deleted = kv
        .delete_range(&caller, &range, confirm, revision, prev, guard.as_ref())
        .await?;
    Ok(respond(StatusCode::OK, deleted.header.revision, &deleted))
}
