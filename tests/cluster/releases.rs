//! Warnings about etcd releases, by fake servers that report a version.

use etcd_client::proto::{
    PbAlarmResponse, PbHashKvResponse, PbMember, PbMemberListResponse, PbResponseHeader,
    PbStatusResponse,
};
use serde_json::{Value, json};
use support::FakeEtcd;
use support::gateway::InProcess;

use crate::{member_named, warning, warnings};

/// gRPC's codes.
const FAILED_PRECONDITION: u16 = 9;
const INVALID_ARGUMENT: u16 = 3;
const PERMISSION_DENIED: u16 = 7;

fn header(member_id: u64) -> PbResponseHeader {
    PbResponseHeader {
        cluster_id: 1,
        member_id,
        revision: 5,
        raft_term: 2,
    }
}

/// A cluster whose members report these versions.
fn cluster_of(versions: &[&str]) -> Vec<FakeEtcd> {
    let fakes: Vec<_> = versions.iter().map(|_| FakeEtcd::start()).collect();
    let members: Vec<_> = fakes
        .iter()
        .zip(1..)
        .map(|(fake, id)| PbMember {
            id,
            name: format!("m{id}"),
            client_ur_ls: vec![fake.url()],
            ..PbMember::default()
        })
        .collect();
    for ((fake, id), version) in fakes.iter().zip(1..).zip(versions) {
        let list = PbMemberListResponse {
            header: Some(header(id)),
            members: members.clone(),
        };
        fake.respond_with("Cluster/MemberList", &[list]);
        let status = PbStatusResponse {
            header: Some(header(id)),
            version: (*version).to_owned(),
            leader: 1,
            db_size: 20_480,
            ..PbStatusResponse::default()
        };
        fake.respond_with("Maintenance/Status", &[status]);
        let alarms = PbAlarmResponse {
            header: Some(header(id)),
            alarms: Vec::new(),
        };
        fake.respond_with("Maintenance/Alarm", &[alarms]);
        // Before 3.5 only an anonymous sign-in reveals whether auth is on.
        let off = "etcdserver: authentication is not enabled";
        fake.fail_with("Auth/Authenticate", FAILED_PRECONDITION, off);
    }
    fakes
}

async fn gateway(fakes: &[FakeEtcd]) -> InProcess {
    let urls: Vec<_> = fakes.iter().map(FakeEtcd::url).collect();
    InProcess::start(&urls.join(","), &[]).await
}

async fn get_cluster(fakes: &[FakeEtcd]) -> Value {
    let gateway = gateway(fakes).await;
    gateway.api().get("/cluster").send().await.json(200)
}

