//! `hub.subscribe` without a transport: the messages of a subscription when etcd, its history or its
//! reader fails at an inconvenient moment.

use std::time::Duration;

use etcd_client::DeleteOptions;
use futures_util::StreamExt as _;
use gateway::etcd::{Range, Settings};
use gateway::identity::Identity;
use gateway::live::{Budget, Hub, Options, Start, Subscription, WatchMessage};
use gateway::tasks::Tasks;
use serde_json::Value;
use support::tools::{first_after_compaction, workload_with_prev};
use support::{Client, DEADLINE, Etcd, ensure, events_of, eventually, fill::fill, revisions_of};
use tokio::time::timeout;

/// A separate hub for one test; its tasks end when it is dropped.
struct OwnHub {
    hub: Hub,
    tasks: Tasks,
}

impl Drop for OwnHub {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

impl OwnHub {
    async fn start(etcd: &Etcd) -> Self {
        let settings = Settings::new(vec![etcd.url()], Duration::from_secs(2));
        let etcd = gateway::etcd::Etcd::new(settings)
            .await
            .expect("the address is a URL");
        let tasks = Tasks::default();
        Self {
            hub: Hub::new(etcd, tasks.clone()),
            tasks,
        }
    }

    fn watch(&self, options: Options, start: Start) -> Watch {
        let budget = Budget::default();
        let range = Range::prefix(b"k");
        let identity = Identity::Gateway;
        Watch(self.hub.subscribe(identity, range, options, start, &budget))
    }
}

struct Watch(Subscription);

impl Watch {
    /// The next message except `progress`.
    async fn next(&mut self) -> Value {
        loop {
            let message: WatchMessage = timeout(DEADLINE, self.0.next())
                .await
                .expect("a message arrives in time")
                .expect("the subscription is open");
            if message.kind != "progress" {
                return serde_json::from_slice(&message.text("\"w\"")).expect("a message is JSON");
            }
        }
    }

    async fn expect_type(&mut self, kind: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Events up to and including all of `revision`.
    async fn until(&mut self, revision: i64) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let message = self.expect_type("events").await;
            let done = message["revision"].as_i64() >= Some(revision) && message["more"] != true;
            messages.push(message);
            if done {
                return events_of(&messages);
            }
        }
    }

    /// Reads one complete snapshot: its revision and the number of its entries.
    async fn snapshot(&mut self) -> (i64, usize) {
        let (mut at, mut entries) = (0, 0);
        loop {
            let piece = self.next().await;
            if piece["type"] == "compacted" {
                entries = 0;
                continue;
            }
            assert_eq!(piece["type"], "snapshot", "{piece}");
            let revision = piece["revision"].as_i64().expect("a revision");
            assert!(
                entries == 0 || revision == at,
                "all pieces are of one revision"
            );
            at = revision;
            entries += piece["entries"].as_array().expect("entries").len();
            if piece["more"] != true {
                return (at, entries);
            }
        }
    }
}

fn prev() -> Options {
    Options {
        prev: true,
        ..Options::default()
    }
}

fn with_snapshot() -> Options {
    Options {
        snapshot: true,
        ..Options::default()
    }
}

async fn many_keys(etcd: &Etcd, count: usize, size: usize) {
    let client = etcd.client().await;
    let entries = (0..count).map(|n| (format!("k{n:06}").into_bytes(), vec![b'v'; size]));
    fill(&client, entries).await;
}

async fn put(etcd: &Etcd, key: &str, value: &str) -> i64 {
    let mut client = etcd.client().await;
    let response = client.put(key, value, None).await.expect("etcd writes");
    response.header().expect("a header").revision()
}

#[tokio::test]
async fn a_stream_lost_inside_a_revision_repeats_and_skips_nothing() {
    let etcd = Etcd::start().await;
    let (count, size) = workload_with_prev(20_000, 400);
    many_keys(&etcd, count, size).await;
    let own = OwnHub::start(&etcd).await;
    let mut watch = own.watch(prev(), Start::Now);
    watch.expect_type("opened").await;
    let mut client = etcd.client().await;
    let all = DeleteOptions::new().with_prefix();
    let response = client.delete("k", Some(all)).await.expect("etcd deletes");
    let revision = response.header().expect("a header").revision();
    // Twice, the connection breaks after a few pieces.
    let mut messages = Vec::new();
    for round in 0..3 {
        for _ in 0..2 {
            let piece = watch.expect_type("events").await;
            assert_eq!(
                (&piece["revision"], &piece["more"]),
                (&revision.into(), &true.into())
            );
            messages.push(piece);
        }
        if round < 2 {
            etcd.proxy.cut();
            etcd.proxy.restore();
        }
    }
    let mut events = events_of(&messages);
    events.extend(watch.until(revision).await);
    let keys: Vec<String> = events
        .iter()
        .map(|event| event["key"].as_str().expect("text").to_owned())
        .collect();
    let expected: Vec<String> = (0..count).map(|n| format!("k{n:06}")).collect();
    assert!(keys == expected, "{} events", keys.len());
    assert!(
        events
            .iter()
            .all(|event| event["prev"]["value"].is_string())
    );
}

