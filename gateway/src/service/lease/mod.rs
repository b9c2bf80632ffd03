//! Leases: grant, list, read, renew once, revoke, and hold for as long as a client is connected.
//!
//! [`keeper`] renews the leases that are held; [`hold`] is one held lease, revoked when dropped.

mod hold;
mod keeper;

use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use shared::{
    Bytes, Code, GrantRequest, Header, HoldRequest, Lease, LeaseId, LeaseList, LeaseResponse,
    OnClose,
};

pub(super) use self::hold::DEFAULT_TTL;
pub use self::hold::Hold;
pub use self::keeper::{Beat, Keepers, Kept};
use super::{cursor, leased};
use crate::etcd::{Etcd, TimeToLive};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Concurrent requests for the leases of a page.
const CONCURRENCY: usize = 16;
/// Default leases on a page.
const PAGE: usize = 100;

/// The largest TTL of a lease, in seconds: etcd's own limit (`lease.MaxLeaseTTL`).
const MAX_TTL: i64 = 9_000_000_000;

/// Refuses a TTL that etcd would refuse, and one below 1, which etcd would silently raise to its minimum.
pub(in crate::service) fn check_ttl(ttl: i64) -> Result<()> {
    if (1..=MAX_TTL).contains(&ttl) {
        return Ok(());
    }
    Err(Failure::bad_request(format!(
        "`ttl` must be 1 to {MAX_TTL} seconds, not {ttl}"
    )))
}

/// A request for a page of leases.
#[derive(Clone, Debug, Default)]
pub struct LeasePage {
    /// The limit on leases; 100 by default.
    pub limit: Option<usize>,
    /// `next` of the previous page.
    pub cursor: Option<String>,
    /// Count each lease's keys: etcd then lists all of them.
    pub key_counts: bool,
}

/// Default keys of a lease per page.
const KEYS: usize = 1_000;

/// Which keys of a lease are read.
#[derive(Clone, Debug, Default)]
pub enum LeaseKeys {
    /// All of them.
    #[default]
    All,
    /// None, so that etcd does not list them.
    None,
    /// Only their number, if the account may read all of them.
    Count,
    /// Some, in byte order, and their number.
    Page {
        /// The limit on keys; 1,000 by default.
        limit: Option<usize>,
        /// `next` of the previous page.
        cursor: Option<String>,
    },
}

/// The content of a cursor: the page starts after this id.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    after: LeaseId,
}

/// The content of a cursor of a lease's keys: the page starts after this key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyCursor {
    lease: LeaseId,
    after: Bytes,
}

/// Leases of one cluster.
#[derive(Clone, Debug)]
pub struct LeaseService {
    etcd: Etcd,
    keepers: Keepers,
}

impl LeaseService {
    /// The service over a cluster's connections and its lease keepers.
    pub fn new(etcd: Etcd, keepers: Keepers) -> Self {
        Self { etcd, keepers }
    }

    /// Grants a lease; etcd raises a TTL below its minimum. If no id is given and the response is lost,
    /// the lease is revoked: its id is known only here.
    pub async fn grant(&self, caller: &Caller, request: GrantRequest) -> Result<LeaseResponse> {
        check_ttl(request.ttl)?;
        let (header, id, ttl) = match request.id {
            Some(LeaseId(0)) => return Err(no_lease()),
            Some(LeaseId(id)) => self.etcd.lease_grant(caller, request.ttl, id).await?,
            None => self.keepers.grant(caller, request.ttl).await?,
        };
        Ok(LeaseResponse {
            header,
            lease: Lease {
                id: LeaseId(id),
                ttl,
                granted_ttl: Some(ttl),
                keys: None,
                key_count: None,
            },
            next: None,
        })
    }

