//! `hub.subscribe` below any transport: what a subscription says when etcd, its history or its
//! reader fail in the middle of something.

use std::time::Duration;

use etcd_client::{CompactionOptions, DeleteOptions};
use futures_util::StreamExt as _;
use gateway::caller::Identity;
use gateway::etcd::{Range, Settings};
use gateway::live::{Budget, Hub, Options, Start, Subscription, WatchMessage};
use gateway::tasks::Tasks;
use serde_json::Value;
use support::tools::{first_after_compaction, with_entries_before};
use support::{Client, DEADLINE, Etcd, events_of, eventually, fill::fill, revisions_of, when};
use tokio::time::timeout;

/// A hub of its own; its tasks end with it.
struct Hubs {
    hub: Hub,
    tasks: Tasks,
}

impl Drop for Hubs {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

impl Hubs {
    async fn over(etcd: &Etcd) -> Self {
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
    /// The next message but `progress`.
    async fn next(&mut self) -> Value {
        loop {
            let message: WatchMessage = timeout(DEADLINE, self.0.next())
                .await
                .expect("something is said in time")
                .expect("the subscription lives");
            if message.kind != "progress" {
                return serde_json::from_slice(&message.text("\"w\"")).expect("a message is JSON");
            }
        }
    }

    async fn of(&mut self, kind: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Events up to and with the whole of `revision`.
    async fn until(&mut self, revision: i64) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let message = self.of("events").await;
            let done = message["revision"].as_i64() >= Some(revision) && message["more"] != true;
            messages.push(message);
            if done {
                return events_of(&messages);
            }
        }
    }

