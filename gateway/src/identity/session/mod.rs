//! Sign-in by cookie: sessions of browsers.
//!
//! A session is a name and password that etcd has accepted, sealed in a cookie: the gateway stores none, so
//! that any gateway with the same key accepts it. [`Sessions`] opens the cookies of requests and makes those
//! of responses. What a gateway knows of itself ends with its process: which sessions were signed out
//! ([`end`]).
//!
//! A cookie counts below `/api/v1` only, and only where the request has no `Authorization`. It is sent by
//! the browser whichever page made the request, so a request that may change something must be made by a
//! page of this gateway ([`Sessions::credential`]).

mod claims;
mod end;
mod key;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::response::IntoResponse as _;
use axum_extra::extract::cookie::{Cookie, CookieJar, PrivateCookieJar, SameSite};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sha2::{Digest as _, Sha256};
use shared::Code;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::claims::Claims;
use self::end::Ends;
pub use self::end::{EndReason, SessionEnd};
pub use self::key::{KeyFileError, SessionKey};
use super::credential::Credential;
use crate::etcd::{Account, Credentials};
use crate::failure::{Failure, Result};
use crate::web::accept;
use crate::web::own_page::FromOwnPage;
use crate::web::websocket::is_upgrade;

/// The header of requests that show no activity of a user, such as periodic reads of a page: they do not renew
/// the session.
const BACKGROUND: HeaderName = HeaderName::from_static("watchgate-background");
/// Browsers drop larger cookies without notice; bytes of name and value.
const MAX_COOKIE: usize = 4000;

/// A session of a request.
#[derive(Debug)]
pub struct Session {
    claims: Claims,
    end: SessionEnd,
    /// Whether the request acts as the session's user.
    used: AtomicBool,
    account: OnceLock<Arc<Account>>,
}

impl Session {
    /// The user's name and password.
    pub fn credentials(&self) -> &Credentials {
        &self.claims.credentials
    }

    /// Signals its end to what it has opened.
    pub fn end(&self) -> &SessionEnd {
        &self.end
    }

    /// When it ends however active it is (RFC 3339).
    pub fn expires_at(&self) -> String {
        rfc3339(self.claims.expires_at())
    }

    /// When it ends if nothing after this request renews it (RFC 3339). `active`: the request does.
    pub fn idle_expires_at(&self, active: bool) -> String {
        let renewed = active.then(|| self.claims.renewed(now())).flatten();
        rfc3339(renewed.as_ref().unwrap_or(&self.claims).idle_expires_at())
    }

    /// Records the account that requests of this session are signed with.
    pub(super) fn set_account(&self, account: &Arc<Account>) {
        let _ = self.account.set(Arc::clone(account));
    }

    /// Whether etcd has refused the account permanently while it served the request.
    pub fn is_refused(&self) -> bool {
        self.account.get().is_some_and(|it| it.is_refused())
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.claims.id == other.claims.id
    }
}

impl Eq for Session {}

/// What a request has as a session cookie of its cluster.
#[derive(Clone, Debug, Default)]
pub enum Presented {
    /// None.
    #[default]
    None,
    /// The cookie of a session.
    Valid(Arc<Session>),
    /// The cookie of a session that has ended.
    Ended(EndReason),
}

impl Presented {
    /// That of a request; `middleware::session` has opened it.
    pub fn of(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// The session, unless it has ended.
    pub fn session(&self) -> Option<&Arc<Session>> {
        match self {
            Self::Valid(session) => Some(session),
            Self::None | Self::Ended(_) => None,
        }
    }

    /// The session that the request acted as.
    pub fn used(&self) -> Option<&Arc<Session>> {
        self.session()
            .filter(|session| session.used.load(Ordering::Relaxed))
    }
}

/// The end of the session that a request acts as; a stream that it opens ends with it.
pub fn end_of(parts: &Parts) -> Option<SessionEnd> {
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return None;
    }
    let presented = parts.extensions.get::<Presented>()?;
    presented.session().map(|session| session.end.clone())
}

