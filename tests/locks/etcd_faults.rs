//! Holds while etcd or the connection to it fails.

use std::time::Duration;

use serde_json::{Value, json};
use support::gateway::InProcess;
use support::locks::{next_after_renewals, wait_for_lease_end};
use support::{Etcd, Stream, World, ensure, eventually, text};
use tokio::time::{Instant, sleep};

/// A separate etcd, and a gateway for it.
async fn own_etcd() -> (Etcd, InProcess) {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    (etcd, gateway)
}

async fn session(gateway: &InProcess, body: &Value) -> (Stream, String) {
    let mut held = Stream::ndjson(gateway.api().post("/leases/hold", body)).await;
    let lease = text(&held.expect_type("granted").await["lease"]);
    (held, lease)
}

#[tokio::test]
async fn a_hold_survives_a_restart_of_etcd_shorter_than_its_ttl() {
    let (mut etcd, gateway) = own_etcd().await;
    let (mut held, lease) = session(&gateway, &json!({"ttl": 30})).await;
    let lock = json!({"ttl": 30});
    let mut locked = Stream::ndjson(gateway.api().post("/locks/a/hold", &lock)).await;
    let acquired = locked.expect_type("acquired").await;
    held.expect_type("renewed").await;
    etcd.restart().await;
    for stream in [&mut held, &mut locked] {
        assert_eq!(stream.expect_type("renewed").await["ttl"], 30);
        assert_eq!(stream.expect_type("renewed").await["ttl"], 30);
    }
    let api = gateway.api();
    api.get(&format!("/leases/{lease}")).send().await.json(200);
    let shown = api.get("/locks/a").send().await.json(200);
    assert_eq!(shown["holder"]["fencing_token"], acquired["fencing_token"]);
}

#[tokio::test]
async fn a_lease_counts_as_lost_when_etcd_was_unreachable_for_its_ttl() {
    let (etcd, gateway) = own_etcd().await;
    let (mut held, lease) = session(&gateway, &json!({"ttl": 4})).await;
    let path = "/locks/a/hold";
    let mut locked = Stream::ndjson(gateway.api().post(path, &json!({"ttl": 4}))).await;
    let acquired = locked.expect_type("acquired").await;
    held.expect_type("renewed").await;
    let cut = Instant::now();
    etcd.proxy.cut();
    for stream in [&mut held, &mut locked] {
        let lost = next_after_renewals(stream).await;
        assert_eq!(lost["type"], "lost", "{lost}");
    }
    let reported = cut.elapsed();
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(6)).contains(&reported),
        "when the lease may have expired, and not before: {reported:?}"
    );
    held.wait_for_end(Duration::from_secs(2)).await;
    // The promised revocation happens once etcd is reachable again.
    etcd.proxy.restore();
    let client = etcd.client().await;
    for lease in [lease, text(&acquired["lease"])] {
        let id = i64::from_str_radix(&lease, 16).expect("a lease");
        eventually(
            "the lease is revoked",
            Duration::from_secs(15),
            async || {
                let response = client.lease_client().time_to_live(id, None).await;
                let ttl = response.map_err(|error| error.to_string())?.ttl();
                ensure(ttl < 0, || format!("{ttl} s"))
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_short_connection_loss_loses_no_lease() {
    let (etcd, gateway) = own_etcd().await;
    let (mut held, lease) = session(&gateway, &json!({"ttl": 10})).await;
    held.expect_type("renewed").await;
    etcd.proxy.cut();
    // Wait until the gateway has noticed.
    eventually("etcd is unreachable", Duration::from_secs(10), async || {
        let response = gateway
            .api()
            .get(&format!("/leases/{lease}?timeout=1s"))
            .send()
            .await;
        ensure(response.status.is_server_error(), || response.text())
    })
    .await;
    etcd.proxy.restore();
    for _ in 0..3 {
        assert_eq!(held.expect_type("renewed").await["ttl"], 10);
    }
    // A connection that is silent for a while behaves alike.
    etcd.proxy.stall();
    sleep(Duration::from_secs(3)).await;
    etcd.proxy.restore();
    for _ in 0..3 {
        assert_eq!(held.expect_type("renewed").await["ttl"], 10);
    }
}

#[tokio::test]
async fn a_waiter_survives_a_restart_of_etcd_and_acquires_the_lock() {
    let (mut etcd, gateway) = own_etcd().await;
    let api = gateway.api();
    let first = api
        .post("/locks/a", &json!({"ttl": 120}))
        .send()
        .await
        .json(201);
    let mut waiter = Stream::ndjson(api.post("/locks/a/hold", &json!({"ttl": 30}))).await;
    let mut observer = Stream::ndjson(api.get("/elections/a/observe")).await;
    eventually("the request waits", support::DEADLINE, async || {
        let lock = api.get("/locks/a").send().await.text();
        ensure(lock.contains("\"waiters\":[{"), || lock.clone())
    })
    .await;
    observer.expect_type("leader").await;
    etcd.restart().await;
    eventually("etcd is back", support::DEADLINE, async || {
        let response = api.get("/locks/a").send().await;
        ensure(response.status == 200, || response.text())
    })
    .await;
    let by_token = format!("/locks/a?fencing_token={}", first["fencing_token"]);
    api.delete(&by_token).send().await.json(200);
    let then = waiter.expect_type("acquired").await;
    assert!(then["fencing_token"].as_i64() > first["fencing_token"].as_i64());
    let led = loop {
        // The outage may have been reported before.
        let message = observer.next().await;
        if message["type"] == "leader" {
            break message;
        }
        assert_eq!(message["code"], "unavailable", "{message}");
    };
    assert_eq!(led["key"], then["key"]);
}

#[tokio::test]
async fn leases_of_a_client_lost_while_etcd_is_down_are_revoked_later() {
    let (mut etcd, gateway) = own_etcd().await;
    let (held, lease) = session(&gateway, &json!({"ttl": 600})).await;
    let mut locked =
        Stream::ndjson(gateway.api().post("/locks/a/hold", &json!({"ttl": 600}))).await;
    let acquired = locked.expect_type("acquired").await;
    etcd.kill();
    drop((held, locked));
    etcd.restart().await;
    let client = etcd.client().await;
    for lease in [lease, text(&acquired["lease"])] {
        let id = i64::from_str_radix(&lease, 16).expect("a lease");
        eventually(
            "the lease is revoked",
            Duration::from_secs(20),
            async || {
                let response = client.lease_client().time_to_live(id, None).await;
                let ttl = response.map_err(|error| error.to_string())?.ttl();
                ensure(ttl < 0, || format!("{ttl} s"))
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_lease_revoked_elsewhere_is_reported_within_4_seconds() {
    let world = World::new("revoked-elsewhere").await;
    let mut held = Stream::ndjson(world.api.post("/leases/hold", &json!({"ttl": 10}))).await;
    let lease = text(&held.expect_type("granted").await["lease"]);
    held.expect_type("renewed").await;
    support::ctl::etcdctl(world.etcd, &["lease", "revoke", &lease]).await;
    let revoked = Instant::now();
    assert_eq!(next_after_renewals(&mut held).await["type"], "lost");
    assert!(
        revoked.elapsed() < Duration::from_secs(4),
        "{:?}",
        revoked.elapsed()
    );
    wait_for_lease_end(&world.api, &lease, Duration::from_secs(1)).await;
}
