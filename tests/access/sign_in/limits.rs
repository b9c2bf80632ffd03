//! What one address may ask of etcd, and how long anybody waits for it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use support::{DEADLINE, basic, eventually, key_query};
use tokio::time::Instant;

use super::{checked, world};

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
