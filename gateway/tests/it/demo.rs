//! The demo keyspace changes as described: each part is checked by the keys that a visitor would see.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use gateway::demo;
use gateway::embedded::{Embedded, Options};
use gateway::etcd::{Delete, Etcd, Get, KeyValue, Range, Settings};
use gateway::identity::Caller;
use gateway::tasks::Tasks;
use shared::LeaseId;
use tokio::time::{Instant, sleep};

/// Generous: the longest round takes 47 s, and the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(90);

/// A demo over an etcd of its own.
struct Demo {
    embedded: Embedded,
    etcd: Etcd,
    tasks: Tasks,
}

impl Demo {
    async fn start(dir: &Path) -> Self {
        let watchgate = env!("CARGO_BIN_EXE_watchgate").into();
        let options = Options::new(dir.join("etcd"), Some(watchgate)).expect("a supervisor");
        let embedded = Embedded::start(options).await.expect("etcd starts");
        let settings = Settings::new(embedded.urls().to_vec(), Duration::from_secs(2));
        let etcd = Etcd::new(settings).await.expect("a client URL");
        let tasks = Tasks::default();
        demo::start(&etcd, &tasks);
        Self {
            embedded,
            etcd,
            tasks,
        }
    }

    async fn stop(self) {
        self.tasks.cancel();
        assert!(
            self.tasks.wait(DEADLINE).await,
            "every actor stops at shutdown"
        );
        self.embedded.stop().await;
    }

    /// The keys with a prefix, the oldest first.
    async fn keys(&self, prefix: &str) -> Vec<KeyValue> {
        let range = Range::prefix(prefix.as_bytes());
        let caller = Caller::gateway(DEADLINE);
        let mut kvs = self
            .etcd
            .range(&caller, &range, &Get::default())
            .await
            .expect("etcd responds")
            .kvs;
        kvs.sort_by_key(|kv| kv.create_revision);
        kvs
    }

