//! The embedded etcd as installed: from a configuration file, with three members, and stopped.

use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::Value;
use support::etcd::free_address;
use support::gateway::InProcess;
use support::{Client, DEADLINE, Etcd, Watchgate, ensure, eventually};
use tempfile::TempDir;
use tokio::net::TcpStream;

fn etcd_yml(folder: &Path, client: &str, log_outputs: &str) -> PathBuf {
    let peer = free_address();
    let text = format!(
        "name: standalone\n\
         data-dir: {}\n\
         listen-client-urls: http://{client}\n\
         advertise-client-urls: http://0.0.0.0:2379\n\
         listen-peer-urls: http://{peer}\n\
         initial-advertise-peer-urls: http://{peer}\n\
         initial-cluster: standalone=http://{peer}\n\
         logger: zap\n\
         log-level: warn\n\
         log-outputs: {log_outputs}\n",
        folder.join("etcd").display()
    );
    let file = folder.join("etcd.yml");
    std::fs::write(&file, text).expect("a temporary folder is writable");
    file
}

async fn start(folder: &Path, flags: &[&str]) -> Result<Watchgate, String> {
    Watchgate::embedded(&folder.join("watchgate"), flags).await
}

async fn start_with_file(folder: &Path, file: &Path) -> Result<Watchgate, String> {
    let file = file.to_str().expect("temporary folders are named in UTF-8");
    start(folder, &["--etcd-config", file]).await
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

async fn end(mut gateway: Watchgate, signal: Signal) {
    gateway.signal(signal);
    gateway.wait_for_end(DEADLINE).await;
}

#[tokio::test]
async fn a_file_that_etcd_refuses_is_reported_with_etcds_error() {
    let folder = TempDir::new().expect("a folder");
    let file = etcd_yml(folder.path(), &free_address().to_string(), "stderr");
    let error = start_with_file(folder.path(), &file)
        .await
        .expect_err("etcd requires a list");
    // The field or the type: the wording differs between versions.
    assert!(
        error.contains("etcd did not start") && error.contains("unmarshal"),
        "{error}"
    );
    assert!(
        error.contains("log-outputs") || error.contains("[]string"),
        "{error}"
    );
}

#[tokio::test]
async fn the_file_sets_etcds_address_and_a_wrong_advertised_url_is_reported() {
    let folder = TempDir::new().expect("a folder");
    let client = free_address().to_string();
    let file = etcd_yml(folder.path(), &client, "[stderr]");
    let gateway = start_with_file(folder.path(), &file).await;
    let gateway = gateway.unwrap_or_else(|error| panic!("{error}"));
    let cluster = gateway.api().get("/cluster").send().await.json(200);
    let member = &cluster["members"][0];
    assert_eq!(member["name"], "standalone");
    assert_eq!(member["healthy"], true, "{cluster}");
    assert_eq!(member["reached_by"], format!("http://{client}"));
    let warning = cluster["warnings"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|warning| warning["code"] == "advertised_url")
        .unwrap_or_else(|| panic!("no warning: {cluster}"));
    let detail = warning["detail"].as_str().expect("a sentence");
    assert!(
        detail.contains("http://0.0.0.0:2379") && detail.contains(&client),
        "{detail}"
    );
    gateway.api().write("k", "kept").await;

    // A second gateway with the same file: the running etcd is not mistaken for its own.
    let error = start_with_file(folder.path(), &file)
        .await
        .expect_err("the data or the port is in use");
    assert!(error.contains("in use"), "{error}");
    let error = Watchgate::embedded(
        &folder.path().join("other"),
        &["--etcd-config", file.to_str().expect("UTF-8")],
    )
    .await
    .expect_err("the port is taken");
    assert!(
        error.contains(&client) && error.contains("--etcd"),
        "{error}"
    );

    end(gateway, Signal::SIGKILL).await;
    wait_until_down(&client).await;
    let again = start_with_file(folder.path(), &file).await;
    let again = again.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.api().read("k").await["value"], "kept");
    end(again, Signal::SIGTERM).await;
    wait_until_down(&client).await;
}

#[tokio::test]
async fn data_of_another_minor_is_refused_for_a_file() {
    let folder = TempDir::new().expect("a folder");
    let file = etcd_yml(folder.path(), &free_address().to_string(), "[stderr]");
    let gateway = start_with_file(folder.path(), &file).await;
    end(
        gateway.unwrap_or_else(|error| panic!("{error}")),
        Signal::SIGTERM,
    )
    .await;
    let records = folder.path().join("watchgate/etcd-config");
    let record = std::fs::read_dir(records)
        .expect("records are kept")
        .flatten()
        .map(|entry| entry.path().join("version"))
        .find(|file| file.exists())
        .expect("the minor is on record");
    std::fs::write(&record, "3.1\n").expect("the record can be written");
    let error = start_with_file(folder.path(), &file)
        .await
        .expect_err("the gateway must not start");
    assert!(error.contains("written by etcd 3.1"), "{error}");
    assert!(error.contains(record.to_str().expect("UTF-8")), "{error}");
}