    /// One snapshot: its revision and how many entries it has; restarted ones are forgotten.
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
    let answer = client.put(key, value, None).await.expect("etcd writes");
    answer.header().expect("a header").revision()
}

async fn compact(etcd: &Etcd, revision: i64) {
    let mut client = etcd.client().await;
    let physical = CompactionOptions::new().with_physical();
    client
        .compact(revision, Some(physical))
        .await
        .expect("etcd compacts");
}

#[tokio::test]
async fn a_stream_lost_inside_a_revision_repeats_and_skips_nothing() {
    let etcd = Etcd::start().await;
    let (count, size) = with_entries_before(20_000, 400);
    many_keys(&etcd, count, size).await;
    let hubs = Hubs::over(&etcd).await;
    let mut watch = hubs.watch(prev(), Start::Now);
    watch.of("opened").await;
    let mut client = etcd.client().await;
    let all = DeleteOptions::new().with_prefix();
    let answer = client.delete("k", Some(all)).await.expect("etcd deletes");
    let revision = answer.header().expect("a header").revision();
    // A few pieces, then the connection breaks, twice.
    let mut messages = Vec::new();
    for round in 0..3 {
        for _ in 0..2 {
            let piece = watch.of("events").await;
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
async fn a_snapshot_whose_revision_is_compacted_begins_anew() {
    let etcd = Etcd::start().await;
    many_keys(&etcd, 20_000, 800).await;
    let hubs = Hubs::over(&etcd).await;
    let mut watch = hubs.watch(with_snapshot(), Start::Now);
    let opened = watch.of("opened").await;
    // Nobody reads, so the snapshot waits in the middle.
    let last = put(&etcd, "k000000", "new").await;
    compact(&etcd, last).await;
    let (at, entries) = watch.snapshot().await;
    assert_eq!((at, entries), (last, 20_000));
    assert!(at >= opened["revision"].as_i64().expect("a revision"));
    let next = put(&etcd, "k000001", "newer").await;
    assert_eq!(revisions_of(&watch.until(next).await), [next]);
}

#[tokio::test]
async fn a_reader_that_stops_gets_the_rest_from_history() {
    let etcd = Etcd::start().await;
    let hubs = Hubs::over(&etcd).await;
    let mut slow = hubs.watch(Options::default(), Start::Now);
    let mut quick = hubs.watch(Options::default(), Start::Now);
    slow.of("opened").await;
    quick.of("opened").await;
    let value = "v".repeat(200_000);
    let mut written = Vec::new();
    for n in 0..60 {
        let revision = put(&etcd, &format!("k{}", n % 3), &value).await;
        assert_eq!(revisions_of(&quick.until(revision).await), [revision]);
        written.push(revision);
    }
    // Its upstream is given up: etcd keeps nothing for it meanwhile.
    let address = etcd.direct_url().replace("http://", "");
    let server = Client::to(address.parse().expect("an address"));
    eventually("one watch is left", DEADLINE, async || {
        let text = server.get("/metrics").send().await.text();
        let watches = text
            .lines()
            .find(|line| line.starts_with("etcd_debugging_mvcc_watcher_total"));
        when(
            watches == Some("etcd_debugging_mvcc_watcher_total 1"),
            || format!("{watches:?}"),
        )
    })
    .await;
    let (mut told, mut lagged) = (Vec::new(), 0);
    while told.len() < written.len() {
        let message = slow.next().await;
        match message["type"].as_str() {
            Some("events") => told.extend(events_of(&[message])),
            Some("lagged") => {
                let next = written.get(told.len()).copied();
                assert_eq!(message["resume_from"].as_i64(), next);
                lagged += 1;
            }
            _ => panic!("{message}"),
        }
    }
    assert_eq!(revisions_of(&told), written);
    assert!(lagged > 0, "it says so");
}

#[tokio::test]
async fn what_happens_during_a_pause_is_said_on_resuming() {
    let mut etcd = Etcd::start().await;
    let hubs = Hubs::over(&etcd).await;
    let mut watch = hubs.watch(Options::default(), Start::Now);
    watch.of("opened").await;
    let first = put(&etcd, "k", "1").await;
    watch.until(first).await;
    let switch = watch.0.pause();

    switch.set(true);
    assert_eq!(watch.of("paused").await["revision"], first);
    let gone = put(&etcd, "k", "2").await;
    let left = put(&etcd, "k", "3").await;
    compact(&etcd, left).await;
    switch.set(false);
    let compacted = watch.of("compacted").await;
    let first = first_after_compaction(left);
    assert_eq!(
        (&compacted["from"], &compacted["to"]),
        (&gone.into(), &first.into())
    );
    let last = put(&etcd, "k", "4").await;
    let expected: Vec<i64> = (first..=last).collect();
    assert_eq!(revisions_of(&watch.until(last).await), expected);

    switch.set(true);
    assert_eq!(watch.of("paused").await["revision"], last);
    etcd.restart_wiped().await;
    switch.set(false);
    let reset = watch.of("reset").await;
    assert!(reset["revision"].as_i64() < Some(last), "{reset}");
    let anew = put(&etcd, "k", "1").await;
    assert_eq!(revisions_of(&watch.until(anew).await), [anew]);
}

#[tokio::test]
async fn only_a_few_read_far_history_and_all_get_it() {
    let etcd = Etcd::start().await;
    let mut client = etcd.client().await;
    let first = put(&etcd, "k", "first").await;
    let mut last = first;
    while last < first + 10_500 {
        let answer = client.put("k", "v", None).await.expect("etcd writes");
        last = answer.header().expect("a header").revision();
    }
    let hubs = Hubs::over(&etcd).await;
    let mut watches: Vec<Watch> = (0..6)
        .map(|_| hubs.watch(Options::default(), Start::Revision(first)))
        .collect();
    for watch in &mut watches {
        assert_eq!(watch.of("opened").await["revision"], first);
        let told = revisions_of(&watch.until(last).await);
        assert_eq!(told, (first..=last).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_thousand_quick_ends_leave_nothing_behind() {
    let etcd = Etcd::start().await;
    let hubs = Hubs::over(&etcd).await;
    for _ in 0..1_000 {
        drop(hubs.watch(prev(), Start::Now));
    }
    let mut watch = hubs.watch(prev(), Start::Now);
    watch.of("opened").await;
    drop(watch);
    hubs.tasks.cancel();
    assert!(hubs.tasks.wait(DEADLINE).await, "every task has ended");
}