    async fn eventually(&self, what: &str, prefix: &str, holds: impl Fn(&[KeyValue]) -> bool) {
        let until = Instant::now() + DEADLINE;
        loop {
            let kvs = self.keys(prefix).await;
            if holds(&kvs) {
                return;
            }
            assert!(
                Instant::now() < until,
                "not within {DEADLINE:?}: {what}; {prefix} has {kvs:?}"
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The prefix has keys, later none, and then keys again.
    async fn is_deleted_and_recreated(&self, prefix: &str) {
        let present = |kvs: &[KeyValue]| !kvs.is_empty();
        self.eventually("has keys", prefix, present).await;
        self.eventually("has no keys", prefix, <[KeyValue]>::is_empty)
            .await;
        self.eventually("has keys again", prefix, present).await;
    }

    /// The key has each of these values in turn.
    async fn has_values_in_turn(&self, key: &str, values: &[&str]) {
        for value in values {
            self.eventually(&format!("{key} is {value}"), key, |kvs| {
                kvs.iter()
                    .any(|kv| kv.key == key.as_bytes() && kv.value == value.as_bytes())
            })
            .await;
        }
    }
}

/// The keys follow etcd's recipe, with the holder's name in the value.
fn check_queue(name: &str, kvs: &[KeyValue]) {
    for kv in kvs {
        let key = String::from_utf8(kv.key.clone()).expect("the text is UTF-8");
        assert_eq!(key, format!("{name}/{}", LeaseId(kv.lease)));
        let value: serde_json::Value =
            serde_json::from_slice(&kv.value).expect("the value is JSON");
        assert!(value["holder"].is_string(), "{value}");
    }
}

/// The lease of `/cron/lock/job1` expires in odd rounds, and is renewed well beyond its 10 s in
/// even ones.
async fn lease_is_renewed_every_other_round(demo: &Demo) {
    let (mut lived, mut seen_at) = (Vec::new(), Instant::now());
    let mut present: Option<i64> = None;
    let until = Instant::now() + DEADLINE;
    while lived.len() < 2 {
        let kvs = demo.keys("/cron/lock/job1").await;
        let now = kvs.first().map(|kv| {
            assert!(kv.lease != 0 && kv.value.is_empty(), "{kv:?}");
            kv.create_revision
        });
        if now != present {
            if present.is_some() {
                lived.push(seen_at.elapsed());
            }
            (present, seen_at) = (now, Instant::now());
        }
        assert!(Instant::now() < until, "only {lived:?}");
        sleep(Duration::from_millis(50)).await;
    }
    let seconds = |at: usize| lived[at].as_secs_f64();
    assert!((8.0..25.0).contains(&seconds(0)), "not expired: {lived:?}");
    assert!(seconds(1) > 28.0, "not renewed for 30 s: {lived:?}");
}

/// The first two holders of a single-key lock: never two at once, each with its own lease, and the
/// second one's token is greater.
async fn successors(demo: &Demo, key: &str) -> [KeyValue; 2] {
    let mut first: Option<KeyValue> = None;
    let until = Instant::now() + DEADLINE;
    loop {
        let kvs = demo.keys(key).await;
        assert!(kvs.len() <= 1, "two holders: {kvs:?}");
        if let Some(now) = kvs.into_iter().next() {
            assert!(now.lease != 0 && now.version == 1, "{now:?}");
            match first.take() {
                Some(before) if before.create_revision != now.create_revision => {
                    assert!(before.create_revision < now.create_revision);
                    assert_ne!(before.lease, now.lease);
                    return [before, now];
                }
                _ => first = Some(now),
            }
        }
        assert!(Instant::now() < until, "only {first:?} held {key}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The master of `/dev/lock` stops renewing every 30 s; another one follows.
async fn master_changes_when_its_lease_expires(demo: &Demo) {
    let masters = successors(demo, "/dev/lock").await;
    assert!(masters.iter().all(|kv| kv.value.starts_with(b"node")));
    // It did not revoke its lease: the lease expired.
    let caller = Caller::gateway(DEADLINE);
    let lease = demo
        .etcd
        .lease_time_to_live(&caller, masters[0].lease, false);
    assert!(lease.await.expect("etcd responds").ttl < 0);
}

/// The holder of `/cron/lock/ado` revokes its lease after 10 s, and the other contender gets it.
async fn ado_lock_changes_hands(demo: &Demo) {
    let mut holders = successors(demo, "/cron/lock/ado").await.map(|kv| kv.value);
    holders.sort();
    assert_eq!(holders, [&b"duzhenxun"[..], b"duzhenxun-b"]);
}

/// Each of the three leads `/my-election/` and proclaims; e1 and e2 resign, e3 fails.
async fn election_changes_hands(demo: &Demo) {
    let mut proclaimed = BTreeSet::new();
    let mut leases = std::collections::BTreeMap::new();
    let (mut resigned, mut failed) = (false, false);
    let until = Instant::now() + DEADLINE;
    while proclaimed.len() < 3 || !resigned || !failed {
        let kvs = demo.keys("/my-election//").await;
        for kv in &kvs {
            let key = String::from_utf8(kv.key.clone()).expect("the text is UTF-8");
            assert_eq!(key, format!("/my-election//{}", LeaseId(kv.lease)));
        }
        if let Some(leader) = kvs.first() {
            let value = String::from_utf8(leader.value.clone()).expect("the text is UTF-8");
            let name = value.strip_suffix("-bis");
            leases.insert(name.unwrap_or(&value).to_owned(), leader.clone());
            if let Some(name) = name {
                assert!(leader.version > 1, "not proclaimed: {leader:?}");
                proclaimed.insert(name.to_owned());
            }
        }
        for (name, led) in &leases {
            if kvs
                .iter()
                .any(|kv| kv.create_revision == led.create_revision)
            {
                continue;
            }
            // It no longer leads. A candidate that resigned keeps its lease.
            let caller = Caller::gateway(DEADLINE);
            let lease = demo.etcd.lease_time_to_live(&caller, led.lease, false);
            let lives = lease.await.expect("etcd responds").ttl >= 0;
            resigned |= name != "e3" && lives;
            failed |= name == "e3" && !lives;
        }
        assert!(
            Instant::now() < until,
            "only {proclaimed:?}, resigned {resigned}, failed {failed}"
        );
        sleep(Duration::from_millis(100)).await;
    }
}

/// Money moves between `accts/0` and `accts/4`; the sum is the same at every revision.
async fn sum_of_accounts_is_constant(demo: &Demo) {
    demo.eventually("there are five accounts", "accts/", |kvs| kvs.len() == 5)
        .await;
    let until = Instant::now() + DEADLINE;
    let writes = |kvs: &[KeyValue]| kvs.iter().map(|kv| kv.version).sum::<i64>();
    loop {
        let kvs = demo.keys("accts/").await;
        let balances = kvs.iter().map(|kv| {
            let text = std::str::from_utf8(&kv.value).expect("the text is UTF-8");
            text.parse::<i64>().expect("the balance is a number")
        });
        assert_eq!(balances.sum::<i64>(), 500, "{kvs:?}");
        // Ten transfers change two accounts each: after a few rounds all have been written often.
        if writes(&kvs) > 5 + 60 {
            return;
        }
        assert!(Instant::now() < until, "too few transfers: {kvs:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A registered instance disappears, with its lease.
async fn registrations_expire(demo: &Demo) {
    let created = |kvs: &[KeyValue]| kvs.iter().map(|kv| kv.create_revision).collect::<Vec<_>>();
    demo.eventually("all are registered", "/services/", |kvs| kvs.len() >= 5)
        .await;
    let first = created(&demo.keys("/services/").await);
    demo.eventually("one of them disappears", "/services/", |kvs| {
        let now = created(kvs);
        !first.iter().all(|one| now.contains(one))
    })
    .await;
}

#[tokio::test]
async fn every_part_of_the_demo_keyspace_changes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(dir.path()).await;
    tokio::join!(
        demo.has_values_in_turn("/crontab/jobs/job1", &["job1", "job11", "job11111"]),
        demo.is_deleted_and_recreated("/crontab/jobs/job1"),
        demo.has_values_in_turn("/crontab/jobs/job2", &["job2"]),
        demo.has_values_in_turn("/cron/jobs/job1", &["job1,ado"]),
        demo.has_values_in_turn("/cron/jobs/job2", &["job2,zhangsa"]),
        demo.has_values_in_turn("/cron/jobs/ado", &["watch ado"]),
        demo.is_deleted_and_recreated("/cron/jobs/ado"),
        demo.has_values_in_turn("/prefix/keys/k1", &["v1", "v2", "v11"]),
        demo.has_values_in_turn("/prefix/keys/k2", &["v2"]),
        demo.has_values_in_turn("/prefix/keys/k3", &["v2"]),
        demo.is_deleted_and_recreated("/prefix/keys/"),
        lease_is_renewed_every_other_round(&demo),
        ado_lock_changes_hands(&demo),
        master_changes_when_its_lease_expires(&demo),
        election_changes_hands(&demo),
        sum_of_accounts_is_constant(&demo),
        demo.eventually("job1 is rewritten", "/cron/jobs/job1", |kvs| {
            kvs.iter().any(|kv| kv.version > 1)
        }),
        registrations_expire(&demo),
        demo.eventually("both services are registered", "/services/", |kvs| {
            let of = |prefix: &str| kvs.iter().any(|kv| kv.key.starts_with(prefix.as_bytes()));
            of("/services/checkout/10.0.3.")
                && of("/services/search/10.0.3.")
                && kvs.iter().all(|kv| {
                    let value: serde_json::Value =
                        serde_json::from_slice(&kv.value).expect("the value is JSON");
                    kv.lease != 0
                        && kv.key.ends_with(
                            value["address"]
                                .as_str()
                                .expect("the text is UTF-8")
                                .as_bytes(),
                        )
                })
        }),
        demo.eventually("three are queued for deploy", "deploy/prod/", |kvs| {
            check_queue("deploy/prod", kvs);
            kvs.len() == 4
        }),
        demo.eventually("every file is edited", "/config/gateway/", |kvs| {
            kvs.len() == 3 && kvs.iter().all(|kv| kv.version > 1 && kv.lease == 0)
        }),
        demo.eventually("one is JSON", "/config/gateway/limits.json", |kvs| {
            let json = |kv: &KeyValue| serde_json::from_slice::<serde_json::Value>(&kv.value);
            kvs.iter().any(|kv| json(kv).is_ok())
        }),
        demo.eventually("one is text", "/config/gateway/feature-flags", |kvs| {
            kvs.iter()
                .any(|kv| kv.value.starts_with(b"# one flag per line"))
        }),
        demo.eventually("one is YAML", "/config/gateway/routes.yaml", |kvs| {
            kvs.iter().any(|kv| kv.value.starts_with(b"routes:\n"))
        }),
    );
    // Some keys never change.
    for constant in ["/crontab/jobs/job2", "/cron/jobs/job2"] {
        let kvs = demo.keys(constant).await;
        let written_once = kvs.iter().all(|kv| kv.version == 1 && kv.lease == 0);
        assert!(kvs.len() == 1 && written_once, "{kvs:?}");
    }
    demo.stop().await;
}

#[tokio::test]
async fn the_mutex_changes_hands_and_its_queue_is_never_empty() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(dir.path()).await;
    demo.eventually("all are queued", "/my-lock/", |kvs| kvs.len() == 3)
        .await;
    let until = Instant::now() + DEADLINE;
    let mut holders = BTreeSet::new();
    while holders.len() < 3 {
        let queue = demo.keys("/my-lock/").await;
        check_queue("/my-lock/", &queue);
        assert!(queue.len() >= 2, "no holder or no waiter: {queue:?}");
        holders.insert(queue[0].value.clone());
        assert!(Instant::now() < until, "only {holders:?} held it");
        sleep(Duration::from_millis(20)).await;
    }
    demo.stop().await;
}

#[tokio::test]
async fn an_evicted_holder_queues_again_at_the_end() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(dir.path()).await;
    demo.eventually("all are queued", "deploy/prod/", |kvs| kvs.len() == 4)
        .await;
    let queue = demo.keys("deploy/prod/").await;
    let range = Range::single(&queue[0].key[..]);
    let delete = Delete { range, prev: false };
    let caller = Caller::gateway(DEADLINE);
    demo.etcd
        .delete(&caller, delete)
        .await
        .expect("etcd responds");
    demo.eventually("the next contender holds the lock", "deploy/prod/", |kvs| {
        let order = |kvs: &[KeyValue]| kvs.iter().map(|kv| kv.key.clone()).collect::<Vec<_>>();
        let mut expected = order(&queue);
        expected.rotate_left(1);
        order(kvs) == expected
    })
    .await;
    demo.stop().await;
}

#[tokio::test]
async fn a_restart_continues_without_waiting_for_old_leases() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(dir.path()).await;
    demo.eventually("all are queued", "deploy/prod/", |kvs| kvs.len() == 4)
        .await;
    let before: BTreeSet<Vec<u8>> = demo
        .keys("deploy/prod/")
        .await
        .into_iter()
        .map(|kv| kv.key)
        .collect();
    demo.stop().await;

    let demo = Demo::start(dir.path()).await;
    demo.eventually(
        "only current contenders are queued",
        "deploy/prod/",
        |kvs| kvs.len() == 4 && kvs.iter().all(|kv| !before.contains(&kv.key)),
    )
    .await;
    demo.has_values_in_turn("/crontab/jobs/job1", &["job11111"])
        .await;
    demo.stop().await;
}
