//! What one address may ask of etcd, and how long anybody waits for it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use support::auth;
use support::{Client, DEADLINE, basic, eventually, key_query, when};
use tokio::time::Instant;

use super::{checked, world};

/// Signs in at etcd's own route, where etcd checks the password every time; returns the status.
async fn authenticate(root: &Client, name: &str, password: &str) -> u16 {
    let asked = json!({"name": name, "password": password});
    let answer = root.post("/v3/auth/authenticate", &asked).send().await;
    answer.status.as_u16()
}

#[tokio::test]
async fn who_fails_too_often_has_to_wait() {
    let (_etcd, _root, gateway) = world(&[], &[]).await;
    let good = gateway.api().signed("app", "secret");
    good.write("/app/a", "1").await;
    let wrong = gateway.api().signed("app", "guess");
    let limited = eventually("the limit is reached", DEADLINE, async || {
        let answer = wrong.get(&key_query("/app/a")).send().await;
        if answer.status == 429 {
            return Ok(answer);
        }
        answer.problem(401, "unauthenticated");
        Err("not limited yet".to_owned())
    })
    .await;
    assert!(limited.header("retry-after").parse::<u32>().is_ok());
    limited.problem(429, "rate_limited");
    // Whom etcd knows already is not made to wait for what others do.
    assert_eq!(good.read("/app/a").await["value"], "1");
}

#[tokio::test]
async fn who_fails_too_often_at_the_drop_in_has_to_wait_too() {
    let (_etcd, _root, gateway) = world(&[], &[]).await;
    let guess = json!({"name": "app", "password": "guess"});
    eventually("the limit is reached", DEADLINE, async || {
        let answer = gateway.root().post("/v3/auth/authenticate", &guess);
        let answer = answer.send().await;
        match answer.status.as_u16() {
            429 => Ok(()),
            400 => Err(answer.text()),
            _ => panic!("{}", answer.text()),
        }
    })
    .await;
    // No password is looked at any more, not even by another door.
    let right = gateway.api().signed("app", "secret");
    let refused = right.get(&key_query("/app/a")).send().await;
    refused.problem(429, "rate_limited");
}

#[tokio::test]
async fn guesses_at_the_same_time_are_limited_too() {
    let (etcd, _root, gateway) = world(&[], &[]).await;
    let (before, started) = (checked(&etcd).await, Instant::now());
    let (api, root) = (gateway.api(), gateway.root());
    let guesses = (0..100).map(|number| {
        let guess = format!("guess {number}");
        let (api, root) = (api.signed("app", &guess), root.clone());
        async move {
            let (status, refused) = if number % 2 == 0 {
                let answer = api.get(&key_query("/app/a")).send().await;
                (answer.status.as_u16(), 401)
            } else {
                let asked = json!({"name": "app", "password": guess});
                let answer = root.post("/v3/auth/authenticate", &asked).send().await;
                (answer.status.as_u16(), 400)
            };
            assert!([refused, 429].contains(&status), "{status}");
            status != 429
        }
    });
    let judged = join_all(guesses).await;
    let judged = judged.into_iter().filter(|judged| *judged).count() as u64;
    let forgiven = started.elapsed().as_secs() / 6;
    assert!((1..=10 + forgiven).contains(&judged), "{judged}");
    assert_eq!(checked(&etcd).await - before, judged);
}

#[tokio::test]
async fn who_comes_with_the_same_password_at_once_is_checked_once() {
    let (etcd, _root, gateway) = world(&[], &[]).await;
    let before = checked(&etcd).await;
    let app = gateway.api().signed("app", "secret");
    let all = join_all((0..100).map(|_| app.get(&key_query("/app/a")).send())).await;
    for answer in all {
        answer.problem(404, "key_not_found");
    }
    assert_eq!(checked(&etcd).await - before, 1);
}

#[tokio::test]
async fn nobody_waits_longer_than_asked_while_etcd_hangs() {
    let (etcd, _root, gateway) = world(&[], &[]).await;
    etcd.freeze().await;
    let started = Instant::now();
    let asks = (0..50).map(|number| {
        let app = gateway.api().signed("app", &number.to_string());
        let query = format!("{}&timeout=2s", key_query("/app/a"));
        async move { app.get(&query).send().await }
    });
    let at_drop_in = gateway
        .root()
        .post("/v3/kv/range", &json!({"key": "Zm9v"}))
        .header("authorization", &basic("app", "secret"))
        .header("grpc-timeout", "2S");
    let (answers, answer) = tokio::join!(join_all(asks), at_drop_in.send());
    for answer in answers {
        answer.problem(504, "timeout");
    }
    answer.expect(504);
    // One after the other, each would have waited for a question of its own.
    assert!(started.elapsed() < Duration::from_secs(8));
    etcd.thaw();
    let app = gateway.api().signed("app", "secret");
    eventually("etcd answers again", DEADLINE, async || {
        let answer = app.get(&key_query("/app/a")).send().await;
        support::when(answer.status == 404, || answer.text())
    })
    .await;
}

#[tokio::test]
async fn guessing_one_password_locks_out_no_other_user() {
    let (_etcd, _root, gateway) = world(&[], &[]).await;
    // Any client can write this header, so it does not change the address that counts.
    let guess = async |number: usize| {
        let wrong = gateway.api().signed("nobody", "guess");
        let wrong = wrong.with("x-forwarded-for", &format!("192.0.2.{number}"));
        wrong.get(&key_query("/app/a")).send().await.status.as_u16()
    };
    let mut number = 0;
    eventually("the guesser is limited", DEADLINE, async || {
        number += 1;
        let status = guess(number % 250).await;
        when(status == 429, || status.to_string())
    })
    .await;
    // From the same address, and never seen before.
    let app = gateway.api().signed("app", "secret");
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
        when(status == 429, || status.to_string())
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
        when(status == 429, || status.to_string())
    })
    .await;
    // The password that signed in recently is not a guess.
    assert_eq!(authenticate(&client, "app", "secret").await, 200);
}
