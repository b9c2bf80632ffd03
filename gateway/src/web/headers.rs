//! Headers that every path sets: the store's revision and an entry's ETag.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The store's revision, on every response that came from etcd.
pub const REVISION: HeaderName = HeaderName::from_static("watchgate-revision");

/// The strong ETag of an entry, its mod revision, where the entry was read: the same for its JSON and
/// its raw form, which `Vary` distinguishes.
pub fn set_etag(headers: &mut HeaderMap, mod_revision: Option<i64>) {
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Some(mod_revision) = mod_revision {
        let tag = HeaderValue::from_str(&format!("\"{mod_revision}\""));
        headers.insert(header::ETAG, tag.expect("digits and quotes"));
    }
}

/// Whether `If-None-Match` holds the tag (compared weakly, as the header's rules are).
pub(crate) fn matches_tag(known: &[u8], tag: &str) -> bool {
    String::from_utf8_lossy(known)
        .split(',')
        .map(str::trim)
        .any(|item| item == "*" || item.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_matches_in_a_list_strong_or_weak() {
        for (known, matches) in [
            ("\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("*", true),
            ("\"ab\"", false),
            ("", false),
        ] {
            assert_eq!(matches_tag(known.as_bytes(), "\"a\""), matches, "{known}");
        }
    }
}
