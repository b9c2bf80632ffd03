//! A private etcd cluster. Each member can be killed, frozen and restarted, and can advertise
//! addresses that are not its own.

use std::collections::HashSet;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::etcd::{Process, free_address};
use crate::{Client, eventually};

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    members: Vec<Member>,
    folder: TempDir,
}

#[derive(Debug)]
struct Member {
    name: String,
    client: SocketAddr,
    peer: SocketAddr,
    arguments: Vec<String>,
    process: Option<Process>,
}

impl Cluster {
    /// A cluster of `size` members, named m0, m1 and so on.
    pub async fn start(size: usize) -> Self {
        Self::start_with(size, |_, _| Vec::new()).await
    }

    /// As `start`, with further flags: a function of a member's index and all client addresses.
    pub async fn start_with(
        size: usize,
        flags: impl Fn(usize, &[SocketAddr]) -> Vec<String>,
    ) -> Self {
        for _ in 0..5 {
            let mut cluster = Self::prepare(size, &flags);
            if cluster.launch().await {
                return cluster;
            }
        }
        panic!("the cluster does not start: other processes take its ports");
    }

    fn prepare(size: usize, flags: impl Fn(usize, &[SocketAddr]) -> Vec<String>) -> Self {
        let (clients, peers) = (addresses(size), addresses(size));
        let mut members: Vec<_> = (0..size)
            .map(|at| Member {
                name: format!("m{at}"),
                client: clients[at],
                peer: peers[at],
                arguments: flags(at, &clients),
                process: None,
            })
            .collect();
        let initial: Vec<_> = members.iter().map(Member::initial).collect();
        let initial = initial.join(",");
        for member in &mut members {
            let mut arguments = member.base_flags();
            arguments.push(format!("--initial-cluster={initial}"));
            arguments.push(format!("--initial-cluster-token={}", peers[0]));
            arguments.append(&mut member.arguments);
            member.arguments = arguments;
        }
        Self {
            members,
            folder: TempDir::with_prefix("watchgate-test-").expect("temporary folders can be made"),
        }
    }

    /// Starts every member; false if another process took one of the ports.
    async fn launch(&mut self) -> bool {
        for at in 0..self.members.len() {
            self.spawn(at);
        }
        for at in 0..self.members.len() {
            if !self.is_up(at).await {
                return false;
            }
        }
        true
    }

    fn spawn(&mut self, at: usize) {
        let (folder, log) = (self.folder.path(), self.log_file(at));
        File::create(&log).expect("the temporary folder can be written");
        let member = &self.members[at];
        let data = folder.join(&member.name);
        let mut arguments = member.arguments.clone();
        arguments.push(format!("--data-dir={}", data.display()));
        self.members[at].process = Some(Process::start(folder, &log, &arguments));
    }

    async fn is_up(&self, at: usize) -> bool {
        let (probe, log) = (self.probe(at), self.log_file(at));
        eventually(
            "the member is healthy",
            Duration::from_mins(1),
            async || {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                if log.contains("address already in use") {
                    return Ok(false);
                }
                match probe.get("/health").try_send().await {
                    Ok(response) if response.text().contains("\"true\"") => Ok(true),
                    Ok(response) => Err(response.text()),
                    Err(error) => Err(format!("{error:#}; etcd's log: {log}")),
                }
            },
        )
        .await
    }

    fn log_file(&self, at: usize) -> PathBuf {
        let name = format!("{}.log", self.members[at].name);
        self.folder.path().join(name)
    }

    /// A client of one member's own HTTP endpoints.
    pub fn probe(&self, at: usize) -> Client {
        Client::to(self.members[at].client)
    }

    /// A member's client URL.
    pub fn url(&self, at: usize) -> String {
        format!("http://{}", self.members[at].client)
    }

    /// A member's peer URL.
    pub fn peer_url(&self, at: usize) -> String {
        format!("http://{}", self.members[at].peer)
    }

    /// Every member's client URL, as a value of `--etcd`.
    pub fn urls(&self) -> String {
        let urls: Vec<_> = (0..self.members.len()).map(|at| self.url(at)).collect();
        urls.join(",")
    }

    /// An etcd client of one member.
    pub async fn client(&self, at: usize) -> etcd_client::Client {
        etcd_client::Client::connect([self.url(at)], None)
            .await
            .expect("a running etcd accepts clients")
    }

    /// The index of the leader, as soon as there is one.
    pub async fn leader(&self) -> usize {
        let deadline = Duration::from_mins(1);
        eventually("the members have a leader", deadline, async || {
            for at in 0..self.members.len() {
                let mut client = self.client(at).await;
                let status = client.status().await.map_err(|error| error.to_string())?;
                let own = status.header().map(etcd_client::ResponseHeader::member_id);
                if own == Some(status.leader()) {
                    return Ok(at);
                }
            }
            Err("no leader".to_owned())
        })
        .await
    }

    /// Kills a member.
    pub fn kill(&mut self, at: usize) {
        if let Some(process) = self.members[at].process.take() {
            process.kill_and_keep_data();
        }
    }

    /// Suspends a member; its connections stay open.
    pub async fn freeze(&self, at: usize) {
        let process = self.members[at].process.as_ref();
        process.expect("the member runs").freeze().await;
    }

    /// Restarts a member on its data.
    pub async fn restart(&mut self, at: usize) {
        self.kill(at);
        self.spawn(at);
        assert!(
            self.is_up(at).await,
            "another process took the member's port"
        );
    }

    /// The peer URL of a member that is still to be added, at a free address.
    pub fn free_peer_url() -> String {
        format!("http://{}", free_address())
    }

    /// Starts a member that was added with this peer URL; returns its index.
    pub fn join(&mut self, peer_url: &str) -> usize {
        let at = self.members.len();
        let peer = peer_url.trim_start_matches("http://");
        let mut member = Member {
            name: format!("m{at}"),
            client: free_address(),
            peer: peer.parse().expect("a peer URL from `free_peer_url`"),
            arguments: Vec::new(),
            process: None,
        };
        let mut initial: Vec<_> = self.members.iter().map(Member::initial).collect();
        initial.push(member.initial());
        member.arguments = member.base_flags();
        member
            .arguments
            .push(format!("--initial-cluster={}", initial.join(",")));
        member
            .arguments
            .push("--initial-cluster-state=existing".to_owned());
        self.members.push(member);
        self.spawn(at);
        at
    }
}

impl Member {
    fn initial(&self) -> String {
        format!("{}=http://{}", self.name, self.peer)
    }

    fn base_flags(&self) -> Vec<String> {
        let Self {
            name, client, peer, ..
        } = self;
        vec![
            format!("--name={name}"),
            format!("--listen-client-urls=http://{client}"),
            format!("--advertise-client-urls=http://{client}"),
            format!("--listen-peer-urls=http://{peer}"),
            format!("--initial-advertise-peer-urls=http://{peer}"),
        ]
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for at in 0..self.members.len() {
            self.kill(at);
        }
    }
}

/// Distinct addresses that were free a moment ago.
fn addresses(count: usize) -> Vec<SocketAddr> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    while found.len() < count {
        let address = free_address();
        if seen.insert(address) {
            found.push(address);
        }
    }
    found
}
