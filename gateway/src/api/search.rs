//! `/search`: keys whose key or value contains bytes or matches a regular expression, as lines.

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use shared::{Problem, SearchEstimateResponse, SearchLine};

use super::call::Call;
use super::kv::ndjson;
use super::params::RangeParams;
use super::query::Query;
use super::range;
use super::response::respond;
use crate::etcd::Range;
use crate::failure::{Failure, Result};
use crate::service::search::{MAX_MATCHES, Needle, Places, SearchQuery, SearchReport};
use crate::web::headers::REVISION;
use crate::web::problem::problem;

/// Search keys and values.
///
/// Reads the range at one revision, and returns a line for each key that matches, in key order, with progress in
/// between. The last line is `{"end":…}`, or `{"error":…}`; a stream with neither is incomplete. Closing the
/// connection ends the search.
///
/// A search stops at 1,000 matches, after 30 seconds, or when it has read 256 MiB: `end` says so in `stopped_by`, and
/// `next` is the cursor that continues without a gap. Each account may have one search at a time, each cluster two;
/// further ones are 429. An account that may read only a part of the range searches that part (`readable_only`).
///
/// Regular expressions have the syntax of Rust's `regex` crate and match bytes: `^` and `$` are the ends of the key or
/// value, `(?s)` lets `.` match newlines, and after `(?-u)` the pattern matches bytes that are not UTF-8, such as
/// `(?-u)\xff`. A pattern may have 1 KiB, compiled 1 MiB. An invalid one is 400 with its `position`.
///
/// With `estimate` nothing is searched: the response has the number of keys, exactly, and the bytes that a search would
/// read, extrapolated from a sample. The pattern is optional then.
#[utoipa::path(
    get, path = "/search", tag = "keys",
    params(
        RangeParams,
        ("contains" = Option<String>, Query, description = "The bytes to search for, percent-encoded; this or `regex`"),
        ("regex" = Option<String>, Query, description = "The regular expression to search for; this or `contains`"),
        ("in" = Option<String>, Query, description = "Where to search: `keys`, `values` or `keys,values` (default)"),
        ("ignore_case" = Option<bool>, Query, description = "Match upper and lower case alike"),
        ("limit" = Option<i64>, Query, description = "Matches before the search stops, 1 to 1,000; default 1,000"),
        ("revision" = Option<i64>, Query, description = "Search at this revision; default the newest"),
        ("estimate" = Option<bool>, Query, description = "Return what a search would read, and search nothing"),
        ("cursor" = Option<String>, Query, description = "`next` of the previous search; of the other parameters only `limit` may be given with it"),
    ),
    responses(
        (status = 200, description = "One line per match; or the estimate", content(
            (SearchLine = "application/x-ndjson"), (SearchEstimateResponse = "application/json"),
        )),
        (status = 410, body = Problem), (status = 416, body = Problem),
        (status = 429, description = "Other searches are running", body = Problem),
    )
)]
pub async fn search(mut call: Call) -> Result<Response> {
    let query = &mut call.query;
    let limit = query.number("limit", 1..=MAX_MATCHES as i64)?;
    let (search, estimate) = match query.text("cursor")? {
        Some(cursor) => (SearchQuery::next(&cursor)?, false),
        None => first(query)?,
    };
    call.finish_query()?;
    let caller = call.streaming_caller()?;
    if estimate {
        let estimate = call.cluster.search.estimate(&caller, &search).await?;
        return Ok(respond(StatusCode::OK, estimate.header.revision, &estimate));
    }
    let search = match limit {
        Some(limit) => search.limit(limit.unsigned_abs() as usize),
        None => search,
    };
    let (revision, reports) = call.cluster.search.search(caller, search).await?;
    let lines = stream::unfold((reports, call.request_id), |(mut reports, id)| async {
        let bytes = lines(reports.recv().await?, &id);
        Some((Ok::<_, std::convert::Infallible>(bytes), (reports, id)))
    });
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    headers.insert(header::CONTENT_TYPE, ndjson);
    headers.insert(REVISION, HeaderValue::from(revision));
    Ok(response)
}

/// A search without a cursor, and whether only its estimate is requested.
fn first(query: &mut Query) -> Result<(SearchQuery, bool)> {
    let range = range::from_query(query, false)?.ok_or_else(Range::required)?;
    let estimate = query.flag("estimate")?;
    let needle = match (query.bytes("contains")?, query.text("regex")?) {
        (Some(bytes), None) => Needle::Contains(bytes),
        (None, Some(text)) => Needle::Regex(text),
        // What is searched for does not change what is read.
        (None, None) if estimate => Needle::Regex("^".to_owned()),
        (None, None) => {
            let failure = Failure::bad_request("`contains` or `regex` is required");
            return Err(failure.hint("contains=… for text, regex=… for a regular expression"));
        }
        (Some(_), Some(_)) => {
            let detail = "`contains` and `regex` must not be given together";
            return Err(Failure::bad_request(detail));
        }
    };
    let ignore_case = query.flag("ignore_case")?;
    let revision = query.revision("revision")?.unwrap_or(0);
    let places = places(query)?;
    let search = SearchQuery::new(range, needle, ignore_case, places, revision)?;
    Ok((search, estimate))
}

fn places(query: &mut Query) -> Result<Places> {
    let Some(names) = query.list("in")? else {
        return Ok(Places {
            keys: true,
            values: true,
        });
    };
    let mut places = Places {
        keys: false,
        values: false,
    };
    for name in names {
        match name.as_str() {
            "keys" => places.keys = true,
            "values" => places.values = true,
            other => {
                let detail = format!("unknown `in` value `{other}`; one of keys, values");
                return Err(Failure::bad_request(detail));
            }
        }
    }
    Ok(places)
}

/// A report as lines.
fn lines(report: SearchReport, request_id: &str) -> bytes::Bytes {
    let none = SearchLine::default();
    let line = match report {
        SearchReport::Matches(matches) => {
            return ndjson::lines(matches.into_iter().map(|found| SearchLine {
                found: Some(found),
                ..SearchLine::default()
            }));
        }
        SearchReport::Progress(progress) => SearchLine {
            progress: Some(progress),
            ..none
        },
        SearchReport::End(end) => SearchLine {
            end: Some(*end),
            ..none
        },
        SearchReport::Failed(failure) => SearchLine {
            error: Some(problem(&failure, request_id)),
            ..none
        },
    };
    ndjson::line(&line)
}
