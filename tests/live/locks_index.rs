//! What the list of locks makes of members that do not agree.

use etcd_client::proto::{PbLeaseLeasesResponse, PbRangeResponse, PbResponseHeader};
use support::gateway::InProcess;
use support::{DEADLINE, FakeEtcd, eventually, when};

fn header(revision: i64) -> PbResponseHeader {
    PbResponseHeader {
        cluster_id: 1,
        member_id: 1,
        revision,
        raft_term: 2,
    }
}

/// What a member says that knows the leases up to a revision.
fn leases(revision: i64) -> PbLeaseLeasesResponse {
    PbLeaseLeasesResponse {
        header: Some(header(revision)),
        leases: Vec::new(),
    }
}

#[tokio::test]
async fn leases_are_not_listed_by_a_member_that_lags() {
    let fake = FakeEtcd::start();
    let now = PbRangeResponse {
        header: Some(header(10)),
        ..PbRangeResponse::default()
    };
    fake.answers("KV/Range", &[now]);
    fake.answers("Lease/LeaseLeases", &[leases(9)]);
    let gateway = InProcess::start(&fake.url(), &[]).await;
    let api = gateway.api();
    eventually("the lag is said", DEADLINE, async || {
        let refused = api.get("/locks").send().await;
        let text = refused.text();
        when(text.contains("behind the others"), || text.clone())?;
        refused.problem(503, "unavailable");
        Ok(())
    })
    .await;
    // Level with the others; what fails then is the watch, which this server does not know.
    fake.answers("Lease/LeaseLeases", &[leases(10)]);
    eventually("the listing goes on", DEADLINE, async || {
        let text = api.get("/locks").send().await.text();
        when(!text.contains("behind the others"), || text.clone())
    })
    .await;
}
