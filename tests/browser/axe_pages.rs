//! Accessibility of the pages about the cluster and the account, and of transactions: see `axe.rs`.

use serde_json::json;
use support::gateway::InProcess;
use support::{Etcd, Grant, World, auth};

use crate::axe::{Audit, PHONE, audit, script};
use crate::tab::Tab;

#[tokio::test]
async fn the_cluster_page_is_accessible() {
    let world = World::new("axe-cluster").await;
    audit(&world, "axe-cluster", async |page: &mut Audit<'_>| {
        let tab = page.tab;
        tab.goto("/clusters/default/cluster").await;
        tab.sees("healthy").await;
        tab.sees("Revisions per second").await;
        page.state("cluster").await;
        tab.click("button", "Add a member").await;
        tab.sees("A learner cannot cost the cluster its majority")
            .await;
        tab.click("button", "Continue").await;
        page.state("add a member").await;
        tab.click("button", "Cancel").await;
        tab.goto("/clusters/default/cluster?view=maintenance").await;
        tab.click("button", "Compare the hashes").await;
        tab.sees("have the same data").await;
        page.state("maintenance").await;
        tab.fill("Discard history before revision", "2").await;
        tab.click("button", "Compact…").await;
        tab.sees("can no longer be read, watched or restored").await;
        page.state("compact").await;
        tab.click("button", "Cancel").await;
        tab.goto("/clusters/default/cluster?view=checks").await;
        tab.sees("The cluster can be reached.").await;
        page.state("checks").await;
    })
    .await;
}

#[tokio::test]
async fn sign_in_and_the_account_are_accessible() {
    let Some(axe) = script() else { return };
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Both, "/a/")]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    Tab::run("axe-session", &gateway.url(), async |tab| {
        tab.expects_error("401");
        tab.expects_error("403");
        tab.expects_error("WebSocket");
        let mut page = Audit::new(tab, axe).await;
        tab.goto("/clusters/default/sign-in").await;
        tab.sees("Sign in to default").await;
        page.state("sign-in").await;
        tab.fill("Name", "app").await;
        tab.fill("Password", "wrong").await;
        tab.click("button", "Sign in").await;
        tab.sees("Name or password is wrong.").await;
        page.state("wrong password").await;
        tab.fill("Password", "secret").await;
        tab.click("button", "Sign in").await;
        tab.sees("Other keys are not visible to app.").await;
        tab.click("button", "Account: app").await;
        page.state("account menu").await;
        tab.click("button", "What may I read and write?").await;
        tab.sees("What app may read and write").await;
        page.state("what the account may do").await;
        tab.press("Escape").await;
        tab.click("button", "Account: app").await;
        tab.click("button", "Sign out").await;
        tab.sees("Sign out, keep them").await;
        page.state("sign-out").await;
        tab.click("button", "Cancel").await;
        tab.resize(PHONE.0, PHONE.1).await;
        tab.click("button", "More").await;
        page.phone("more pages").await;
        page.end();
    })
    .await;
}

#[tokio::test]
async fn transactions_are_accessible_in_every_state() {
    let world = World::new("axe-txn").await;
    world.put("a", "one").await;
    let key = world.key("a");
    let body = json!({
        "compare": [
            {"key": key, "target": "value", "op": "=", "value": "two"},
            {"prefix": world.prefix, "target": "version", "op": ">", "value": 0},
        ],
        "then": [
            {"put": {"key": key, "value": "x", "lease": "5afe"}},
            {"txn": {"then": [{"delete": {"prefix": world.key("none/")}}]}},
        ],
        "else": [{"get": {"prefix": world.prefix, "limit": 5}}],
    });
    audit(&world, "axe-txn", async |page: &mut Audit<'_>| {
        let tab = page.tab;
        tab.goto("/clusters/default/transactions").await;
        tab.sees("Build a transaction").await;
        page.state("empty").await;
        tab.fill("JSON", &body.to_string()).await;
        tab.sees("then[1].txn.then[0]").await;
        tab.click("button", "Explain").await;
        tab.sees("does not hold").await;
        page.state("explained").await;
        tab.click("button", "Run").await;
        tab.sees("Run and delete up to").await;
        page.state("confirmation").await;
        tab.js("[...document.querySelectorAll('dialog[open] .dialog-foot .btn')].at(-1).click()")
            .await;
        tab.sees("Else ran").await;
        page.state("result").await;
        tab.fill("JSON", "{").await;
        tab.sees("Line 1").await;
        page.state("invalid JSON").await;
        tab.click("button", "Restore the JSON from the builder")
            .await;
        tab.click("button", "Templates").await;
        tab.sees("Create if absent").await;
        page.state("templates").await;
        tab.press("Escape").await;
        tab.click("button", "Saved").await;
        tab.sees("Nothing is saved yet").await;
        page.state("saved").await;
        tab.press("Escape").await;
        tab.click("button", "More").await;
        tab.click("menuitem", "Copy command").await;
        tab.sees("its comparisons are of single keys").await;
        page.state("commands").await;
        tab.press("Escape").await;
        tab.goto("/clusters/default/transactions?view=stm").await;
        tab.sees("A bank on software transactional memory").await;
        page.state("STM lab").await;
    })
    .await;
}
