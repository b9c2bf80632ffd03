//! The Cluster page.

use serde_json::{Value, json};
use support::auth;
use support::gateway::InProcess;
use support::{Client, Cluster, Etcd, Grant};

use crate::tab::Tab;

/// The text of a member's row.
fn row(name: &str) -> String {
    format!(
        "([...document.querySelectorAll('.member-row')].find((row) => row.innerText.includes({}))?.innerText ?? '')",
        json!(name)
    )
}

async fn cluster(api: &Client) -> Value {
    api.get("/cluster").send().await.json(200)
}

#[tokio::test]
async fn maintenance_is_previewed_run_and_reported() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    for turn in 0..9 {
        api.write("key", turn.to_string()).await;
    }
    Tab::run("cluster", &gateway.url(), async |tab| {
        tab.goto("/clusters/default/cluster").await;
        tab.sees("healthy").await;
        // A chart per number of the samples, which etcd's own metrics fill.
        tab.until("the keys are charted", "[...document.querySelectorAll('.chart')].some((chart) => chart.querySelector('.chart-title').innerText === 'Keys' && chart.querySelector('.chart-value').innerText === '1')").await;

        tab.click("tab", "Maintenance").await;
        tab.until("the address names the part", "location.search === '?view=maintenance'").await;
        tab.click("button", "Compare the hashes").await;
        tab.sees("All voting members have the same data").await;

        let revision = cluster(&api).await["header"]["revision"].as_i64().expect("a revision");
        tab.fill("Discard history before revision", &revision.to_string()).await;
        tab.click("button", "Compact…").await;
        // The dry run counts: revisions 1 to the one before.
        let removed = format!("Revisions 1 to {} are removed ({} in total)", revision - 1, revision - 1);
        tab.sees(&removed).await;
        let confirm = format!("Compact at revision {revision}");
        tab.click("button", &confirm).await;
        tab.sees(&format!("The oldest revision that can be read is {revision}.")).await;
        api.get("/kv?key=key&revision=2").send().await.problem(410, "compacted");

        tab.click("button", "Defragment…").await;
        tab.sees("A member serves no request while it is defragmented").await;
        tab.click("button", "Defragment test").await;
        tab.sees("Defragmented 1 of 1 members").await;

        tab.click("button", "Raise…").await;
        tab.sees("refuses every put").await;
        tab.until("the dialog is open", "!!document.querySelector('dialog[open] .btn-danger-now:not([disabled])')").await;
        tab.js("document.querySelector('dialog[open] .btn-danger-now').click()").await;
        tab.sees("was raised for").await;
        assert_eq!(cluster(&api).await["alarms"][0]["alarm"], "NOSPACE");
        tab.click("tab", "Overview").await;
        tab.sees("compact, defragment, then disarm the alarm").await;
        tab.click("button", "Disarm…").await;
        tab.sees("accepts writes again").await;
        tab.js("document.querySelector('dialog[open] .btn-danger-now').click()").await;
        tab.sees("was disarmed").await;
        assert_eq!(cluster(&api).await["alarms"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_is_a_download_whose_hash_is_shown() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    gateway.api().write("key", "value").await;
    Tab::run("snapshot", &gateway.url(), async |tab| {
        tab.goto("/clusters/default/cluster?view=maintenance").await;
        tab.click("button", "Download a snapshot").await;
        tab.expects_error("status of 404");
        tab.sees("Complete, and its SHA-256 is correct").await;
        let sha = tab
            .js("document.querySelector('.sha code').innerText")
            .await;
        let sha = sha.as_str().expect("text");
        assert!(
            sha.len() == 64 && sha.chars().all(|c| c.is_ascii_hexdigit()),
            "{sha}"
        );
        let bar = "document.querySelector('[role=progressbar]').getAttribute('aria-valuenow')";
        assert_eq!(tab.js(bar).await, "100");
    })
    .await;
}

#[tokio::test]
async fn a_member_that_is_down_is_shown_and_the_leadership_moves() {
    let mut three = Cluster::start(3).await;
    let gateway = InProcess::start(&three.urls(), &[]).await;
    let api = gateway.api();
    Tab::run("members", &gateway.url(), async |tab| {
        tab.goto("/clusters/default/cluster").await;
        tab.sees("leader").await;
        let before = cluster(&api).await;
        let members = before["members"].as_array().expect("members");
        let follower = members
            .iter()
            .find(|member| member["id"] != before["leader"])
            .expect("one follows");
        let (id, name) = (&follower["id"], follower["name"].as_str().expect("a name"));
        tab.click("button", &format!("Actions for {name}")).await;
        tab.click("menuitem", "Move the leadership here…").await;
        tab.sees("leads now. Until").await;
        tab.js("document.querySelector('dialog[open] .dialog-foot .btn-primary').click()")
            .await;
        tab.until(
            "the new leader is marked",
            &format!("{}.includes('leader')", row(name)),
        )
        .await;
        assert_eq!(&cluster(&api).await["leader"], id);

        let at = three.leader().await;
        let other = (at + 1) % 3;
        three.kill(other);
        tab.sees("not healthy").await;
        tab.sees("No further member may fail").await;
        // Removing a working member now would cost the majority: the dialog says so.
        tab.click("button", &format!("Actions for {name}")).await;
        tab.click("menuitem", "Remove it from the cluster…").await;
        tab.sees("would lose its majority").await;
        let disabled = "document.querySelector('dialog[open] .btn-danger-now').disabled";
        assert_eq!(tab.js(disabled).await, true, "the name is not typed");
        tab.click("button", "Cancel").await;
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_cluster_shows_where_it_fails() {
    let mut etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.direct_url(), &[]).await;
    etcd.kill();
    Tab::run("unreachable", &gateway.url(), async |tab| {
        tab.expects_error("status of 503");
        tab.expects_error("status of 504");
        tab.expects_error("WebSocket");
        tab.goto("/clusters/default/cluster").await;
        tab.sees("etcd cannot be reached").await;
        tab.sees("The step “TCP” failed").await;
        tab.sees("start etcd, or correct the port").await;
        tab.goto("/clusters/default/cluster?view=checks").await;
        tab.sees("The cluster cannot be reached.").await;
    })
    .await;
}

#[tokio::test]
async fn forbidden_operations_are_disabled_with_their_reason() {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Both, "/a/")]).await;
    let gateway = InProcess::start(&etcd.url(), &["--user", "app:secret"]).await;
    Tab::run("forbidden", &gateway.url(), async |tab| {
        tab.expects_error("status of 403");
        tab.goto("/clusters/default/cluster?view=maintenance").await;
        tab.sees("This page works as app.").await;
        let enabled = "[...document.querySelectorAll('.task-acts > .btn:not([aria-haspopup])')].filter((button) => !button.disabled).length";
        tab.until("nothing can be pressed", &format!("{enabled} === 0")).await;
    })
    .await;
}
