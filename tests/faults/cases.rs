//! Findings of the fuzzers are replayed on every run: `tests/fuzz/cases/<target>/<case>`.

#[path = "../fuzz/front.rs"]
mod front;

use std::fs;

use front::{Front, Kind};
use support::tools;

#[tokio::test]
async fn findings_of_the_fuzzers_get_responses() {
    let front = Front::new().await;
    let mut fed = 0;
    for (kind, name) in [
        (Kind::Txn, "txn"),
        (Kind::Query, "query"),
        (Kind::Key, "key"),
        (Kind::Cursor, "cursor"),
        (Kind::Body, "body"),
        (Kind::V3, "v3"),
        (Kind::Socket, "socket"),
        (Kind::V3Watch, "v3_watch"),
    ] {
        let folder = tools::root().join("tests/fuzz/cases").join(name);
        for case in fs::read_dir(&folder).expect("every target has cases") {
            let path = case.expect("the folder can be read").path();
            let data = fs::read(&path).expect("a case can be read");
            front.feed(kind, &data).await;
            fed += 1;
        }
    }
    assert!(fed >= 8, "each target has a case: {fed}");
}
