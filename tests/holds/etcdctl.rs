//! `etcdctl lock` and `etcdctl elect` stand in one queue with holds, both ways.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use support::ctl::etcdctl_beside;
use support::{Stream, World};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use crate::common::{hold, lock_once, route, text, until_keys, waiting};

type Output = Lines<BufReader<ChildStdout>>;

fn output(child: &mut Child) -> Output {
    BufReader::new(child.stdout.take().expect("it is piped")).lines()
}

async fn line(output: &mut Output) -> String {
    let line = timeout(support::DEADLINE, output.next_line()).await;
    let line = line
        .expect("etcdctl says it in time")
        .expect("a pipe can be read");
    line.expect("etcdctl goes on")
}

fn interrupt(child: &Child) {
    let id = child.id().expect("it runs");
    kill(Pid::from_raw(id as i32), Signal::SIGINT).expect("it runs");
}

#[tokio::test]
async fn etcdctl_lock_waits_behind_a_hold_and_a_hold_behind_it() {
    let world = World::new("ctl-lock").await;
    let name = world.key("lock");
    let path = format!("{}/hold", route("locks", &name));
    let mut ours = hold(&world, &path, &json!({"holder": "ours"})).await;
    ours.of("acquired").await;
    let mut theirs = etcdctl_beside(world.etcd, &["lock", &name]);
    let mut said = output(&mut theirs);
    let lock = lock_once(&world, &name, |lock| waiting(lock) == 1).await;
    let their_key = text(&lock["waiters"][0]["key"]);
    let mut next = hold(&world, &path, &json!({"holder": "next"})).await;
    lock_once(&world, &name, |lock| waiting(lock) == 2).await;
    drop(ours);
    assert_eq!(line(&mut said).await, their_key);
    interrupt(&theirs);
    next.of("acquired").await;
}

#[tokio::test]
async fn etcdctl_elect_stands_with_us_and_listens_to_us() {
    let world = World::new("ctl-elect").await;
    let name = world.key("election");
    let e = route("elections", &name);
    let mut listening = etcdctl_beside(world.etcd, &["elect", "-l", &name]);
    let mut heard = output(&mut listening);
    let mut observer = Stream::ndjson(world.api.get(&format!("{e}/observe"))).await;
    let path = format!("{e}/hold");
    let mut ours = hold(&world, &path, &json!({"value": "ours"})).await;
    let elected = ours.of("elected").await;
    assert_eq!(line(&mut heard).await, text(&elected["key"]));
    assert_eq!(line(&mut heard).await, "ours");
    let mut theirs = etcdctl_beside(world.etcd, &["elect", &name, "theirs"]);
    let mut said = output(&mut theirs);
    until_keys(&world, &name, 2).await;
    let mut next = hold(&world, &path, &json!({"value": "next"})).await;
    until_keys(&world, &name, 3).await;
    let shown = world.api.get(&e).send().await.json(200);
    let values = [
        &shown["leader"]["value"],
        &shown["candidates"][0]["value"],
        &shown["candidates"][1]["value"],
    ];
    assert_eq!(json!(values), json!(["ours", "theirs", "next"]));
    drop(ours);
    let their_key = line(&mut said).await;
    assert_eq!(their_key, text(&shown["candidates"][0]["key"]));
    assert_eq!(line(&mut said).await, "theirs");
    interrupt(&theirs);
    next.of("elected").await;
    for value in ["ours", "theirs", "next"] {
        assert_eq!(observer.of("leader").await["value"], value);
    }
}
