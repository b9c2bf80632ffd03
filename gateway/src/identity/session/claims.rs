//! What a session cookie contains, and how long that is valid.

use serde::{Deserialize, Serialize};

use super::end::EndReason;
use crate::etcd::{Credentials, Secret};

/// A session without requests for so long has ended, in seconds.
pub(super) const IDLE_LIMIT: u64 = 8 * 3600;
/// A session is never older, in seconds.
pub(super) const ABSOLUTE_LIMIT: u64 = 24 * 3600;
/// The cookie is renewed at most once in this time, in seconds.
const RENEWAL_INTERVAL: u64 = 60;
/// How far ahead the clock of another gateway with the same key may be, in seconds.
const CLOCK_SKEW: u64 = 300;

/// Identifies a session: random, 32 hexadecimal digits.
pub(super) type SessionId = String;

/// The contents of a cookie. Times are in seconds since the epoch, since several gateways may share them.
#[derive(Clone, Debug)]
pub(super) struct Claims {
    pub(super) id: SessionId,
    /// The cluster that the user signed in to.
    pub(super) cluster: String,
    pub(super) credentials: Credentials,
    /// When the user signed in.
    pub(super) issued: u64,
    /// When a request last renewed the session.
    pub(super) used: u64,
    /// Whether the user signed in by HTTPS.
    pub(super) secure: bool,
}

/// [`Claims`] as JSON. It has the password, so it is not `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    id: String,
    cluster: String,
    name: String,
    password: String,
    issued: u64,
    used: u64,
    secure: bool,
}

impl Claims {
    /// The text to seal.
    pub(super) fn to_text(&self) -> String {
        let wire = Wire {
            id: self.id.clone(),
            cluster: self.cluster.clone(),
            name: self.credentials.name.clone(),
            password: self.credentials.password.reveal().to_owned(),
            issued: self.issued,
            used: self.used,
            secure: self.secure,
        };
        serde_json::to_string(&wire).expect("plain members serialise")
    }

    /// Reads an opened cookie of this cluster; `None` if it is another cluster's, or another version's.
    pub(super) fn from_text(text: &str, cluster: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(text).ok()?;
        (wire.cluster == cluster).then(|| Self {
            id: wire.id,
            cluster: wire.cluster,
            credentials: Credentials {
                name: wire.name,
                password: Secret::new(wire.password),
            },
            issued: wire.issued,
            used: wire.used,
            secure: wire.secure,
        })
    }

    /// Why the session has ended by time, if it has.
    pub(super) fn ended_at(&self, now: u64) -> Option<EndReason> {
        if self.issued > now + CLOCK_SKEW || self.used > now + CLOCK_SKEW {
            return Some(EndReason::Unreadable);
        }
        if now >= self.expires_at() {
            return Some(EndReason::TooOld);
        }
        (now >= self.idle_expires_at()).then_some(EndReason::Idle)
    }

    /// When the session ends however active it is.
    pub(super) fn expires_at(&self) -> u64 {
        self.issued.saturating_add(ABSOLUTE_LIMIT)
    }

    /// When the session ends if nothing renews it.
    pub(super) fn idle_expires_at(&self) -> u64 {
        self.expires_at().min(self.used.saturating_add(IDLE_LIMIT))
    }

    /// The claims after a request at `now`; `None` if they were renewed less than a minute ago.
    pub(super) fn renewed(&self, now: u64) -> Option<Self> {
        let due = now >= self.used.saturating_add(RENEWAL_INTERVAL);
        due.then(|| Self {
            used: now,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;

    fn claims() -> Claims {
        Claims {
            id: "0123".to_owned(),
            cluster: "prod".to_owned(),
            credentials: Credentials {
                name: "app".to_owned(),
                password: Secret::new("hunter2"),
            },
            issued: NOW,
            used: NOW,
            secure: true,
        }
    }

    #[test]
    fn claims_are_read_as_written_and_only_for_their_cluster() {
        let text = claims().to_text();
        let read = Claims::from_text(&text, "prod").expect("the same cluster");
        assert_eq!(read.credentials, claims().credentials);
        assert_eq!((read.issued, read.secure), (NOW, true));
        assert!(Claims::from_text(&text, "staging").is_none());
        assert!(Claims::from_text("{}", "prod").is_none());
        assert!(!format!("{read:?}").contains("hunter2"));
    }

    #[test]
    fn a_session_ends_when_idle_and_when_old() {
        let claims = claims();
        assert_eq!(claims.ended_at(NOW + IDLE_LIMIT - 1), None);
        assert_eq!(claims.ended_at(NOW + IDLE_LIMIT), Some(EndReason::Idle));
        let mut active = claims.clone();
        for hour in 1..24 {
            active = active.renewed(NOW + hour * 3600).expect("an hour later");
            assert_eq!(active.ended_at(NOW + hour * 3600), None);
        }
        assert_eq!(active.idle_expires_at(), NOW + ABSOLUTE_LIMIT);
        let end = active.ended_at(NOW + ABSOLUTE_LIMIT);
        assert_eq!(end, Some(EndReason::TooOld));
        // Another gateway's clock may be ahead, but not by hours.
        assert_eq!(claims.ended_at(NOW - CLOCK_SKEW), None);
        let future = claims.ended_at(NOW - CLOCK_SKEW - 1);
        assert_eq!(future, Some(EndReason::Unreadable));
    }

    #[test]
    fn a_session_is_renewed_at_most_once_a_minute() {
        let claims = claims();
        assert!(claims.renewed(NOW + RENEWAL_INTERVAL - 1).is_none());
        let renewed = claims.renewed(NOW + RENEWAL_INTERVAL).expect("due");
        assert_eq!(renewed.used, NOW + RENEWAL_INTERVAL);
        assert_eq!((renewed.issued, renewed.id), (claims.issued, claims.id));
    }
}
