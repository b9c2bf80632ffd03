//! `/export` and `/import`: keys as an NDJSON file, byte for byte.

use axum::body::Body;
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, header};
use shared::{Entry, ImportLine, OnConflict, Problem};

use super::body::require_content_type;
use super::call::Call;
use super::kv::ndjson;
use super::params::{RangeParams, RevisionBounds};
use super::range;
use crate::content::unreadable;
use crate::etcd::Range;
use crate::failure::{Failure, Result};
use crate::service::kv::PageQuery;
use crate::service::transfer::{ImportOptions, Report};
use crate::web::headers::REVISION;
use crate::web::problem::problem;

/// Export a range as a file.
///
/// One entry per line, all at one revision, ended by `{"end":{"header":…,"count":…}}`, or by
/// `{"error":…}`: a file with neither is incomplete. `POST /import` reads it.
#[utoipa::path(
    get, path = "/export", tag = "keys",
    params(
        RangeParams, RevisionBounds,
        ("revision" = Option<i64>, Query, description = "Export at this revision; default the newest"),
    ),
    responses(
        (status = 200, description = "One entry per line", body = Entry, content_type = "application/x-ndjson",
            example = json!({"key": "/cron/jobs/job1", "value": "job1,ado", "create_revision": 20, "mod_revision": 21, "version": 2})),
        (status = 410, body = Problem), (status = 416, body = Problem),
    )
)]
pub async fn export(mut call: Call) -> Result<Response> {
    let query = &mut call.query;
    let range = range::from_query(query, false)?.ok_or_else(Range::required)?;
    let revision = query.revision("revision")?.unwrap_or(0);
    let export = PageQuery {
        filter: range::filter(query)?,
        ..PageQuery::whole(range, revision)
    };
    call.finish_query()?;
    let export = call.cluster.kv.export(call.streaming_caller()?, export);
    let mut response = ndjson::stream(export, call.request_id).await?;
    let headers = response.headers_mut();
    let revision = headers.get(REVISION).and_then(|value| value.to_str().ok());
    let name = format!(
        "attachment; filename=\"export-{}.ndjson\"",
        revision.unwrap_or("0")
    );
    let name = HeaderValue::from_str(&name).expect("a revision is digits");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// Import a file of keys.
///
/// The body is an export, or lines of `{"key":…,"value":…}`. Lines are grouped into chunks, each written in
/// one transaction. Keys that have the same value already are not written, so a file may be imported
/// twice. Try it first with `?dry_run`, which changes nothing (a read-only gateway allows it).
///
/// The response is a stream of lines: progress from time to time, conflicts, and as the last line
/// `{"end":…}`, or `{"error":…,"resume_from":n,"done":…}`: resume with `?from_line=n`.
/// Revisions and versions are the cluster's own and are not imported; leases are, if requested and if they
/// exist.
#[utoipa::path(
    post, path = "/import", tag = "keys",
    params(
        ("dry_run" = Option<bool>, Query, description = "Change nothing; report what would be written"),
        ("on_conflict" = inline(Option<OnConflict>), Query, description = "What to do with keys that exist with another value; default fail"),
        ("leases" = Option<String>, Query, description = "`drop` (default): new keys get no lease, existing keys keep theirs; `keep`: the leases in the file, if they exist"),
        ("from_line" = Option<i64>, Query, description = "Skip the lines before this one; default 1"),
    ),
    request_body(content = String, content_type = "application/x-ndjson",
        description = "One entry per line; the end line is optional", example = "{\"key\":\"/cron/jobs/job1\",\"value\":\"job1,ado\"}\n"),
    responses(
        (status = 200, description = "One report per line", body = ImportLine, content_type = "application/x-ndjson",
            example = json!({"progress": {"line": 5000, "created": 4990, "overwritten": 0, "unchanged": 10, "skipped": 0, "conflicts": 0, "leases_missing": 0}})),
        (status = 413, description = "A line or an entry is too large", body = Problem),
        (status = 422, description = "The file is from an export that failed", body = Problem),
    )
)]
pub async fn import(mut call: Call, body: Body) -> Result<Response> {
    let query = &mut call.query;
    let options = ImportOptions {
        dry_run: query.flag("dry_run")?,
        on_conflict: match query.text("on_conflict")?.as_deref() {
            None | Some("fail") => OnConflict::Fail,
            Some("skip") => OnConflict::Skip,
            Some("overwrite") => OnConflict::Overwrite,
            Some(other) => {
                let detail =
                    format!("unknown `on_conflict` value `{other}`; one of fail, skip, overwrite");
                return Err(Failure::bad_request(detail));
            }
        },
        keep_leases: match query.text("leases")?.as_deref() {
            None | Some("drop") => false,
            Some("keep") => true,
            Some(other) => {
                let detail = format!("unknown `leases` value `{other}`; one of drop, keep");
                return Err(Failure::bad_request(detail));
            }
        },
        from_line: query
            .number("from_line", 1..=i64::MAX)?
            .unwrap_or(1)
            .unsigned_abs(),
    };
    call.finish_query()?;
    let caller = call.streaming_caller()?;
    if !options.dry_run {
        call.ensure_writable()?;
    }
    require_content_type(
        &call.headers,
        "application/x-ndjson",
        "for example curl -H 'Content-Type: application/x-ndjson' --data-binary @file",
    )?;
    let max = call.app.config.max_body;
    let body = body.into_data_stream();
    let body = body.map(move |bytes| bytes.map_err(|error| unreadable(error.into(), max)));
    let transfer = &call.cluster.transfer;
    let import = transfer.import(caller, options, body.boxed());
    let (revision, reports) = import.await?;
    let lines = stream::unfold((reports, call.request_id), |(mut reports, id)| async {
        let line = line(reports.recv().await?, &id);
        let bytes = ndjson::line(&line);
        Some((Ok::<_, std::convert::Infallible>(bytes), (reports, id)))
    });
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    headers.insert(header::CONTENT_TYPE, ndjson);
    if let Some(revision) = revision {
        headers.insert(REVISION, HeaderValue::from(revision));
    }
    Ok(response)
}

fn line(report: Report, request_id: &str) -> ImportLine {
    let none = ImportLine::default();
    match report {
        Report::Progress(counts) => ImportLine {
            progress: Some(counts),
            ..none
        },
        Report::Conflict(conflict) => ImportLine {
            conflict: Some(conflict),
            ..none
        },
        Report::End(end) => ImportLine {
            end: Some(end),
            ..none
        },
        Report::Stopped {
            failure,
            resume_from,
            done,
        } => ImportLine {
            error: Some(problem(&failure, request_id)),
            resume_from: Some(resume_from),
            done: Some(done),
            ..none
        },
    }
}
