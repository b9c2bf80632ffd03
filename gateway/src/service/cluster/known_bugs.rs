//! Known bugs in etcd releases, and the patch release of each minor line that fixes them.

use std::fmt;

/// An etcd version without its pre-release and build suffixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    /// Major and minor.
    pub(super) line: (u32, u32),
    /// The patch number.
    pub(super) patch: u32,
}

impl Version {
    /// Reads `3.5.9` or `3.6.0-rc.1`; nothing where it has no three numbers.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(['.', '-', '+']);
        let mut number = || parts.next()?.parse::<u32>().ok();
        Some(Self {
            line: (number()?, number()?),
            patch: number()?,
        })
    }

    /// Whether etcd's maintainers have ended its line.
    pub(super) fn is_end_of_life(self) -> bool {
        self.line < SUPPORTED_FROM
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.line.0, self.line.1, self.patch)
    }
}

/// 3.4 ended with 3.4.45.
pub(super) const SUPPORTED_FROM: (u32, u32) = (3, 5);

/// What a bug affects.
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
    /// What can happen.
    pub(super) what: &'static str,
    /// The first fixed patch release of each line that got a fix. Lines before the first entry were
    /// never fixed; lines after the last never had the bug.
    fixes: &'static [((u32, u32), u32)],
}

const V34: (u32, u32) = (3, 4);
const V35: (u32, u32) = (3, 5);
const V36: (u32, u32) = (3, 6);
const V37: (u32, u32) = (3, 7);

