//! Leases: grant, keep alive once, time to live, list, revoke.

use etcd_client as ec;
use shared::{Code, Header};

use super::Caller;
use super::kv::header;
use super::{Effect, Etcd};
use crate::failure::Result;

/// etcd's information about a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToLive {
    /// The store's header.
    pub header: Header,
    /// The lease.
    pub id: i64,
    /// Remaining whole seconds, rounded down; −1 means no such lease (expired, revoked, never granted).
    pub ttl: i64,
    /// Seconds as granted; 0 if there is no such lease.
    pub granted_ttl: i64,
    /// The attached keys in byte order, if requested.
    pub keys: Vec<Vec<u8>>,
}

impl Etcd {
    /// Grants a lease of `ttl` seconds (etcd raises it to at least 2) with the given id, or 0 to
    /// let etcd choose. Returns the header, the id and the granted TTL in seconds.
    pub async fn lease_grant(
        &self,
        caller: &Caller,
        ttl: i64,
        id: i64,
    ) -> Result<(Header, i64, i64)> {
        let mut client = self.leases_client(caller).lease_client();
        let call = client.grant(ttl, Some(ec::LeaseGrantOptions::new().with_id(id)));
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok((header(response.header), response.id, response.ttl))
    }

    /// Revokes a lease, which deletes its attached keys in one revision.
    pub async fn lease_revoke(&self, caller: &Caller, id: i64) -> Result<Header> {
        let mut client = self.leases_client(caller).lease_client();
        let response = self.call(caller, Effect::Write, client.revoke(id)).await?.0;
        Ok(header(response.header))
    }

    /// Renews a lease once; returns its TTL in seconds, 0 if there is no such lease.
    pub async fn lease_keep_alive(&self, caller: &Caller, id: i64) -> Result<i64> {
        match self.keep_alive_once(caller, id).await {
            // A stream is not retried with the new token after a refusal, so retry here.
            Err(failure) if failure.code == Code::Unauthenticated => {
                self.keep_alive_once(caller, id).await
            }
            response => response,
        }
    }

    async fn keep_alive_once(&self, caller: &Caller, id: i64) -> Result<i64> {
        let mut client = self.leases_client(caller).lease_client();
        let renewal = async {
            let (mut keeper, mut responses) = match client.keep_alive(id).await {
                Ok(stream) => stream,
                // The client library's error for etcd's response with TTL 0.
                Err(ec::Error::LeaseKeepAliveError(_)) => return Ok(0),
                Err(error) => return Err(error),
            };
            // Opening the stream renews already, but discards the response: renew once more.
            keeper.keep_alive().await?;
            let response = responses.message().await?;
            Ok(response.map_or(0, |response| response.ttl()))
        };
        self.call(caller, Effect::Read, renewal).await
    }

    /// The remaining TTL of a lease, with its keys if requested.
    pub async fn lease_time_to_live(
        &self,
        caller: &Caller,
        id: i64,
        keys: bool,
    ) -> Result<TimeToLive> {
        let mut client = self.leases_client(caller).lease_client();
        let options = keys.then(|| ec::LeaseTimeToLiveOptions::new().with_keys());
        let call = client.time_to_live(id, options);
        let mut response = self.call(caller, Effect::Read, call).await?.0;
        // etcd lists them in map order.
        response.keys.sort_unstable();
        Ok(TimeToLive {
            header: header(response.header),
            id: response.id,
            ttl: response.ttl,
            granted_ttl: response.granted_ttl,
            keys: response.keys,
        })
    }

    /// The store's header, for a caller without a known readable key. etcd returns a lease's TTL to every
    /// user, whatever the user may read, and also responds for the id 0, which no lease has.
    pub async fn header_without_key(&self, caller: &Caller) -> Result<Header> {
        Ok(self.lease_time_to_live(caller, 0, false).await?.header)
    }

    /// The ids of the leases known to the contacted member; not linearizable.
    pub async fn leases(&self, caller: &Caller) -> Result<(Header, Vec<i64>)> {
        let mut client = self.leases_client(caller).lease_client();
        let response = self.call(caller, Effect::Read, client.leases()).await?.0;
        let ids = response.leases.into_iter().map(|lease| lease.id).collect();
        Ok((header(response.header), ids))
    }
}
