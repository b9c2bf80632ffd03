//! The cluster that a path names.

use shared::Code;

use super::percent::decode;
use crate::failure::{Failure, Result};

/// The `{cluster}` of `/api/v1/clusters/{cluster}/…`; `None` for a path that names none.
pub fn cluster_in_path(base_path: &str, path: &str) -> Result<Option<String>> {
    let below = path.strip_prefix(base_path).unwrap_or(path);
    let Some(rest) = below.strip_prefix("/api/v1/clusters/") else {
        return Ok(None);
    };
    let raw = rest.split('/').next().unwrap_or_default();
    let name = String::from_utf8(decode(raw)?);
    name.map(Some)
        .map_err(|_| Failure::new(Code::ClusterNotFound, "no cluster with this name"))
}

#[cfg(test)]
mod tests {
    use super::cluster_in_path;

    #[test]
    fn the_cluster_is_read_from_the_path() {
        let check = |base: &str, path: &str, name: Option<&str>| {
            assert_eq!(
                cluster_in_path(base, path).expect("decodes").as_deref(),
                name,
                "{path}"
            );
        };
        check("", "/api/v1/kv/x", None);
        check("", "/api/v1/clusters/prod/kv//a", Some("prod"));
        check("/etcd", "/etcd/api/v1/clusters/a%20b/kv", Some("a b"));
        check("", "/api/v1/clusters", None);
    }
}
