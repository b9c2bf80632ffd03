//! What the index knows of leases, for the list of leases: their keys, and TTLs that it has read.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::state::{LeaseFacts, State};
use super::{Index, IndexKey, get_or_start, limited};
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::service::lock::Inner;
use crate::service::lock::shape::LeaseTime;
use crate::service::lock::wait::is_transient;

/// The state of an index.
#[derive(Clone, Debug)]
pub(in crate::service) struct Listing {
    /// Every lease with keys is known, with its keys.
    pub(in crate::service) listed: bool,
    /// Why nothing can be read.
    pub(in crate::service) failure: Option<Failure>,
    /// The index has ended: another one may be started.
    pub(in crate::service) ended: bool,
}

/// The caller's index; `forbidden` if it is not known to be able to read any key.
pub(in crate::service) async fn index_of(
    inner: &Arc<Inner>,
    caller: &Caller,
) -> Result<Arc<Index>> {
    let index_key = match limited::index_key(&inner.etcd, caller, b"").await {
        Ok((index_key, _)) => index_key,
        Err(failure) if is_transient(&failure) => IndexKey::of(&caller.identity),
        Err(failure) => return Err(failure),
    };
    get_or_start(inner, &index_key)
}

/// A lease's id, its keys as far as they are known, and the last reading of its TTL.
pub(in crate::service) type KnownLease = (i64, Option<LeaseFacts>, Option<(LeaseTime, Instant)>);

impl Index {
    pub(in crate::service) fn listing(&self) -> Listing {
        let progress = self.progress.borrow();
        Listing {
            listed: progress.listed,
            failure: progress.failure.clone(),
            ended: progress.ended,
        }
    }

    /// Leases whose keys changed since the last call. The index is in use for as long as this is called.
    pub(in crate::service) fn take_lease_changes(&self) -> HashSet<i64> {
        let mut shared = self.lock();
        shared.last_used = Instant::now();
        shared.state.take_lease_changes()
    }

    /// Ends the recording of changed leases.
    pub(in crate::service) fn end_lease_changes(&self) {
        self.change(State::end_lease_changes);
    }

    /// Leases with keys that the account may read.
    pub(in crate::service) fn leases(&self) -> Vec<i64> {
        self.lock().state.leases().collect()
    }

    /// What is known of these leases: their keys, and the last reading of the TTL.
    pub(in crate::service) fn lease_facts(
        &self,
        ids: impl Iterator<Item = i64>,
    ) -> Vec<KnownLease> {
        let listed = self.progress.borrow().listed;
        let shared = self.lock();
        let state = &shared.state;
        ids.map(|id| (id, state.lease_facts(id, listed), state.lease_time_read(id)))
            .collect()
    }
}
