//! Encoding, and bookmarks.

use shared::ServerMessage;

use super::*;

fn check(message: WatchMessage, expected: &ServerMessage) {
    let text = message.text(r#""w\"1""#);
    let parsed: ServerMessage = serde_json::from_slice(&text).expect("a message");
    assert_eq!(&parsed, expected);
}

#[test]
fn head_and_tail_form_each_type_of_message() {
    let id = || "w\"1".to_owned();
    let cluster_id = MemberId(0xabc);
    check(
        WatchMessage::opened(cluster_id, 5),
        &ServerMessage::Opened {
            id: id(),
            cluster_id,
            revision: 5,
        },
    );
    check(
        WatchMessage::progress(5),
        &ServerMessage::Progress {
            id: id(),
            revision: 5,
        },
    );
    check(
        WatchMessage::paused(5),
        &ServerMessage::Paused {
            id: id(),
            revision: 5,
        },
    );
    check(
        WatchMessage::lagged(6),
        &ServerMessage::Lagged {
            id: id(),
            resume_from: 6,
        },
    );
    check(
        WatchMessage::compacted(2, 9),
        &ServerMessage::Compacted {
            id: id(),
            from: 2,
            to: 9,
        },
    );
    check(
        WatchMessage::reset("another cluster", 3, cluster_id),
        &ServerMessage::Reset {
            id: id(),
            reason: "another cluster".to_owned(),
            revision: 3,
            cluster_id,
        },
    );
    check(
        WatchMessage::error(Code::Unavailable, "etcd is unavailable"),
        &ServerMessage::Error {
            id: Some(id()),
            code: Code::Unavailable,
            detail: "etcd is unavailable".to_owned(),
        },
    );
    check(
        WatchMessage::closed(Code::Forbidden, "no"),
        &ServerMessage::Closed {
            id: id(),
            code: "forbidden".to_owned(),
            detail: "no".to_owned(),
        },
    );
}

#[test]
fn a_bookmark_parses_only_its_own_form() {
    let bookmark = Bookmark {
        cluster: MemberId(0xcdf8_181e_3277_a4a5),
        revision: 42,
    };
    assert_eq!(bookmark.to_string(), "cdf8181e3277a4a5-42");
    assert_eq!(Bookmark::parse("cdf8181e3277a4a5-42"), Some(bookmark));
    for text in [
        "",
        "-",
        "42",
        "a-",
        "-1",
        "a-+1",
        "a--1",
        "a-1-2",
        "g-1",
        "a-9223372036854775808",
        "a-1 ",
    ] {
        assert_eq!(Bookmark::parse(text), None, "{text}");
    }
}
