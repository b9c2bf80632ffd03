//! The life of a recorded download.

use shared::MemberId;

use super::*;

fn begin(downloads: &Downloads, id: &str) -> Result<Recorder> {
    let header = Header {
        cluster_id: MemberId(1),
        member_id: MemberId(2),
        revision: 3,
        raft_term: 4,
    };
    downloads.begin(&Identity::Gateway, id.to_owned(), header, 100)
}

fn progress(downloads: &Downloads, id: &str) -> SnapshotProgress {
    let found = downloads.progress(&Identity::Gateway, id);
    found.expect("it was begun")
}

#[test]
fn a_download_ends_once() {
    let downloads = Downloads::default();
    let complete = begin(&downloads, "a").expect("begins");
    complete.sent(68);
    assert_eq!(progress(&downloads, "a").state, SnapshotState::Running);
    complete.sent(32);
    complete.complete(&[0, 255]);
    drop(complete);
    let ended = progress(&downloads, "a");
    assert_eq!((ended.state, ended.sent), (SnapshotState::Complete, 100));
    assert_eq!(ended.sha256.as_deref(), Some("00ff"));
    let failed = begin(&downloads, "b").expect("begins");
    failed.failed(&Failure::new(Code::Unavailable, "the stream ended early"));
    drop(failed);
    let ended = progress(&downloads, "b");
    assert_eq!(ended.error.as_deref(), Some("the stream ended early"));
    drop(begin(&downloads, "c"));
    assert_eq!(progress(&downloads, "c").state, SnapshotState::Cancelled);
}

#[test]
fn ids_are_plain_and_used_once() {
    let downloads = Downloads::default();
    let _first = begin(&downloads, "a").expect("begins");
    let again = begin(&downloads, "a").expect_err("the id is in use");
    assert_eq!(again.code, Code::Conflict);
    for id in ["", "a/b", "ä", "a b", &"x".repeat(MAX_ID + 1)] {
        assert!(require_id(id).is_err(), "{id}");
    }
    require_id("tab-1_A.2").expect("plain");
}

#[test]
fn a_bounded_number_is_kept() {
    let downloads = Downloads::default();
    let all: Vec<_> = (0..MAX_DOWNLOADS + 3)
        .map(|n| begin(&downloads, &n.to_string()).expect("begins"))
        .collect();
    assert_eq!(downloads.entries().len(), MAX_DOWNLOADS);
    assert!(downloads.progress(&Identity::Gateway, "2").is_err());
    drop(all);
    progress(&downloads, "3");
}
