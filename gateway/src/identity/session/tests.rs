//! Cookies: their names and attributes, what opens them, and which requests they count for.

use super::*;
use crate::etcd::Secret;

const PASSWORD: &str = "s3cret; päss=\"word\"";

fn sessions() -> Sessions {
    Sessions::new(SessionKey::random(), "/etcd", 8379)
}

fn start(sessions: &Sessions, cluster: &str, secure: bool) -> (Session, String) {
    let credentials = Credentials {
        name: "app".to_owned(),
        password: Secret::new(PASSWORD),
    };
    let started = sessions.start(cluster, credentials, secure);
    let (session, cookie) = started.expect("fits into a cookie");
    assert!(cookie.is_sensitive());
    (session, cookie.to_str().expect("ASCII").to_owned())
}

/// The headers of a request with these cookies.
fn with(cookies: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for cookie in cookies {
        let pair = cookie.split(';').next().unwrap_or_default();
        let pair = HeaderValue::from_str(pair).expect("a header");
        headers.append(header::COOKIE, pair);
    }
    headers
}

fn reason(presented: &Presented) -> Option<EndReason> {
    match presented {
        Presented::Ended(reason) => Some(*reason),
        Presented::None | Presented::Valid(_) => None,
    }
}

#[test]
fn a_cookie_is_named_after_path_port_and_cluster() {
    let key = SessionKey::random;
    let mut names = vec![
        Sessions::new(key(), "", 8379).cookie_name("prod"),
        Sessions::new(key(), "", 8380).cookie_name("prod"),
        Sessions::new(key(), "", 8379).cookie_name("staging"),
        Sessions::new(key(), "/a", 8379).cookie_name("prod"),
        Sessions::new(key(), "/ap", 8379).cookie_name("rod"),
    ];
    assert!(
        names
            .iter()
            .all(|name| name.len() == "watchgate-".len() + 16)
    );
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 5);
    let again = Sessions::new(key(), "", 8379).cookie_name("prod");
    assert!(names.contains(&again), "the key does not matter");
}

#[tokio::test]
async fn only_the_api_of_this_site_gets_the_cookie_and_no_script() {
    let sessions = sessions();
    let (_, cookie) = start(&sessions, "prod", false);
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/etcd/api/v1"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    for absent in ["Secure", "Max-Age", "Expires", "Domain", "app", "s3cret"] {
        assert!(!cookie.contains(absent), "{absent}: {cookie}");
    }
    let (secure, cookie) = start(&sessions, "prod", true);
    assert!(cookie.contains("; Secure"), "{cookie}");
    assert!(!format!("{secure:?} {sessions:?}").contains("s3cret"));
    let removal = sessions.removal("prod");
    let removal = removal.to_str().expect("ASCII");
    let name = sessions.cookie_name("prod");
    assert!(removal.starts_with(&format!("{name}=;")), "{removal}");
    for part in ["Path=/etcd/api/v1", "Max-Age=0"] {
        assert!(removal.contains(part), "{removal}");
    }
}

#[tokio::test]
async fn a_cookie_opens_for_its_cluster_and_key_only() {
    let key = SessionKey::random();
    let one = Sessions::new(key.clone(), "/etcd", 8379);
    let two = Sessions::new(key, "/etcd", 8379);
    let (_, cookie) = start(&one, "prod", false);
    for sessions in [&one, &two] {
        let presented = sessions.present("prod", &with(&["a=b", &cookie]));
        let session = presented.session().expect("opens");
        assert_eq!(session.credentials().name, "app");
        assert_eq!(session.credentials().password.reveal(), PASSWORD);
    }
    let headers = with(&[&cookie]);
    assert!(matches!(one.present("staging", &headers), Presented::None));
    let other = sessions().present("prod", &headers);
    assert_eq!(reason(&other), Some(EndReason::Unreadable));
    // The value under another cluster's name is not a session there.
    let renamed = cookie.replace(&one.cookie_name("prod"), &one.cookie_name("staging"));
    let swapped = one.present("staging", &with(&[&renamed]));
    assert_eq!(reason(&swapped), Some(EndReason::Unreadable));
    let name = one.cookie_name("prod");
    for damaged in ["", "x", "AAAA", "%00%ff", &"A".repeat(5000)] {
        let presented = one.present("prod", &with(&[&format!("{name}={damaged}")]));
        assert_eq!(reason(&presented), Some(EndReason::Unreadable), "{damaged}");
    }
    // A page of another port can add a cookie of this name; it hides none.
    let planted = format!("{name}=x");
    for order in [[&*planted, &cookie], [&cookie, &*planted]] {
        let presented = one.present("prod", &with(&order));
        assert!(presented.session().is_some());
    }
}

