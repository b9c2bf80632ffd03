//! Adding, removing, updating and promoting members.

use shared::{Code, Header, ListedMember, MemberAddRequest, MemberId, MembersResponse};

use super::ClusterService;
use crate::etcd::MemberFact;
use crate::failure::{Failure, Result};
use crate::identity::Caller;

impl ClusterService {
    /// The member list without the members' own status: confirmed by a majority, or with
    /// `serializable` as the contacted member knows it.
    pub async fn members(&self, caller: &Caller, serializable: bool) -> Result<MembersResponse> {
        if !serializable {
            let (header, members) = self.etcd.members(caller).await?;
            return Ok(self.response(caller, header, None, members).await);
        }
        let (header, members) = self.etcd.members_here(caller).await?;
        // A header that needs no majority either; a caller without permission gets none.
        let status = self.etcd.status(caller).await;
        let header = status.map_or(header, |status| status.header);
        Ok(response(header, None, members))
    }

    /// Adds a member, which must be started afterwards.
    pub async fn add_member(
        &self,
        caller: &Caller,
        request: MemberAddRequest,
    ) -> Result<MembersResponse> {
        let MemberAddRequest { peer_urls, learner } = request;
        require_peer_urls(&peer_urls)?;
        let added = self.etcd.member_add(caller, peer_urls, learner).await?;
        let (header, added, members) = added;
        Ok(self.response(caller, header, added, members).await)
    }

    /// Removes a member permanently: its id is never used again.
    pub async fn remove_member(&self, caller: &Caller, id: MemberId) -> Result<MembersResponse> {
        let removed = self.etcd.member_remove(caller, id).await;
        let (header, members) = removed.map_err(|failure| name_member(failure, id))?;
        Ok(self.response(caller, header, None, members).await)
    }

    /// Replaces the peer URLs of a member.
    pub async fn update_member(
        &self,
        caller: &Caller,
        id: MemberId,
        peer_urls: Vec<String>,
    ) -> Result<MembersResponse> {
        require_peer_urls(&peer_urls)?;
        let updated = self.etcd.member_update(caller, id, peer_urls).await;
        let (header, members) = updated.map_err(|failure| name_member(failure, id))?;
        Ok(self.response(caller, header, None, members).await)
    }

    /// Promotes a learner to a voting member, once it has caught up with the leader.
    pub async fn promote_member(&self, caller: &Caller, id: MemberId) -> Result<MembersResponse> {
        let promoted = self.etcd.member_promote(caller, id).await;
        let (header, members) = promoted.map_err(|failure| name_member(failure, id))?;
        Ok(self.response(caller, header, None, members).await)
    }

    async fn response(
        &self,
        caller: &Caller,
        header: Header,
        added: Option<MemberFact>,
        members: Vec<MemberFact>,
    ) -> MembersResponse {
        response(self.dated(caller, header).await, added, members)
    }
}

fn response(
    header: Header,
    added: Option<MemberFact>,
    members: Vec<MemberFact>,
) -> MembersResponse {
    let mut members: Vec<_> = members.into_iter().map(listed_member).collect();
    members.sort_by_key(|member| member.id);
    MembersResponse {
        header,
        member: added.map(listed_member),
        members,
    }
}

/// Refuses an empty list: etcd would add a member that can never be reached.
fn require_peer_urls(peer_urls: &[String]) -> Result<()> {
    if peer_urls.is_empty() {
        return Err(Failure::bad_request("`peer_urls` is empty"));
    }
    Ok(())
}

/// etcd's refusal with the member's id in it.
fn name_member(mut failure: Failure, id: MemberId) -> Failure {
    if failure.code == Code::MemberNotFound {
        failure.detail = format!("no such member: {id}");
        return failure.hint("GET /cluster/members lists them");
    }
    failure
}

pub(super) fn listed_member(fact: MemberFact) -> ListedMember {
    ListedMember {
        id: fact.id,
        name: fact.name,
        learner: fact.learner,
        client_urls: fact.client_urls,
        peer_urls: fact.peer_urls,
    }
}
