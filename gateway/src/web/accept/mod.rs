//! `Accept` and `Accept-Encoding` (RFC 9110, 12.5): which form of a response a client takes.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

/// The content coding that a file is sent in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// The value of `Content-Encoding`.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// The suffix that distinguishes its entity tag from those of the other codings.
    pub(crate) fn tag_suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Gzip => "-gz",
            Self::Identity => "",
        }
    }
}

/// The smallest coding that the client accepts; `Identity`, which may always be sent, if it accepts no
/// other.
pub(crate) fn choose(accept: Option<&HeaderValue>, brotli: bool, gzip: bool) -> Encoding {
    let Some(accept) = accept.and_then(|value| value.to_str().ok()) else {
        return Encoding::Identity;
    };
    if brotli && accepts_coding(accept, "br") {
        Encoding::Brotli
    } else if gzip && accepts_coding(accept, "gzip") {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// Whether the list accepts `coding`, by name or by `*`, with a weight above zero.
fn accepts_coding(accept: &str, coding: &str) -> bool {
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

/// Whether an `Accept` header names this media type itself. `*/*` does not count: every client sends it, while
/// only a browser's navigation names `text/html`, and only an EventSource `text/event-stream`.
pub(crate) fn names(headers: &HeaderMap, media_type: &str) -> bool {
    accepts(headers).any(|(range, _)| range.eq_ignore_ascii_case(media_type))
}

/// Whether HTML may be sent: the most specific media range that matches it decides (RFC 9110, 12.5.1).
/// Without an `Accept` header any type may be sent.
pub(crate) fn allows_html(headers: &HeaderMap) -> bool {
    let mut most_specific = None;
    let mut named = false;
    for (range, weighted) in accepts(headers) {
        named = true;
        let specific = match range.to_ascii_lowercase().as_str() {
            "text/html" => 2,
            "text/*" => 1,
            "*/*" => 0,
            _ => continue,
        };
        most_specific = most_specific.max(Some((specific, weighted)));
    }
    most_specific.map_or(!named, |(_, allowed)| allowed)
}

/// The media ranges of every `Accept` header, each with whether its weight is above zero.
fn accepts(headers: &HeaderMap) -> impl Iterator<Item = (&str, bool)> {
    let values = headers.get_all(ACCEPT).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let range = parts.next().filter(|range| !range.is_empty())?;
            Some((range, has_weight(parts)))
        })
}

/// Whether the weight in an item's parameters, 1 by default, is above zero.
fn has_weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> bool {
    let weight =
        parameters.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
}

#[cfg(test)]
mod tests;
