//! `docs/DEPLOY.md` is correct: its files are extracted from the page and started, with other ports
//! and folders.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use gateway::config::Cli;
use support::docs::deploy_block;
use support::etcd::free_address;
use support::{Etcd, Watchgate};
use tempfile::TempDir;

/// The YAML block that starts with this comment.
fn block(title: &str) -> String {
    deploy_block("yaml", title)
}

/// The file with every address and folder replaced; all of them must occur.
fn write(folder: &Path, name: &str, text: &str, replace: &[(String, String)]) -> PathBuf {
    let mut text = text.to_owned();
    for (from, to) in replace {
        assert!(text.contains(from.as_str()), "{from} is not in {name}");
        text = text.replace(from.as_str(), to);
    }
    assert!(
        !text.contains(":2379") && !text.contains(":2380") && !text.contains("/var/lib"),
        "something was not replaced: {text}"
    );
    let file = folder.join(name);
    std::fs::write(&file, text).expect("a temporary folder is writable");
    file
}

async fn start(data: &Path, file: &Path) -> Watchgate {
    let file = file.to_str().expect("UTF-8");
    let started = Watchgate::embedded(data, &["--etcd-config", file]).await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn the_file_of_one_node_starts() {
    let folder = TempDir::new().expect("a folder");
    let (client, peer) = (free_address(), free_address());
    let file = write(
        folder.path(),
        "etcd.yml",
        &block("one node"),
        &[
            ("127.0.0.1:2379".to_owned(), client.to_string()),
            ("127.0.0.1:2380".to_owned(), peer.to_string()),
            (
                "/var/lib/etcd".to_owned(),
                folder.path().join("etcd").display().to_string(),
            ),
        ],
    );
    let gateway = start(&folder.path().join("watchgate"), &file).await;
    let cluster = gateway.api().get("/cluster").send().await.json(200);
    let member = &cluster["members"][0];
    assert_eq!(member["name"], "node1");
    assert_eq!(member["healthy"], true);
    assert_eq!(member["client_urls"][0], format!("http://{client}"));
    assert!(
        !cluster["warnings"].to_string().contains("advertised_url"),
        "{cluster}"
    );
    gateway.api().write("k", "v").await;
}

#[tokio::test]
async fn the_files_of_three_nodes_make_one_cluster() {
    let folder = TempDir::new().expect("a folder");
    let peers: Vec<_> = (1..=3).map(|_| free_address()).collect();
    let node = |number: usize| {
        let home = folder.path().join(number.to_string());
        std::fs::create_dir(&home).expect("a temporary folder is writable");
        let mut replace: Vec<(String, String)> = peers
            .iter()
            .zip(1..)
            .map(|(peer, at)| (format!("10.0.0.{at}:2380"), peer.to_string()))
            .collect();
        replace.push((format!("10.0.0.{number}:2379"), free_address().to_string()));
        // On one machine the second client address of each must differ as well.
        replace.push(("127.0.0.1:2379".to_owned(), free_address().to_string()));
        replace.push((
            "/var/lib/etcd".to_owned(),
            home.join("etcd").display().to_string(),
        ));
        let file = write(
            &home,
            "etcd.yml",
            &block(&format!("node{number}")),
            &replace,
        );
        (home.join("watchgate"), file)
    };
    let nodes: Vec<_> = (1..=3).map(node).collect();
    // No member serves before the second one has started.
    let (first, second, third) = tokio::join!(
        start(&nodes[0].0, &nodes[0].1),
        start(&nodes[1].0, &nodes[1].1),
        start(&nodes[2].0, &nodes[2].1),
    );
    let cluster = first.api().get("/cluster").send().await.json(200);
    assert_eq!(cluster["quorum"], 2);
    assert_eq!(cluster["tolerates"], 1);
    let members = cluster["members"].as_array().expect("a list");
    let mut names: Vec<_> = members
        .iter()
        .map(|member| member["name"].as_str().expect("a name"))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["node1", "node2", "node3"]);
    second.api().write("k", "from the second").await;
    assert_eq!(third.api().read("k").await["value"], "from the second");
}

#[tokio::test]
async fn the_gateway_command_of_the_compose_file_is_valid() {
    let compose = block("compose.yml");
    let line = compose
        .lines()
        .find_map(|line| line.trim().strip_prefix("command: [watchgate, "))
        .and_then(|line| line.strip_suffix(']'))
        .expect("the gateway has a command");
    let words: Vec<&str> = line
        .split(", ")
        .map(|word| word.trim_matches('"'))
        .collect();
    let cli = Cli::try_parse_from(std::iter::once("watchgate").chain(words.iter().copied()));
    let config = cli.expect("the flags exist").config;
    config.check().expect("a valid combination");
    assert_eq!(config.listen.to_string(), "0.0.0.0:8379");
    assert_eq!(config.connect.etcd, ["http://etcd:2379"]);

    // With this machine's addresses.
    let etcd = Etcd::shared().await;
    let url = etcd.url();
    let flags: Vec<&str> = words
        .into_iter()
        .map(|word| match word {
            "0.0.0.0:8379" => "127.0.0.1:0",
            "http://etcd:2379" => &url,
            word => word,
        })
        .collect();
    let gateway = Watchgate::start_as(&flags).await;
    let gateway = gateway.unwrap_or_else(|error| panic!("{error}"));
    gateway.api().get("/cluster").send().await.json(200);
}
