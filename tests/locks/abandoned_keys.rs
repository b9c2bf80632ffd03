//! A queue key that its creator abandons while another user waits on the same key.

use serde_json::json;
use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::locks::{grant_lease, lock_path};
use support::{DEADLINE, Etcd, Grant, Stream, ensure, eventually, key_query, spawn};

#[tokio::test]
async fn an_abandoned_key_is_removed_with_its_creators_identity() {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "alice", "secret", &[(Grant::Both, "/app/")]).await;
    auth::user(&mut root, "bob", "secret", &[(Grant::Read, "/app/")]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let [all, alice, bob] = [("root", ROOT), ("alice", "secret"), ("bob", "secret")]
        .map(|(name, password)| gateway.api().with_password(name, password));
    let queue = lock_path("/app/l");
    let mut holder = Stream::ndjson(all.post(&format!("{queue}/hold"), &json!({"ttl": 600}))).await;
    holder.expect_type("acquired").await;

    let lease = grant_lease(&alice, 600).await;
    let wait = json!({"lease": lease, "wait": 600});
    let creator = spawn(alice.post(&queue, &wait).try_send());
    let key = format!("/app/l/{lease}");
    let exists = async |exists: bool, what: &str| {
        eventually(what, DEADLINE, async || {
            let status = all.get(&key_query(&key)).send().await.status;
            ensure((status == 200) == exists, || status.to_string())
        })
        .await;
    };
    exists(true, "alice waits").await;
    // A recently checked password is not checked again.
    bob.get("/kv?prefix=/app/").send().await.expect(200);

    etcd.freeze().await;
    let other = spawn(bob.post(&queue, &wait).try_send());
    // When a read has timed out, the requests sent before it have been sent to etcd, too.
    let earlier_requests_are_sent = async || {
        let read = bob.get("/kv?key=/app/x&timeout=2s").send().await;
        read.problem(504, "timeout");
    };
    earlier_requests_are_sent().await;
    creator.abort();
    earlier_requests_are_sent().await;
    etcd.thaw();
    // etcd refuses bob, who is then the last to leave the queue.
    let refused = other.await.expect("no panic").expect("a response");
    refused.problem(403, "forbidden");
    exists(false, "alice's key is deleted").await;
    let leases = all.get(&format!("/leases/{lease}"));
    leases.send().await.expect(200);
}