#[tokio::test]
async fn a_session_that_was_signed_out_is_refused_by_this_process() {
    let sessions = sessions();
    let (session, cookie) = start(&sessions, "prod", false);
    let (_, other) = start(&sessions, "prod", false);
    let open = sessions.present("prod", &with(&[&cookie]));
    let end = open.session().expect("opens").end().clone();
    sessions.end(&session, EndReason::SignedOut);
    assert_eq!(end.wait().await, EndReason::SignedOut);
    let ended = sessions.present("prod", &with(&[&cookie]));
    assert_eq!(reason(&ended), Some(EndReason::SignedOut));
    assert!(
        sessions
            .present("prod", &with(&[&other]))
            .session()
            .is_some()
    );
}

#[tokio::test]
async fn a_password_that_does_not_fit_into_a_cookie_is_refused() {
    let credentials = Credentials {
        name: "app".to_owned(),
        password: Secret::new("x".repeat(3000)),
    };
    let refused = sessions().start("prod", credentials, false);
    assert_eq!(refused.expect_err("too long").code, Code::TooLarge);
}

/// A request with this method and these headers; `own`: a page of this gateway made it.
fn request(
    method: Method,
    headers: &[(HeaderName, &str)],
    own: bool,
    presented: &Presented,
) -> Parts {
    let mut request = http::Request::builder().method(method);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let (mut parts, ()) = request.body(()).expect("a request").into_parts();
    if own {
        parts.extensions.insert(FromOwnPage);
    }
    parts.extensions.insert(presented.clone());
    parts
}

#[tokio::test]
async fn a_request_that_may_change_something_must_come_from_the_own_page() {
    let sessions = sessions();
    let (_, cookie) = start(&sessions, "prod", false);
    let valid = || sessions.present("prod", &with(&[&cookie]));
    let socket = [
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
    ];
    for (method, headers) in [
        (Method::POST, &[][..]),
        (Method::PUT, &[]),
        (Method::DELETE, &[]),
        (Method::OPTIONS, &[]),
        (Method::CONNECT, &[]),
        (Method::GET, &socket[..]),
    ] {
        for presented in [valid(), Presented::Ended(EndReason::Idle)] {
            let foreign = request(method.clone(), headers, false, &presented);
            let refused = Sessions::credential(&foreign, Credential::None);
            assert_eq!(
                refused.expect_err("foreign").code,
                Code::ForeignOrigin,
                "{method}"
            );
            assert!(presented.used().is_none());
        }
        let presented = valid();
        let own = request(method.clone(), headers, true, &presented);
        let credential = Sessions::credential(&own, Credential::None);
        assert!(matches!(credential, Ok(Credential::Session(_))), "{method}");
        assert!(presented.used().is_some());
    }
    let read = request(Method::GET, &[], false, &valid());
    let credential = Sessions::credential(&read, Credential::None);
    assert!(matches!(credential, Ok(Credential::Session(_))));
    // Without a cookie no page can act in the user's name.
    let program = request(Method::POST, &[], false, &Presented::None);
    let credential = Sessions::credential(&program, Credential::None);
    assert!(matches!(credential, Ok(Credential::None)));
}

#[tokio::test]
async fn authorization_takes_precedence_and_an_ended_session_never_falls_back() {
    let sessions = sessions();
    let (_, cookie) = start(&sessions, "prod", false);
    let presented = sessions.present("prod", &with(&[&cookie]));
    let headers = [(header::AUTHORIZATION, "Bearer t")];
    let parts = request(Method::POST, &headers, false, &presented);
    let token = || Credential::Token(Secret::new("t"));
    assert_eq!(
        Sessions::credential(&parts, token()).expect("not checked yet"),
        token()
    );
    assert!(presented.used().is_none() && end_of(&parts).is_none());
    let ended = Presented::Ended(EndReason::TooOld);
    let parts = request(Method::GET, &[], false, &ended);
    let refused = Sessions::credential(&parts, Credential::None).expect_err("ended");
    assert_eq!(refused.code, Code::Unauthenticated);
    assert!(refused.detail.contains("24 hours"), "{refused}");
}

#[test]
fn streams_and_background_requests_are_not_activity() {
    let check = |headers: &[(HeaderName, &str)], expected: bool| {
        let parts = request(Method::GET, headers, true, &Presented::None);
        assert_eq!(is_activity(&parts), expected, "{headers:?}");
    };
    check(&[], true);
    check(&[(header::ACCEPT, "application/json")], true);
    check(&[(header::ACCEPT, "text/event-stream")], false);
    check(&[(BACKGROUND, "true")], false);
    check(
        &[
            (header::CONNECTION, "Upgrade"),
            (header::UPGRADE, "websocket"),
        ],
        false,
    );
}

#[test]
fn secure_follows_the_origin_alone() {
    let check = |name: HeaderName, value: &'static str, expected: bool| {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        assert_eq!(is_from_https(&headers), expected, "{value}");
    };
    check(header::ORIGIN, "https://etcd.example", true);
    check(header::ORIGIN, "HTTPS://etcd.example", true);
    check(header::ORIGIN, "http://127.0.0.1:8379", false);
    check(header::ORIGIN, "null", false);
    check(HeaderName::from_static("x-forwarded-proto"), "https", false);
    assert!(!is_from_https(&HeaderMap::new()));
}
