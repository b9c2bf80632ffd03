//! Request headers of the dashboard's files: `Accept-Encoding`, `Accept` and `If-None-Match`.

use http::HeaderValue;

/// The encoding in which an asset is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// The value of `Content-Encoding`.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// The suffix that distinguishes its entity tag from those of the other encodings.
    pub(super) fn tag_suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Gzip => "-gz",
            Self::Identity => "",
        }
    }
}

/// The smallest encoding that the client accepts; `Identity`, which may always be sent, if it accepts
/// no other.
pub(super) fn choose(accept: Option<&HeaderValue>, brotli: bool, gzip: bool) -> Encoding {
    let Some(accept) = accept.and_then(|value| value.to_str().ok()) else {
        return Encoding::Identity;
    };
    if brotli && accepts(accept, "br") {
        Encoding::Brotli
    } else if gzip && accepts(accept, "gzip") {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// Whether the list gives `coding` a weight above zero, by its name or by `*`.
fn accepts(accept: &str, coding: &str) -> bool {
    let weight_of = |wanted: &str| {
        accept.split(',').find_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            parts
                .next()
                .filter(|name| name.eq_ignore_ascii_case(wanted))?;
            Some(has_weight(parts))
        })
    };
    weight_of(coding)
        .or_else(|| weight_of("*"))
        .unwrap_or(false)
}

/// Whether an `Accept` header names HTML explicitly, as a browser's navigation does. Any client may
/// send `*/*`.
pub(crate) fn names_html(accept: &[u8]) -> bool {
    String::from_utf8_lossy(accept)
        .split(',')
        .filter_map(|item| item.split(';').next())
        .any(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}

/// Whether HTML may be sent: the most specific media range that matches it decides (RFC 9110, 12.5.1).
/// Without an `Accept` header any type may be sent.
pub(super) fn allows_html<'a>(accepts: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut most_specific = None;
    let mut named = false;
    for accept in accepts {
        for item in String::from_utf8_lossy(accept).split(',') {
            named |= !item.trim().is_empty();
            let mut parts = item.split(';').map(str::trim);
            let specific = match parts.next().map(str::to_ascii_lowercase).as_deref() {
                Some("text/html") => 2,
                Some("text/*") => 1,
                Some("*/*") => 0,
                _ => continue,
            };
            let weight = (specific, has_weight(parts));
            most_specific = most_specific.max(Some(weight));
        }
    }
    most_specific.map_or(!named, |(_, allowed)| allowed)
}

/// Whether the weight in an item's parameters, 1 by default, is above zero.
fn has_weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> bool {
    let weight =
        parameters.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
}

/// Whether `If-None-Match` has the tag, by weak comparison as that header requires.
pub(super) fn matches_tag(known: &[u8], tag: &str) -> bool {
    String::from_utf8_lossy(known)
        .split(',')
        .map(str::trim)
        .any(|item| item == "*" || item.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_accepted_encoding_is_chosen() {
        for (accept, encoding) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("br;q=0, gzip", Encoding::Gzip),
            ("GZIP;q=0.5", Encoding::Gzip),
            ("*", Encoding::Brotli),
            ("*;q=0", Encoding::Identity),
            ("br;q=nonsense", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("", Encoding::Identity),
        ] {
            let value = HeaderValue::from_static(accept);
            assert_eq!(choose(Some(&value), true, true), encoding, "{accept}");
        }
        assert_eq!(
            choose(Some(&HeaderValue::from_static("br")), false, true),
            Encoding::Identity
        );
        assert_eq!(choose(None, true, true), Encoding::Identity);
    }

    #[test]
    fn only_a_navigation_names_html() {
        assert!(names_html(
            b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(!names_html(b"*/*"));
        assert!(!names_html(b"application/json"));
        assert!(!names_html(b"\xff"));
    }

    #[test]
    fn the_most_specific_range_decides_about_html() {
        let allowed =
            |accepts: &[&str]| allows_html(accepts.iter().map(|accept| accept.as_bytes()));
        assert!(allowed(&[]), "no header");
        for accept in [
            "",
            "*/*",
            "text/*",
            "text/html",
            "TEXT/HTML;q=0.1",
            "text/html;level=1;q=0.4",
            "application/json, */*;q=0.1",
            "text/html, */*;q=0",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ] {
            assert!(allowed(&[accept]), "{accept}");
        }
        for accept in [
            "application/json",
            "text/plain",
            "text/html;q=0",
            "text/html; q=0.000, */*",
            "text/*;q=0, */*",
            "*/*;q=0",
            "*/*;q=nonsense",
            "html",
        ] {
            assert!(!allowed(&[accept]), "{accept}");
        }
        assert!(allowed(&["application/json", "*/*"]), "two headers");
        assert!(!allowed(&["application/json", "*/*;q=0"]), "two headers");
    }

    #[test]
    fn a_tag_matches_in_a_list_weak_or_not() {
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
