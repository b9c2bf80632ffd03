//! The dashboard's HTML page, adapted to the base path and the clusters, and its content security policy.
//!
//! `<base href>` would be simpler, but the policy forbids it (`base-uri 'none'`) for good reason.
//! Instead the base path is put before the page's absolute URLs, and a `meta` element passes it to the
//! dashboard. The inline module contains such URLs, so its hash is computed from the page as it is sent.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use crate::web::percent;

/// The page as it is sent.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) html: Bytes,
    /// The strong entity tag.
    pub(super) tag: String,
    /// Base64 of the SHA-256 of each inline script.
    pub(super) script_hashes: Vec<String>,
}

impl Page {
    pub(super) fn new(html: &str, base_path: &str, clusters: &[String]) -> Self {
        let html = mount(html, base_path.trim_end_matches('/'), clusters);
        let script_hashes = inline_scripts(&html)
            .into_iter()
            .map(|script| STANDARD.encode(Sha256::digest(script)))
            .collect();
        let tag = format!("\"{}\"", super::hex(&Sha256::digest(&html)));
        Self {
            html: Bytes::from(html),
            tag,
            script_hashes,
        }
    }
}

/// Puts the base path before every asset's URL, and what the dashboard must know into `meta` elements.
fn mount(html: &str, base: &str, clusters: &[String]) -> String {
    let mut html = html.to_owned();
    if !base.is_empty() {
        for quote in ['"', '\''] {
            let url = format!("{quote}{}", super::PREFIX);
            html = html.replace(&url, &format!("{quote}{}{}", escape(base), super::PREFIX));
        }
    }
    let names: Vec<String> = clusters
        .iter()
        .map(|name| percent::encode_segment(name.as_bytes()))
        .collect();
    set_meta(&mut html, "watchgate-clusters", &names.join(" "));
    set_meta(&mut html, "watchgate-base", base);
    html
}

/// Sets the content of a `meta` element, which is added to a page that has none.
fn set_meta(html: &mut String, name: &str, content: &str) {
    let meta = |content: &str| format!("<meta name=\"{name}\" content=\"{}\">", escape(content));
    *html = if html.contains(&meta("")) {
        html.replace(&meta(""), &meta(content))
    } else {
        html.replacen("<head>", &format!("<head>{}", meta(content)), 1)
    };
}

/// Escapes an attribute's value. The base path comes from the gateway's own configuration, but must not
/// be able to end its quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace('<', "&lt;")
}

/// The text of every script without a `src`.
fn inline_scripts(html: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find("<script") {
        rest = &rest[start..];
        let Some(open_end) = rest.find('>') else {
            break;
        };
        let Some(close) = rest.find("</script>") else {
            break;
        };
        if !rest[..open_end].contains(" src=") && open_end < close {
            found.push(&rest[open_end + 1..close]);
        }
        rest = &rest[close + "</script>".len()..];
    }
    found
}

/// Allows only resources of this origin, no inline scripts except the hashed ones, and no framing.
pub(super) fn content_security_policy(script_hashes: &[String]) -> HeaderValue {
    let hashes: Vec<String> = script_hashes
        .iter()
        .map(|hash| format!(" 'sha256-{hash}'"))
        .collect();
    let hashes = hashes.concat();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("the policy is ASCII: fixed words and base64")
}