#[tokio::test]
async fn an_end_of_life_release_lists_its_known_bugs() {
    let old = get_cluster(&cluster_of(&["3.4.23"])).await;
    assert_eq!(old["version"], "3.4.23");
    let end = warning(&old, "version_end_of_life");
    assert!(end.contains("3.4.23") && end.contains("3.5"), "{end}");
    let bugs: Vec<_> = old["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .collect();
    let detail_of = |issue: &str| {
        let mut found = bugs.iter().map(|it| it["detail"].as_str().expect("text"));
        found
            .find(|detail| detail.contains(issue))
            .unwrap_or_default()
    };
    for (issue, version) in [
        ("#15220", "3.4.25"),
        ("#17529", "3.4.31"),
        ("#18089", "3.4.34"),
        ("#19179", "3.4.36"),
        ("#20221", "3.4.38"),
    ] {
        let detail = detail_of(issue);
        assert!(detail.contains("m1"), "{issue}: {detail}");
        assert!(detail.ends_with(&format!("fixed in {version}")), "{detail}");
    }
    // There are no permissions to bypass while authentication is off.
    assert!(!warnings(&old).contains(&"access_bug"), "{old}");
    assert_eq!(
        old["members"][0].get("db_quota"),
        None,
        "etcd reports it from 3.6 on"
    );
}

#[tokio::test]
async fn access_bugs_are_reported_while_authentication_is_on() {
    let fakes = cluster_of(&["3.4.45"]);
    let on = "etcdserver: authentication failed, invalid user ID or password";
    fakes[0].fail_with("Auth/Authenticate", INVALID_ARGUMENT, on);
    let found = get_cluster(&fakes).await;
    let detail = warning(&found, "access_bug");
    for part in ["GHSA-xg4h-6gfc-h4m8", "not fixed in 3.4", "3.5.33", "3.7.1"] {
        assert!(detail.contains(part), "{detail}");
    }
    let fakes = cluster_of(&["3.6.13"]);
    fakes[0].fail_with("Auth/Authenticate", INVALID_ARGUMENT, on);
    let found = get_cluster(&fakes).await;
    assert!(warning(&found, "access_bug").ends_with("fixed in 3.6.14"));
    assert!(!warnings(&found).contains(&"version_end_of_life"));
}

#[tokio::test]
async fn mixed_versions_are_reported_and_a_fixed_one_is_not() {
    let mixed = get_cluster(&cluster_of(&["3.5.35", "3.6.16", "3.6.16"])).await;
    let detail = warning(&mixed, "version_mixed");
    assert!(
        detail.contains("3.5.35 (m1)") && detail.contains("3.6.16 (m2, m3)"),
        "{detail}"
    );
    assert_eq!(warnings(&mixed), ["version_mixed"]);
    let fixed = get_cluster(&cluster_of(&["3.7.3"])).await;
    assert_eq!(fixed["warnings"], json!([]));
}

#[tokio::test]
async fn refused_parts_are_named_and_the_rest_is_shown() {
    let fakes = cluster_of(&["3.6.9", "3.6.9"]);
    let denied = "etcdserver: permission denied";
    for fake in &fakes {
        fake.fail_with("Maintenance/Status", PERMISSION_DENIED, denied);
    }
    let found = get_cluster(&fakes).await;
    assert!(found["leader"].is_null() && found["quorum"] == 2, "{found}");
    for name in ["m1", "m2"] {
        let member = member_named(&found, name);
        assert!(member["client_urls"].is_array());
        let error = member["error"].as_str().expect("a reason");
        assert!(error.contains("permission denied"), "{member}");
        assert_eq!(member["healthy"], false);
    }
    assert!(
        !warnings(&found).contains(&"quorum_lost"),
        "the state of the quorum is unknown: {found}"
    );

    for fake in &fakes {
        fake.fail_with("Maintenance/Alarm", PERMISSION_DENIED, denied);
    }
    let found = get_cluster(&fakes).await;
    assert_eq!(found["alarms"], json!([]));
    assert!(warning(&found, "alarms_unknown").contains("permission denied"));
    assert_eq!(found["members"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_refused_member_list_leaves_the_alarms() {
    let fakes = cluster_of(&["3.6.9"]);
    let denied = "etcdserver: permission denied";
    fakes[0].fail_with("Cluster/MemberList", PERMISSION_DENIED, denied);
    let found = get_cluster(&fakes).await;
    assert_eq!(
        (&found["members"], &found["alarms"]),
        (&json!([]), &json!([]))
    );
    assert!(warnings(&found).contains(&"members_unknown"), "{found}");
    fakes[0].fail_with("Maintenance/Alarm", PERMISSION_DENIED, denied);
    let gateway = gateway(&fakes).await;
    let nothing = gateway.api().get("/cluster").send().await;
    nothing.problem(403, "forbidden");
}

fn hash(hash: u32, hash_revision: i64) -> PbHashKvResponse {
    PbHashKvResponse {
        header: Some(header(1)),
        hash,
        compact_revision: 3,
        hash_revision,
    }
}

#[tokio::test]
async fn a_member_with_a_different_hash_is_named() {
    let fakes = cluster_of(&["3.7.3", "3.7.3", "3.7.3"]);
    for (fake, value) in fakes.iter().zip([17, 17, 18]) {
        fake.respond_with("Maintenance/HashKV", &[hash(value, 5)]);
    }
    let gateway = gateway(&fakes).await;
    let found = gateway.api().get("/cluster/hash").send().await.json(200);
    assert_eq!(found["verdict"], "different");
    assert_eq!(found["differ"], json!(["3"]));
    assert_eq!(found["warnings"], json!([]));
    assert_eq!(member_named(&found, "m3")["hash"], 18);

    // Hashes of different histories are not compared.
    let other = PbHashKvResponse {
        compact_revision: 4,
        ..hash(18, 5)
    };
    fakes[2].respond_with("Maintenance/HashKV", &[other]);
    let found = gateway.api().get("/cluster/hash").send().await.json(200);
    assert_eq!(
        (&found["verdict"], &found["differ"]),
        (&json!("incomplete"), &json!([]))
    );
}

#[tokio::test]
async fn a_release_without_hash_revision_is_reported() {
    let fakes = cluster_of(&["3.5.35"]);
    fakes[0].respond_with("Maintenance/HashKV", &[hash(17, 0)]);
    let gateway = gateway(&fakes).await;
    let found = gateway.api().get("/cluster/hash").send().await.json(200);
    assert_eq!(found["verdict"], "same");
    assert_eq!(found["members"][0].get("hash_revision"), None);
    assert!(warning(&found, "hash_revision_unknown").contains("m1"));
}

#[tokio::test]
async fn etcd_3_4_reveals_whether_authentication_is_on() {
    let fakes = cluster_of(&["3.4.23"]);
    let gateway = gateway(&fakes).await;
    let status = async || {
        let response = gateway.api().get("/auth/status").send().await;
        assert_eq!(response.revision(), 5);
        response.json(200)
    };
    let off = status().await;
    assert_eq!(off["enabled"], false);
    assert_eq!(off.get("auth_revision"), None);
    let on = "etcdserver: authentication failed, invalid user ID or password";
    fakes[0].fail_with("Auth/Authenticate", INVALID_ARGUMENT, on);
    assert_eq!(status().await["enabled"], true);
}
