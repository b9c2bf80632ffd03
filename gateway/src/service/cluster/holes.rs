//! Known holes of etcd's releases, and the version of each line that mends them.

use std::fmt;

/// An etcd version, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    /// Major and minor.
    pub(super) line: (u32, u32),
    /// What follows them.
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

/// Whom a hole concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    /// Watches lose, repeat or misplace events.
    Watch,
    /// Users see what they may not; of no matter without authentication.
    Access,
    /// Reads are stale.
    Read,
    /// Leases live on that were revoked.
    Lease,
    /// Members get what nobody gave them.
    Member,
    /// Encrypted connections are let in, or held, that should not be; of no matter without TLS.
    Tls,
}

impl Concern {
    /// The code of its warnings.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Watch => "watch_hole",
            Self::Access => "access_hole",
            Self::Read => "read_hole",
            Self::Lease => "lease_hole",
            Self::Member => "member_hole",
            Self::Tls => "tls_hole",
        }
    }
}

/// Something that older releases do wrong.
#[derive(Debug)]
pub(super) struct Hole {
    pub(super) concern: Concern,
    /// etcd's issue or advisory.
    pub(super) id: &'static str,
    /// What can happen.
    pub(super) what: &'static str,
    /// The first good patch of each line that was mended: lines before the first are not mended,
    /// lines behind the last never had it.
    mended: &'static [((u32, u32), u32)],
}

const V34: (u32, u32) = (3, 4);
const V35: (u32, u32) = (3, 5);
const V36: (u32, u32) = (3, 6);
const V37: (u32, u32) = (3, 7);

/// What is known, the oldest first.
pub(super) const HOLES: &[Hole] = &[
    Hole {
        concern: Concern::Watch,
        id: "#15220",
        what: "a watch's progress can run ahead of its events",
        mended: &[(V34, 25), (V35, 8)],
    },
    Hole {
        concern: Concern::Watch,
        id: "#15271",
        what: "a watch can go back in time after a partition",
        mended: &[(V34, 25), (V35, 8)],
    },
    Hole {
        concern: Concern::Watch,
        id: "#17566",
        what: "a watch without events is told no progress",
        mended: &[(V34, 31), (V35, 13)],
    },
    Hole {
        concern: Concern::Watch,
        id: "#17529",
        what: "a watch can lose events after a compaction",
        mended: &[(V34, 31), (V35, 13)],
    },
    Hole {
        concern: Concern::Watch,
        id: "#18089",
        what: "a watch can lose a delete around a compaction",
        mended: &[(V34, 34), (V35, 16)],
    },
    Hole {
        concern: Concern::Watch,
        id: "#19179",
        what: "a watch opened exactly at the compacted revision can miss a delete",
        mended: &[(V34, 36), (V35, 18)],
    },
    Hole {
        concern: Concern::Watch,
        id: "#20221",
        what: "a watch from a future revision can deliver older events",
        mended: &[(V34, 38), (V35, 22), (V36, 2)],
    },
    Hole {
        concern: Concern::Lease,
        id: "#20615",
        what: "renewing a revoked lease can be answered as a success",
        mended: &[(V34, 38), (V35, 23), (V36, 5)],
    },
    Hole {
        concern: Concern::Read,
        id: "#20418",
        what: "a linearizable read can be stale after a pause or a change of leader",
        mended: &[(V34, 42), (V35, 28), (V36, 9)],
    },
    Hole {
        concern: Concern::Access,
        id: "CVE-2026-33413",
        what: "some calls of maintenance and the cluster are not checked for permission",
        mended: &[(V34, 42), (V35, 28), (V36, 9)],
    },
    Hole {
        concern: Concern::Access,
        id: "CVE-2026-33343",
        what: "a nested transaction passes the permissions by",
        mended: &[(V34, 42), (V35, 28), (V36, 9)],
    },
    Hole {
        concern: Concern::Access,
        id: "CVE-2026-44283",
        what: "a put in a transaction shows previous values and attaches leases without permission",
        mended: &[(V34, 44), (V35, 30), (V36, 11)],
    },
    Hole {
        concern: Concern::Member,
        id: "#21736",
        what: "a learner whose peer URLs are changed gets a vote",
        mended: &[(V35, 31), (V36, 12)],
    },
    Hole {
        concern: Concern::Tls,
        id: "GHSA-3wh4-j44w-pg92",
        what: "with --listen-client-http-urls a revoked client certificate is let in",
        mended: &[(V35, 32), (V36, 13), (V37, 0)],
    },
    Hole {
        concern: Concern::Tls,
        id: "GHSA-6vch-q96h-7gc3",
        what: "handshakes that are never finished are kept without end",
        mended: &[(V35, 33), (V36, 14), (V37, 1)],
    },
    Hole {
        concern: Concern::Access,
        id: "GHSA-xg4h-6gfc-h4m8",
        what: "who may read one key can watch every key behind it",
        mended: &[(V35, 33), (V36, 14), (V37, 1)],
    },
];