/// Marks a response that ends by itself, and in order, when its session does.
#[derive(Clone, Copy, Debug)]
pub struct EndsWithSession;

/// Whether a request shows activity of a user. Streams reconnect by themselves, so opening one does not.
pub fn is_activity(parts: &Parts) -> bool {
    !is_upgrade(parts)
        && !accept::names(&parts.headers, "text/event-stream")
        && !parts.headers.contains_key(BACKGROUND)
}

/// Requires that a page of this gateway made the request.
///
/// # Errors
/// `foreign_origin`.
pub fn require_own_page(parts: &Parts) -> Result<()> {
    if FromOwnPage::made(parts) {
        return Ok(());
    }
    Err(Failure::new(
        Code::ForeignOrigin,
        "a request with a session cookie that may change something must come from this gateway's own \
         page",
    )
    .hint(
        "browsers show that by `Origin` or `Sec-Fetch-Site: same-origin`; programs send Authorization \
         instead of a cookie",
    ))
}

/// The sessions of one process.
pub struct Sessions {
    key: SessionKey,
    base_path: String,
    port: u16,
    ends: Mutex<Ends>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Sessions of a gateway that serves below this path and on this port.
    pub fn new(key: SessionKey, base_path: &str, port: u16) -> Self {
        Self {
            key,
            base_path: base_path.to_owned(),
            port,
            ends: Mutex::default(),
        }
    }

    /// The name of a cluster's cookie. Browsers send a cookie to every port of a host, so each gateway has its
    /// own names.
    pub fn cookie_name(&self, cluster: &str) -> String {
        let mut hash = Sha256::new();
        for part in [self.base_path.as_bytes(), cluster.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.port.to_be_bytes());
        let hash: String = hash
            .finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("watchgate-{hash}")
    }

    /// Opens the cookie of a cluster among a request's headers.
    pub fn present(&self, cluster: &str, headers: &HeaderMap) -> Presented {
        if !headers.contains_key(header::COOKIE) {
            return Presented::None;
        }
        let name = self.cookie_name(cluster);
        if CookieJar::from_headers(headers).get(&name).is_none() {
            return Presented::None;
        }
        // Of several cookies with this name, one that can be opened counts.
        let jar = PrivateCookieJar::from_headers(headers, self.key.0.clone());
        let claims = jar
            .get(&name)
            .and_then(|cookie| Claims::from_text(cookie.value(), cluster));
        let Some(claims) = claims else {
            return Presented::Ended(EndReason::Unreadable);
        };
        let now = now();
        let mut ends = self.ends();
        if let Some(reason) = claims.ended_at(now).or_else(|| ends.reason(&claims)) {
            return Presented::Ended(reason);
        }
        let end = ends.signal(&claims, now);
        match end.reason() {
            Some(reason) => Presented::Ended(reason),
            None => Presented::Valid(Arc::new(Session {
                end,
                claims,
                used: AtomicBool::new(false),
                account: OnceLock::new(),
            })),
        }
    }

    /// The credential of a request with `from_header` in its `Authorization`: that, or else its session.
    ///
    /// # Errors
    /// `unauthenticated` for a session that has ended, `foreign_origin` for a session in a request that may
    /// change something and was not made by a page of this gateway.
    pub fn credential(parts: &Parts, from_header: Credential) -> Result<Credential> {
        if !matches!(from_header, Credential::None) {
            return Ok(from_header);
        }
        let presented = Presented::of(parts);
        let reads = [Method::GET, Method::HEAD].contains(&parts.method) && !is_upgrade(parts);
        if !reads && !matches!(presented, Presented::None) {
            require_own_page(parts)?;
        }
        match presented {
            Presented::None => Ok(Credential::None),
            Presented::Ended(reason) => Err(reason.failure()),
            Presented::Valid(session) => {
                session.used.store(true, Ordering::Relaxed);
                Ok(Credential::Session(session))
            }
        }
    }

