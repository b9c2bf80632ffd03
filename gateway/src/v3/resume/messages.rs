//! etcd's messages, as far as they are looked into: of a watch's questions, and of a question about the
//! present.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use prost::Message as _;
use tokio::time::timeout;

use crate::caller::Caller;
pub(super) use crate::etcd::WatchCreateRequest as Create;
use crate::etcd::{RawCall, Refusal, Release};
use crate::v3::Ask;
use crate::v3::errors::code;

/// How long a question about the present may hold up a watch.
const LOOK: Duration = Duration::from_secs(2);
const RANGE: &str = "/etcdserverpb.KV/Range";
const STATUS: &str = "/etcdserverpb.Maintenance/Status";

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Cancel {
    #[prost(int64, tag = "1")]
    pub(super) watch_id: i64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Progress {}

/// `WatchRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Question {
    #[prost(message, optional, tag = "1")]
    pub(super) create: Option<Create>,
    #[prost(message, optional, tag = "2")]
    pub(super) cancel: Option<Cancel>,
    #[prost(message, optional, tag = "3")]
    pub(super) progress: Option<Progress>,
}

impl Question {
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
        let progress = Some(Progress {});
        Self::bytes(&Self {
            progress,
            ..Self::default()
        })
    }

    fn bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }
}

/// The fields of `ResponseHeader` that are looked at.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Header {
    #[prost(uint64, tag = "1")]
    pub(super) cluster_id: u64,
    #[prost(uint64, tag = "2")]
    pub(super) member_id: u64,
    #[prost(int64, tag = "3")]
    pub(super) revision: i64,
}

/// `RangeRequest` for the store's revision.
#[derive(Clone, PartialEq, prost::Message)]
struct Look {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bool, tag = "9")]
    count_only: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Looked {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
}

/// `StatusResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(string, tag = "2")]
    version: String,
}

/// The present revision, by a linearizable read of one key: whatever was seen before is not later.
pub(super) async fn look(ask: &Ask, key: &Bytes) -> Result<i64, Refusal> {
    let key = if key.is_empty() {
        Bytes::from_static(&[0])
    } else {
        key.clone()
    };
    let look = Look {
        key,
        count_only: true,
    };
    let looked: Looked = answer(ask, RANGE, look.encode_to_vec()).await?;
    let header = looked.header.unwrap_or_default();
    Ok(header.revision)
}

/// The member that answers, and what its release can be trusted with. The gateway's account comes first:
/// a release is the same for every caller, and older releases refuse `Status` to most users.
pub(super) async fn release(ask: &Ask) -> Result<(u64, Release), Refusal> {
    let own = Caller::gateway(LOOK);
    let as_gateway = RawCall {
        path: STATUS,
        caller: Some(&own),
        metadata: HeaderMap::new(),
    };
    let status = match call(ask, as_gateway, Bytes::new()).await {
        Err(refusal) if !refusal.lost => answer(ask, STATUS, Vec::new()).await,
        status => status,
    };
    let Status { header, version } = status?;
    Ok((header.unwrap_or_default().member_id, Release::of(&version)))
}

async fn answer<M: prost::Message + Default>(
    ask: &Ask,
    path: &'static str,
    question: Vec<u8>,
) -> Result<M, Refusal> {
    call(ask, ask.asker.call(path), question.into()).await
}

async fn call<M: prost::Message + Default>(
    ask: &Ask,
    raw: RawCall<'_>,
    question: Bytes,
) -> Result<M, Refusal> {
    let asking = ask.etcd.raw_unary(raw, question);
    let none = |message: &str| Refusal {
        code: code::UNAVAILABLE,
        message: message.to_owned(),
        lost: true,
    };
    let answer = timeout(LOOK, asking)
        .await
        .map_err(|_| none("etcd did not answer in time"))??;
    M::decode(answer).map_err(|_| none("etcd's answer cannot be read"))
}
