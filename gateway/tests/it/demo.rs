//! The demo keyspace is alive: the rows of its table, each by what a visitor would see.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use gateway::caller::Caller;
use gateway::demo;
use gateway::etcd::embedded::{Embedded, Options};
use gateway::etcd::{Delete, Etcd, Get, KeyValue, Range, Settings};
use gateway::tasks::Tasks;
use shared::LeaseId;
use tokio::time::{Instant, sleep};

const DEADLINE: Duration = Duration::from_secs(40);

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
        let settings = Settings {
            endpoints: embedded.urls().to_vec(),
            dial_timeout: Duration::from_secs(2),
            cacert: None,
        };
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
            "every actor heeds the stop"
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
            .expect("etcd answers")
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
                "in {DEADLINE:?} not: {what}; {prefix} has {kvs:?}"
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The key has all these values, in time.
    async fn sees_values(&self, key: &str, values: &[&str]) {
        for value in values {
            self.eventually(&format!("{key} is {value}"), key, |kvs| {
                kvs.iter()
                    .any(|kv| kv.key == key.as_bytes() && kv.value == value.as_bytes())
            })
            .await;
        }
    }
}

/// Key by key as etcd's recipe has it, with the holder's name as the value.
fn check_queue(name: &str, kvs: &[KeyValue]) {
    for kv in kvs {
        let key = String::from_utf8(kv.key.clone()).expect("is text");
        assert_eq!(key, format!("{name}/{}", LeaseId(kv.lease)));
        let value: serde_json::Value = serde_json::from_slice(&kv.value).expect("is JSON");
        assert!(value["holder"].is_string(), "{value}");
    }
}

#[tokio::test]
async fn every_row_of_the_demo_keyspace_moves() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(dir.path()).await;
    tokio::join!(
        demo.sees_values("/crontab/jobs/job1", &["job1", "job11", "job11111"]),
        demo.sees_values("/crontab/jobs/job2", &["job2"]),
        demo.sees_values("/cron/jobs/job1", &["job1,ado"]),
        demo.sees_values("/cron/jobs/job2", &["job2,zhangsa"]),
        demo.sees_values("/cron/jobs/ado", &["watch ado"]),
        demo.sees_values("/prefix/keys/k1", &["v1", "v2", "v11"]),
        demo.sees_values("/prefix/keys/k2", &["v2"]),
        demo.sees_values("/prefix/keys/k3", &["v2"]),
        demo.eventually(
            "the prefix is deleted",
            "/prefix/keys/",
            <[KeyValue]>::is_empty
        ),
        demo.eventually("the lease's key is empty", "/cron/lock/job1", |kvs| {
            kvs.iter().any(|kv| kv.lease != 0 && kv.value.is_empty())
        }),
        demo.eventually(
            "its lease has run out",
            "/cron/lock/job1",
            <[KeyValue]>::is_empty
        ),
        demo.sees_values("/cron/lock/ado", &["duzhenxun", "duzhenxun-b"]),
        demo.eventually("there is a master", "/dev/lock", |kvs| {
            kvs.iter()
                .any(|kv| kv.lease != 0 && kv.value.starts_with(b"node"))
        }),
        demo.eventually("both services are registered", "/services/", |kvs| {
            let of = |prefix: &str| kvs.iter().any(|kv| kv.key.starts_with(prefix.as_bytes()));
            of("/services/checkout/10.0.3.")
                && of("/services/search/10.0.3.")
                && kvs.iter().all(|kv| {
                    let value: serde_json::Value =
                        serde_json::from_slice(&kv.value).expect("is JSON");
                    kv.lease != 0
                        && kv
                            .key
                            .ends_with(value["address"].as_str().expect("is text").as_bytes())
                })
        }),
        demo.eventually("three are queued for deploy", "deploy/prod/", |kvs| {
            check_queue("deploy/prod", kvs);
            kvs.len() == 4
        }),
        demo.eventually("every file is edited", "/config/gateway/", |kvs| {
            kvs.len() == 3 && kvs.iter().all(|kv| kv.version > 1 && kv.lease == 0)
        }),
    );
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
        assert!(queue.len() >= 2, "one holds it and one waits: {queue:?}");
        holders.insert(queue[0].value.clone());
        assert!(Instant::now() < until, "only {holders:?} had it");
        sleep(Duration::from_millis(20)).await;
    }
    demo.stop().await;
}

#[tokio::test]
async fn a_holder_thrown_out_queues_again_at_the_end() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(dir.path()).await;
    demo.eventually("all are queued", "deploy/prod/", |kvs| kvs.len() == 4)
        .await;
    let queue = demo.keys("deploy/prod/").await;
    let range = Range::one(&queue[0].key[..]);
    let delete = Delete { range, prev: false };
    let caller = Caller::gateway(DEADLINE);
    demo.etcd
        .delete(&caller, delete)
        .await
        .expect("etcd answers");
    demo.eventually("the next one has it", "deploy/prod/", |kvs| {
        let order = |kvs: &[KeyValue]| kvs.iter().map(|kv| kv.key.clone()).collect::<Vec<_>>();
        let mut expected = order(&queue);
        expected.rotate_left(1);
        order(kvs) == expected
    })
    .await;
    demo.stop().await;
}

#[tokio::test]
async fn old_data_is_taken_up_without_waiting_for_the_dead() {
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
    demo.eventually("only the living are queued", "deploy/prod/", |kvs| {
        kvs.len() == 4 && kvs.iter().all(|kv| !before.contains(&kv.key))
    })
    .await;
    demo.sees_values("/crontab/jobs/job1", &["job11111"]).await;
    demo.stop().await;
}