    /// A page of leases by id, without those that ended meanwhile. A caller that may not list
    /// leases gets the leases of the keys it may read, marked `partial`.
    pub async fn list(&self, caller: &Caller, page: LeasePage) -> Result<LeaseList> {
        let after = page.cursor.as_deref().map(cursor::decode::<Cursor>);
        let after = after.transpose()?.map(|cursor| cursor.after);
        let limit = page.limit.unwrap_or(PAGE);
        let (header, mut ids, all) = self.ids(caller).await?;
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| after.is_none_or(|after| *id > after.0));
        let more = ids.len() > limit;
        ids.truncate(limit);
        let next = ids.last().filter(|_| more).map(|id| LeaseId(*id));
        let next = next.map(|after| cursor::encode(&Cursor { after }));
        let responses: Vec<_> = stream::iter(ids)
            .map(|id| self.for_page(caller, id, page.key_counts))
            .buffered(CONCURRENCY)
            .collect()
            .await;
        let failed = responses.iter().any(Result::is_err);
        if failed && responses.iter().all(Result::is_err) {
            // Nothing could be read: return the reason instead of an empty page.
            return Err(responses
                .into_iter()
                .find_map(Result::err)
                .expect("all of them failed"));
        }
        let leases = responses.into_iter().flatten();
        Ok(LeaseList {
            header,
            leases: leases.filter(|lease| lease.ttl >= 0).collect(),
            partial: failed || !all,
            next,
        })
    }

    /// A lease for a page; its TTL is −1 if it has ended meanwhile.
    async fn for_page(&self, caller: &Caller, id: i64, count: bool) -> Result<Lease> {
        let response = match self.etcd.lease_time_to_live(caller, id, count).await {
            // The account may not read all of its keys.
            Err(failure) if count && failure.code == Code::Forbidden => {
                let response = self.etcd.lease_time_to_live(caller, id, false).await?;
                return Ok(lease(response, false));
            }
            response => response?,
        };
        let keys = response.keys.len() as i64;
        Ok(Lease {
            key_count: count.then_some(keys),
            ..lease(response, false)
        })
    }

    /// The visible ids, and whether they are all ids.
    async fn ids(&self, caller: &Caller) -> Result<(Header, Vec<i64>, bool)> {
        let refusal = match self.etcd.leases(caller).await {
            Ok((header, ids)) => return Ok((header, ids, true)),
            Err(failure) if failure.code == Code::Forbidden => failure,
            Err(failure) => return Err(failure),
        };
        let ranges = match leased::ranges(&self.etcd, caller).await {
            Ok(ranges) => ranges,
            Err(failure) if failure.code == Code::Forbidden => return Err(refusal),
            Err(failure) => return Err(failure),
        };
        let header = self.etcd.current_header(caller, &ranges[0]).await?;
        let mut ids = Vec::new();
        for range in &ranges {
            let caller_of_chunk = || caller.clone();
            let (_, found) =
                leased::scan(&self.etcd, caller_of_chunk, range, |kv| kv.lease).await?;
            ids.extend(found);
        }
        Ok((header, ids, false))
    }

    /// A lease, with the requested part of its keys. If the caller may not read every key of the lease, all
    /// keys and a page of them are forbidden, and a count is absent.
    pub async fn get(
        &self,
        caller: &Caller,
        id: LeaseId,
        keys: LeaseKeys,
    ) -> Result<LeaseResponse> {
        match keys {
            LeaseKeys::All => {
                let response = self.time_to_live(caller, id, true).await?;
                Ok(lease_response(response.header, lease(response, true)))
            }
            LeaseKeys::None => {
                let response = self.time_to_live(caller, id, false).await?;
                Ok(lease_response(response.header, lease(response, false)))
            }
            LeaseKeys::Count => self.counted(caller, id).await,
            LeaseKeys::Page { limit, cursor } => {
                let after = cursor.map(|cursor| {
                    cursor::decode_if(&cursor, |cursor: &KeyCursor| cursor.lease == id)
                });
                let response = self.time_to_live(caller, id, true).await?;
                let after = after.transpose()?.map(|cursor| cursor.after);
                Ok(page_of_keys(response, after, limit.unwrap_or(KEYS)))
            }
        }
    }

    /// A lease with the number of its keys. etcd cannot count them, so all are requested; etcd refuses that
    /// if the account may not read one of them.
    async fn counted(&self, caller: &Caller, id: LeaseId) -> Result<LeaseResponse> {
        let response = match self.time_to_live(caller, id, true).await {
            Ok(response) => response,
            Err(failure) if failure.code == Code::Forbidden => {
                let response = self.time_to_live(caller, id, false).await?;
                return Ok(lease_response(response.header, lease(response, false)));
            }
            Err(failure) => return Err(failure),
        };
        let count = response.keys.len() as i64;
        let mut counted = lease_response(response.header, lease(response, false));
        counted.lease.key_count = Some(count);
        Ok(counted)
    }

    /// Renews a lease once.
    pub async fn keep_alive(&self, caller: &Caller, id: LeaseId) -> Result<LeaseResponse> {
        // etcd responds for an unknown lease as for a live one, but with no TTL left.
        if id.0 == 0 || self.etcd.lease_keep_alive(caller, id.0).await? <= 0 {
            return Err(unknown(id));
        }
        // The keep-alive response carries the TTL only.
        let response = self.etcd.lease_time_to_live(caller, id.0, false).await?;
        if response.ttl < 0 {
            return Err(unknown(id));
        }
        Ok(lease_response(response.header, lease(response, false)))
    }

    /// Revokes a lease, which deletes its keys; the response lists them as they were just before.
    /// A dry run only lists them.
    pub async fn revoke(
        &self,
        caller: &Caller,
        id: LeaseId,
        dry_run: bool,
    ) -> Result<LeaseResponse> {
        let before = self.time_to_live(caller, id, true).await?;
        let header = if dry_run {
            before.header
        } else {
            self.etcd.lease_revoke(caller, id.0).await?
        };
        let mut lease = lease(before, true);
        if !dry_run {
            lease.ttl = 0;
        }
        Ok(lease_response(header, lease))
    }

    /// Keeps a lease alive until the returned hold is dropped; then revokes it, or leaves it to expire.
    pub async fn hold(&self, caller: &Caller, id: LeaseId, on_close: OnClose) -> Result<Hold> {
        let request = HoldRequest {
            lease: Some(id),
            on_close: Some(on_close),
            ..HoldRequest::default()
        };
        hold::hold(&self.keepers, caller, request).await
    }

    /// Starts a session: grants a lease or adopts one, and keeps it alive until the returned hold is
    /// dropped.
    pub async fn session(&self, caller: &Caller, request: HoldRequest) -> Result<Hold> {
        let held = hold::hold(&self.keepers, caller, request).await;
        held.map_err(|failure| match failure.code {
            Code::LeaseNotFound => failure.named_elsewhere(),
            _ => failure,
        })
    }

    async fn time_to_live(&self, caller: &Caller, id: LeaseId, keys: bool) -> Result<TimeToLive> {
        let response = self.etcd.lease_time_to_live(caller, id.0, keys).await?;
        if response.ttl < 0 {
            let revision = response.header.revision;
            return Err(unknown(id).with(|facts| facts.store_revision = Some(revision)));
        }
        Ok(response)
    }
}

