//! Lost responses of etcd: a write that took effect nevertheless is undone.

use shared::{Code, GrantRequest, LockRequest};

use super::support::{Fixture, caller, eventually, with_lease};

#[tokio::test]
async fn a_key_put_without_a_response_is_removed() {
    let fixture = Fixture::start().await;
    let (proxy, locks) = fixture.through_proxy().await;
    let lease = fixture.grant(600).await;
    let request = LockRequest {
        holder: Some("lost".into()),
        ..with_lease(lease, 0)
    };
    let acquire = || {
        proxy.drop_responses_after(b"lost");
        let (locks, request) = (locks.clone(), request.clone());
        fixture
            .tasks
            .spawn(async move { locks.acquire(&caller(), b"a".to_vec(), request).await })
    };
    let request_task = acquire();
    eventually("etcd has applied it", || async {
        fixture.keys("a/").await.len() == 1
    })
    .await;
    proxy.cut();
    let failure = request_task
        .await
        .expect("no panic")
        .expect_err("no response");
    proxy.restore();
    assert_eq!(failure.code, Code::OutcomeUnknown);
    eventually("the key is deleted", || async {
        fixture.keys("a/").await.is_empty()
    })
    .await;
    assert!(
        fixture.lease_exists(lease).await,
        "the caller's lease stays"
    );

    // A key that existed before the request is not removed.
    let ours = caller();
    let acquired = locks.acquire(&ours, b"a".to_vec(), request.clone());
    let first = acquired.await.expect("free");
    first.claim.keep();
    let before = fixture.counter("Txn").await;
    let request_task = acquire();
    eventually("etcd has the request", || async {
        fixture.counter("Txn").await > before
    })
    .await;
    proxy.cut();
    let failure = request_task
        .await
        .expect("no panic")
        .expect_err("no response");
    proxy.restore();
    assert_eq!(failure.code, Code::OutcomeUnknown);
    // The request waits for a removal in progress.
    let again = locks.acquire(&ours, b"a".to_vec(), request.clone()).await;
    let again = again.expect("the lock is acquired");
    assert_eq!(again.response.fencing_token, first.response.fencing_token);
    again.claim.keep();
}

#[tokio::test]
async fn a_lease_granted_for_a_lock_without_a_response_is_revoked() {
    let fixture = Fixture::start().await;
    let (proxy, locks) = fixture.through_proxy().await;
    let request = LockRequest {
        ttl: Some(5_000_000_003),
        ..LockRequest::default()
    };
    let mut encoded = Vec::new();
    prost::encoding::encode_varint(5_000_000_003, &mut encoded);
    proxy.drop_responses_after(&encoded);
    let request_task = fixture
        .tasks
        .spawn(async move { locks.acquire(&caller(), b"a".to_vec(), request).await });
    let leases = async || fixture.etcd.leases(&caller()).await.expect("leases").1;
    eventually("etcd has applied it", || async {
        leases().await.len() == 1
    })
    .await;
    proxy.cut();
    let failure = request_task
        .await
        .expect("no panic")
        .expect_err("no response");
    proxy.restore();
    assert_eq!(failure.code, Code::OutcomeUnknown);
    eventually("the lease is revoked", || async {
        leases().await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_lease_granted_without_a_response_is_revoked() {
    let fixture = Fixture::start().await;
    let (proxy, leases) = fixture.leases_through_proxy().await;
    let request = GrantRequest {
        ttl: 5_000_000_004,
        id: None,
    };
    let mut encoded = Vec::new();
    prost::encoding::encode_varint(5_000_000_004, &mut encoded);
    proxy.drop_responses_after(&encoded);
    let request_task = fixture
        .tasks
        .spawn(async move { leases.grant(&caller(), request).await });
    let leases = async || fixture.etcd.leases(&caller()).await.expect("leases").1;
    eventually("etcd has applied it", || async {
        leases().await.len() == 1
    })
    .await;
    proxy.cut();
    let failure = request_task
        .await
        .expect("no panic")
        .expect_err("no response");
    proxy.restore();
    assert_eq!(failure.code, Code::OutcomeUnknown);
    eventually("the lease is revoked", || async {
        leases().await.is_empty()
    })
    .await;
}
