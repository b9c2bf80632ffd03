//! The clusters of the gateway, as the page's addresses name them.

use super::percent;

/// Where a tab is, by the path of its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a cluster of this gateway.
    Cluster(String),
    /// In a cluster that this gateway does not have.
    Unknown(String),
    /// The address names no cluster.
    NoCluster,
}

impl Place {
    /// The place of a path below the base path, such as `/clusters/prod/explorer`.
    pub(crate) fn of(path: &str, clusters: &[String]) -> Self {
        let Some(rest) = path.strip_prefix("/clusters/") else {
            return Self::NoCluster;
        };
        let segment = rest.split('/').next().unwrap_or_default();
        if segment.is_empty() {
            return Self::NoCluster;
        }
        let name = percent::decode(segment);
        let name = String::from_utf8_lossy(&name).into_owned();
        if clusters.contains(&name) {
            Self::Cluster(name)
        } else {
            Self::Unknown(name)
        }
    }
}

/// The names in the page's `meta` element: separated by blanks, each percent-encoded.
pub(crate) fn parse_names(content: &str) -> Vec<String> {
    content
        .split_ascii_whitespace()
        .map(|name| String::from_utf8_lossy(&percent::decode(name)).into_owned())
        .collect()
}

/// A cluster's name as a segment of a URL's path.
pub(crate) fn segment(name: &str) -> String {
    percent::encode(name.as_bytes()).replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::{Place, parse_names, segment};

    #[test]
    fn a_place_is_read_from_the_path() {
        let clusters = parse_names("default a%20b prod");
        assert_eq!(clusters, ["default", "a b", "prod"]);
        for (path, place) in [
            ("/clusters/prod/explorer", Place::Cluster("prod".to_owned())),
            ("/clusters/prod", Place::Cluster("prod".to_owned())),
            ("/clusters/a%20b/", Place::Cluster("a b".to_owned())),
            ("/clusters/pro/locks", Place::Unknown("pro".to_owned())),
            ("/clusters/", Place::NoCluster),
            ("/clusters", Place::NoCluster),
            ("/explorer", Place::NoCluster),
            ("/", Place::NoCluster),
        ] {
            assert_eq!(Place::of(path, &clusters), place, "{path}");
        }
        assert_eq!(segment("a b"), "a%20b");
    }
}
