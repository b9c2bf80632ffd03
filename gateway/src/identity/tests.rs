//! Signing in, with a real etcd.

use std::net::{IpAddr, Ipv4Addr};

use shared::Password;

use super::accepted::MAX_SECRETS;
use super::*;
use crate::service::lock::tests::support::{Fixture, caller};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn sign_in(at: &SignIn, name: &str, password: &str) -> Identity {
    let credentials = Credentials {
        name: name.to_owned(),
        password: Secret::new(password),
    };
    let identity = at.with_password(HERE, credentials).await;
    identity.expect("etcd accepts the password")
}

fn account(identity: &Identity) -> &Arc<crate::etcd::Account> {
    identity.account().expect("a user has an account")
}

/// A cluster with auth enabled and the users root and app, whose passwords are `<name>'s own`.
async fn with_auth() -> Fixture {
    let fixture = Fixture::start().await;
    let etcd = &fixture.etcd;
    for name in ["root", "app"] {
        let password = Password(format!("{name}'s own"));
        let added = etcd.user_add(&caller(), name, Some(&password)).await;
        added.expect("a user");
    }
    etcd.role_add(&caller(), "root").await.expect("a role");
    let granted = etcd.user_grant(&caller(), "root", "root").await;
    granted.expect("granted");
    etcd.auth_enable(&caller()).await.expect("auth is enabled");
    fixture
}

#[tokio::test]
async fn a_user_has_one_account_while_a_stream_of_the_user_is_open() {
    let fixture = with_auth().await;
    let etcd = &fixture.etcd;
    let users = SignIn::new(etcd.clone(), None);
    let root = Caller::new(sign_in(&users, "root", "root's own").await, Some(TIMEOUT));

    let open = sign_in(&users, "app", "app's own").await;
    users.accepted().forget();
    let newer = Password("newer".to_owned());
    let changed = etcd.user_password(&root, "app", &newer).await;
    changed.expect("etcd changes a password");
    let next = sign_in(&users, "app", "newer").await;
    assert!(Arc::ptr_eq(account(&open), account(&next)));
    // The open identity is refused for lack of a permission, not for its credentials.
    let open = Caller::new(open, Some(TIMEOUT));
    let refused = etcd.may_read(&open, &Range::single("x")).await;
    assert_eq!(refused.expect_err("no role").code, Code::Forbidden);

    // Once nothing is open, the account is dropped.
    let former = Arc::downgrade(account(&next));
    drop((open, next));
    users.accepted().forget();
    assert!(former.upgrade().is_none());
}

#[tokio::test]
async fn the_least_recently_used_secret_is_dropped_first() {
    let fixture = with_auth().await;
    let users = SignIn::new(fixture.etcd.clone(), None);
    let app = sign_in(&users, "app", "app's own").await;
    let mut accepted = users.accepted();
    accepted.forget();
    let hash = |number: usize| {
        let mut hash = [0; 32];
        hash[..size_of::<usize>()].copy_from_slice(&number.to_le_bytes());
        hash
    };
    for number in 0..MAX_SECRETS {
        accepted.token(hash(number), Arc::clone(account(&app)));
    }
    assert!(accepted.find(&hash(0)).is_some(), "all are kept");
    accepted.token(hash(MAX_SECRETS), Arc::clone(account(&app)));
    let kept = (0..=MAX_SECRETS).filter(|number| accepted.find(&hash(*number)).is_some());
    let kept: Vec<usize> = kept.collect();
    assert_eq!(kept.len(), MAX_SECRETS);
    assert!(!kept.contains(&1), "0 was used after 1");
}
