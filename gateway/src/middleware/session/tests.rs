//! Which responses renew or remove a cookie.

use http::HeaderMap;

use super::*;
use crate::identity::credential::Credential;
use crate::identity::session::{SessionKey, request_at};

fn presented(sessions: &Sessions, cookie: &HeaderValue) -> Presented {
    let mut headers = HeaderMap::new();
    let text = cookie.to_str().expect("ASCII");
    let pair = text.split(';').next().unwrap_or_default();
    headers.insert(header::COOKIE, pair.parse().expect("a header"));
    sessions.present("prod", &headers)
}

#[tokio::test]
async fn only_a_request_that_used_the_session_and_shows_activity_renews_it() {
    let sessions = Sessions::new(SessionKey::random(), "", 8379);
    for (minutes, used, active, renews) in [
        (0, true, true, false),
        (2, true, true, true),
        (2, false, true, false),
        (2, true, false, false),
    ] {
        let old = sessions.issued_before(minutes * 60, "prod");
        let presented = presented(&sessions, &old);
        if used {
            let credential = Sessions::credential(&request_at(&presented), Credential::None);
            credential.expect("a read");
        }
        let cookie = cookie(&sessions, "prod", &presented, active);
        assert_eq!(cookie.is_some(), renews, "{minutes} {used} {active}");
        if let Some(cookie) = cookie {
            assert!(cookie.is_sensitive() && cookie != sessions.removal("prod"));
        }
    }
}

#[tokio::test]
async fn the_cookie_of_an_ended_session_is_removed_and_stays_refused() {
    let sessions = Sessions::new(SessionKey::random(), "", 8379);
    for (hours, ended) in [(7, false), (8, true), (24, true)] {
        let old = sessions.issued_before(hours * 3600, "prod");
        let presented = presented(&sessions, &old);
        let cookie = cookie(&sessions, "prod", &presented, false);
        let removal = ended.then(|| sessions.removal("prod"));
        assert_eq!(cookie, removal, "{hours}");
    }
    let valid = sessions.issued_before(0, "prod");
    let open = presented(&sessions, &valid);
    sessions.end(open.session().expect("valid"), EndReason::Refused);
    let removed = cookie(&sessions, "prod", &open, true);
    assert_eq!(removed, Some(sessions.removal("prod")));
    assert!(presented(&sessions, &valid).session().is_none());
}
