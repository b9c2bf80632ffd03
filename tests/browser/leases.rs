//! A lease granted for a key that is not created does not remain.

use std::process::{Command, Stdio};

use support::{DEADLINE, World, ensure, eventually, percent, tools, unique};

use crate::tab::Tab;
use crate::with_tab;

/// The leases granted with this TTL, which no other test uses.
async fn leases_of(world: &World, ttl: u64) -> Vec<String> {
    let list = world.api.get("/leases?limit=1000").send().await.json(200);
    let leases = list["leases"].as_array().expect("a list").iter();
    leases
        .filter(|lease| lease["granted_ttl"] == ttl)
        .map(|lease| lease["id"].to_string())
        .collect()
}

async fn expect_no_lease(world: &World, ttl: u64) {
    eventually("no lease is left", DEADLINE, async || {
        let left = leases_of(world, ttl).await;
        ensure(left.is_empty(), || format!("{left:?}"))
    })
    .await;
}

/// Fills the form for a new key with a new lease.
async fn fill(tab: &Tab, key: &str, value: &str, ttl: u64) {
    tab.goto(&format!("/explorer?new={}", percent(key))).await;
    tab.fill("Value", value).await;
    tab.choose("Lease", "new").await;
    tab.fill("TTL in seconds", &ttl.to_string()).await;
}

#[tokio::test]
async fn a_refused_creation_leaves_no_lease() {
    let world = World::with("refused", &["--max-body", "4096"]).await;
    world.put("k", "existing value").await;
    let key = world.key("k");
    with_tab(&world, "refused", async |tab| {
        tab.expects_error("status of 412");
        tab.expects_error("status of 413");
        fill(tab, &key, "another", 7_919).await;
        tab.click("button", "Create key").await;
        tab.sees("already exists").await;
        expect_no_lease(&world, 7_919).await;
        assert_eq!(world.api.read(&key).await["value"], "existing value");

        // A key that is created keeps its lease.
        let fresh = world.key("fresh");
        tab.fill("Key", &fresh).await;
        tab.click("button", "Create key").await;
        tab.sees("Created").await;
        let lease = world.api.read(&fresh).await["lease"].to_string();
        assert_eq!(leases_of(&world, 7_919).await, [lease]);

        fill(tab, &world.key("large"), &"x".repeat(5_000), 7_907).await;
        tab.click("button", "Create key").await;
        tab.sees("The value is too large.").await;
        expect_no_lease(&world, 7_907).await;
    })
    .await;
}

#[tokio::test]
async fn the_copied_commands_leave_no_lease() {
    let world = World::new("copied").await;
    world.put("k", "existing value").await;
    let key = world.key("k");
    with_tab(&world, "copied", async |tab| {
        fill(tab, &key, "it's another\n", 7_901).await;
        tab.click("button", "Copy command").await;
        tab.sees("etcdctl").await;
        let lines = tab
            .js("[...document.querySelectorAll('.x-command-line')].map((line) => line.textContent)")
            .await;
        for (at, fresh) in [unique("curl"), unique("etcdctl")].iter().enumerate() {
            let line = lines[at].as_str().expect("one line per tool");
            let output = run(&world, line).await;
            assert_eq!(leases_of(&world, 7_901).await, [""; 0], "{line}\n{output}");
            assert_eq!(world.api.read(&key).await["value"], "existing value");

            let fresh = world.key(fresh);
            let line = line.replace(&key, &fresh);
            let output = run(&world, &line).await;
            let created = world.api.get(&support::key_query(&fresh)).send().await;
            assert_eq!(created.status, 200, "{line}\n{output}");
            let created = world.api.read(&fresh).await;
            assert_eq!(created["value"], "it's another\n");
            assert_eq!(
                leases_of(&world, 7_901).await,
                [created["lease"].to_string()]
            );
            let id = created["lease"].as_str().expect("a lease");
            world
                .api
                .delete(&format!("/leases/{id}"))
                .send()
                .await
                .json(200);
        }
    })
    .await;
}

/// Runs a line with the test's etcd in bash, whose quoting the copied commands use; returns its
/// output.
async fn run(world: &World, line: &str) -> String {
    let folder = tools::etcdctl().parent().expect("etcdctl is in a folder");
    let path = std::env::join_paths(
        std::iter::once(folder.to_owned()).chain(std::env::split_paths(&tools::path_variable())),
    );
    let mut command = Command::new("bash");
    command
        .args(["-c", line])
        .env("PATH", path.expect("folders without colons"))
        .env("ETCDCTL_API", "3")
        .env("ETCDCTL_ENDPOINTS", world.etcd.direct_url())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.expect("no panic").expect("a shell runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
