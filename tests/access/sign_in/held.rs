//! Leases held by users, and the message to the holder when etcd refuses to renew one.

use serde_json::{Value, json};
use support::{Client, DEADLINE, Etcd, Stream, key_query};
use tokio::time::timeout;

use super::{InProcess, ROOT, world};

/// Starts a session; returns its stream and its lease.
async fn hold(client: &Client, ttl: u64) -> (Stream, String) {
    let session = client.post("/leases/hold", &json!({"ttl": ttl}));
    let mut held = Stream::ndjson(session).await;
    let granted = held.expect_type("granted").await;
    let lease = granted["lease"].as_str().expect("an id").to_owned();
    (held, lease)
}

/// Whether etcd refuses to renew this lease for a client: not every version checks who renews.
async fn is_renewal_refused(client: &mut etcd_client::Client, lease: &str) -> bool {
    let id = i64::from_str_radix(lease, 16).expect("an id");
    let Ok((mut keeper, mut responses)) = client.lease_keep_alive(id).await else {
        return true;
    };
    let sent = keeper.keep_alive().await;
    let response = timeout(DEADLINE, responses.message()).await;
    let response = response.expect("etcd renews or refuses");
    sent.is_err() || !matches!(response, Ok(Some(_)))
}

fn reason(lost: &Value) -> &str {
    lost["reason"].as_str().expect("a reason")
}

async fn attach(client: &Client, key: &str, lease: &str) {
    let query = format!("{}&lease={lease}", key_query(key));
    client.put(&query, "").send().await.json(201);
}

#[tokio::test]
async fn only_a_lease_that_etcd_refuses_to_renew_is_lost() {
    let (etcd, _root, gateway) = world(&[], &[]).await;
    let app = gateway.api().with_password("app", "secret");
    let all = gateway.api().with_password("root", ROOT);
    let (mut held, lease) = hold(&app, 6).await;
    let (mut other, own) = hold(&app, 6).await;
    attach(&app, "/app/own", &own).await;
    attach(&app, "/app/a", &lease).await;
    attach(&all, "/other/a", &lease).await;
    let mut client = etcd.client_of("app", "secret").await;
    if is_renewal_refused(&mut client, &lease).await {
        let lost = held.expect_type("lost").await;
        assert!(reason(&lost).contains("permission denied"), "{lost}");
    } else {
        held.expect_type("renewed").await;
    }
    // Other leases of the same user are still renewed.
    for _ in 0..4 {
        other.expect_type("renewed").await;
    }
    assert_eq!(app.read("/app/own").await["lease"], own);
}

/// The user `app` holds a lease, and then the password is changed to `newer`.
async fn with_changed_password(ttl: u64) -> (Etcd, InProcess, Stream, String) {
    let (etcd, mut root, gateway) = world(&[], &[]).await;
    let (held, lease) = hold(&gateway.api().with_password("app", "secret"), ttl).await;
    root.user_change_password("app", "newer")
        .await
        .expect("etcd changes a password");
    (etcd, gateway, held, lease)
}

#[tokio::test]
async fn a_changed_password_ends_a_hold_and_the_next_sign_in_can_hold() {
    let (etcd, gateway, mut held, lease) = Box::pin(with_changed_password(6)).await;
    let mut anonymous = etcd.client().await;
    if is_renewal_refused(&mut anonymous, &lease).await {
        let lost = held.expect_type("lost").await;
        assert!(reason(&lost).contains("no longer accepted"), "{lost}");
    } else {
        held.expect_type("renewed").await;
    }
    let (mut again, _) = hold(&gateway.api().with_password("app", "newer"), 6).await;
    for _ in 0..3 {
        again.expect_type("renewed").await;
    }
}

#[tokio::test]
async fn a_hold_continues_with_the_users_next_verified_password() {
    let (_etcd, gateway, mut held, _) = Box::pin(with_changed_password(18)).await;
    let app = gateway.api().with_password("app", "newer");
    app.write("/app/a", "1").await;
    held.expect_type("renewed").await;
}
