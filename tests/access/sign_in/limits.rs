//! Limits on password checks per address and name, and how long a sign-in may wait for etcd.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use support::auth;
use support::{Client, DEADLINE, basic, ensure, eventually, key_query};
use tokio::time::Instant;

use super::{passwords_checked, world};

/// Signs in at etcd's own route, where etcd checks the password every time; returns the status.
async fn authenticate(root: &Client, name: &str, password: &str) -> u16 {
    let body = json!({"name": name, "password": password});
    let response = root.post("/v3/auth/authenticate", &body).send().await;
    response.status.as_u16()
}

#[tokio::test]
async fn failed_sign_ins_are_rate_limited() {
    let (_etcd, _root, gateway) = world(&[], &[]).await;
    let good = gateway.api().with_password("app", "secret");
    good.write("/app/a", "1").await;
    let wrong = gateway.api().with_password("app", "guess");
    let limited = eventually("the limit is reached", DEADLINE, async || {
        let response = wrong.get(&key_query("/app/a")).send().await;
        if response.status == 429 {
            return Ok(response);
        }
        response.problem(401, "unauthenticated");
        Err("not limited yet".to_owned())
    })
    .await;
    assert!(limited.header("retry-after").parse::<u32>().is_ok());
    limited.problem(429, "rate_limited");
    // A verified user is not delayed by the attempts of others.
    assert_eq!(good.read("/app/a").await["value"], "1");
}

#[tokio::test]
async fn failed_sign_ins_at_v3_are_rate_limited() {
    let (_etcd, _root, gateway) = world(&[], &[]).await;
    let guess = json!({"name": "app", "password": "guess"});
    eventually("the limit is reached", DEADLINE, async || {
        let response = gateway.root().post("/v3/auth/authenticate", &guess);
        let response = response.send().await;
        match response.status.as_u16() {
            429 => Ok(()),
            400 => Err(response.text()),
            _ => panic!("{}", response.text()),
        }
    })
    .await;
    // No further password of that user is checked, not even through the other API.
    let right = gateway.api().with_password("app", "secret");
    let refused = right.get(&key_query("/app/a")).send().await;
    refused.problem(429, "rate_limited");
}

#[tokio::test]
async fn concurrent_guesses_are_rate_limited() {
    let (etcd, _root, gateway) = world(&[], &[]).await;
    let (before, started) = (passwords_checked(&etcd).await, Instant::now());
    let (api, root) = (gateway.api(), gateway.root());
    let guesses = (0..100).map(|number| {
        let guess = format!("guess {number}");
        let (api, root) = (api.with_password("app", &guess), root.clone());
        async move {
            let (status, refused) = if number % 2 == 0 {
                let response = api.get(&key_query("/app/a")).send().await;
                (response.status.as_u16(), 401)
            } else {
                let body = json!({"name": "app", "password": guess});
                let response = root.post("/v3/auth/authenticate", &body).send().await;
                (response.status.as_u16(), 400)
            };
            assert!([refused, 429].contains(&status), "{status}");
            status != 429
        }
    });
    let checks = join_all(guesses).await;
    let checks = checks
        .into_iter()
        .filter(|was_checked| *was_checked)
        .count() as u64;
    let refilled = started.elapsed().as_secs() / 6;
    assert!((1..=10 + refilled).contains(&checks), "{checks}");
    assert_eq!(passwords_checked(&etcd).await - before, checks);
}

#[tokio::test]
async fn concurrent_sign_ins_with_one_password_are_checked_once() {
    let (etcd, _root, gateway) = world(&[], &[]).await;
    let before = passwords_checked(&etcd).await;
    let app = gateway.api().with_password("app", "secret");
    let all = join_all((0..100).map(|_| app.get(&key_query("/app/a")).send())).await;
    for response in all {
        response.problem(404, "key_not_found");
    }
    assert_eq!(passwords_checked(&etcd).await - before, 1);
}

#[tokio::test]
async fn a_sign_in_honours_its_timeout_while_etcd_hangs() {
    let (etcd, _root, gateway) = world(&[], &[]).await;
    etcd.freeze().await;
    let started = Instant::now();
    let requests = (0..50).map(|number| {
        let app = gateway.api().with_password("app", &number.to_string());
        let query = format!("{}&timeout=2s", key_query("/app/a"));
        async move { app.get(&query).send().await }
    });
    let at_v3 = gateway
        .root()
        .post("/v3/kv/range", &json!({"key": "Zm9v"}))
        .header("authorization", &basic("app", "secret"))
        .header("grpc-timeout", "2S");
    let (responses, response) = tokio::join!(join_all(requests), at_v3.send());
    for response in responses {
        response.problem(504, "timeout");
    }
    response.expect(504);
    // In sequence, each would have waited for its own check.
    assert!(started.elapsed() < Duration::from_secs(8));
    etcd.thaw();
    let app = gateway.api().with_password("app", "secret");
    eventually("etcd responds again", DEADLINE, async || {
        let response = app.get(&key_query("/app/a")).send().await;
        support::ensure(response.status == 404, || response.text())
    })
    .await;
}

#[tokio::test]
async fn guessing_one_password_locks_out_no_other_user() {
    let (_etcd, _root, gateway) = world(&[], &[]).await;
    // Any client can send this header, so it does not change the address that is limited.
    let guess = async |number: usize| {
        let wrong = gateway.api().with_password("nobody", "guess");
        let wrong = wrong.with_header("x-forwarded-for", &format!("192.0.2.{number}"));
        wrong.get(&key_query("/app/a")).send().await.status.as_u16()
    };
    let mut number = 0;
    eventually("the guesser is limited", DEADLINE, async || {
        number += 1;
        let status = guess(number % 250).await;
        ensure(status == 429, || status.to_string())
    })
    .await;
    // From the same address, with a name that was not used before.
    let app = gateway.api().with_password("app", "secret");
    let absent = app.get(&key_query("/app/a")).send().await;
    absent.problem(404, "key_not_found");
}

#[tokio::test]
async fn trying_many_names_refuses_only_names_without_a_recent_sign_in() {
    let (_etcd, mut root, gateway) = world(&[], &[]).await;
    let client = gateway.root();
    assert_eq!(authenticate(&client, "app", "secret").await, 200);
    let mut round = 0;
    eventually("an unknown user is limited", DEADLINE, async || {
        round += 1;
        let late = format!("late-{round}");
        auth::user(&mut root, &late, "secret", &[]).await;
        let client = &client;
        let names = (0..40).map(|name| async move {
            authenticate(client, &format!("{round}-{name}"), "guess").await
        });
        join_all(names).await;
        let status = authenticate(client, &late, "secret").await;
        ensure(status == 429, || status.to_string())
    })
    .await;
    for password in ["secret", "guess", "secret"] {
        let expected = if password == "secret" { 200 } else { 400 };
        assert_eq!(authenticate(&client, "app", password).await, expected);
    }
}

#[tokio::test]
async fn guessing_a_users_password_does_not_lock_the_user_out() {
    let (_etcd, _root, gateway) = world(&[], &[]).await;
    let client = gateway.root();
    assert_eq!(authenticate(&client, "app", "secret").await, 200);
    eventually("the guesser is limited", DEADLINE, async || {
        let status = authenticate(&client, "app", "guess").await;
        ensure(status == 429, || status.to_string())
    })
    .await;
    // The password that signed in recently is not a guess.
    assert_eq!(authenticate(&client, "app", "secret").await, 200);
}
