//! The shell: theme, language, content policy, base path and loss of etcd.

use support::gateway::InProcess;
use support::{Etcd, World, percent};

use crate::tab::Tab;
use crate::with_tab;

#[tokio::test]
async fn theme_and_language_are_switched_and_remembered() {
    let world = World::new("theme").await;
    world.put("k", "v").await;
    with_tab(&world, "theme", async |tab| {
        tab.goto("/explorer").await;
        tab.sees("Select a key").await;
        let background = "getComputedStyle(document.body).backgroundColor";
        tab.click("button", "Theme").await;
        tab.click("menuitem", "Light").await;
        tab.until(
            "the theme is light",
            "document.documentElement.dataset.theme === 'light'",
        )
        .await;
        let light = tab.js(background).await;
        tab.click("button", "Theme").await;
        tab.click("menuitem", "Dark").await;
        tab.until(
            "the theme is dark",
            "document.documentElement.dataset.theme === 'dark'",
        )
        .await;
        assert_ne!(tab.js(background).await, light);

        tab.click("button", "Language: EN").await;
        tab.click("menuitem", "简体中文").await;
        tab.sees("选择一个键").await;
        tab.until(
            "the document has the language",
            "document.documentElement.lang.startsWith('zh')",
        )
        .await;
        tab.reload().await;
        tab.sees("选择一个键").await;
        assert_eq!(
            tab.js("document.documentElement.dataset.theme").await,
            "dark"
        );
        tab.click("button", "语言：中").await;
        tab.click("menuitem", "English").await;
        tab.sees("Select a key").await;
    })
    .await;
}

#[tokio::test]
async fn every_page_opens_without_errors() {
    let world = World::new("pages").await;
    world.put("k", "{\"a\": [1, 2.50, \"x\"]}").await;
    with_tab(&world, "pages", async |tab| {
        tab.goto("/").await;
        tab.until(
            "the root leads to the Explorer",
            "location.pathname === '/explorer'",
        )
        .await;
        tab.sees("Select a key").await;
        tab.click("link", "Watch").await;
        tab.sees("Watch keys change").await;
        tab.click("link", "Locks").await;
        tab.until("Locks is open", "location.pathname === '/locks'")
            .await;
        tab.goto(&format!(
            "/explorer?key={}&tab=history",
            percent(world.key("k"))
        ))
        .await;
        tab.sees("The oldest revision is the key's creation").await;
        tab.expects_error("no-such-page");
        tab.goto("/no-such-page").await;
        tab.until("the page is drawn", "document.body.innerText.length > 20")
            .await;
    })
    .await;
}

#[tokio::test]
async fn the_content_policy_is_enforced() {
    let world = World::new("policy").await;
    let page = world
        .gateway
        .root()
        .get("/explorer")
        .header("accept", "text/html")
        .send()
        .await;
    let page = page.expect(200);
    let policy = page.header("content-security-policy").to_owned();
    for part in [
        "default-src 'none'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "'wasm-unsafe-eval'",
    ] {
        assert!(policy.contains(part), "{part} is not in {policy}");
    }
    assert!(
        !policy.contains("'unsafe-inline'") && !policy.contains("'unsafe-eval'"),
        "{policy}"
    );
    with_tab(&world, "policy", async |tab| {
        tab.goto("/explorer").await;
        tab.until("the page is drawn", "document.body.innerText.length > 20").await;
        // The policy is enforced, not only sent: this script must not run.
        tab.expects_error("content policy");
        tab.expects_error("Content Security Policy");
        tab.js("(() => { const script = document.createElement('script'); script.textContent = 'window.ran = 1'; document.body.append(script); })()").await;
        assert_eq!(tab.js("window.ran === undefined").await, true);
        assert_eq!(tab.js("document.querySelectorAll('[style]').length >= 0").await, true);
    })
    .await;
}

#[tokio::test]
async fn the_dashboard_works_below_a_base_path() {
    let world = World::with("below", &["--base-path", "/etcd"]).await;
    let mut client = world.client().await;
    let put = client.put(world.key("k"), "below a base path", None).await;
    put.expect("etcd puts");
    let root = format!("http://{}", world.gateway.root().address());
    Tab::run("below", &root, async |tab| {
        tab.goto("/etcd/").await;
        tab.until(
            "it is below the base",
            "location.pathname === '/etcd/explorer'",
        )
        .await;
        tab.goto(&format!("/etcd/explorer?key={}", percent(world.key("k"))))
            .await;
        tab.sees("below a base path").await;
        tab.click("link", "Locks").await;
        tab.until(
            "Locks is below it too",
            "location.pathname === '/etcd/locks'",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_watch_recovers_after_the_gateway_loses_etcd() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    gateway.api().write("k", "before").await;
    let root = format!("http://{}", gateway.root().address());
    Tab::run("healed", &root, async |tab| {
        tab.expects_error("status of 503");
        tab.expects_error("status of 504");
        tab.goto("/watch?prefix=k").await;
        tab.sees("No changes yet").await;
        etcd.proxy.cut();
        let mut client = etcd.client().await;
        client
            .put("k", "written while the link was cut", None)
            .await
            .expect("etcd puts");
        etcd.proxy.restore();
        tab.sees("written while the link was cut").await;
    })
    .await;
}
