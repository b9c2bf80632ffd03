//! Checks the Host, Origin and fetch site of each request (see "Security" in the README).
//!
//! Every page in the user's browser can reach a service on loopback. The check of the Host prevents DNS
//! rebinding, the check of the Origin refuses other sites, on every route and method.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Version, header};
use shared::Code;

use crate::failure::{Failure, Result};
use crate::server::Connection;
use crate::state::AppState;
use crate::web::authority::{AllowedHosts, Authority};
use crate::web::own_page::FromOwnPage;

/// The names of this gateway.
struct Guard<'a> {
    allowed: &'a AllowedHosts,
}

impl Guard<'_> {
    /// Checks one request; whether a page of this gateway made it. Many requests that pass are from no page:
    /// programs send neither header.
    fn check(&self, request: &Parts, local: SocketAddr, kind: Kind) -> Result<bool> {
        let host = self.host(request, local, kind)?;
        // Scripts and WebAssembly are fetched with an Origin, and behind a proxy that replaces the Host
        // it looks foreign. These files are the same for every caller: sending them discloses nothing, and
        // a page that loads can explain what is wrong.
        let own_origin = kind != Kind::Static && self.origin(&request.headers, host.as_ref())?;
        fetch_site(&request.method, &request.headers, kind == Kind::Static)?;
        let mut sites = request.headers.get_all("sec-fetch-site").iter();
        let same_origin = sites.next().is_some_and(|site| site == "same-origin");
        Ok(own_origin || (same_origin && sites.next().is_none()))
    }

    /// The host that the request names. `None` for a health check of HTTP/1.0, which has no Host to send.
    fn host(&self, request: &Parts, local: SocketAddr, kind: Kind) -> Result<Option<Authority>> {
        let header = single(&request.headers, &header::HOST)?;
        // HTTP/2 carries the host as `:authority`, which hyper puts into the URI; in HTTP/1 a target
        // with a host in it does not replace the header.
        let pseudo = request.uri.authority().map(http::uri::Authority::as_str);
        let parse = |text: &str| {
            Authority::parse(text)
                .ok_or_else(|| Failure::bad_request("the Host must be a host, or a host and port"))
        };
        let host = match (header, pseudo) {
            (Some(header), Some(pseudo)) => {
                let (header, pseudo) = (parse(header)?, parse(pseudo)?);
                if header != pseudo {
                    return Err(Failure::bad_request("Host and :authority differ"));
                }
                header
            }
            (Some(header), None) => parse(header)?,
            (None, Some(pseudo)) if request.version >= Version::HTTP_2 => parse(pseudo)?,
            // No browser sends such a request, so no page can cause one.
            (None, _) if request.version < Version::HTTP_11 && kind == Kind::Probe => {
                return Ok(None);
            }
            (None, _) => return Err(Failure::bad_request("the Host header is required")),
        };
        // A proxy terminates TLS, so an omitted port is that of plain HTTP.
        let known = host.is_loopback_name()
            || host.is_local_address(local, 80)
            || self.allowed.allows(&host, 80);
        if known {
            return Ok(Some(host));
        }
        let name = host.host.clone();
        Err(Failure::new(
            Code::ForeignHost,
            format!("unknown host `{name}`: it is not a name of this gateway"),
        )
        .hint(format!(
            "to accept it, start the gateway with --allow-host {name}"
        )))
    }

    /// Refuses a foreign Origin; whether there is one of our own page. The page of another port of an allowed host
    /// passes, but a cookie, which browsers send to every port, does not count for it.
    fn origin(&self, headers: &HeaderMap, host: Option<&Authority>) -> Result<bool> {
        let foreign = |detail: &str| {
            Failure::new(Code::ForeignOrigin, detail).hint(
                "--allow-host accepts pages of another host; a proxy must pass the Host that the \
                 browser sent",
            )
        };
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return Ok(false);
        };
        if origins.next().is_some() {
            return Err(foreign("the request has more than one Origin"));
        }
        let text = origin
            .to_str()
            .map_err(|_| Failure::bad_request("the Origin must be ASCII text"))?
            .to_ascii_lowercase();
        let (default_port, authority) = match text.split_once("://") {
            Some(("http", authority)) => (80, Authority::parse(authority)),
            Some(("https", authority)) => (443, Authority::parse(authority)),
            _ => return Err(foreign("the request comes from another origin")),
        };
        let port = |authority: &Authority| authority.port.unwrap_or(default_port);
        let is_host = |origin: &Authority| {
            host.is_some_and(|host| origin.host == host.host && port(origin) == port(host))
        };
        match authority {
            Some(origin) if is_host(&origin) || self.allowed.names(&origin, default_port) => {
                Ok(true)
            }
            Some(origin) if self.allowed.allows(&origin, default_port) => Ok(false),
            _ => Err(foreign("the request comes from another origin")),
        }
    }
}

/// The header's only value; a second one, or one that is not text, is malformed.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Failure::bad_request(format!(
            "the header {name} must appear only once"
        )));
    }
    let text = value.to_str();
    text.map(Some)
        .map_err(|_| Failure::bad_request(format!("the header {name} must be ASCII text")))
}

fn fetch_site(method: &Method, headers: &HeaderMap, document: bool) -> Result<()> {
    let get = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = get("sec-fetch-site");
    if !matches!(site, Some("cross-site" | "same-site")) {
        return Ok(());
    }
    let navigation = method == Method::GET
        && get("sec-fetch-mode") == Some("navigate")
        && get("sec-fetch-dest") == Some("document")
        && !headers.contains_key(header::ORIGIN);
    if navigation && document {
        return Ok(());
    }
    Err(Failure::new(
        Code::ForeignOrigin,
        "the request was made by a page of another site",
    ))
}

/// The kind of route that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Files that are the same for every caller: a page, an asset, the API's documentation.
    Static,
    /// For monitoring: health, readiness, version, metrics.
    Probe,
    /// Everything else.
    Api,
}

impl Kind {
    fn of(base_path: &str, method: &Method, path: &str) -> Self {
        let reads = *method == Method::GET || *method == Method::HEAD;
        let Some(path) = path.strip_prefix(base_path).filter(|_| reads) else {
            return Self::Api;
        };
        let below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if ["/healthz", "/readyz", "/health", "/version", "/metrics"].contains(&path) {
            Self::Probe
        } else if below("/api/docs") || !["/api", "/v3", "/v3beta"].into_iter().any(below) {
            Self::Static
        } else {
            Self::Api
        }
    }
}

/// The layer.
pub async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let local = request
        .extensions()
        .get::<ConnectInfo<Connection>>()
        .map_or(app.config.listen, |ConnectInfo(connection)| {
            connection.local
        });
    let (mut parts, body) = request.into_parts();
    let kind = Kind::of(&app.config.base_path, &parts.method, parts.uri.path());
    let allowed = &app.allowed_hosts;
    match (Guard { allowed }).check(&parts, local, kind) {
        Ok(from_own_page) => {
            if from_own_page {
                parts.extensions.insert(FromOwnPage);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(failure) => failure.into_response(),
    }
}

#[cfg(test)]
mod tests;
