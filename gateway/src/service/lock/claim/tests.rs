//! Unit tests of the keys of claims.

use super::*;
use crate::etcd::{Secret, Settings};

fn ours(created: Created) -> Removal {
    Removal {
        created,
        creator: Identity::Gateway,
    }
}

async fn attached(requests: u32) -> Attachments {
    let attachments = Attachments::default();
    for _ in 0..requests {
        attachments.attach(b"k").await;
    }
    attachments
}

#[tokio::test]
async fn the_request_that_created_the_key_removes_it() {
    let attachments = attached(1).await;
    assert_eq!(
        attachments.detach(b"k", Some(ours(Created::At(7)))),
        Some(ours(Created::At(7)))
    );
}

#[tokio::test]
async fn an_existing_key_is_not_removed() {
    let attachments = attached(1).await;
    assert_eq!(attachments.detach(b"k", None), None);
    assert!(attachments.lock().is_empty());
}

#[tokio::test]
async fn the_last_request_with_a_lease_removes_the_key() {
    let attachments = attached(2).await;
    assert_eq!(attachments.detach(b"k", Some(ours(Created::At(7)))), None);
    assert_eq!(attachments.detach(b"k", None), Some(ours(Created::At(7))));
}

#[tokio::test]
async fn the_last_request_removes_the_key_as_its_creator() {
    let endpoints = vec!["http://127.0.0.1:1".to_owned()];
    let etcd = Etcd::new(Settings::new(endpoints, Duration::from_secs(1))).await;
    let etcd = etcd.expect("a valid URL");
    let account = etcd.account_of([7; 32], &Secret::new("token"));
    let creator = Identity::Token(account.expect("a valid token"));
    let attachments = attached(2).await;
    let created = Some(Removal {
        created: Created::At(7),
        creator,
    });
    assert_eq!(attachments.detach(b"k", created.clone()), None);
    assert_eq!(attachments.detach(b"k", None), created);
}

#[tokio::test]
async fn a_key_that_a_caller_received_is_not_removed() {
    let attachments = attached(2).await;
    attachments.keep(b"k");
    assert_eq!(attachments.detach(b"k", Some(ours(Created::At(7)))), None);
    assert!(attachments.lock().is_empty());
}

#[tokio::test]
async fn a_new_request_waits_for_a_removal_in_progress() {
    let attachments = attached(1).await;
    assert_eq!(
        attachments.detach(b"k", Some(ours(Created::At(7)))),
        Some(ours(Created::At(7)))
    );
    let mut next = std::pin::pin!(attachments.attach(b"k"));
    assert!(futures_util::poll!(next.as_mut()).is_pending());
    attachments.finish_removal(b"k");
    next.await;
    assert_eq!(attachments.lock()[&b"k"[..]].requests, 1);
}
