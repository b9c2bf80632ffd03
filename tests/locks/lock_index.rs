//! The list of locks, while the members of a cluster are at different revisions.

use etcd_client::proto::{PbLeaseLeasesResponse, PbRangeResponse, PbResponseHeader};
use support::gateway::InProcess;
use support::{DEADLINE, FakeEtcd, ensure, eventually};

fn header(revision: i64) -> PbResponseHeader {
    PbResponseHeader {
        cluster_id: 1,
        member_id: 1,
        revision,
        raft_term: 2,
    }
}

/// The leases of a member that has applied everything up to a revision.
fn leases(revision: i64) -> PbLeaseLeasesResponse {
    PbLeaseLeasesResponse {
        header: Some(header(revision)),
        leases: Vec::new(),
    }
}

#[tokio::test]
async fn leases_are_not_listed_from_a_lagging_member() {
    let fake = FakeEtcd::start();
    let now = PbRangeResponse {
        header: Some(header(10)),
        ..PbRangeResponse::default()
    };
    fake.respond_with("KV/Range", &[now]);
    fake.respond_with("Lease/LeaseLeases", &[leases(9)]);
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let api = gateway.api();
    eventually("the lag is reported", DEADLINE, async || {
        let refused = api.get("/locks").send().await;
        let text = refused.text();
        ensure(text.contains("behind the others"), || text.clone())?;
        refused.problem(503, "unavailable");
        Ok(())
    })
    .await;
    // The member has caught up; the watch fails now, which the fake server does not support.
    fake.respond_with("Lease/LeaseLeases", &[leases(10)]);
    eventually("the member is used", DEADLINE, async || {
        let text = api.get("/locks").send().await.text();
        ensure(!text.contains("behind the others"), || text.clone())
    })
    .await;
}
