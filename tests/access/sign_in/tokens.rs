//! Tokens that expire, or become invalid when users or roles change.

use std::time::Duration;

use serde_json::json;
use support::auth::{self, ROOT};
use support::certs::{Authority, Kind};
use support::{Client, DEADLINE, Etcd, Stream, ensure, eventually, key_query, percent};

use super::{passwords_checked, with_root, world};

/// The flag for signed tokens (JWT), which etcd does not store, and the authority that owns the key files.
fn signed_tokens(ttl: &str) -> (Authority, String) {
    let authority = Authority::new();
    let key = authority.client("tokens", Kind::Rsa);
    let flag = format!(
        "--auth-token=jwt,pub-key={},priv-key={},sign-method=RS256,ttl={ttl}",
        key.cert(),
        key.key()
    );
    (authority, flag)
}

/// Waits until a new, unused token has expired: by then every older one has.
async fn wait_until_tokens_expire(etcd: &Etcd, api: &Client) {
    let token = etcd.token_of("app", "secret").await;
    let app = api.with_header("authorization", &format!("Bearer {token}"));
    let found = app.get(&key_query("/app/a")).send().await;
    assert_ne!(found.status, 401, "valid at first: {}", found.text());
    eventually("the token has expired", DEADLINE, async || {
        // Each use prolongs the token, so it stays unused for longer than it lasts.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let response = app.get(&key_query("/app/a")).send().await;
        ensure(response.status == 401, || response.text())
    })
    .await;
}

#[tokio::test]
async fn the_gateways_own_token_is_replaced_when_it_ends() {
    let own = with_root();
    let flags = ["--auth-token-ttl=1"];
    let (etcd, _root, gateway) = world(&flags, &[&own[0], &own[1]]).await;
    let api = gateway.api();
    api.write("/k", "1").await;
    wait_until_tokens_expire(&etcd, &api).await;
    assert_eq!(api.read("/k").await["value"], "1");
    api.write("/k", "2").await;
    assert_eq!(api.read("/k").await["value"], "2");
}

/// A user's reads and writes succeed after the user's token has expired.
async fn a_users_token_is_replaced(flag: &str) {
    let (etcd, _root, gateway) = world(&[flag], &[]).await;
    let api = gateway.api();
    let app = api.with_password("app", "secret");
    app.write("/app/a", "1").await;
    wait_until_tokens_expire(&etcd, &api).await;
    let before = passwords_checked(&etcd).await;
    app.write("/app/a", "2").await;
    assert_eq!(passwords_checked(&etcd).await - before, 1, "for the write");
    wait_until_tokens_expire(&etcd, &api).await;
    let before = passwords_checked(&etcd).await;
    assert_eq!(app.read("/app/a").await["value"], "2");
    assert_eq!(passwords_checked(&etcd).await - before, 1, "for the read");
}

#[tokio::test]
async fn a_users_token_is_replaced_when_etcd_forgets_it() {
    Box::pin(a_users_token_is_replaced("--auth-token-ttl=1")).await;
}

#[tokio::test]
async fn a_users_signed_token_is_replaced_when_it_expires() {
    let (_keys, flag) = signed_tokens("3s");
    Box::pin(a_users_token_is_replaced(&flag)).await;
}

#[tokio::test]
async fn a_signed_token_older_than_the_last_change_of_roles_is_replaced() {
    let (_keys, flag) = signed_tokens("10m");
    let (etcd, _root, gateway) = world(&[&flag], &[]).await;
    let app = gateway.api().with_password("app", "secret");
    app.write("/app/a", "1").await;
    let token = etcd.token_of("app", "secret").await;
    let bearer = gateway
        .api()
        .with_header("authorization", &format!("Bearer {token}"));
    assert_eq!(bearer.read("/app/a").await["value"], "1");

    let change = async |role: &str| {
        let mut root = etcd.client_of("root", ROOT).await;
        auth::user(&mut root, role, "x", &[]).await;
        passwords_checked(&etcd).await
    };
    let before = change("one").await;
    app.write("/app/a", "2").await;
    assert_eq!(passwords_checked(&etcd).await - before, 1, "for the write");
    let before = change("two").await;
    assert_eq!(app.read("/app/a").await["value"], "2");
    assert_eq!(passwords_checked(&etcd).await - before, 1, "for the read");
    // Open streams continue, and new ones can be opened.
    let watched = format!("/watch?prefix={}", percent("/app/"));
    let mut watch = Stream::ndjson(app.get(&watched)).await;
    watch.expect_type("opened").await;
    let session = app.post("/leases/hold", &json!({"ttl": 6}));
    let mut held = Stream::ndjson(session).await;
    held.expect_type("granted").await;
    change("three").await;
    let mut other = Stream::ndjson(app.get(&watched)).await;
    other.expect_type("opened").await;
    let revision = app.write("/app/a", "3").await;
    watch.until(revision).await;
    other.until(revision).await;
    held.expect_type("renewed").await;
    // A token alone cannot be replaced.
    let refused = bearer.get(&key_query("/app/a")).send().await;
    refused.problem(401, "unauthenticated");
}
