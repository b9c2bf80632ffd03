//! Maintenance of one member after the other, while the leadership moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use etcd_client::Client;
use futures_util::FutureExt as _;
use futures_util::future::ready;
use http::Method;
use support::gateway::InProcess;
use support::tap::Tap;
use support::{Cluster, DEADLINE, ensure, eventually};
use tokio::sync::Notify;

async fn client(url: &str) -> Client {
    let client = Client::connect([url], None).await;
    client.expect("a running etcd accepts clients")
}

async fn status(url: &str) -> (u64, u64) {
    let status = client(url).await.status().await.expect("etcd responds");
    let own = status
        .header()
        .expect("every response has a header")
        .member_id();
    (own, status.leader())
}

/// Transfers the leadership from one member to another, and waits until all members know it.
async fn move_leader(all: &[String], from: &str, to: u64) {
    let mut leader = client(from).await;
    leader
        .move_leader(to)
        .await
        .expect("the leader can transfer");
    eventually("all members know the leader", DEADLINE, async || {
        for url in all {
            let (_, leads) = status(url).await;
            ensure(leads == to, || format!("{url} knows {leads:x}"))?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_leader_is_defragmented_last_even_if_the_leadership_moves() {
    let cluster = Cluster::start(3).await;
    let urls: Vec<_> = (0..3).map(|at| cluster.url(at)).collect();
    let mut members = Vec::new();
    for url in &urls {
        let (id, leads) = status(url).await;
        members.push((id == leads, id, url.clone()));
    }
    // Followers by their ids, and then the leader.
    members.sort();
    let [(_, first, _), (_, second, _), (true, leader, from)] = &members[..] else {
        panic!("one of three leads: {members:x?}");
    };
    // The response to the first defragmentation is held back until the leadership has moved to the
    // second.
    let (started, moved) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let act = {
        let (started, moved) = (Arc::clone(&started), Arc::clone(&moved));
        let delayed = Arc::new(AtomicBool::new(false));
        move |path: &str| {
            if !path.ends_with("/Defragment") || delayed.swap(true, Ordering::SeqCst) {
                return ready(()).boxed();
            }
            started.notify_one();
            let moved = Arc::clone(&moved);
            async move { moved.notified().await }.boxed()
        }
    };
    let taps: Vec<_> = urls
        .iter()
        .map(|url| Tap::start_with(url, act.clone()).url())
        .collect();
    let gateway = InProcess::start(&taps.join(","), &[]).await;
    let api = gateway.api();
    let run = async {
        let done = api
            .request(Method::POST, "/cluster/defragment")
            .send()
            .await;
        done.json(200)
    };
    let moving = async {
        started.notified().await;
        move_leader(&urls, from, *second).await;
        moved.notify_one();
    };
    let (done, ()) = tokio::join!(run, moving);
    assert_eq!(done["complete"], true, "{done}");
    let order = done["members"].as_array().expect("members").iter();
    let order: Vec<_> = order.map(|it| it["id"].as_str().expect("an id")).collect();
    let expected = [first, leader, second].map(|id| format!("{id:x}"));
    assert_eq!(order, expected);
}