/// All known bugs, the oldest first.
pub(super) const KNOWN_BUGS: &[KnownBug] = &[
    KnownBug {
        concern: Concern::Watch,
        id: "#15220",
        what: "a watch's progress can run ahead of its events",
        fixes: &[(V34, 25), (V35, 8)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#15271",
        what: "a watch can go back in time after a partition",
        fixes: &[(V34, 25), (V35, 8)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#17566",
        what: "a watch without events gets no progress notifications",
        fixes: &[(V34, 31), (V35, 13)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#17529",
        what: "a watch can lose events after a compaction",
        fixes: &[(V34, 31), (V35, 13)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#18089",
        what: "a watch can lose a delete around a compaction",
        fixes: &[(V34, 34), (V35, 16)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#19179",
        what: "a watch opened exactly at the compacted revision can miss a delete",
        fixes: &[(V34, 36), (V35, 18)],
    },
    KnownBug {
        concern: Concern::Watch,
        id: "#20221",
        what: "a watch from a future revision can deliver older events",
        fixes: &[(V34, 38), (V35, 22), (V36, 2)],
    },
    KnownBug {
        concern: Concern::Lease,
        id: "#20615",
        what: "renewing a revoked lease can be reported as a success",
        fixes: &[(V34, 38), (V35, 23), (V36, 5)],
    },
    KnownBug {
        concern: Concern::Read,
        id: "#20418",
        what: "a linearizable read can be stale after a pause or a change of leader",
        fixes: &[(V34, 42), (V35, 28), (V36, 9)],
    },
    KnownBug {
        concern: Concern::Access,
        id: "CVE-2026-33413",
        what: "some maintenance and cluster RPCs are not checked for permission",
        fixes: &[(V34, 42), (V35, 28), (V36, 9)],
    },
    KnownBug {
        concern: Concern::Access,
        id: "CVE-2026-33343",
        what: "a nested transaction bypasses permissions",
        fixes: &[(V34, 42), (V35, 28), (V36, 9)],
    },
    KnownBug {
        concern: Concern::Access,
        id: "CVE-2026-44283",
        what: "a put in a transaction shows previous values and attaches leases without permission",
        fixes: &[(V34, 44), (V35, 30), (V36, 11)],
    },
    KnownBug {
        concern: Concern::Member,
        id: "#21736",
        what: "a learner whose peer URLs are changed gets a vote",
        fixes: &[(V35, 31), (V36, 12)],
    },
    KnownBug {
        concern: Concern::Tls,
        id: "GHSA-3wh4-j44w-pg92",
        what: "with --listen-client-http-urls a revoked client certificate is accepted",
        fixes: &[(V35, 32), (V36, 13), (V37, 0)],
    },
    KnownBug {
        concern: Concern::Tls,
        id: "GHSA-6vch-q96h-7gc3",
        what: "unfinished TLS handshakes are kept open without a limit",
        fixes: &[(V35, 33), (V36, 14), (V37, 1)],
    },
    KnownBug {
        concern: Concern::Access,
        id: "GHSA-xg4h-6gfc-h4m8",
        what: "a user who may read one key can watch all following keys",
        fixes: &[(V35, 33), (V36, 14), (V37, 1)],
    },
];

impl KnownBug {
    /// Whether a release is affected.
    pub(super) fn is_in(&self, version: Version) -> bool {
        let lines = || self.fixes.iter().map(|(line, _)| *line);
        if lines().all(|line| line < version.line) {
            return false;
        }
        self.fixed_in(version.line)
            .is_none_or(|fixed| version < fixed)
    }

    /// The first fixed release of a line.
    fn fixed_in(&self, line: (u32, u32)) -> Option<Version> {
        let found = self.fixes.iter().find(|(fixed, _)| *fixed == line);
        found.map(|(line, patch)| Version {
            line: *line,
            patch: *patch,
        })
    }

    /// Which release to upgrade to from an affected one.
    pub(super) fn remedy(&self, version: Version) -> String {
        if let Some(fixed) = self.fixed_in(version.line) {
            return format!("fixed in {fixed}");
        }
        let later = self.fixes.iter().filter(|(line, _)| *line > version.line);
        let later: Vec<_> = later
            .map(|((major, minor), patch)| format!("{major}.{minor}.{patch}"))
            .collect();
        let (major, minor) = version.line;
        format!(
            "not fixed in {major}.{minor}; fixed in {}",
            later.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).expect("a version")
    }

    fn bugs_of(text: &str) -> Vec<&'static str> {
        let version = version(text);
        let bugs = KNOWN_BUGS.iter().filter(|bug| bug.is_in(version));
        bugs.map(|bug| bug.id).collect()
    }

    #[test]
    fn versions_are_parsed() {
        assert_eq!(version("3.6.0-rc.1").to_string(), "3.6.0");
        assert!(version("3.5.9") < version("3.5.10"));
        assert!(version("3.4.45").is_end_of_life() && !version("3.5.0").is_end_of_life());
        for text in ["", "3", "3.5", "x.y.z"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_release_lists_the_bugs_it_has() {
        assert_eq!(bugs_of("3.4.23").len(), KNOWN_BUGS.len());
        let (revoked, handshake) = ("GHSA-3wh4-j44w-pg92", "GHSA-6vch-q96h-7gc3");
        let watch_from_key = "GHSA-xg4h-6gfc-h4m8";
        assert_eq!(
            bugs_of("3.4.45"),
            ["#21736", revoked, handshake, watch_from_key]
        );
        assert_eq!(
            bugs_of("3.5.21"),
            [
                "#20221",
                "#20615",
                "#20418",
                "CVE-2026-33413",
                "CVE-2026-33343",
                "CVE-2026-44283",
                "#21736",
                revoked,
                handshake,
                watch_from_key
            ]
        );
        assert_eq!(bugs_of("3.5.31"), [revoked, handshake, watch_from_key]);
        assert_eq!(bugs_of("3.5.32"), [handshake, watch_from_key]);
        assert_eq!(bugs_of("3.6.13"), [handshake, watch_from_key]);
        assert_eq!(bugs_of("3.7.0"), [handshake, watch_from_key]);
        for fixed in ["3.5.35", "3.6.16", "3.7.3", "3.8.0", "4.0.0"] {
            assert!(bugs_of(fixed).is_empty(), "{fixed}");
        }
    }

    #[test]
    fn the_remedy_names_the_fix_of_the_same_line() {
        let watch_from_key = KNOWN_BUGS.last().expect("there are some");
        assert_eq!(watch_from_key.remedy(version("3.5.1")), "fixed in 3.5.33");
        assert_eq!(
            watch_from_key.remedy(version("3.4.45")),
            "not fixed in 3.4; fixed in 3.5.33, 3.6.14, 3.7.1"
        );
    }
}
