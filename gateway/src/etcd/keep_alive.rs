//! The keep-alive call: one stream that renews any number of leases.
//!
//! The module reports etcd's responses and decides nothing: when to renew, what a missing response means and
//! when to reopen the stream is decided by `service::lease`. etcd responds in request order.

use std::time::Duration;

use shared::Code;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::Caller;
use super::{Effect, Etcd, Use, error};
use crate::failure::{Failure, Result};

const PATH: &str = "/etcdserverpb.Lease/LeaseKeepAlive";
/// Timeout for etcd to accept a stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests buffered for sending.
const REQUESTS: usize = 256;

/// etcd's `LeaseKeepAliveRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct KeepAliveRequest {
    #[prost(int64, tag = "1")]
    id: i64,
}

/// etcd's `LeaseKeepAliveResponse`, without its header.
#[derive(Clone, PartialEq, prost::Message)]
struct KeepAliveResponse {
    #[prost(int64, tag = "2")]
    id: i64,
    #[prost(int64, tag = "3")]
    ttl: i64,
}

/// An open keep-alive call. Dropping it ends the call.
#[derive(Debug)]
pub struct KeepAlives {
    beats: mpsc::Sender<KeepAliveRequest>,
    responses: Streaming<KeepAliveResponse>,
}

impl KeepAlives {
    /// Renews a lease; the response comes from [`KeepAlives::next`]. Returns whether the queue had
    /// room.
    pub fn beat(&self, lease: i64) -> bool {
        self.beats.try_send(KeepAliveRequest { id: lease }).is_ok()
    }

    /// The next response: a lease and its TTL in seconds, 0 if there is no such lease. An error if the
    /// stream is lost, or etcd refuses the oldest renewal without a response. Cancel safe.
    pub async fn next(&mut self) -> Result<(i64, i64)> {
        match self.responses.message().await {
            Ok(Some(response)) => Ok((response.id, response.ttl)),
            Ok(None) => Err(Failure::new(Code::Unavailable, "etcd ended the stream")),
            Err(status) => Err(failure(status)),
        }
    }
}

impl Etcd {
    /// Opens a keep-alive stream and renews a first lease on it: etcd accepts the stream with its first
    /// response. It requires a leader, so that a partitioned member ends it instead of staying silent.
    pub async fn keep_alives(&self, caller: &Caller, first: i64) -> Result<KeepAlives> {
        let (beats, outgoing) = mpsc::channel(REQUESTS);
        let _ = beats.try_send(KeepAliveRequest { id: first });
        let mut request = Request::new(ReceiverStream::new(outgoing));
        request.metadata_mut().insert(
            "hasleader",
            tonic::metadata::MetadataValue::from_static("true"),
        );
        let mut call = Grpc::new(self.transport(caller, Use::Leases));
        let open = async {
            call.ready().await.map_err(Status::from_error)?;
            let codec: ProstCodec<KeepAliveRequest, KeepAliveResponse> = ProstCodec::default();
            call.streaming(request, PathAndQuery::from_static(PATH), codec)
                .await
        };
        let response = timeout(OPEN_TIMEOUT, open)
            .await
            .map_err(|_| Failure::new(Code::Unavailable, "etcd did not respond in time"))?
            .map_err(failure)?;
        Ok(KeepAlives {
            beats,
            responses: response.into_inner(),
        })
    }
}

fn failure(status: Status) -> Failure {
    error::from_status(Effect::Read, status)
}
