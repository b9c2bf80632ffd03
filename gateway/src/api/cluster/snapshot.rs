//! `GET /cluster/snapshot`: a member's complete database as a file.

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, header};
use shared::{MemberId, Problem};

use crate::api::call::Call;
use crate::failure::Result;
use crate::service::cluster::Download;
use crate::web::headers::REVISION;

/// Download a snapshot of a member.
///
/// The file is the same as from `etcdctl snapshot save`, and `etcdutl snapshot restore` accepts it. The
/// SHA-256 that etcd sends after the data is verified on the way: if it is wrong, or anything fails, the
/// response ends before its Content-Length, which every client reports.
#[utoipa::path(
    operation_id = "get_snapshot",
    get, path = "/cluster/snapshot", tag = "cluster",
    params(("member" = Option<MemberId>, Query, description = "From this member; default the first endpoint that responds")),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream",
            headers(
                ("Content-Disposition" = String, description = "A file name with the cluster, the member and the revision"),
                ("Watchgate-Revision" = i64, description = "The store's revision just before the snapshot"),
            )),
        (status = 422, description = "No such member", body = Problem),
    )
)]
pub async fn snapshot(mut call: Call) -> Result<Response> {
    let member = call.query.parsed::<MemberId>("member")?;
    call.finish_query()?;
    let caller = call.streaming_caller()?;
    let download = call.cluster.info.snapshot(&caller, member).await?;
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
