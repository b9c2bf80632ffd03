//! A key that is created and deleted between the attempts of a write that keeps its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::ready;
use support::gateway::InProcess;
use support::tap::Tap;
use support::{Etcd, key_query};

/// A relay to etcd that puts and deletes the key in turns, `times` times in all, each time just after
/// etcd's response to a transaction.
async fn start_changing(etcd: &Etcd, key: &'static str, times: usize) -> Tap {
    let client = etcd.client().await;
    let transactions = Arc::new(AtomicUsize::new(0));
    Tap::start_with(&etcd.direct_url(), move |path| {
        if !path.ends_with("/Txn") {
            return ready(()).boxed();
        }
        let so_far = transactions.fetch_add(1, Ordering::SeqCst);
        let mut kv = client.kv_client();
        async move {
            if so_far >= times {
                return;
            }
            if so_far.is_multiple_of(2) {
                kv.put(key, "theirs", None).await.expect("etcd puts");
            } else {
                kv.delete(key, None).await.expect("etcd deletes");
            }
        }
        .boxed()
    })
}

/// The number of transactions so far.
fn transactions(tap: &Tap) -> usize {
    let calls = tap.calls();
    calls
        .iter()
        .filter(|call| call.path.ends_with("/Txn"))
        .count()
}

#[tokio::test]
async fn a_write_gives_up_after_three_attempts() {
    let etcd = Etcd::start().await;
    // The key is absent, exists before the second attempt, and is absent before the third.
    let tap = start_changing(&etcd, "k", 2).await;
    let gateway = InProcess::start(&tap.url(), &[]).await;
    let api = gateway.api();
    let refused = api.put(&key_query("k"), "ours").send().await;
    let problem = refused.problem(409, "conflict");
    assert!(
        problem["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("lease=none"))
    );
    assert_eq!(transactions(&tap), 3);
    let absent = api.get(&key_query("k")).send().await;
    absent.problem(404, "key_not_found");
    // The relay no longer changes the key.
    api.put(&key_query("k"), "ours").send().await.json(201);
}

#[tokio::test]
async fn a_key_created_meanwhile_is_replaced() {
    let etcd = Etcd::start().await;
    let tap = start_changing(&etcd, "k", 1).await;
    let gateway = InProcess::start(&tap.url(), &[]).await;
    let api = gateway.api();
    let put = api.put(&key_query("k"), "ours").send().await.json(200);
    assert_eq!(put["version"], 2, "{put}");
    assert_eq!(transactions(&tap), 3);
}

#[tokio::test]
async fn a_write_that_does_not_depend_on_the_lease_is_one_transaction() {
    let etcd = Etcd::start().await;
    let tap = start_changing(&etcd, "k", 2).await;
    let gateway = InProcess::start(&tap.url(), &[]).await;
    let path = format!("{}&lease=none", key_query("k"));
    gateway.api().put(&path, "ours").send().await.json(201);
    assert_eq!(transactions(&tap), 1);
}
