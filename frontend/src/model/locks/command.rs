//! Actions of the Locks page as command lines for a terminal.

use shared::{Claim, Lock, LockKind};

use crate::model::command::{
    Unsupported, argument, compare, go_string, quoted, transaction, watch,
};
use crate::model::percent;

/// An action on a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockCommand {
    /// Shows holder and queue.
    Show,
    /// Follows holder and queue.
    Follow,
    /// Removes the holder's key and no other.
    Release,
    /// Joins the queue.
    Acquire,
}

/// The `curl` line; `base` is the API's URL, including `/api/v1/`.
pub(crate) fn curl(command: LockCommand, lock: &Lock, base: &str) -> String {
    let url = |more: &str| {
        quoted(&format!(
            "{base}locks/-?name={}{more}",
            percent::encode(&lock.name.0)
        ))
    };
    match command {
        LockCommand::Show => format!("curl {}", url("")),
        LockCommand::Follow => format!("curl -N {}", url("&live")),
        LockCommand::Release => {
            let token = lock
                .holder
                .as_ref()
                .map_or(0, |holder| holder.fencing_token);
            format!("curl -X DELETE {}", url(&format!("&fencing_token={token}")))
        }
        LockCommand::Acquire => {
            format!(
                "curl --json '{{\"ttl\":60,\"wait\":30,\"holder\":\"me\"}}' {}",
                url("")
            )
        }
    }
}

/// The `etcdctl` line.
pub(crate) fn etcdctl(command: LockCommand, lock: &Lock) -> Result<String, Unsupported> {
    let single = lock.kind == LockKind::SingleKey;
    let queue = [lock.name.0.as_slice(), b"/"].concat();
    match command {
        LockCommand::Show if single => Ok(format!("etcdctl get {}", argument(&lock.name.0)?)),
        LockCommand::Show => Ok(format!(
            "etcdctl get --prefix --sort-by=CREATE {}",
            argument(&queue)?
        )),
        LockCommand::Follow if single => watch("", &lock.name.0),
        LockCommand::Follow => watch(" --prefix", &queue),
        LockCommand::Release => Ok(release(lock.holder.as_ref().ok_or(Unsupported::NoCommand)?)),
        LockCommand::Acquire => match lock.kind {
            LockKind::Mutex => Ok(format!("etcdctl lock {}", argument(&lock.name.0)?)),
            LockKind::Election => Ok(format!("etcdctl elect {} me", argument(&lock.name.0)?)),
            LockKind::Rwmutex | LockKind::SingleKey => Err(Unsupported::NoCommand),
        },
    }
}

/// Deletes a claim's key if its create revision matches, so that no later claim can be deleted.
fn release(claim: &Claim) -> String {
    let compare = compare("create", &claim.key.0, claim.fencing_token);
    transaction(&compare, &format!("del -- {}", go_string(&claim.key.0)))
}

/// Renews a lease once, for the holder of a lock acquired on this page.
pub(crate) fn keep_alive(lease: &str, base: &str) -> String {
    format!(
        "curl -X POST {}",
        quoted(&format!("{base}leases/{lease}/keepalive"))
    )
}

#[cfg(test)]
mod tests {
    use shared::{Bytes, Claim, LeaseId, Lock, LockKind};

    use super::{LockCommand, curl, etcdctl};

    fn lock(kind: LockKind) -> Lock {
        let holder = Claim {
            key: Bytes::from("/my-lock//1f"),
            name: None,
            value: None,
            lease: LeaseId(0x1f),
            ttl: None,
            granted_ttl: None,
            fencing_token: 41,
            first_seen: String::new(),
        };
        Lock {
            name: Bytes::from("/my-lock/"),
            kind,
            certain: true,
            holder: Some(holder),
            held_since: None,
            waiters: None,
            readers: Vec::new(),
        }
    }

    #[test]
    fn release_names_the_claim_to_remove() {
        let mutex = lock(LockKind::Mutex);
        assert_eq!(
            curl(LockCommand::Release, &mutex, "http://h/api/v1/"),
            "curl -X DELETE 'http://h/api/v1/locks/-?name=/my-lock/&fencing_token=41'"
        );
        let line = etcdctl(LockCommand::Release, &mutex).expect("etcdctl supports the command");
        assert!(
            line.contains("create(") && line.contains("= \"41\"") && line.contains("del "),
            "{line}"
        );
    }

    #[test]
    fn the_queue_is_below_the_name_and_a_slash() {
        let line =
            |kind| etcdctl(LockCommand::Show, &lock(kind)).expect("etcdctl supports the command");
        assert_eq!(
            line(LockKind::Mutex),
            "etcdctl get --prefix --sort-by=CREATE '/my-lock//'"
        );
        assert_eq!(line(LockKind::SingleKey), "etcdctl get '/my-lock/'");
        assert!(etcdctl(LockCommand::Acquire, &lock(LockKind::SingleKey)).is_err());
    }
}
