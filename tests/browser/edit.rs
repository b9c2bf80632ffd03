//! Editing overwrites no unseen change, and keeps the lease.

use serde_json::json;
use support::ctl::etcdctl;
use support::{World, key_query, percent};

use crate::with_tab;

/// Beyond the integers that a JavaScript number holds.
const LARGE: &str = "694d604f1cc13e0f";

#[tokio::test]
async fn a_conflict_shows_both_and_overwrites_nothing() {
    let world = World::new("conflict").await;
    world.put("k", "the beginning").await;
    let key = world.key("k");
    with_tab(&world, "conflict", async |tab| {
        tab.expects_error("status of 412");
        tab.goto(&format!("/explorer?key={}", percent(&key))).await;
        tab.sees("the beginning").await;
        tab.click("button", "Edit").await;
        tab.fill("Edit value", "mine").await;
        tab.click("button", "Review change").await;
        tab.finds("button", "Save").await;
        etcdctl(world.etcd, &["put", &key, "theirs"]).await;
        tab.sees("while you were editing").await;
        tab.click("button", "Save").await;
        tab.sees("Someone else changed it first").await;
        tab.sees("theirs").await;
        tab.sees("mine").await;
        let now = world.api.read(&key).await;
        assert_eq!(
            (&now["value"], &now["version"]),
            (&json!("theirs"), &json!(2))
        );

        tab.click("button", "Save yours over theirs").await;
        tab.sees("Saved").await;
        let now = world.api.read(&key).await;
        assert_eq!(
            (&now["value"], &now["version"]),
            (&json!("mine"), &json!(3))
        );
    })
    .await;
}

#[tokio::test]
async fn a_key_deleted_and_created_again_is_a_conflict() {
    let world = World::new("recreated").await;
    world.put("k", "the same").await;
    let key = world.key("k");
    with_tab(&world, "recreated", async |tab| {
        tab.expects_error("status of 412");
        tab.goto(&format!("/explorer?key={}", percent(&key))).await;
        tab.sees("the same").await;
        tab.click("button", "Edit").await;
        tab.fill("Edit value", "mine").await;
        tab.click("button", "Review change").await;
        world.api.delete(&key_query(&key)).send().await.json(200);
        let again = world.api.write(&key, "the same").await;
        tab.sees("while you were editing").await;
        tab.click("button", "Save").await;
        tab.sees("Someone else changed it first").await;
        assert_eq!(world.api.read(&key).await["mod_revision"], again);
        tab.click("button", "Take theirs").await;
        tab.sees("the same").await;
    })
    .await;
}

#[tokio::test]
async fn an_edit_keeps_a_lease_id_above_2_to_the_53() {
    let world = World::new("leased").await;
    let key = world.key("k");
    let grant = world.api.post("/leases", &json!({"ttl": 900, "id": LARGE}));
    grant.send().await.json(201);
    let put = world
        .api
        .put(&format!("{}&lease={LARGE}", key_query(&key)), "leased");
    put.send().await.json(201);
    with_tab(&world, "leased", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(&key))).await;
        tab.sees(LARGE).await;
        tab.sees("left").await;
        tab.click("button", "Edit").await;
        tab.fill("Edit value", "edited in the browser").await;
        tab.click("button", "Review change").await;
        tab.sees(&format!("Keep lease {LARGE}")).await;
        tab.click("button", "Save").await;
        tab.sees("Saved").await;
        let now = world.api.read(&key).await;
        assert_eq!(
            (&now["value"], &now["lease"]),
            (&json!("edited in the browser"), &json!(LARGE))
        );

        // A lease id that is typed survives as well.
        let other = world.key("other");
        tab.click("button", "New key").await;
        tab.fill("Key", &other).await;
        tab.choose("Lease", "old").await;
        tab.fill("Lease ID", LARGE).await;
        tab.click("button", "Create key").await;
        tab.sees("Created").await;
        assert_eq!(world.api.read(&other).await["lease"], LARGE);
    })
    .await;
}

#[tokio::test]
async fn a_binary_value_survives_an_edit() {
    let world = World::new("binary").await;
    let key = world.key("k");
    world.api.write(&key, vec![0xff, 0xfe, 0x00, 0x41]).await;
    with_tab(&world, "binary", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(&key))).await;
        tab.sees("ff fe 00 41").await;
        tab.click("button", "Edit").await;
        tab.fill("Edit value", "ff fe 00 42 0a").await;
        tab.click("button", "Review change").await;
        tab.click("button", "Save").await;
        tab.sees("Saved").await;
        let raw = world
            .api
            .get(&format!("{}&raw", key_query(&key)))
            .send()
            .await;
        assert_eq!(&raw.body[..], [0xff, 0xfe, 0x00, 0x42, 0x0a]);
    })
    .await;
}
