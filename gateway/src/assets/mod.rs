//! The dashboard: its page, its files, and how long browsers may keep them.
//!
//! Owns everything that Trunk wrote to `dist/`. The program embeds it, not this library: so all of the
//! gateway but its last link can be built before, or beside, the dashboard. Every file but the page has
//! its content's hash in its name and is kept for ever; the page is asked for anew each time. Knows
//! nothing of the API: what is no page and no asset is left to the router.

mod page;

use std::borrow::Cow;
use std::collections::HashMap;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, RETRY_AFTER, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use self::page::Page;
use crate::web::accept::{self, Encoding};
use crate::web::headers::matches_tag;

/// The dashboard's pages, as `frontend/src/app.rs` routes them. Each is answered by the one page.
const PAGES: [&str; 3] = ["/explorer", "/watch", "/locks"];

/// Where Trunk was told that its files will be served (`public_url` in `Trunk.toml`).
const PREFIX: &str = "/assets/";

/// What a page says where the gateway was built without the dashboard.
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Watchgate</title>\n\
    <h1>The dashboard is not built</h1>\n\
    <p>This gateway was compiled without it. Type <code>cargo xtask build</code>, then start it again.</p>\n\
    <p>The REST API is here all the same, under <code>/api/v1</code>.</p>\n</html>\n";

/// What Trunk wrote, by path in `dist/`; `name.br` and `name.gz` are forms of `name`.
#[derive(Clone, Debug, Default)]
pub struct Files(HashMap<String, Bytes>);

impl Files {
    /// Those that a program embeds.
    pub fn embedded<Dist: RustEmbed>() -> Self {
        let files = Dist::iter().filter_map(|name| {
            let bytes = match Dist::get(&name)?.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => Bytes::from(bytes),
            };
            Some((name.into_owned(), bytes))
        });
        Self(files.collect())
    }
}

/// The dashboard's files, ready to be served below one base path.
#[derive(Debug)]
pub struct Assets {
    page: Option<Page>,
    files: HashMap<String, File>,
    policy: HeaderValue,
}

/// One file with its precompressed forms.
#[derive(Debug)]
struct File {
    content_type: &'static str,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
    /// The content's hash, in hex.
    hash: String,
}

impl Assets {
    /// Serves `files`. `base_path` is where the gateway is mounted: empty, or `/etcd`.
    pub fn new(Files(mut files): Files, base_path: &str) -> Self {
        // An empty page is the build script's, in the place of one that is not built yet.
        let page = files
            .remove("index.html")
            .filter(|html| !html.is_empty())
            .map(|html| Page::new(&String::from_utf8_lossy(&html), base_path));
        let policy =
            page::content_security_policy(page.as_ref().map_or(&[], |page| &page.script_hashes));
        let is_form = |name: &str| matches!(name.rsplit_once('.'), Some((_, "br" | "gz")));
        let names: Vec<String> = files
            .keys()
            .filter(|name| !is_form(name))
            .cloned()
            .collect();
        let files = names
            .into_iter()
            .filter_map(|name| {
                let plain = files.remove(&name)?;
                let file = File {
                    content_type: content_type(&name),
                    hash: hex(&Sha256::digest(&plain)),
                    plain,
                    brotli: files.remove(&format!("{name}.br")),
                    gzip: files.remove(&format!("{name}.gz")),
                };
                Some((name, file))
            })
            .collect();
        Self {
            page,
            files,
            policy,
        }
    }

    /// The policy of every answer: product.md 8's, with the hash of the page's inline module.
    pub fn content_security_policy(&self) -> &HeaderValue {
        &self.policy
    }

    /// Answers a GET or HEAD of an asset or a page. `path` is below the base path, as it was sent
    /// (`/assets/…`, `/locks`). `None`: neither, and so the router's own 404 or 405.
    pub fn respond(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
        if method != Method::GET && method != Method::HEAD {
            return None;
        }
        let response = if let Some(name) = path.strip_prefix(PREFIX) {
            self.asset(name, headers)
        } else {
            match Asked::of(path, headers) {
                Asked::Page => self.page(headers),
                Asked::UnknownPage => self.unknown_page(),
                Asked::Nothing => return None,
            }
        };
        Some(if method == Method::HEAD {
            response.map(|_| Body::empty())
        } else {
            response
        })
    }

    fn asset(&self, name: &str, headers: &HeaderMap) -> Response {
        let Some(file) = self.files.get(name) else {
            return answer(
                StatusCode::NOT_FOUND,
                "text/plain; charset=utf-8",
                Bytes::from_static(b"no such asset\n"),
            );
        };
        let encoding = accept::choose(
            headers.get(ACCEPT_ENCODING),
            file.brotli.is_some(),
            file.gzip.is_some(),
        );
        let body = match encoding {
            Encoding::Brotli => file.brotli.as_ref(),
            Encoding::Gzip => file.gzip.as_ref(),
            Encoding::Identity => None,
        }
        .unwrap_or(&file.plain);
        // A strong tag names the bytes that are sent, and these differ by encoding.
        let tag = format!("\"{}{}\"", file.hash, encoding.tag_suffix());
        let mut response = tagged(headers, &tag, file.content_type, body);
        let out = response.headers_mut();
        out.insert(
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        );
        if file.brotli.is_some() || file.gzip.is_some() {
            out.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if response.status() == StatusCode::OK
            && let Some(name) = encoding.name()
        {
            response
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }

    fn page(&self, headers: &HeaderMap) -> Response {
        let Some(page) = &self.page else {
            let body = Bytes::from_static(NOT_BUILT.as_bytes());
            let mut response = answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "text/html; charset=utf-8",
                body,
            );
            response
                .headers_mut()
                .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("60"));
            return response;
        };
        let mut response = tagged(headers, &page.tag, "text/html; charset=utf-8", &page.html);
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }

    /// The page as a 404: a browser shows it, and a script sees that there is nothing.
    fn unknown_page(&self) -> Response {
        let mut response = self.page(&HeaderMap::new());
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::NOT_FOUND;
            response.headers_mut().remove(ETAG);
        }
        response
    }
}

/// What a path means to the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// One of its pages.
    Page,
    /// No page, but a person opened it: the dashboard says so, and has the way to its pages.
    UnknownPage,
    /// A file's name, the API's, or something that a program asks for.
    Nothing,
}

impl Asked {
    fn of(path: &str, headers: &HeaderMap) -> Self {
        if path.is_empty() || path == "/" {
            return Self::Page;
        }
        if PAGES.contains(&path.trim_end_matches('/')) {
            return if accept::allows_html(headers) {
                Self::Page
            } else {
                Self::Nothing
            };
        }
        let below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let last = path.rsplit('/').next().unwrap_or_default();
        let ours = ["/api", "/v3", "/v3beta", "/assets"].into_iter().any(below);
        if !ours && !last.contains('.') && accept::names(headers, "text/html") {
            Self::UnknownPage
        } else {
            Self::Nothing
        }
    }
}

/// 304 where the client has it already, else 200.
fn tagged(headers: &HeaderMap, tag: &str, content_type: &'static str, body: &Bytes) -> Response {
    let mut response = if headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|known| matches_tag(known.as_bytes(), tag))
    {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        answer(StatusCode::OK, content_type, body.clone())
    };
    let tag = HeaderValue::from_str(tag).expect("a tag is made of hex digits");
    response.headers_mut().insert(ETAG, tag);
    response
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Given by hand, so that HEAD tells it too.
    headers.insert(CONTENT_LENGTH, length);
    response
}

/// By the name's end; these are all that Trunk writes for us.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests;
