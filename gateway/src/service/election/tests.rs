//! Elections against a real etcd, each test with a server of its own.

use std::time::Duration;

use shared::{CampaignRequest, Code, LeaseId, ProclaimRequest, ResignRequest, ServerMessage};
use tokio::time::timeout;

use super::{Campaign, ElectionService, Observer};
use crate::failure::Result;
use crate::service::lock::tests::support::{Fixture, caller, eventually};

const SOON: Duration = Duration::from_secs(20);

fn value(value: &str, lease: LeaseId) -> CampaignRequest {
    CampaignRequest {
        value: value.into(),
        ttl: None,
        lease: Some(lease),
        wait: None,
    }
}

async fn campaign(
    elections: &ElectionService,
    name: &str,
    request: CampaignRequest,
) -> Result<Campaign> {
    elections.campaign(&caller(), name.into(), request).await
}

async fn observe(elections: &ElectionService) -> Observer {
    let observer = elections.observe(&caller(), b"e".to_vec()).await;
    observer.expect("an observer")
}

/// The value and create revision that the observer reports next.
async fn next_value(observer: &mut Observer) -> (String, i64) {
    match timeout(SOON, observer.next())
        .await
        .expect("a message in time")
    {
        Some(ServerMessage::Leader { leader, .. }) => (
            String::from_utf8(leader.value.0).expect("text"),
            leader.revision,
        ),
        other => panic!("{other:?}"),
    }
}

fn elections(fixture: &Fixture) -> ElectionService {
    ElectionService::new(fixture.locks.clone())
}

#[tokio::test]
async fn the_first_candidate_leads_and_the_next_succeeds() {
    let fixture = Fixture::start().await;
    let elections = elections(&fixture);
    let missing = elections.get(&caller(), b"e").await;
    assert_eq!(
        missing.expect_err("no candidates").code,
        Code::ElectionNotFound
    );
    let (first, second) = (fixture.grant(60).await, fixture.grant(60).await);
    let led = campaign(&elections, "e", value("one", first))
        .await
        .expect("won");
    led.claim.keep();
    let led = led.response;
    let waiting = {
        let (elections, request) = (elections.clone(), value("two", second));
        fixture
            .tasks
            .spawn(async move { campaign(&elections, "e", request).await })
    };
    eventually("two candidates", || async {
        fixture.keys("e/").await.len() == 2
    })
    .await;
    let election = elections.get(&caller(), b"e").await.expect("an election");
    let leader = election.leader.expect("a leader");
    assert_eq!(
        (leader.value, leader.revision),
        ("one".into(), led.revision)
    );
    assert_eq!(leader.ttl.map(|ttl| ttl > 0), Some(true));
    assert_eq!(election.candidates.len(), 1);
    assert_eq!(election.candidates[0].value, "two".into());
    let resign = ResignRequest {
        key: led.key.clone(),
        revision: led.revision,
    };
    let resigned = elections
        .resign(&caller(), b"e".to_vec(), resign.clone())
        .await;
    resigned.expect("the leader resigns");
    let successor = waiting
        .await
        .expect("no panic")
        .expect("the next candidate leads");
    assert!(successor.response.revision > led.revision);
    successor.claim.keep();
    assert!(
        fixture.lease_exists(first).await,
        "the caller's lease stays"
    );
    let again = elections.resign(&caller(), b"e".to_vec(), resign).await;
    assert_eq!(again.expect_err("stale").code, Code::NotLeader);
}

