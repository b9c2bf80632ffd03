//! What the Locks page does, as lines for a terminal.

use shared::{Claim, Lock, LockKind};

use crate::model::command::{NoLine, argument, compare, quoted, transaction, watch, word};
use crate::model::percent;

/// What is to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockDeed {
    /// Shows holder and queue.
    Show,
    /// Follows holder and queue.
    Follow,
    /// Removes the holder's key, and no other.
    Release,
    /// Stands in the queue.
    Acquire,
}

/// The line for `curl`; `base` is the API's URL, up to and with `/api/v1/`.
pub(crate) fn curl(deed: LockDeed, lock: &Lock, base: &str) -> String {
    let url = |more: &str| {
        quoted(&format!(
            "{base}locks/-?name={}{more}",
            percent::encode(&lock.name.0)
        ))
    };
    match deed {
        LockDeed::Show => format!("curl {}", url("")),
        LockDeed::Follow => format!("curl -N {}", url("&live")),
        LockDeed::Release => {
            let token = lock
                .holder
                .as_ref()
                .map_or(0, |holder| holder.fencing_token);
            format!("curl -X DELETE {}", url(&format!("&fencing_token={token}")))
        }
        LockDeed::Acquire => {
            format!(
                "curl --json '{{\"ttl\":60,\"wait\":30,\"holder\":\"me\"}}' {}",
                url("")
            )
        }
    }
}

/// The line for `etcdctl`.
pub(crate) fn etcdctl(deed: LockDeed, lock: &Lock) -> Result<String, NoLine> {
    let single = lock.kind == LockKind::SingleKey;
    let queue = [lock.name.0.as_slice(), b"/"].concat();
    match deed {
        LockDeed::Show if single => Ok(format!("etcdctl get {}", argument(&lock.name.0)?)),
        LockDeed::Show => Ok(format!(
            "etcdctl get --prefix --sort-by=CREATE {}",
            argument(&queue)?
        )),
        LockDeed::Follow if single => watch("", &lock.name.0),
        LockDeed::Follow => watch(" --prefix", &queue),
        LockDeed::Release => Ok(release(lock.holder.as_ref().ok_or(NoLine::NoCommand)?)),
        LockDeed::Acquire => match lock.kind {
            LockKind::Mutex => Ok(format!("etcdctl lock {}", argument(&lock.name.0)?)),
            LockKind::Election => Ok(format!("etcdctl elect {} me", argument(&lock.name.0)?)),
            LockKind::Rwmutex | LockKind::SingleKey => Err(NoLine::NoCommand),
        },
    }
}

/// By its create revision, so that it can only hit the one it names.
fn release(claim: &Claim) -> String {
    let compare = compare("create", &claim.key.0, claim.fencing_token);
    transaction(&compare, &format!("del -- {}", word(&claim.key.0)))
}

/// Renews a lease once, for whoever acquired a lock here.
pub(crate) fn keep_alive(lease: &str, base: &str) -> String {
    format!(
        "curl -X POST {}",
        quoted(&format!("{base}leases/{lease}/keepalive"))
    )
}

#[cfg(test)]
mod tests {
    use shared::{Bytes, Claim, LeaseId, Lock, LockKind};

    use super::{LockDeed, curl, etcdctl};

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
    fn releasing_names_the_one_it_means() {
        let mutex = lock(LockKind::Mutex);
        assert_eq!(
            curl(LockDeed::Release, &mutex, "http://h/api/v1/"),
            "curl -X DELETE 'http://h/api/v1/locks/-?name=/my-lock/&fencing_token=41'"
        );
        let line = etcdctl(LockDeed::Release, &mutex).expect("can be written");
        assert!(
            line.contains("create(") && line.contains("= \"41\"") && line.contains("del "),
            "{line}"
        );
    }

    #[test]
    fn the_queue_lies_below_the_name_and_a_slash() {
        let line = |kind| etcdctl(LockDeed::Show, &lock(kind)).expect("can be written");
        assert_eq!(
            line(LockKind::Mutex),
            "etcdctl get --prefix --sort-by=CREATE '/my-lock//'"
        );
        assert_eq!(line(LockKind::SingleKey), "etcdctl get '/my-lock/'");
        assert!(etcdctl(LockDeed::Acquire, &lock(LockKind::SingleKey)).is_err());
    }
}