fn endpoints(clusters: &Value) -> Vec<String> {
    clusters["clusters"][0]["endpoints"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|url| url.as_str().expect("a URL").to_owned())
        .collect()
}

async fn urls(api: &Client) -> Vec<String> {
    endpoints(&api.get("/clusters").send().await.json(200))
}

#[tokio::test]
async fn three_members_form_a_cluster_and_end_with_the_gateway() {
    let folder = TempDir::new().expect("a folder");
    let three = &["--members", "3"][..];
    let gateway = start(folder.path(), three).await;
    let gateway = gateway.unwrap_or_else(|error| panic!("{error}"));
    let api = gateway.api();
    let cluster = api.get("/cluster").send().await.json(200);
    let members = cluster["members"].as_array().expect("a list");
    assert_eq!(members.len(), 3, "{cluster}");
    assert_eq!(cluster["quorum"], 2);
    assert_eq!(cluster["tolerates"], 1);
    let leaders = members
        .iter()
        .filter(|member| member["id"] == cluster["leader"])
        .count();
    assert_eq!(leaders, 1, "{cluster}");
    assert!(
        members.iter().all(|member| member["healthy"] == true),
        "{cluster}"
    );
    assert!(
        !cluster["warnings"].to_string().contains("advertised_url"),
        "{cluster}"
    );

    let urls = urls(&api).await;
    assert_eq!(urls.len(), 3);
    for (number, url) in urls.iter().enumerate() {
        // Written through one member, visible at once through the others.
        let value = format!("v{number}");
        api.write("k", value.clone()).await;
        for url in &urls {
            let member = InProcess::start(url, &[]).await;
            assert_eq!(member.api().read("k").await["value"], value, "{url}");
        }
        let member = InProcess::start(url, &[]).await;
        member.api().write("k", "by that member").await;
        assert_eq!(api.read("k").await["value"], "by that member");
    }

    let error = start(folder.path(), three)
        .await
        .expect_err("the data or the port is in use");
    assert!(error.contains("in use"), "{error}");
    end(gateway, Signal::SIGKILL).await;
    for url in &urls {
        wait_until_down(url.trim_start_matches("http://")).await;
    }
    let error = start(folder.path(), &[])
        .await
        .expect_err("the data has three members");
    assert!(error.contains("--members 3"), "{error}");

    let again = start(folder.path(), three).await;
    let again = again.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.api().read("k").await["value"], "by that member");
    let cluster = again.api().get("/cluster").send().await.json(200);
    assert_eq!(cluster["members"].as_array().map(Vec::len), Some(3));
    end(again, Signal::SIGTERM).await;
}

#[tokio::test]
async fn data_of_one_member_is_refused_for_three() {
    let folder = TempDir::new().expect("a folder");
    let gateway = start(folder.path(), &[]).await;
    end(
        gateway.unwrap_or_else(|error| panic!("{error}")),
        Signal::SIGTERM,
    )
    .await;
    let error = start(folder.path(), &["--members", "3"])
        .await
        .expect_err("the data has one member");
    assert!(
        error.contains("--members 1") && error.contains("--data-dir"),
        "{error}"
    );
}

#[tokio::test]
async fn a_write_to_a_stopped_etcd_has_an_unknown_outcome() {
    let mut etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.write("k", "before").await;

    // etcd has received the request and may still execute it.
    etcd.freeze().await;
    let read = api.get("/kv/k?timeout=1s").send().await;
    read.problem(504, "timeout");
    let write = api.put("/kv/k?timeout=1s", "sent").send().await;
    write.problem(504, "outcome_unknown");
    etcd.thaw();
    value_is_one_of(&api, &["before", "sent"]).await;

    etcd.kill();
    eventually(
        "the gateway notices that etcd ended",
        DEADLINE,
        async || {
            let response = api.get("/kv/k?timeout=2s").send().await;
            ensure(response.status == 503, || response.text())
        },
    )
    .await;
    let write = api.put("/kv/k?timeout=2s", "late").send().await;
    assert_eq!(write.status, 503, "{}", write.text());
    let problem: Value = serde_json::from_str(&write.text()).expect("a problem is JSON");
    etcd.restart().await;
    match problem["code"].as_str() {
        Some("unavailable") => value_is_one_of(&api, &["before", "sent"]).await,
        Some("outcome_unknown") => value_is_one_of(&api, &["before", "sent", "late"]).await,
        other => panic!("{other:?} does not report the write's outcome"),
    }
}

/// Waits until etcd responds again, with one of these values.
async fn value_is_one_of(api: &Client, values: &[&str]) {
    eventually("etcd responds again", DEADLINE, async || {
        let response = api.get("/kv/k?raw&timeout=2s").send().await;
        ensure(response.status == 200, || response.text())?;
        let value = response.text();
        assert!(values.contains(&value.as_str()), "{value}");
        Ok(())
    })
    .await;
}
