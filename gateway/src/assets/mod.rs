//! The dashboard: its page, its assets, and how long browsers may cache them.
//!
//! Owns everything that Trunk wrote to `dist/`. The program embeds it, not this library: so all of the
//! gateway except its last link can be built before the dashboard, or at the same time. Every file but
//! the page has the hash of its content in its name and is cached forever; the page is revalidated on
//! every load. Knows nothing of the API: the router handles paths that are neither a page nor an asset.

mod page;

use std::borrow::Cow;
use std::collections::HashMap;

use axum::body::Body;
use axum::response::{IntoResponse as _, Redirect, Response};
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
use crate::web::percent;

/// The dashboard's pages, as routed by `frontend/src/app.rs`, below `/clusters/{cluster}`. All are served the same HTML.
const PAGES: [&str; 6] = [
    "/explorer",
    "/watch",
    "/locks",
    "/transactions",
    "/cluster",
    "/sign-in",
];

/// The pages that were at the root before clusters were in the address: shared links have to work.
const PAGES_AT_ROOT: [&str; 3] = ["/explorer", "/watch", "/locks"];

/// The path below which assets are served (`public_url` in `Trunk.toml`).
const PREFIX: &str = "/assets/";

/// The page of a gateway that was built without the dashboard.
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Watchgate</title>\n\
    <h1>The dashboard is not built</h1>\n\
    <p>This gateway was compiled without it. Run <code>cargo xtask build</code>, then start the gateway again.</p>\n\
    <p>The REST API is available under <code>/api/v1</code>.</p>\n</html>\n";

/// Trunk's output, by path in `dist/`; `name.br` and `name.gz` are compressed variants of `name`.
#[derive(Clone, Debug, Default)]
pub struct Files(HashMap<String, Bytes>);

impl Files {
    /// The files that a program embeds.
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
    /// The base path without a slash at its end.
    base_path: String,
    /// The names of the clusters, the default one first.
    clusters: Vec<String>,
    files: HashMap<String, File>,
    policy: HeaderValue,
}

/// One file with its precompressed variants.
#[derive(Debug)]
struct File {
    content_type: &'static str,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
    /// SHA-256 of the content, in hexadecimal.
    hash: String,
}

impl Assets {
    /// Serves `files` below `base_path`, the gateway's `--base-path`: empty, or a path such as `/etcd`. `clusters`
    /// has the names of the clusters, the default one first.
    pub fn new(Files(mut files): Files, base_path: &str, clusters: Vec<String>) -> Self {
        // The build script writes an empty page if the dashboard is not built yet.
        let page = files
            .remove("index.html")
            .filter(|html| !html.is_empty())
            .map(|html| Page::new(&String::from_utf8_lossy(&html), base_path, &clusters));
        let policy =
            page::content_security_policy(page.as_ref().map_or(&[], |page| &page.script_hashes));
        let is_variant = |name: &str| matches!(name.rsplit_once('.'), Some((_, "br" | "gz")));
        let names: Vec<String> = files
            .keys()
            .filter(|name| !is_variant(name))
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
            base_path: base_path.trim_end_matches('/').to_owned(),
            clusters,
            files,
            policy,
        }
    }

    /// The content security policy of every response, with the hash of the page's inline module.
    pub fn content_security_policy(&self) -> &HeaderValue {
        &self.policy
    }

    /// The response to a GET or HEAD of an asset or a page. `path` is below the base path, as it was
    /// sent (`/assets/…`, `/clusters/default/locks`). `None` if it is neither: the router then sends its own 404 or 405.
    pub fn respond(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Option<Response> {
        if method != Method::GET && method != Method::HEAD {
            return None;
        }
        let response = if let Some(name) = path.strip_prefix(PREFIX) {
            self.asset(name, headers)
        } else {
            match Target::of(path, &self.clusters, headers) {
                Target::Page => self.page(headers),
                Target::PageAtRoot => self.to_default_cluster(path, query)?,
                Target::UnknownPage => self.unknown_page(),
                Target::Other => return None,
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
            return build_response(
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
        // A strong entity tag identifies the bytes that are sent, and they differ by encoding.
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
            let mut response = build_response(
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

    /// Redirects a page at the root to the same page of the default cluster. Browsers keep the fragment.
    fn to_default_cluster(&self, path: &str, query: Option<&str>) -> Option<Response> {
        let mut location = format!(
            "{}/clusters/{}{}",
            self.base_path,
            percent::encode_segment(self.clusters.first()?.as_bytes()),
            path.trim_end_matches('/')
        );
        if let Some(query) = query {
            location.push('?');
            location.push_str(query);
        }
        Some(Redirect::temporary(&location).into_response())
    }

    /// The page with status 404: a browser shows the page, and a script sees the status.
    fn unknown_page(&self) -> Response {
        let mut response = self.page(&HeaderMap::new());
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::NOT_FOUND;
            response.headers_mut().remove(ETAG);
        }
        response
    }
}

/// How the dashboard classifies a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// One of the dashboard's pages.
    Page,
    /// A page without a cluster in its path.
    PageAtRoot,
    /// An unknown path or cluster opened in a browser: the dashboard says so, and links to its pages.
    UnknownPage,
    /// A file, a path of the API, or a request of a program.
    Other,
}

impl Target {
    fn of(path: &str, clusters: &[String], headers: &HeaderMap) -> Self {
        if path.is_empty() || path == "/" {
            return Self::Page;
        }
        let page = if PAGES_AT_ROOT.contains(&path.trim_end_matches('/')) {
            Some(Self::PageAtRoot)
        } else {
            Self::in_cluster(path, clusters)
        };
        if let Some(page) = page {
            return if accept::allows_html(headers) {
                page
            } else {
                Self::Other
            };
        }
        let below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let last = path.rsplit('/').next().unwrap_or_default();
        let reserved = ["/api", "/v3", "/v3beta", "/assets"].into_iter().any(below);
        if !reserved && !last.contains('.') && accept::names(headers, "text/html") {
            Self::UnknownPage
        } else {
            Self::Other
        }
    }
}

impl Target {
    /// The target of a page's path below `/clusters/{cluster}`; `None` for any other path.
    fn in_cluster(path: &str, clusters: &[String]) -> Option<Self> {
        let rest = path.strip_prefix("/clusters/")?;
        let (segment, page) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let page = page.trim_end_matches('/');
        if segment.is_empty() || !(page.is_empty() || PAGES.contains(&page)) {
            return None;
        }
        let name = percent::decode(segment).ok()?;
        let known = clusters.iter().any(|cluster| cluster.as_bytes() == name);
        Some(if known { Self::Page } else { Self::UnknownPage })
    }
}

/// 304 if the client already has this entity tag, else 200.
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
        build_response(StatusCode::OK, content_type, body.clone())
    };
    let tag = HeaderValue::from_str(tag).expect("an entity tag consists of hexadecimal digits");
    response.headers_mut().insert(ETAG, tag);
    response
}

fn build_response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Set here, so that a response to HEAD has it too.
    headers.insert(CONTENT_LENGTH, length);
    response
}

/// The content type by the file name's extension; these are all that Trunk writes.
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
