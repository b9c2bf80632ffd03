//! The embedded etcd: it starts and ends with the gateway, and its data is private.

use std::path::Path;

use nix::sys::signal::Signal;
use support::{Client, DEADLINE, Watchgate, ensure, eventually};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn start(data: &Path) -> Watchgate {
    let started = Watchgate::embedded(data, &[]).await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

/// The address of a gateway's etcd.
async fn endpoint(api: &Client) -> String {
    let clusters = api.get("/clusters").send().await.json(200);
    let url = clusters["clusters"][0]["endpoints"][0]
        .as_str()
        .expect("an endpoint");
    url.trim_start_matches("http://").to_owned()
}

async fn wait_until_down(address: &str) {
    eventually("etcd has ended", DEADLINE, async || {
        let connected = TcpStream::connect(address).await;
        ensure(connected.is_err(), || {
            format!("{address} still accepts connections")
        })
    })
    .await;
}

#[tokio::test]
async fn killing_the_gateway_leaves_no_etcd_and_loses_no_data() {
    let data = TempDir::new().expect("a folder");
    let mut gateway = start(data.path()).await;
    gateway.api().write("k", "kept").await;
    let address = endpoint(&gateway.api()).await;
    gateway.signal(Signal::SIGKILL);
    gateway.wait_for_end(DEADLINE).await;
    wait_until_down(&address).await;

    let mut gateway = start(data.path()).await;
    assert_eq!(gateway.api().read("k").await["value"], "kept");
    let address = endpoint(&gateway.api()).await;
    gateway.signal(Signal::SIGTERM);
    assert!(gateway.wait_for_end(DEADLINE).await.success());
    wait_until_down(&address).await;
}

#[tokio::test]
async fn a_second_start_on_the_same_data_is_refused() {
    let data = TempDir::new().expect("a folder");
    let first = start(data.path()).await;
    let error = Watchgate::embedded(data.path(), &[])
        .await
        .expect_err("the gateway must not start");
    assert!(error.contains("in use"), "{error}");
    first.api().write("k", "unharmed").await;
}

#[tokio::test]
async fn data_of_another_minor_is_refused_before_etcd_touches_it() {
    let data = TempDir::new().expect("a folder");
    let mut gateway = start(data.path()).await;
    gateway.api().write("k", "kept").await;
    gateway.signal(Signal::SIGTERM);
    gateway.wait_for_end(DEADLINE).await;
    let record = find(data.path(), "version").expect("the minor is on record");
    let minor = std::fs::read_to_string(&record).expect("the record can be read");
    std::fs::write(&record, "3.1\n").expect("the record can be written");
    let error = Watchgate::embedded(data.path(), &[])
        .await
        .expect_err("the gateway must not start");
    assert!(
        error.contains("3.1") && error.contains("--data-dir"),
        "{error}"
    );
    std::fs::write(&record, minor).expect("the record can be written");
    let gateway = start(data.path()).await;
    assert_eq!(gateway.api().read("k").await["value"], "kept");
}

fn find(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_file() && path.file_name().is_some_and(|own| own == name) {
            return Some(path);
        }
        if path.is_dir()
            && let Some(found) = find(&path, name)
        {
            return Some(found);
        }
    }
    None
}

#[tokio::test]
async fn the_demo_changes_and_never_runs_on_other_data() {
    let refused = Watchgate::start(&["--demo", "--etcd", "http://127.0.0.1:1"]).await;
    let error = refused.expect_err("the gateway must not start");
    assert!(error.contains("--demo"), "{error}");

    let data = TempDir::new().expect("a folder");
    let gateway = Watchgate::embedded(data.path(), &["--demo"]).await;
    let gateway = gateway.unwrap_or_else(|error| panic!("{error}"));
    let api = gateway.api();
    for prefix in [
        "/crontab/jobs/",
        "/cron/",
        "/my-lock/",
        "deploy/prod",
        "/dev/lock",
        "/services/",
        "/config/",
    ] {
        eventually(prefix, DEADLINE, async || {
            let path = format!("/kv?count_only&prefix={}", support::percent(prefix));
            let count = api.get(&path).send().await.json(200)["count"].as_i64();
            ensure(count > Some(0), || format!("{count:?} keys"))
        })
        .await;
    }
    eventually("a queue exists and changes", DEADLINE, async || {
        let response = api.get("/locks/-?name=/my-lock/").send().await;
        ensure(response.status == 200, || response.text())?;
        let lock = response.json(200);
        let waits = lock["waiters"]
            .as_array()
            .is_some_and(|waiters| !waiters.is_empty());
        ensure(waits && lock["kind"] == "mutex", || lock.to_string())
    })
    .await;
    let mut stream = support::Stream::ndjson(api.get("/watch?prefix=/crontab/")).await;
    stream.expect_type("opened").await;
    stream.expect_type("events").await;
}

#[tokio::test]
async fn the_demo_runs_on_three_members_too() {
    let data = TempDir::new().expect("a folder");
    let gateway = Watchgate::embedded(data.path(), &["--demo", "--members", "3"]).await;
    let gateway = gateway.unwrap_or_else(|error| panic!("{error}"));
    let api = gateway.api();
    let cluster = api.get("/cluster").send().await.json(200);
    assert_eq!(cluster["name"], "demo", "{cluster}");
    assert_eq!(cluster["quorum"], 2, "{cluster}");
    let members = cluster["members"].as_array().expect("a list");
    assert_eq!(members.len(), 3, "{cluster}");
    assert!(
        members.iter().all(|member| member["healthy"] == true),
        "{cluster}"
    );
    let mut stream = support::Stream::ndjson(api.get("/watch?key=/crontab/jobs/job1")).await;
    stream.expect_type("opened").await;
    let changes = async {
        let mut states = Vec::new();
        while states.len() < 3 {
            let message = stream.expect_type("events").await;
            let events = message["events"].as_array().expect("events");
            states.extend(events.iter().map(|event| event["value"].clone()));
            states.dedup();
        }
    };
    timeout(DEADLINE, changes)
        .await
        .expect("the demo changes keys");
}
