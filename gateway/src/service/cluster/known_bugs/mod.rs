//! Known bugs in etcd releases, and the patch release of each minor version that fixes them.

use crate::etcd::{Minor, Version};

/// 3.4 ended with 3.4.45.
pub(super) const SUPPORTED_FROM: Minor = Minor(3, 5);

/// Whether etcd's maintainers have ended the minor version.
pub(super) fn is_end_of_life(version: Version) -> bool {
    version.minor() < SUPPORTED_FROM
}

/// The part of etcd that a bug affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    /// Watches lose, repeat or misplace events.
    Watch,
    /// Users bypass permissions; irrelevant without authentication.
    Access,
    /// Reads are stale.
    Read,
    /// Revoked leases stay alive.
    Lease,
    /// Members gain rights that they were not granted.
    Member,
    /// TLS connections are accepted or kept that should be refused; irrelevant without TLS.
    Tls,
}

impl Concern {
    /// The code of its warnings.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Watch => "watch_bug",
            Self::Access => "access_bug",
            Self::Read => "read_bug",
            Self::Lease => "lease_bug",
            Self::Member => "member_bug",
            Self::Tls => "tls_bug",
        }
    }
}

/// A bug of older releases.
#[derive(Debug)]
pub(super) struct KnownBug {
    pub(super) concern: Concern,
    /// etcd's issue or advisory.
    pub(super) id: &'static str,
    /// The effect of the bug.
    pub(super) what: &'static str,
    /// The first fixed release of each minor version that got a fix. Minor versions before the first
    /// entry were never fixed; those after the last never had the bug.
    fixes: &'static [Version],
}

/// All known bugs, the oldest first.
pub(super) const KNOWN_BUGS: &[KnownBug] = &[
    KnownBug {
        concern: Concern::Watch,
        id: "#15220",
        what: "a watch's progress can run ahead of its events",
        fixes: &[Version(3, 4, 25), Version(3, 5, 8)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#15271",
        what: "a watch can go back in time after a partition",
        fixes: &[Version(3, 4, 25), Version(3, 5, 8)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#17566",
        what: "a watch without events gets no progress notifications",
        fixes: &[Version(3, 4, 31), Version(3, 5, 13)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#17529",
        what: "a watch can lose events after a compaction",
        fixes: &[Version(3, 4, 31), Version(3, 5, 13)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#18089",
        what: "a watch can lose a delete around a compaction",
        fixes: &[Version(3, 4, 34), Version(3, 5, 16)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#19179",
        what: "a watch opened exactly at the compacted revision can miss a delete",
        fixes: &[Version(3, 4, 36), Version(3, 5, 18)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#20221",
        what: "a watch from a future revision can deliver older events",
        fixes: &[Version(3, 4, 38), Version(3, 5, 22), Version(3, 6, 2)],
    },
    KnownBug {
        concern: Concern::Lease,
        id: "#20615",
        what: "renewing a revoked lease can be reported as a success",
        fixes: &[Version(3, 4, 38), Version(3, 5, 23), Version(3, 6, 5)],
    },
    KnownBug {
        concern: Concern::Read,
        id: "#20418",
        what: "a linearizable read can be stale after a pause or a change of leader",
        fixes: &[Version(3, 4, 42), Version(3, 5, 28), Version(3, 6, 9)],
    },
    KnownBug {
        concern: Concern::Access,
        id: "CVE-2026-33413",
        what: "some maintenance and cluster RPCs are not checked for permission",
        fixes: &[Version(3, 4, 42), Version(3, 5, 28), Version(3, 6, 9)],
    },
    KnownBug {
        concern: Concern::Access,
        id: "CVE-2026-33343",
        what: "a nested transaction bypasses permissions",
        fixes: &[Version(3, 4, 42), Version(3, 5, 28), Version(3, 6, 9)],
    },
    KnownBug {
        concern: Concern::Access,
        id: "CVE-2026-44283",
        what: "a put in a transaction shows previous values and attaches leases without permission",
        fixes: &[Version(3, 4, 44), Version(3, 5, 30), Version(3, 6, 11)],
    },
    KnownBug {
        concern: Concern::Member,
        id: "#21736",
        what: "a learner whose peer URLs are changed gets a vote",
        fixes: &[Version(3, 5, 31), Version(3, 6, 12)],
    },
    KnownBug {
        concern: Concern::Tls,
        id: "GHSA-3wh4-j44w-pg92",
        what: "with --listen-client-http-urls a revoked client certificate is accepted",
        fixes: &[Version(3, 5, 32), Version(3, 6, 13), Version(3, 7, 0)],
    },
    KnownBug {
        concern: Concern::Tls,
        id: "GHSA-6vch-q96h-7gc3",
        what: "unfinished TLS handshakes are kept open without a limit",
        fixes: &[Version(3, 5, 33), Version(3, 6, 14), Version(3, 7, 1)],
    },
    KnownBug {
        concern: Concern::Access,
        id: "GHSA-xg4h-6gfc-h4m8",
        what: "a user who may read one key can watch all following keys",
        fixes: &[Version(3, 5, 33), Version(3, 6, 14), Version(3, 7, 1)],
    },
];

impl KnownBug {
    /// Whether a release is affected.
    pub(super) fn is_in(&self, version: Version) -> bool {
        let minor = version.minor();
        match self.fixed_in(minor) {
            Some(fixed) => version < fixed,
            None => self.fixes.iter().any(|fix| fix.minor() > minor),
        }
    }

    /// The first fixed release of a minor version.
    fn fixed_in(&self, minor: Minor) -> Option<Version> {
        self.fixes.iter().copied().find(|fix| fix.minor() == minor)
    }

    /// The releases that fix it for an affected one, the lowest first.
    pub(super) fn releases(&self, version: Version) -> Vec<String> {
        let minor = version.minor();
        if let Some(fixed) = self.fixed_in(minor) {
            return vec![fixed.to_string()];
        }
        let later = self.fixes.iter().filter(|fix| fix.minor() > minor);
        later.map(Version::to_string).collect()
    }

    /// Which release to upgrade to from an affected one.
    pub(super) fn remedy(&self, version: Version) -> String {
        let minor = version.minor();
        let releases = self.releases(version).join(", ");
        match self.fixed_in(minor) {
            Some(_) => format!("fixed in {releases}"),
            None => format!("not fixed in {minor}; fixed in {releases}"),
        }
    }
}

#[cfg(test)]
mod tests;
