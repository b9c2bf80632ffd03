//! `GET /cluster/snapshot`: a member's complete database as a file, and how its download goes.

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use shared::{MemberId, Problem, SnapshotProgress};

use crate::api::call::Call;
use crate::api::response::json;
use crate::failure::Result;
use crate::service::cluster::Download;
use crate::web::headers::REVISION;

/// Download a snapshot of a member.
///
/// The file is the same as from `etcdctl snapshot save`, and `etcdutl snapshot restore` accepts it. The
/// SHA-256 that etcd sends after the data is verified on the way: if it is wrong, or anything fails, the
/// response ends before its Content-Length, which every client reports. With `id`, which the client chooses,
/// `GET /cluster/snapshot/{id}` reports the bytes sent and the result: a page cannot see its browser's downloads.
#[utoipa::path(
    operation_id = "get_snapshot",
    get, path = "/cluster/snapshot", tag = "cluster",
    params(
        ("member" = Option<MemberId>, Query, description = "From this member; default the first endpoint that responds"),
        ("id" = Option<String>, Query, description = "An id for this download, unused so far: 1 to 64 letters, digits, `-`, `_` or `.`"),
    ),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream",
            headers(
                ("Content-Disposition" = String, description = "A file name with the cluster, the member and the revision"),
                ("Watchgate-Revision" = i64, description = "The store's revision just before the snapshot"),
            )),
        (status = 409, description = "The id was used before", body = Problem),
        (status = 422, description = "No such member", body = Problem),
    )
)]
pub async fn snapshot(mut call: Call) -> Result<Response> {
    let member = call.query.parsed::<MemberId>("member")?;
    let id = call.query.text("id")?;
    call.finish_query()?;
    let caller = call.streaming_caller()?;
    let download = call.cluster.info.snapshot(&caller, member, id).await?;
    let (name, length) = (file_name(&download), download.length);
    let revision = download.header.revision;
    let pieces = stream::unfold(download, async |mut download| {
        let piece = download.next().await?;
        Some((piece, download))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert(REVISION, HeaderValue::from(revision));
    Ok(response)
}

/// How a snapshot's download goes.
///
/// For a download that the same caller started with `GET /cluster/snapshot?id=…`. `state` is `running`, `complete` (all of
/// it was sent, and its SHA-256 was correct), `failed` or `cancelled` (by the client). The result is kept for 10
/// minutes by the gateway that serves the download.
#[utoipa::path(
    operation_id = "get_snapshot_progress",
    get, path = "/cluster/snapshot/{id}", tag = "cluster",
    params(("id" = String, Path, description = "The id that the download was started with")),
    responses(
        (status = 200, body = SnapshotProgress, example = json!({
            "id": "tab-1", "member": "8e9e05c52164694d", "revision": 1041, "state": "complete", "sent": 24_608, "length": 24_608,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        })),
        (status = 404, description = "No such download", body = Problem),
    )
)]
pub async fn progress(mut call: Call) -> Result<Response> {
    let id = call.segment("/cluster/snapshot")?;
    call.finish_query()?;
    let caller = call.caller();
    let progress = call.cluster.info.snapshot_progress(&caller, &id)?;
    Ok(json(StatusCode::OK, &progress))
}

fn file_name(download: &Download) -> HeaderValue {
    let replace_special = |c: char| {
        if c.is_ascii_alphanumeric() || "-._".contains(c) {
            c
        } else {
            '_'
        }
    };
    let cluster: String = download.cluster.chars().map(replace_special).collect();
    let text = format!(
        "attachment; filename=\"{cluster}-{}-{}.db\"",
        download.member, download.header.revision
    );
    HeaderValue::from_str(&text).expect("letters, digits and a few punctuation marks")
}
