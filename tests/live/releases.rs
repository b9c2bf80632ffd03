//! What a watch trusts of etcd depends on the release of the member that serves it, and on nobody else's
//! permission to ask for that.
//!
//! It shows where history was compacted: from 3.5.18 on a watch may begin at the compacted revision
//! itself, before that with the next one.

use etcd_client::proto::{PbRangeResponse, PbResponseHeader, PbStatusResponse, PbWatchResponse};
use support::gateway::InProcess;
use support::{Client, FakeEtcd, Stream};

const PERMISSION_DENIED: u16 = 7;
/// Where the fake's history begins.
const COMPACTED: i64 = 10;

fn header(member_id: u64) -> PbResponseHeader {
    PbResponseHeader {
        cluster_id: 1,
        member_id,
        revision: 20,
        raft_term: 2,
    }
}

/// This member serves every watch, which finds history compacted.
fn serve(fake: &FakeEtcd, member: u64) {
    let range = PbRangeResponse {
        header: Some(header(member)),
        ..PbRangeResponse::default()
    };
    fake.answers("KV/Range", &[range]);
    let created = PbWatchResponse {
        header: Some(header(member)),
        created: true,
        ..PbWatchResponse::default()
    };
    let compacted = PbWatchResponse {
        header: Some(header(member)),
        canceled: true,
        compact_revision: COMPACTED,
        ..PbWatchResponse::default()
    };
    fake.answers("Watch/Watch", &[created, compacted]);
}

/// This member answers who asks for its release.
fn say(fake: &FakeEtcd, member: u64, version: &str) {
    let status = PbStatusResponse {
        header: Some(header(member)),
        version: version.to_owned(),
        ..PbStatusResponse::default()
    };
    fake.answers("Maintenance/Status", &[status]);
}

/// Where a watch of old history goes on.
async fn goes_on_at(api: &Client) -> i64 {
    let mut stream = Stream::ndjson(api.get("/watch?key=k&revision=3")).await;
    stream.of("opened").await;
    let compacted = stream.of("compacted").await;
    assert_eq!(compacted["from"], 3);
    compacted["to"].as_i64().expect("a revision")
}

#[tokio::test]
async fn a_refusal_to_name_the_release_is_not_remembered() {
    let fake = FakeEtcd::start();
    serve(&fake, 1);
    fake.refuses(
        "Maintenance/Status",
        PERMISSION_DENIED,
        "etcdserver: permission denied",
    );
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let api = gateway.api();
    assert_eq!(goes_on_at(&api).await, COMPACTED + 1, "nothing is trusted");
    say(&fake, 1, "3.7.3");
    assert_eq!(goes_on_at(&api).await, COMPACTED);
}

#[tokio::test]
async fn the_release_of_one_member_says_nothing_about_another() {
    let fake = FakeEtcd::start();
    serve(&fake, 1);
    say(&fake, 1, "3.7.3");
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let api = gateway.api();
    assert_eq!(goes_on_at(&api).await, COMPACTED);
    // Fail-over to a member that has not named its release.
    serve(&fake, 2);
    assert_eq!(goes_on_at(&api).await, COMPACTED + 1);
    // It is older.
    say(&fake, 2, "3.5.8");
    assert_eq!(goes_on_at(&api).await, COMPACTED + 1);
    // And back.
    serve(&fake, 1);
    say(&fake, 1, "3.7.3");
    assert_eq!(goes_on_at(&api).await, COMPACTED);
}
