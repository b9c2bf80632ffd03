//! The state of the cluster in one line of a list: cheap, and soon even if the cluster does not respond.

use shared::Code;

use super::{ClusterService, is_for_users};
use crate::etcd::Range;
use crate::failure::Result;
use crate::identity::Caller;

/// What one member reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Its version; `None` if it is hidden from the caller.
    pub version: Option<String>,
    /// The number of members it knows; `None` if it is hidden from the caller.
    pub members: Option<usize>,
    /// The caller's user; `None` for a token, without an account, and while etcd's auth is off.
    pub user: Option<String>,
}

impl ClusterService {
    /// Reads the current member's version and its list of members, and whether auth is on and accepts the caller,
    /// at the same time.
    ///
    /// # Errors
    /// `unauthenticated` if etcd knows no such caller, and those of a cluster that cannot be reached.
    pub async fn glance(&self, caller: &Caller) -> Result<Glance> {
        let key = Range::single([0]);
        let (accepted, status, listed, auth) = tokio::join!(
            self.etcd.may_read(caller, &key),
            self.etcd.status(caller),
            self.etcd.members_here(caller),
            self.etcd.auth_is_on(caller),
        );
        // Some releases of etcd show their status to every caller. That the key is not permitted shows a known one.
        match accepted {
            Err(failure) if failure.code != Code::Forbidden => return Err(failure),
            Ok(()) | Err(_) => {}
        }
        let version = match status {
            Ok(status) => Some(status.version),
            Err(failure) if failure.code == Code::Forbidden => None,
            Err(failure) => return Err(failure),
        };
        let members = match listed {
            Ok((_, members)) => Some(members.len()),
            Err(failure) if is_for_users(&failure) => None,
            Err(failure) => return Err(failure),
        };
        let enabled = auth?;
        Ok(Glance {
            version,
            members,
            user: self.etcd.user_name(caller).filter(|_| enabled),
        })
    }
}
