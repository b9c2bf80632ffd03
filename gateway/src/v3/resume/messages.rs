//! The subset of etcd's messages needed to resume a watch: watch requests, response headers, the current
//! revision, and which watch features a member's version has.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use prost::Message as _;
use tokio::time::timeout;

pub(super) use crate::etcd::WatchCreateRequest as Create;
use crate::etcd::{RawCall, Refusal, WatchFeatures};
use crate::identity::Caller;
use crate::v3::Call;
use crate::v3::errors::code;

/// How long reading the revision or the version may delay a watch.
const TIMEOUT: Duration = Duration::from_secs(2);
const RANGE: &str = "/etcdserverpb.KV/Range";
const STATUS: &str = "/etcdserverpb.Maintenance/Status";

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Cancel {
    #[prost(int64, tag = "1")]
    pub(super) watch_id: i64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct ProgressRequest {}

/// `WatchRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) create: Option<Create>,
    #[prost(message, optional, tag = "2")]
    pub(super) cancel: Option<Cancel>,
    #[prost(message, optional, tag = "3")]
    pub(super) progress: Option<ProgressRequest>,
}

impl WatchRequest {
    pub(super) fn create(create: Create) -> Bytes {
        let create = Some(create);
        Self::bytes(&Self {
            create,
            ..Self::default()
        })
    }

    pub(super) fn cancel(watch_id: i64) -> Bytes {
        let cancel = Some(Cancel { watch_id });
        Self::bytes(&Self {
            cancel,
            ..Self::default()
        })
    }

    pub(super) fn progress() -> Bytes {
        let progress = Some(ProgressRequest {});
        Self::bytes(&Self {
            progress,
            ..Self::default()
        })
    }

    fn bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

/// The fields of `ResponseHeader` that are read.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Header {
    #[prost(uint64, tag = "1")]
    pub(super) cluster_id: u64,
    #[prost(uint64, tag = "2")]
    pub(super) member_id: u64,
    #[prost(int64, tag = "3")]
    pub(super) revision: i64,
}

/// The fields of `RangeRequest` that read the store's revision.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bool, tag = "9")]
    count_only: bool,
}

/// The fields of `RangeResponse` that are read.
#[derive(Clone, PartialEq, prost::Message)]
struct RangeResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
}

/// The fields of `StatusResponse` that are read.
#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(string, tag = "2")]
    version: String,
}

/// The current revision, from a linearizable read of one key, so it is never lower than one seen before.
pub(super) async fn current_revision(call: &Call, key: &Bytes) -> Result<i64, Refusal> {
    let key = if key.is_empty() {
        Bytes::from_static(&[0])
    } else {
        key.clone()
    };
    let request = RangeRequest {
        key,
        count_only: true,
    };
    let response: RangeResponse = as_caller(call, RANGE, request.encode_to_vec()).await?;
    let header = response.header.unwrap_or_default();
    Ok(header.revision)
}

/// The id of the member that responds, and which watch features work in its version. The gateway's account is
/// tried first: the version is the same for every caller, and older versions refuse `Status` to most users.
pub(super) async fn member_features(call: &Call) -> Result<(u64, WatchFeatures), Refusal> {
    let gateway = Caller::gateway(TIMEOUT);
    let as_gateway = RawCall {
        path: STATUS,
        caller: Some(&gateway),
        metadata: HeaderMap::new(),
    };
    let status = match unary(call, as_gateway, Bytes::new()).await {
        Err(refusal) if !refusal.lost => as_caller(call, STATUS, Vec::new()).await,
        status => status,
    };
    let StatusResponse { header, version } = status?;
    Ok((
        header.unwrap_or_default().member_id,
        WatchFeatures::of(&version),
    ))
}

/// A unary call with the permissions of the watch's caller.
async fn as_caller<M: prost::Message + Default>(
    call: &Call,
    path: &'static str,
    request: Vec<u8>,
) -> Result<M, Refusal> {
    unary(call, call.context.raw_call(path), request.into()).await
}

async fn unary<M: prost::Message + Default>(
    call: &Call,
    raw: RawCall<'_>,
    request: Bytes,
) -> Result<M, Refusal> {
    let lost = |message: &str| Refusal {
        code: code::UNAVAILABLE,
        message: message.to_owned(),
        lost: true,
    };
    let response = timeout(TIMEOUT, call.etcd.raw_unary(raw, request))
        .await
        .map_err(|_| lost("etcd did not respond in time"))??;
    M::decode(response).map_err(|_| lost("malformed response from etcd"))
}
