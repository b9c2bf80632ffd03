//! Answers of etcd that are lost: what was done all the same is undone.

use shared::{Code, GrantRequest, LockRequest};

use super::support::{Fixture, caller, eventually, with_lease};

#[tokio::test]
async fn a_key_whose_putting_had_no_answer_goes_again() {
    let fixture = Fixture::start().await;
    let (proxy, locks) = fixture.through_proxy().await;
    let lease = fixture.grant(600).await;
    let request = LockRequest {
        holder: Some("lost".into()),
        ..with_lease(lease, 0)
    };
    let ask = || {
        proxy.lose_answers_behind(b"lost");
        let (locks, request) = (locks.clone(), request.clone());
        fixture
            .tasks
            .spawn(async move { locks.acquire(&caller(), b"a".to_vec(), request).await })
    };
    let asking = ask();
    eventually("etcd has it", || async {
        fixture.keys("a/").await.len() == 1
    })
    .await;
    proxy.cut();
    let failure = asking.await.expect("no panic").expect_err("no answer");
    proxy.mend();
    assert_eq!(failure.code, Code::OutcomeUnknown);
    eventually("the key is gone", || async {
        fixture.keys("a/").await.is_empty()
    })
    .await;
    assert!(fixture.lives(lease).await, "the caller's lease stays");

    // One that was there before the request is not the request's to remove.
    let us = caller();
    let acquired = locks.acquire(&us, b"a".to_vec(), request.clone());
    let first = acquired.await.expect("free");
    first.standing.keep();
    let before = fixture.counter("Txn").await;
    let asking = ask();
    eventually("etcd is asked", || async {
        fixture.counter("Txn").await > before
    })
    .await;
    proxy.cut();
    let failure = asking.await.expect("no panic").expect_err("no answer");
    proxy.mend();
    assert_eq!(failure.code, Code::OutcomeUnknown);
    // Waits for whatever is being removed.
    let again = locks.acquire(&us, b"a".to_vec(), request.clone()).await;
    let again = again.expect("it holds");
    assert_eq!(again.answer.fencing_token, first.answer.fencing_token);
    again.standing.keep();
}

#[tokio::test]
async fn a_lease_whose_granting_had_no_answer_goes_again() {
    let fixture = Fixture::start().await;
    let (proxy, locks) = fixture.through_proxy().await;
    let request = LockRequest {
        ttl: Some(5_000_000_003),
        ..LockRequest::default()
    };
    let mut asked = Vec::new();
    prost::encoding::encode_varint(5_000_000_003, &mut asked);
    proxy.lose_answers_behind(&asked);
    let asking = fixture
        .tasks
        .spawn(async move { locks.acquire(&caller(), b"a".to_vec(), request).await });
    let leases = async || fixture.etcd.leases(&caller()).await.expect("leases").1;
    eventually("etcd has it", || async { leases().await.len() == 1 }).await;
    proxy.cut();
    let failure = asking.await.expect("no panic").expect_err("no answer");
    proxy.mend();
    assert_eq!(failure.code, Code::OutcomeUnknown);
    eventually("the lease is gone", || async { leases().await.is_empty() }).await;
}

#[tokio::test]
async fn a_lease_granted_by_itself_without_an_answer_goes_again() {
    let fixture = Fixture::start().await;
    let (proxy, leases) = fixture.leases_through_proxy().await;
    let request = GrantRequest {
        ttl: 5_000_000_004,
        id: None,
    };
    let mut asked = Vec::new();
    prost::encoding::encode_varint(5_000_000_004, &mut asked);
    proxy.lose_answers_behind(&asked);
    let asking = fixture
        .tasks
        .spawn(async move { leases.grant(&caller(), request).await });
    let there = async || fixture.etcd.leases(&caller()).await.expect("leases").1;
    eventually("etcd has it", || async { there().await.len() == 1 }).await;
    proxy.cut();
    let failure = asking.await.expect("no panic").expect_err("no answer");
    proxy.mend();
    assert_eq!(failure.code, Code::OutcomeUnknown);
    eventually("the lease is gone", || async { there().await.is_empty() }).await;
}