#[tokio::test]
async fn proclaiming_changes_only_the_candidates_key() {
    let fixture = Fixture::start().await;
    let elections = elections(&fixture);
    let lease = fixture.grant(60).await;
    let led = campaign(&elections, "e", value("one", lease))
        .await
        .expect("won");
    led.claim.keep();
    let led = led.response;
    let proclaim = async |name: &str, key: &str, revision: i64| {
        let request = ProclaimRequest {
            key: key.into(),
            revision,
            value: "x".into(),
        };
        elections.proclaim(&caller(), name.into(), request).await
    };
    // An ordinary key below the name, a key on another lease, a key of another election.
    fixture.put("e/ordinary", "v", None).await;
    fixture.put("e/2a", "v", Some(lease)).await;
    fixture.put("other", "v", None).await;
    for kv in fixture.keys("").await {
        let key = String::from_utf8(kv.key.clone()).expect("text");
        let is_candidate = kv.key == led.key.0;
        let done = proclaim("e", &key, kv.create_revision).await;
        assert_eq!(done.is_ok(), is_candidate, "{key}");
        let elsewhere = proclaim("other", &key, kv.create_revision).await;
        assert_eq!(
            elsewhere.expect_err("not a candidate").code,
            Code::NotLeader
        );
    }
    let key = String::from_utf8(led.key.0.clone()).expect("text");
    let stale = proclaim("e", &key, led.revision - 1).await;
    assert_eq!(stale.expect_err("stale").code, Code::NotLeader);
    let kept = fixture.keys("e/").await;
    let own = kept.iter().find(|kv| kv.key == led.key.0).expect("there");
    assert_eq!((&own.value[..], own.lease), (&b"x"[..], lease.0));
}

#[tokio::test]
async fn campaigning_again_with_the_same_lease_proclaims_the_new_value() {
    let fixture = Fixture::start().await;
    let elections = elections(&fixture);
    let lease = fixture.grant(60).await;
    let led = campaign(&elections, "e", value("one", lease))
        .await
        .expect("won");
    led.claim.keep();
    let again = campaign(&elections, "e", value("two", lease))
        .await
        .expect("leads");
    again.claim.keep();
    assert_eq!(again.response.revision, led.response.revision);
    assert_eq!(fixture.keys("e/").await[0].value, b"two");
}

#[tokio::test]
async fn an_observer_reports_every_leaders_values_in_order() {
    let fixture = Fixture::start().await;
    let elections = elections(&fixture);
    let mut observer = observe(&elections).await;
    let mut expected = Vec::new();
    let mut leases = Vec::new();
    for at in 0..5 {
        let lease = fixture.grant(60).await;
        let key = format!("e/{lease}");
        fixture.put(&key, &format!("first {at}"), Some(lease)).await;
        leases.push(lease);
    }
    // All of this happens before the observer reads again: it must not skip leaders still in history.
    let first = next_value(&mut observer).await;
    expected.push(("first 0".to_owned(), first.1));
    assert_eq!([first], expected[..]);
    for (at, lease) in leases.iter().enumerate() {
        let key = format!("e/{lease}");
        fixture.put(&key, &format!("last {at}"), Some(*lease)).await;
        fixture
            .etcd
            .lease_revoke(&caller(), lease.0)
            .await
            .expect("revoked");
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&"last 4".to_owned()) {
        seen.push(next_value(&mut observer).await.0);
    }
    assert_eq!(
        seen,
        [
            "last 0", "first 1", "last 1", "first 2", "last 2", "first 3", "last 3", "first 4",
            "last 4"
        ]
    );
    // First no leader, then a key that is not a candidate's, then a candidate.
    fixture.put("e/nested/x", "not a candidate", None).await;
    assert!(fixture.etcdctl(&["del", "e/nested/x"]).ended().await);
    let lease = fixture.grant(60).await;
    fixture.put(&format!("e/{lease}"), "new", Some(lease)).await;
    assert_eq!(next_value(&mut observer).await.0, "new");
}

#[tokio::test]
async fn an_observer_survives_compaction_and_restarts() {
    let mut fixture = Fixture::start().await;
    let elections = elections(&fixture);
    let lease = fixture.grant(600).await;
    let key = format!("e/{lease}");
    fixture.put(&key, "one", Some(lease)).await;
    let mut observer = observe(&elections).await;
    assert_eq!(next_value(&mut observer).await.0, "one");
    fixture.put(&key, "two", Some(lease)).await;
    fixture.put(&key, "three", Some(lease)).await;
    fixture.compact().await;
    assert_eq!(next_value(&mut observer).await.0, "three");
    fixture.stop_etcd();
    let failed = timeout(SOON, observer.next())
        .await
        .expect("a message in time");
    assert!(
        matches!(failed, Some(ServerMessage::Error { .. })),
        "{failed:?}"
    );
    fixture.restart_etcd().await;
    fixture.put(&key, "four", Some(lease)).await;
    assert_eq!(next_value(&mut observer).await.0, "four");
}
