//! How a watch resumes depends on the release of the member that serves it, and on no other caller's
//! permission to read that release.
//!
//! The difference is visible after a compaction: from 3.5.18 on a watch may start at the compacted revision itself,
//! before that at the next one.

use etcd_client::proto::{PbRangeResponse, PbResponseHeader, PbStatusResponse, PbWatchResponse};
use support::gateway::InProcess;
use support::{Client, FakeEtcd, Stream};

const PERMISSION_DENIED: u16 = 7;
/// The fake server's compacted revision.
const COMPACTED: i64 = 10;

fn header(member_id: u64) -> PbResponseHeader {
    PbResponseHeader {
        cluster_id: 1,
        member_id,
        revision: 20,
        raft_term: 2,
    }
}

/// From now on this member serves every watch, which fails because of a compaction.
fn serve(fake: &FakeEtcd, member: u64) {
    let range = PbRangeResponse {
        header: Some(header(member)),
        ..PbRangeResponse::default()
    };
    fake.respond_with("KV/Range", &[range]);
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
    fake.respond_with("Watch/Watch", &[created, compacted]);
}

/// From now on this member reports its release.
fn report_release(fake: &FakeEtcd, member: u64, version: &str) {
    let status = PbStatusResponse {
        header: Some(header(member)),
        version: version.to_owned(),
        ..PbStatusResponse::default()
    };
    fake.respond_with("Maintenance/Status", &[status]);
}

/// The revision at which a watch of compacted history resumes.
async fn resumes_at(api: &Client) -> i64 {
    let mut stream = Stream::ndjson(api.get("/watch?key=k&revision=3")).await;
    stream.expect_type("opened").await;
    let compacted = stream.expect_type("compacted").await;
    assert_eq!(compacted["from"], 3);
    compacted["to"].as_i64().expect("a revision")
}

#[tokio::test]
async fn a_refusal_to_report_the_release_is_not_cached() {
    let fake = FakeEtcd::start();
    serve(&fake, 1);
    fake.fail_with(
        "Maintenance/Status",
        PERMISSION_DENIED,
        "etcdserver: permission denied",
    );
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let api = gateway.api();
    assert_eq!(
        resumes_at(&api).await,
        COMPACTED + 1,
        "an unknown release is not trusted"
    );
    report_release(&fake, 1, "3.7.3");
    assert_eq!(resumes_at(&api).await, COMPACTED);
}

#[tokio::test]
async fn each_member_has_its_own_release() {
    let fake = FakeEtcd::start();
    serve(&fake, 1);
    report_release(&fake, 1, "3.7.3");
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let api = gateway.api();
    assert_eq!(resumes_at(&api).await, COMPACTED);
    // Fail-over to a member that has not reported its release.
    serve(&fake, 2);
    assert_eq!(resumes_at(&api).await, COMPACTED + 1);
    // The member reports an older release.
    report_release(&fake, 2, "3.5.8");
    assert_eq!(resumes_at(&api).await, COMPACTED + 1);
    // Fail-over back to the first member.
    serve(&fake, 1);
    report_release(&fake, 1, "3.7.3");
    assert_eq!(resumes_at(&api).await, COMPACTED);
}
