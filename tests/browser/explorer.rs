//! The Explorer is live and exact about keys.

use serde_json::json;
use support::ctl::etcdctl;
use support::{World, key_query, percent};

use crate::{folder_row, row, with_tab};

#[tokio::test]
async fn a_key_put_by_etcdctl_appears_without_a_reload() {
    let world = World::new("appears").await;
    world.put("first", "1").await;
    with_tab(&world, "appears", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(world.key("first"))))
            .await;
        tab.finds("id", &row(world.key("first"))).await;
        let loads = "performance.getEntriesByType('navigation').length";
        let before = tab.js(loads).await;

        let key = world.key("from-etcdctl");
        etcdctl(world.etcd, &["put", &key, "hello"]).await;
        tab.finds("id", &row(&key)).await;
        tab.click("id", &row(&key)).await;
        tab.sees("hello").await;
        // The open key follows changes and a deletion by another client.
        etcdctl(world.etcd, &["put", &key, "changed outside"]).await;
        tab.sees("changed outside").await;
        etcdctl(world.etcd, &["del", &key]).await;
        tab.sees("Deleted at revision").await;
        let absent = format!("!document.getElementById({})", json!(row(&key)));
        tab.until("its row is removed", &absent).await;
        // A whole folder appears and disappears.
        let nested = world.key("folder/inside");
        etcdctl(world.etcd, &["put", &nested, "x"]).await;
        let folder = folder_row(world.key("folder/"));
        tab.finds("id", &folder).await;
        etcdctl(world.etcd, &["del", &nested]).await;
        let absent = format!("!document.getElementById({})", json!(folder));
        tab.until("the folder is removed", &absent).await;
        assert_eq!(tab.js(loads).await, before);
    })
    .await;
}

#[tokio::test]
async fn deep_links_open_any_key() {
    let world = World::new("deep").await;
    let prefix = world.prefix.as_bytes();
    let own = |rest: &[u8]| [prefix, rest].concat();
    let keys: Vec<Vec<u8>> = vec![
        own(b"plain"),
        own(b"/double"),
        own(b"trailing/"),
        own(b"a/../b"),
        own(b".."),
        own(b"+"),
        own(b"%"),
        own(b"?"),
        own(b"#"),
        own(b"%2F"),
        own(b"a&key=b"),
        own("占用".as_bytes()),
        own(b"\xff\xfe\0"),
        own(b"<b>&amp;"),
        b"/".to_vec(),
        b"a/b".to_vec(),
        b"\xff\xfe\0".to_vec(),
    ];
    for (at, key) in keys.iter().enumerate() {
        world.api.write(key, format!("value number {at}.")).await;
    }
    with_tab(&world, "deep", async |tab| {
        for (at, key) in keys.iter().enumerate() {
            tab.goto(&format!("/explorer?key={}", percent(key))).await;
            tab.sees(&format!("value number {at}.")).await;
            // The tree opens at the key.
            tab.finds("id", &row(key)).await;
        }
        tab.reload().await;
        tab.sees(&format!("value number {}.", keys.len() - 1)).await;
    })
    .await;
}

#[tokio::test]
async fn keys_are_created_and_deleted() {
    let world = World::new("created").await;
    world.put("first", "1").await;
    with_tab(&world, "created", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(world.key("first"))))
            .await;
        tab.finds("id", &row(world.key("first"))).await;
        tab.click("button", "New key").await;
        let key = world.key("made here");
        tab.fill("Key", &key).await;
        tab.fill("Value", "made in the browser").await;
        tab.click("button", "Create key").await;
        tab.finds("id", &row(&key)).await;
        tab.sees("made in the browser").await;
        let entry = world.api.read(&key).await;
        assert_eq!(
            (&entry["value"], &entry["version"]),
            (&json!("made in the browser"), &json!(1))
        );

        // Creating it a second time does not change it.
        tab.expects_error("status of 412");
        tab.click("button", "New key").await;
        tab.fill("Key", &key).await;
        tab.fill("Value", "another").await;
        tab.click("button", "Create key").await;
        tab.sees("already exists").await;
        tab.click("button", "Cancel").await;
        assert_eq!(world.api.read(&key).await["version"], 1);

        tab.click("id", &row(&key)).await;
        tab.click("button", "Delete").await;
        tab.sees("Delete this key?").await;
        tab.click("button", "Delete key").await;
        tab.sees("Deleted at revision").await;
        let absent = world.api.get(&key_query(&key)).send().await;
        absent.problem(404, "key_not_found");
    })
    .await;
}

#[tokio::test]
async fn an_absent_key_appears_as_soon_as_it_is_written() {
    let world = World::new("absent").await;
    let key = world.key("later");
    with_tab(&world, "absent", async |tab| {
        tab.expects_error("status of 404");
        tab.goto(&format!("/explorer?key={}", percent(&key))).await;
        tab.sees("does not exist").await;
        etcdctl(world.etcd, &["put", &key, "here it is"]).await;
        tab.sees("here it is").await;
    })
    .await;
}