fn lease(response: TimeToLive, keys: bool) -> Lease {
    Lease {
        id: LeaseId(response.id),
        ttl: response.ttl,
        granted_ttl: Some(response.granted_ttl),
        keys: keys.then(|| response.keys.into_iter().map(Into::into).collect()),
        key_count: None,
    }
}

fn lease_response(header: Header, lease: Lease) -> LeaseResponse {
    LeaseResponse {
        header,
        lease,
        next: None,
    }
}

/// At most `limit` keys after `after`. etcd lists all of them each time: paging saves work for the client
/// only.
fn page_of_keys(mut response: TimeToLive, after: Option<Bytes>, limit: usize) -> LeaseResponse {
    let count = response.keys.len() as i64;
    let from = after.map_or(0, |after| {
        response.keys.partition_point(|key| *key <= after.0)
    });
    response.keys.drain(..from);
    let more = response.keys.len() > limit;
    response.keys.truncate(limit);
    let next = response.keys.last().filter(|_| more).map(|last| {
        cursor::encode(&KeyCursor {
            lease: LeaseId(response.id),
            after: last.clone().into(),
        })
    });
    let header = response.header;
    let mut lease = lease(response, true);
    lease.key_count = Some(count);
    LeaseResponse {
        header,
        lease,
        next,
    }
}

fn unknown(id: LeaseId) -> Failure {
    Failure::new(Code::LeaseNotFound, format!("no such lease: {id}"))
        .hint("it was never granted, was revoked, or has expired")
}

fn no_lease() -> Failure {
    Failure::bad_request("lease id 0 means no lease")
}

#[cfg(test)]
mod tests;
