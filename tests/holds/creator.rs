//! A place in a queue that its creator leaves while somebody else stands on the same key.

use http::Method;
use serde_json::json;
use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, Grant, Stream, eventually, key_query, spawn, when};

use crate::common::{route, text};

#[tokio::test]
async fn a_key_is_removed_as_its_creator_whoever_leaves_last() {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "alice", "secret", &[(Grant::Both, "/app/")]).await;
    auth::user(&mut root, "bob", "secret", &[(Grant::Read, "/app/")]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let [all, alice, bob] = [("root", ROOT), ("alice", "secret"), ("bob", "secret")]
        .map(|(name, password)| gateway.api().signed(name, password));
    let queue = route("locks", "/app/l");
    let mut holder = Stream::ndjson(all.post(&format!("{queue}/hold"), &json!({"ttl": 600}))).await;
    holder.of("acquired").await;

    let lease = alice.post("/leases", &json!({"ttl": 600})).send().await;
    let lease = text(&lease.json(201)["id"]);
    let stand = json!({"lease": lease, "wait": 600});
    let waiting = spawn(alice.post(&queue, &stand).try_send());
    let key = format!("/app/l/{lease}");
    let there = async |there: bool, what: &str| {
        eventually(what, DEADLINE, async || {
            let status = all.get(&key_query(&key)).send().await.status;
            when((status == 200) == there, || status.to_string())
        })
        .await;
    };
    there(true, "alice waits").await;
    // A password that was checked lately is not checked again.
    bob.get("/kv?prefix=/app/").send().await.expect(200);

    etcd.freeze().await;
    let standing = spawn(bob.post(&queue, &stand).try_send());
    // A read that ran into its own limit shows that what was sent before it is on its way as well.
    let passed = async || {
        let read = bob.get("/kv?key=/app/x&timeout=2s").send().await;
        read.problem(504, "timeout");
    };
    passed().await;
    waiting.abort();
    passed().await;
    etcd.thaw();
    // etcd refuses bob, who thereby is the last to leave.
    let refused = standing.await.expect("no panic").expect("it is answered");
    refused.problem(403, "forbidden");
    there(false, "alice's key is gone").await;
    let leases = all.ask(Method::GET, &format!("/leases/{lease}"));
    leases.send().await.expect(200);
}
