//! The member list: confirmed by a majority, or one member's local view.

use std::net::TcpListener;

use etcd_client::proto::{PbAlarmResponse, PbMember, PbMemberListResponse, PbResponseHeader};
use serde_json::json;
use support::gateway::InProcess;
use support::{Cluster, DEADLINE, FakeEtcd, ensure, eventually, tools};

use crate::{member_named, warnings};

/// gRPC's code for a refused request.
const PERMISSION_DENIED: u16 = 7;

#[tokio::test]
async fn an_added_member_is_listed_by_every_endpoint_at_once() {
    if tools::etcd_version() < (3, 5, 0) {
        // Earlier releases have no linearizable member list.
        return;
    }
    let cluster = Cluster::start(3).await;
    let mut gateways = Vec::new();
    for at in 0..3 {
        gateways.push(InProcess::start(&cluster.url(at), &[]).await);
    }
    let learner = json!({"peer_urls": [Cluster::free_peer_url()], "learner": true});
    for _ in 0..3 {
        let added = eventually("etcd accepts a member", DEADLINE, async || {
            let response = gateways[0].api().post("/cluster/members", &learner);
            let response = response.send().await;
            ensure(response.status == 201, || response.text())?;
            Ok(response.json(201))
        })
        .await;
        for gateway in &gateways {
            let list = gateway.api().get("/cluster/members").send().await.json(200);
            assert_eq!(list["members"], added["members"]);
        }
        let id = added["member"]["id"].as_str().expect("an id");
        let removed = gateways[0].api().delete(&format!("/cluster/members/{id}"));
        let removed = removed.send().await.json(200);
        for gateway in &gateways {
            let list = gateway.api().get("/cluster/members").send().await.json(200);
            assert_eq!(list["members"], removed["members"]);
        }
    }
}

#[tokio::test]
async fn without_a_majority_the_list_is_one_members_local_view() {
    let mut cluster = Cluster::start(3).await;
    let gateway = InProcess::start(&cluster.urls(), &[]).await;
    let api = gateway.api();
    cluster.kill(1);
    cluster.kill(2);
    let found = eventually("the last member knows no leader", DEADLINE, async || {
        let response = api.get("/cluster").send().await;
        if response.status != 200 {
            return Err(response.text());
        }
        let now = response.json(200);
        ensure(now["leader"].is_null(), || now.to_string())?;
        Ok(now)
    })
    .await;
    for at in 0..3 {
        let member = member_named(&found, &format!("m{at}"));
        assert!(member["client_urls"].is_array(), "{member}");
    }
    assert!(warnings(&found).contains(&"members_stale"), "{found}");
    let local = api.get("/cluster/members?serializable").send().await;
    assert_eq!(local.json(200)["members"].as_array().map(Vec::len), Some(3));
    if tools::etcd_version() >= (3, 5, 0) {
        let confirmed = api.get("/cluster/members").send().await;
        assert!(
            matches!(confirmed.status.as_u16(), 503 | 504),
            "{}",
            confirmed.text()
        );
    }
    // A snapshot of the remaining member can still be taken.
    let id = member_named(&found, "m0")["id"].as_str().expect("an id");
    let path = format!("/cluster/snapshot?member={id}");
    let snapshot = api.get(&path).send().await.expect(200);
    crate::snapshot::check(&snapshot.body);
}

#[tokio::test]
async fn a_hanging_endpoint_delays_nothing_for_a_restricted_user() {
    // This endpoint accepts connections and never responds.
    let hanging = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let hanging = (
        hanging.local_addr().expect("a bound socket has an address"),
        hanging,
    );
    let fake = FakeEtcd::start();
    let header = PbResponseHeader {
        cluster_id: 1,
        member_id: 2,
        revision: 5,
        raft_term: 2,
    };
    let list = PbMemberListResponse {
        header: Some(header),
        members: vec![PbMember {
            id: 2,
            name: "m2".to_owned(),
            client_ur_ls: vec![fake.url()],
            ..PbMember::default()
        }],
    };
    fake.respond_with("Cluster/MemberList", &[list]);
    let alarms = PbAlarmResponse {
        header: Some(header),
        alarms: Vec::new(),
    };
    fake.respond_with("Maintenance/Alarm", &[alarms]);
    let denied = "etcdserver: permission denied";
    fake.fail_with("Maintenance/Status", PERMISSION_DENIED, denied);
    let endpoints = format!("http://{},{}", hanging.0, fake.url());
    let gateway = InProcess::start(&endpoints, &[]).await;
    let found = gateway.api().get("/cluster").send().await.json(200);
    let member = member_named(&found, "m2");
    assert!(
        member["error"]
            .as_str()
            .is_some_and(|it| it.contains("permission denied")),
        "{found}"
    );
}
