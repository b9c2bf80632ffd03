//! Resource limits of the process.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit of open files (sockets are files) to the hard limit, and returns the limit now in
/// force. Each connection takes one; the usual soft limit is 1024.
pub fn raise_open_files() -> std::io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_limit() {
        let limit = raise_open_files().expect("a process may raise its own soft limit");
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limits can be read");
        assert_eq!((soft, hard), (limit, limit));
    }
}
