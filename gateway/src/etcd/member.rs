//! Members: list, add, remove, update, promote, and the status of each.

use etcd_client as ec;
use etcd_client::proto::{PbMember, PbMemberListResponse};
use http::uri::PathAndQuery;
use shared::{Header, MemberId};
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use super::Caller;
use super::kv::header;
use super::{Effect, Etcd, Transport, Use, channel};
use crate::failure::Result;

/// A member as the cluster lists it.
#[derive(Clone, Debug)]
pub struct MemberFact {
    /// The member.
    pub id: MemberId,
    /// Empty before it has started.
    pub name: String,
    /// Without a vote.
    pub learner: bool,
    /// Advertised client URLs.
    pub client_urls: Vec<String>,
    /// Advertised peer URLs.
    pub peer_urls: Vec<String>,
}

/// The status that a member reports.
#[derive(Clone, Debug)]
pub struct StatusFact {
    /// Its header; `member_id` is the member that responded.
    pub header: Header,
    /// Its version.
    pub version: String,
    /// Backend size in bytes.
    pub db_size: i64,
    /// Bytes in use.
    pub db_size_in_use: i64,
    /// Quota in bytes; 0 before etcd 3.6.
    pub db_quota: i64,
    /// The leader it knows; 0 is none.
    pub leader: u64,
    /// Raft index committed.
    pub raft_index: u64,
    /// Raft index applied.
    pub raft_applied: u64,
    /// The version that a downgrade in progress leads to; unknown before etcd 3.6.
    pub downgrade_to: Option<String>,
    /// The errors that it reports.
    pub errors: Vec<String>,
    /// A learner: it serves status, snapshots and serializable reads only.
    pub learner: bool,
}

impl From<ec::StatusResponse> for StatusFact {
    fn from(response: ec::StatusResponse) -> Self {
        let response = response.0;
        Self {
            header: header(response.header),
            version: response.version,
            db_size: response.db_size,
            db_size_in_use: response.db_size_in_use,
            db_quota: response.db_size_quota,
            leader: response.leader,
            raft_index: response.raft_index,
            raft_applied: response.raft_applied_index,
            downgrade_to: response
                .downgrade_info
                .filter(|downgrade| downgrade.enabled)
                .map(|downgrade| downgrade.target_version),
            errors: response.errors,
            learner: response.is_learner,
        }
    }
}

/// etcd's `MemberListRequest`, whose one field the client library cannot set.
#[derive(Clone, PartialEq, prost::Message)]
struct ListRequest {
    #[prost(bool, tag = "1")]
    linearizable: bool,
}

const LIST: &str = "/etcdserverpb.Cluster/MemberList";

impl From<PbMember> for MemberFact {
    fn from(member: PbMember) -> Self {
        Self {
            id: MemberId(member.id),
            name: member.name,
            learner: member.is_learner,
            client_urls: member.client_ur_ls,
            peer_urls: member.peer_ur_ls,
        }
    }
}

fn member_facts(members: Vec<PbMember>) -> Vec<MemberFact> {
    members.into_iter().map(MemberFact::from).collect()
}

impl Etcd {
    /// The members as confirmed by a majority; before 3.5, where etcd has no linearizable list, as the
    /// contacted member knows them. The header has no revision.
    pub async fn members(&self, caller: &Caller) -> Result<(Header, Vec<MemberFact>)> {
        let mut grpc = Grpc::new(self.transport(caller, Use::Unary));
        let call = async {
            let request = tonic::Request::new(ListRequest { linearizable: true });
            let path = PathAndQuery::from_static(LIST);
            let codec = ProstCodec::<ListRequest, PbMemberListResponse>::default();
            let response = grpc.unary(request, path, codec).await;
            response.map_err(ec::Error::GRpcStatus)
        };
        let response = self.call(caller, Effect::Read, call).await?.into_inner();
        Ok((header(response.header), member_facts(response.members)))
    }

    /// The members as the contacted member knows them, possibly stale. The header has no revision.
    pub async fn members_here(&self, caller: &Caller) -> Result<(Header, Vec<MemberFact>)> {
        let mut client = self.unary(caller).cluster_client();
        let response = self
            .call(caller, Effect::Read, client.member_list())
            .await?
            .0;
        Ok((header(response.header), member_facts(response.members)))
    }

    /// Adds a member; returns it and all current members. The header has no revision.
    pub async fn member_add(
        &self,
        caller: &Caller,
        peer_urls: Vec<String>,
        learner: bool,
    ) -> Result<(Header, Option<MemberFact>, Vec<MemberFact>)> {
        let mut client = self.unary(caller).cluster_client();
        let options = learner.then(|| ec::MemberAddOptions::new().with_is_learner());
        let call = client.member_add(peer_urls, options);
        let response = self.call(caller, Effect::Write, call).await?.0;
        let added = response.member.map(MemberFact::from);
        Ok((
            header(response.header),
            added,
            member_facts(response.members),
        ))
    }

    /// Removes a member. The header has no revision.
    pub async fn member_remove(
        &self,
        caller: &Caller,
        id: MemberId,
    ) -> Result<(Header, Vec<MemberFact>)> {
        let mut client = self.unary(caller).cluster_client();
        let call = client.member_remove(id.0);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok((header(response.header), member_facts(response.members)))
    }

    /// Replaces a member's peer URLs. The header has no revision.
    pub async fn member_update(
        &self,
        caller: &Caller,
        id: MemberId,
        peer_urls: Vec<String>,
    ) -> Result<(Header, Vec<MemberFact>)> {
        let mut client = self.unary(caller).cluster_client();
        let call = client.member_update(id.0, peer_urls);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok((header(response.header), member_facts(response.members)))
    }

    /// Promotes a learner to a voting member. The header has no revision.
    pub async fn member_promote(
        &self,
        caller: &Caller,
        id: MemberId,
    ) -> Result<(Header, Vec<MemberFact>)> {
        let mut client = self.unary(caller).cluster_client();
        let call = client.member_promote(id.0);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok((header(response.header), member_facts(response.members)))
    }

    /// The status of the member that responds.
    pub async fn status(&self, caller: &Caller) -> Result<StatusFact> {
        let mut client = self.unary(caller).maintenance_client();
        let response = self.call(caller, Effect::Read, client.status()).await?;
        Ok(response.into())
    }

    /// The status of the member that the connections for watches lead to now: the next watch is created
    /// there, unless they fail over in between.
    pub(super) async fn watch_member_status(&self, caller: &Caller) -> Result<StatusFact> {
        let transport = self.transport(caller, Use::Watches);
        let mut client = channel::client(transport, Use::Unary).maintenance_client();
        let response = self.call(caller, Effect::Read, client.status()).await?;
        Ok(response.into())
    }

    /// The status of the member that responds, without a token, within the caller's timeout: for an address that may belong to another
    /// server. A client certificate is still presented: it opens the connection and reveals no secret.
    pub async fn status_anonymously(&self, caller: &Caller) -> Result<StatusFact> {
        let anonymous = Transport::new(self.inner.unary.clone(), None);
        let mut client = channel::client(anonymous, Use::Unary).maintenance_client();
        let response = self.call(caller, Effect::Read, client.status()).await?;
        Ok(response.into())
    }
}
