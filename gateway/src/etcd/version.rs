//! Versions of etcd, as a server or its program reports them.

use std::fmt;
use std::str::FromStr;

/// The text is not a version of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version of etcd")]
pub struct InvalidVersion;

/// Major, minor and patch, without pre-release and build suffixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The minor version that this is a release of.
    pub fn minor(self) -> Minor {
        Minor(self.0, self.1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    /// Parses `3.7.3` or `3.6.0-rc.1`; all three numbers are required.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let mut numbers = numbers(text);
        let mut next = || numbers.next().ok_or(InvalidVersion);
        Ok(Self(next()?, next()?, next()?))
    }
}

/// Major and minor: data is compatible within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minor(pub u32, pub u32);

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for Minor {
    type Err = InvalidVersion;

    /// Parses `3.7` or `3.7.3`, with any suffix.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let mut numbers = numbers(text);
        let mut next = || numbers.next().ok_or(InvalidVersion);
        Ok(Self(next()?, next()?))
    }
}

/// The numbers that a version begins with.
fn numbers(text: &str) -> impl Iterator<Item = u32> {
    text.trim()
        .split(['.', '-', '+'])
        .map_while(|part| part.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_and_compared_as_numbers() {
        let version = |text: &str| text.parse::<Version>().expect("a version");
        assert_eq!(version("3.6.0-rc.1"), Version(3, 6, 0));
        assert_eq!(version("3.6.0-rc.1").to_string(), "3.6.0");
        assert!(version("3.5.9") < version("3.5.10"));
        for text in ["", "3", "3.5", "x.y.z"] {
            assert_eq!(text.parse::<Version>(), Err(InvalidVersion), "{text}");
        }
    }

    #[test]
    fn a_minor_version_needs_no_patch_number() {
        for text in ["3.7", "3.7.3\n", "3.7.0-rc.1"] {
            assert_eq!(text.parse(), Ok(Minor(3, 7)), "{text}");
        }
        assert_eq!(Minor(3, 10).to_string(), "3.10");
        assert_eq!("3".parse::<Minor>(), Err(InvalidVersion));
    }
}
