//! Leases that users hold, and what the holder is told where etcd refuses to renew one.

use serde_json::{Value, json};
use support::{Client, DEADLINE, Etcd, Stream, key_query};
use tokio::time::timeout;

use super::{InProcess, ROOT, world};

/// Begins a session, and gives its lease.
async fn hold(client: &Client, ttl: u64) -> (Stream, String) {
    let session = client.post("/leases/hold", &json!({"ttl": ttl}));
    let mut held = Stream::ndjson(session).await;
    let granted = held.of("granted").await;
    let lease = granted["lease"].as_str().expect("an id").to_owned();
    (held, lease)
}

/// Whether etcd refuses to renew this lease for a client: not every version asks who renews.
async fn refuses(client: &mut etcd_client::Client, lease: &str) -> bool {
    let id = i64::from_str_radix(lease, 16).expect("an id");
    let Ok((mut keeper, mut answers)) = client.lease_keep_alive(id).await else {
        return true;
    };
    let asked = keeper.keep_alive().await;
    let answer = timeout(DEADLINE, answers.message()).await;
    let answer = answer.expect("etcd answers a renewal, one way or the other");
    asked.is_err() || !matches!(answer, Ok(Some(_)))
}

fn reason(lost: &Value) -> &str {
    lost["reason"].as_str().expect("a reason")
}

async fn attach(client: &Client, key: &str, lease: &str) {
    let query = format!("{}&lease={lease}", key_query(key));
    client.put(&query, "").send().await.json(201);
}

#[tokio::test]
async fn a_lease_that_etcd_forbids_to_renew_is_lost_and_no_other() {
    let (etcd, _root, gateway) = world(&[], &[]).await;
    let app = gateway.api().signed("app", "secret");
    let all = gateway.api().signed("root", ROOT);
    let (mut held, lease) = hold(&app, 6).await;
    let (mut other, own) = hold(&app, 6).await;
    attach(&app, "/app/own", &own).await;
    attach(&app, "/app/a", &lease).await;
    attach(&all, "/other/a", &lease).await;
    let mut client = etcd.client_of("app", "secret").await;
    if refuses(&mut client, &lease).await {
        let lost = held.of("lost").await;
        assert!(reason(&lost).contains("permission denied"), "{lost}");
    } else {
        held.of("renewed").await;
    }
    // Those of the same user live on.
    for _ in 0..4 {
        other.of("renewed").await;
    }
    assert_eq!(app.read("/app/own").await["lease"], own);
}

/// A world in which the user `app` holds a lease and then gets the password `newer`.
async fn changed(ttl: u64) -> (Etcd, InProcess, Stream, String) {
    let (etcd, mut root, gateway) = world(&[], &[]).await;
    let (held, lease) = hold(&gateway.api().signed("app", "secret"), ttl).await;
    root.user_change_password("app", "newer")
        .await
        .expect("etcd changes a password");
    (etcd, gateway, held, lease)
}

#[tokio::test]
async fn a_hold_ends_with_its_account_and_the_next_sign_in_holds_again() {
    let (etcd, gateway, mut held, lease) = Box::pin(changed(6)).await;
    let mut nobody = etcd.client().await;
    if refuses(&mut nobody, &lease).await {
        let lost = held.of("lost").await;
        assert!(reason(&lost).contains("no longer accepted"), "{lost}");
    } else {
        held.of("renewed").await;
    }
    let (mut again, _) = hold(&gateway.api().signed("app", "newer"), 6).await;
    for _ in 0..3 {
        again.of("renewed").await;
    }
}

#[tokio::test]
async fn a_hold_goes_on_with_the_password_that_its_user_proves_next() {
    let (_etcd, gateway, mut held, _) = Box::pin(changed(18)).await;
    let app = gateway.api().signed("app", "newer");
    app.write("/app/a", "1").await;
    held.of("renewed").await;
}