    /// Starts a session with a name and password that etcd has accepted; also returns its cookie.
    ///
    /// # Errors
    /// `too_large` if browsers would drop the cookie.
    pub fn start(
        &self,
        cluster: &str,
        credentials: Credentials,
        secure: bool,
    ) -> Result<(Session, HeaderValue)> {
        let mut id = [0; 16];
        rustls::crypto::aws_lc_rs::default_provider()
            .secure_random
            .fill(&mut id)
            .expect("the system has random numbers");
        let now = now();
        let claims = Claims {
            id: format!("{:032x}", u128::from_be_bytes(id)),
            cluster: cluster.to_owned(),
            credentials,
            issued: now,
            used: now,
            secure,
        };
        let cookie = self.seal(&claims);
        let pair = cookie.as_bytes().split(|byte| *byte == b';').next();
        if pair.is_none_or(|pair| pair.len() > MAX_COOKIE) {
            let detail = "name and password are too long for a cookie";
            return Err(Failure::new(Code::TooLarge, detail)
                .hint("send them as Authorization: Basic with each request"));
        }
        let session = Session {
            end: self.ends().signal(&claims, now),
            claims,
            used: AtomicBool::new(true),
            account: OnceLock::new(),
        };
        Ok((session, cookie))
    }

    /// The cookie that renews a session by a request now; `None` less than a minute after the last renewal.
    pub fn renew(&self, session: &Session) -> Option<HeaderValue> {
        let renewed = session.claims.renewed(now())?;
        Some(self.seal(&renewed))
    }

    /// Ends a session at this gateway: its cookie is refused, and its streams end.
    pub fn end(&self, session: &Session, reason: EndReason) {
        self.ends().end(&session.claims, reason, now());
    }

    /// The header that removes a cluster's cookie from the browser.
    pub fn removal(&self, cluster: &str) -> HeaderValue {
        let mut cookie = self.cookie(cluster, String::new(), false);
        cookie.make_removal();
        header_value(&cookie.to_string())
    }

    fn seal(&self, claims: &Claims) -> HeaderValue {
        let cookie = self.cookie(&claims.cluster, claims.to_text(), claims.secure);
        let jar = PrivateCookieJar::new(self.key.0.clone()).add(cookie);
        let response = jar.into_response();
        let sealed = response.headers().get(header::SET_COOKIE);
        let mut sealed = sealed.expect("the jar has one cookie").clone();
        sealed.set_sensitive(true);
        sealed
    }

    /// A cookie that lasts as long as the browser runs; the gateway enforces the limits.
    fn cookie(&self, cluster: &str, value: String, secure: bool) -> Cookie<'static> {
        Cookie::build((self.cookie_name(cluster), value))
            .path(format!("{}/api/v1", self.base_path))
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(secure)
            .build()
    }

    /// The cookie of a session that was started, and used last, this long ago.
    #[cfg(test)]
    pub(crate) fn issued_before(&self, seconds: u64, cluster: &str) -> HeaderValue {
        let at = now() - seconds;
        self.seal(&Claims {
            id: format!("{seconds:032x}"),
            cluster: cluster.to_owned(),
            credentials: Credentials {
                name: "app".to_owned(),
                password: crate::etcd::Secret::new("secret"),
            },
            issued: at,
            used: at,
            secure: false,
        })
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the page that made the request was loaded by HTTPS, as its `Origin` says. No forwarded header counts:
/// any client can set one.
pub fn is_from_https(headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    origin.is_some_and(|origin| {
        let scheme = origin.split_at_checked(8).map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https://"))
    })
}

fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("names and paths of cookies are ASCII")
}

/// Seconds since the epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// A time in UTC.
fn rfc3339(seconds: u64) -> String {
    OffsetDateTime::from(UNIX_EPOCH + Duration::from_secs(seconds))
        .format(&Rfc3339)
        .unwrap_or_default()
}

/// A read with this cookie.
#[cfg(test)]
pub(crate) fn request_at(presented: &Presented) -> Parts {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.extensions.insert(presented.clone());
    parts
}

#[cfg(test)]
mod tests;
