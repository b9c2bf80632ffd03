//! A private etcd of several members, each of which can be killed, restarted, and told to advertise
//! what it is not.

use std::collections::HashSet;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::etcd::{Kept, free_address};
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
    kept: Option<Kept>,
}

impl Cluster {
    /// So many members, named m0, m1 and so on.
    pub async fn start(size: usize) -> Self {
        Self::start_with(size, |_, _| Vec::new()).await
    }

    /// As `start`, with further flags: a member's place among all client addresses decides them.
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
        panic!("a cluster does not start: others take its ports");
    }

    fn prepare(size: usize, flags: impl Fn(usize, &[SocketAddr]) -> Vec<String>) -> Self {
        let (clients, peers) = (addresses(size), addresses(size));
        let mut members: Vec<_> = (0..size)
            .map(|at| Member {
                name: format!("m{at}"),
                client: clients[at],
                peer: peers[at],
                arguments: flags(at, &clients),
                kept: None,
            })
            .collect();
        let initial: Vec<_> = members.iter().map(Member::initial).collect();
        let initial = initial.join(",");
        for member in &mut members {
            let mut arguments = member.usual();
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

    /// Whether all came up; not, when another process was faster to take a port.
    async fn launch(&mut self) -> bool {
        for at in 0..self.members.len() {
            self.begin(at);
        }
        for at in 0..self.members.len() {
            if !self.is_up(at).await {
                return false;
            }
        }
        true
    }

    fn begin(&mut self, at: usize) {
        let (folder, log) = (self.folder.path(), self.log_file(at));
        File::create(&log).expect("the temporary folder can be written");
        let member = &self.members[at];
        let data = folder.join(&member.name);
        let mut arguments = member.arguments.clone();
        arguments.push(format!("--data-dir={}", data.display()));
        self.members[at].kept = Some(Kept::start(folder, &log, &arguments));
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
                    Ok(answer) if answer.text().contains("\"true\"") => Ok(true),
                    Ok(answer) => Err(answer.text()),
                    Err(error) => Err(format!("{error:#}; its log: {log}")),
                }
            },
        )
        .await
    }

    fn log_file(&self, at: usize) -> PathBuf {
        let name = format!("{}.log", self.members[at].name);
        self.folder.path().join(name)
    }

    /// Speaks to etcd's own HTTP at one member.
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

    /// Every member's client URL, as `--etcd` takes them.
    pub fn urls(&self) -> String {
        let urls: Vec<_> = (0..self.members.len()).map(|at| self.url(at)).collect();
        urls.join(",")
    }

    /// etcd's own client at one member.
    pub async fn client(&self, at: usize) -> etcd_client::Client {
        etcd_client::Client::connect([self.url(at)], None)
            .await
            .expect("a running etcd takes clients")
    }

    /// The member that leads, as soon as there is one.
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
            Err("nobody leads".to_owned())
        })
        .await
    }

    /// Ends a member as a crash would.
    pub fn kill(&mut self, at: usize) {
        if let Some(kept) = self.members[at].kept.take() {
            kept.end("keep\n");
        }
    }

    /// Stops a member from running without closing anything.
    pub async fn freeze(&self, at: usize) {
        let kept = self.members[at].kept.as_ref().expect("the member runs");
        kept.freeze().await;
    }

    /// Starts a member again, on the data it had.
    pub async fn restart(&mut self, at: usize) {
        self.kill(at);
        self.begin(at);
        assert!(self.is_up(at).await, "somebody took the member's port");
    }

    /// A free peer address for a member still to be added, by its URL.
    pub fn spare_peer() -> String {
        format!("http://{}", free_address())
    }

    /// Starts a member that was added with this peer URL; its place.
    pub fn join(&mut self, peer_url: &str) -> usize {
        let at = self.members.len();
        let peer = peer_url.trim_start_matches("http://");
        let mut member = Member {
            name: format!("m{at}"),
            client: free_address(),
            peer: peer.parse().expect("a peer URL of ours"),
            arguments: Vec::new(),
            kept: None,
        };
        let mut initial: Vec<_> = self.members.iter().map(Member::initial).collect();
        initial.push(member.initial());
        member.arguments = member.usual();
        member
            .arguments
            .push(format!("--initial-cluster={}", initial.join(",")));
        member
            .arguments
            .push("--initial-cluster-state=existing".to_owned());
        self.members.push(member);
        self.begin(at);
        at
    }
}

impl Member {
    fn initial(&self) -> String {
        format!("{}=http://{}", self.name, self.peer)
    }

    fn usual(&self) -> Vec<String> {
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

/// Different addresses that were free a moment ago.
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
