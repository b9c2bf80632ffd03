//! Element ids for items named by bytes: keys, prefixes and locks.

use std::fmt::Write as _;

/// The prefix, followed by the bytes in hex.
pub(crate) fn element_id(prefix: &str, bytes: &[u8]) -> String {
    let mut id = String::with_capacity(prefix.len() + bytes.len() * 2);
    id.push_str(prefix);
    for byte in bytes {
        write!(id, "{byte:02x}").expect("writing to a String never fails");
    }
    id
}