#[tokio::test]
async fn a_snapshot_whose_revision_is_compacted_restarts() {
    let etcd = Etcd::start().await;
    many_keys(&etcd, 20_000, 800).await;
    let own = OwnHub::start(&etcd).await;
    let mut watch = own.watch(with_snapshot(), Start::Now);
    let opened = watch.expect_type("opened").await;
    // Nothing reads it, so the snapshot stops in the middle.
    let last = put(&etcd, "k000000", "new").await;
    etcd.compact(last).await;
    let (at, entries) = watch.snapshot().await;
    assert_eq!((at, entries), (last, 20_000));
    assert!(at >= opened["revision"].as_i64().expect("a revision"));
    let next = put(&etcd, "k000001", "newer").await;
    assert_eq!(revisions_of(&watch.until(next).await), [next]);
}

#[tokio::test]
async fn a_reader_that_stops_gets_the_rest_from_history() {
    let etcd = Etcd::start().await;
    let own = OwnHub::start(&etcd).await;
    let mut slow = own.watch(Options::default(), Start::Now);
    let mut quick = own.watch(Options::default(), Start::Now);
    slow.expect_type("opened").await;
    quick.expect_type("opened").await;
    let value = "v".repeat(200_000);
    let mut written = Vec::new();
    for n in 0..60 {
        let revision = put(&etcd, &format!("k{}", n % 3), &value).await;
        assert_eq!(revisions_of(&quick.until(revision).await), [revision]);
        written.push(revision);
    }
    // The slow reader's upstream watch is closed: etcd buffers nothing for it.
    let address = etcd.direct_url().replace("http://", "");
    let server = Client::to(address.parse().expect("an address"));
    eventually("one watch remains", DEADLINE, async || {
        let text = server.get("/metrics").send().await.text();
        let watches = text
            .lines()
            .find(|line| line.starts_with("etcd_debugging_mvcc_watcher_total"));
        ensure(
            watches == Some("etcd_debugging_mvcc_watcher_total 1"),
            || format!("{watches:?}"),
        )
    })
    .await;
    let (mut delivered, mut lagged) = (Vec::new(), 0);
    while delivered.len() < written.len() {
        let message = slow.next().await;
        match message["type"].as_str() {
            Some("events") => delivered.extend(events_of(&[message])),
            Some("lagged") => {
                let next = written.get(delivered.len()).copied();
                assert_eq!(message["resume_from"].as_i64(), next);
                lagged += 1;
            }
            _ => panic!("{message}"),
        }
    }
    assert_eq!(revisions_of(&delivered), written);
    assert!(lagged > 0, "the lag is reported");
}

#[tokio::test]
async fn a_compaction_or_reset_during_a_pause_is_reported_on_resume() {
    let mut etcd = Etcd::start().await;
    let own = OwnHub::start(&etcd).await;
    let mut watch = own.watch(Options::default(), Start::Now);
    watch.expect_type("opened").await;
    let first = put(&etcd, "k", "1").await;
    watch.until(first).await;
    let switch = watch.0.pause();

    switch.set(true);
    assert_eq!(watch.expect_type("paused").await["revision"], first);
    let missed = put(&etcd, "k", "2").await;
    let left = put(&etcd, "k", "3").await;
    etcd.compact(left).await;
    switch.set(false);
    let compacted = watch.expect_type("compacted").await;
    let first = first_after_compaction(left);
    assert_eq!(
        (&compacted["from"], &compacted["to"]),
        (&missed.into(), &first.into())
    );
    let last = put(&etcd, "k", "4").await;
    let expected: Vec<i64> = (first..=last).collect();
    assert_eq!(revisions_of(&watch.until(last).await), expected);

    switch.set(true);
    assert_eq!(watch.expect_type("paused").await["revision"], last);
    etcd.restart_wiped().await;
    switch.set(false);
    let reset = watch.expect_type("reset").await;
    assert!(reset["revision"].as_i64() < Some(last), "{reset}");
    let again = put(&etcd, "k", "1").await;
    assert_eq!(revisions_of(&watch.until(again).await), [again]);
}

#[tokio::test]
async fn watches_far_in_history_take_turns_and_all_catch_up() {
    let etcd = Etcd::start().await;
    let mut client = etcd.client().await;
    let first = put(&etcd, "k", "first").await;
    let mut last = first;
    while last < first + 10_500 {
        let response = client.put("k", "v", None).await.expect("etcd writes");
        last = response.header().expect("a header").revision();
    }
    let own = OwnHub::start(&etcd).await;
    let mut watches: Vec<Watch> = (0..6)
        .map(|_| own.watch(Options::default(), Start::Revision(first)))
        .collect();
    for watch in &mut watches {
        assert_eq!(watch.expect_type("opened").await["revision"], first);
        let delivered = revisions_of(&watch.until(last).await);
        assert_eq!(delivered, (first..=last).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_thousand_watches_dropped_at_once_leave_no_task() {
    let etcd = Etcd::start().await;
    let own = OwnHub::start(&etcd).await;
    for _ in 0..1_000 {
        drop(own.watch(prev(), Start::Now));
    }
    let mut watch = own.watch(prev(), Start::Now);
    watch.expect_type("opened").await;
    drop(watch);
    own.tasks.cancel();
    assert!(own.tasks.wait(DEADLINE).await, "every task has ended");
}
