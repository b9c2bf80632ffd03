//! The key that seals session cookies: random for each process, or from `--session-key-file`.

use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use axum_extra::extract::cookie::Key;

/// Bytes of a key.
const BYTES: usize = 64;
/// Permissions that the file must not have: any of other users, and writing by the group.
const REFUSED_MODE: u32 = 0o027;
/// Longest file that is read, bytes.
const MAX_FILE: u64 = 4096;

/// A key. Never shown.
#[derive(Clone)]
pub struct SessionKey(pub(super) Key);

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// Why the key file cannot be used. No variant has the file's contents.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("the session key file {path} cannot be read")]
    Unreadable {
        /// As configured.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// Other users of this machine could read or replace the key.
    #[error(
        "the session key file {path} is open to other users (mode {mode:03o}): run chmod 600 {path}"
    )]
    Permissions {
        /// As configured.
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// The file does not contain a key.
    #[error(
        "the session key file {path} must contain 128 hexadecimal digits (64 random bytes), but it has \
         {found}: create it with openssl rand -hex 64"
    )]
    Contents {
        /// As configured.
        path: PathBuf,
        /// What the file has instead.
        found: String,
    },
}

impl SessionKey {
    /// A random key: cookies of another process cannot be opened with it.
    pub fn random() -> Self {
        Self(Key::generate())
    }

    /// The key of a file: 128 hexadecimal digits. White space around them is ignored.
    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        let unreadable = |source| KeyFileError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & REFUSED_MODE != 0 {
            return Err(KeyFileError::Permissions {
                path: path.to_owned(),
                mode,
            });
        }
        let mut contents = Vec::new();
        file.take(MAX_FILE)
            .read_to_end(&mut contents)
            .map_err(unreadable)?;
        let digits = contents.trim_ascii();
        let invalid = |found: String| KeyFileError::Contents {
            path: path.to_owned(),
            found,
        };
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(invalid("other characters".to_owned()));
        }
        if digits.len() != 2 * BYTES {
            return Err(invalid(format!("{} digits", digits.len())));
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect();
        Ok(Self(Key::from(&bytes)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};

    use super::*;

    fn load(contents: &str, mode: u32) -> Result<SessionKey, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        write(&path, contents).expect("writes");
        set_permissions(&path, Permissions::from_mode(mode)).expect("our own file");
        SessionKey::from_file(&path).map_err(|error| format!("{error} {error:?}"))
    }

    #[test]
    fn a_key_is_64_bytes_in_hexadecimal_digits() {
        let digits = "0aF".repeat(43)[..128].to_owned();
        let key = load(&format!(" {digits}\n"), 0o600).expect("a key");
        assert_eq!(key.0.master()[..3], [0x0a, 0xf0, 0xaf]);
        assert!(load(&digits, 0o440).is_ok());
        assert!(!format!("{key:?}").contains("0a"));
        for (contents, found) in [
            ("", "0 digits"),
            (&digits[..126], "126 digits"),
            (&*digits.repeat(2), "256 digits"),
            (&*digits.replace('F', "g"), "other characters"),
        ] {
            let error = load(contents, 0o600).expect_err("not a key");
            assert!(
                error.contains(found) && error.contains("openssl"),
                "{error}"
            );
            assert!(!error.contains("0aF0aF"), "{error}");
        }
        assert!(SessionKey::from_file(Path::new("/nonexistent/key")).is_err());
    }

    #[test]
    fn a_key_that_others_can_read_or_replace_is_refused() {
        for mode in [0o644, 0o604, 0o660, 0o601] {
            let error = load(&"0".repeat(128), mode).expect_err("open to others");
            assert!(error.contains("chmod 600"), "{error}");
        }
    }
}