impl Hole {
    /// Whether a release has it.
    pub(super) fn is_in(&self, version: Version) -> bool {
        let lines = || self.mended.iter().map(|(line, _)| *line);
        if lines().all(|line| line < version.line) {
            return false;
        }
        self.mended_in(version.line)
            .is_none_or(|mended| version < mended)
    }

    /// The first good release of a line.
    fn mended_in(&self, line: (u32, u32)) -> Option<Version> {
        let found = self.mended.iter().find(|(mended, _)| *mended == line);
        found.map(|(line, patch)| Version {
            line: *line,
            patch: *patch,
        })
    }

    /// Where to go from a release that has it.
    pub(super) fn remedy(&self, version: Version) -> String {
        if let Some(mended) = self.mended_in(version.line) {
            return format!("mended in {mended}");
        }
        let later = self.mended.iter().filter(|(line, _)| *line > version.line);
        let later: Vec<_> = later
            .map(|((major, minor), patch)| format!("{major}.{minor}.{patch}"))
            .collect();
        let (major, minor) = version.line;
        format!(
            "never mended in {major}.{minor}, but in {}",
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

    fn holes_of(text: &str) -> Vec<&'static str> {
        let version = version(text);
        let holes = HOLES.iter().filter(|hole| hole.is_in(version));
        holes.map(|hole| hole.id).collect()
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(version("3.6.0-rc.1").to_string(), "3.6.0");
        assert!(version("3.5.9") < version("3.5.10"));
        assert!(version("3.4.45").is_end_of_life() && !version("3.5.0").is_end_of_life());
        for text in ["", "3", "3.5", "x.y.z"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_release_has_the_holes_that_it_has() {
        assert_eq!(holes_of("3.4.23").len(), HOLES.len());
        let (revoked, handshake) = ("GHSA-3wh4-j44w-pg92", "GHSA-6vch-q96h-7gc3");
        let watch_from_key = "GHSA-xg4h-6gfc-h4m8";
        assert_eq!(
            holes_of("3.4.45"),
            ["#21736", revoked, handshake, watch_from_key]
        );
        assert_eq!(
            holes_of("3.5.21"),
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
        assert_eq!(holes_of("3.5.31"), [revoked, handshake, watch_from_key]);
        assert_eq!(holes_of("3.5.32"), [handshake, watch_from_key]);
        assert_eq!(holes_of("3.6.13"), [handshake, watch_from_key]);
        assert_eq!(holes_of("3.7.0"), [handshake, watch_from_key]);
        for sound in ["3.5.35", "3.6.16", "3.7.3", "3.8.0", "4.0.0"] {
            assert!(holes_of(sound).is_empty(), "{sound}");
        }
    }

    #[test]
    fn the_remedy_names_the_release_of_ones_own_line() {
        let watch_from_key = HOLES.last().expect("there are some");
        assert_eq!(watch_from_key.remedy(version("3.5.1")), "mended in 3.5.33");
        assert_eq!(
            watch_from_key.remedy(version("3.4.45")),
            "never mended in 3.4, but in 3.5.33, 3.6.14, 3.7.1"
        );
    }
}
