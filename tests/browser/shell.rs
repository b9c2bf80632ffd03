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
            "location.pathname === '/clusters/default/explorer'",
        )
        .await;
        tab.sees("Select a key").await;
        tab.click("link", "Watch").await;
        tab.sees("Watch keys change").await;
        tab.click("link", "Locks").await;
        tab.until(
            "Locks is open",
            "location.pathname === '/clusters/default/locks'",
        )
        .await;
        tab.goto(&format!(
            "/explorer?key={}&tab=history",
            percent(world.key("k"))
        ))
        .await;
        tab.sees("The oldest revision is the key's creation").await;
        for (page, heading) in [("Transactions", "Transactions"), ("Cluster", "Cluster")] {
            tab.click("link", page).await;
            let path = format!("/clusters/default/{}", page.to_lowercase());
            tab.until(
                "the page has an address",
                &format!("location.pathname === '{path}'"),
            )
            .await;
            tab.until(
                "the page has a heading",
                &format!("document.querySelector('h1')?.textContent === '{heading}'"),
            )
            .await;
        }
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
        .get("/clusters/default/explorer")
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
            "location.pathname === '/etcd/clusters/default/explorer'",
        )
        .await;
        // The address of earlier versions redirects.
        tab.goto(&format!("/etcd/explorer?key={}", percent(world.key("k"))))
            .await;
        tab.sees("below a base path").await;
        tab.click("link", "Locks").await;
        tab.until(
            "Locks is below it too",
            "location.pathname === '/etcd/clusters/default/locks'",
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

/// Counts the sockets that the page closes, and lets a test hide the tab.
const HIDEABLE: &str = "(() => {
    window.closed_sockets = 0;
    const close = WebSocket.prototype.close;
    WebSocket.prototype.close = function (...reason) { window.closed_sockets += 1; return close.apply(this, reason); };
    let isHidden = false;
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });
    window.hide = (hidden) => { isHidden = hidden; document.dispatchEvent(new Event('visibilitychange', { bubbles: true })); };
})()";

#[tokio::test]
async fn a_hidden_tab_closes_its_socket_and_misses_nothing() {
    let world = World::new("away").await;
    with_tab(&world, "away", async |tab| {
        tab.before_load(HIDEABLE).await;
        tab.goto(&format!("/watch?prefix={}", percent(&world.prefix)))
            .await;
        tab.sees("No changes yet").await;
        world
            .put("before", "written while the tab was visible")
            .await;
        tab.sees("written while the tab was visible").await;
        tab.js("window.hide(true)").await;
        tab.until("the socket is closed", "window.closed_sockets === 1")
            .await;
        world
            .put("meanwhile", "written while the tab was hidden")
            .await;
        tab.js("window.hide(false)").await;
        tab.sees("written while the tab was hidden").await;
        // A glance at another tab closes nothing.
        tab.js("window.hide(true); window.hide(false)").await;
        world.put("after", "written after the glance").await;
        tab.sees("written after the glance").await;
        assert_eq!(tab.js("window.closed_sockets").await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_bottom_bar_of_phones_has_a_menu_for_the_other_pages() {
    let world = World::new("phone").await;
    with_tab(&world, "phone", async |tab| {
        tab.goto("/explorer").await;
        tab.sees("Select a key").await;
        tab.resize(390, 844).await;
        tab.click("button", "More").await;
        tab.click("menuitem", "Cluster").await;
        tab.until(
            "the page is open",
            "location.pathname === '/clusters/default/cluster'",
        )
        .await;
        tab.click("button", "More").await;
        tab.click("menuitem", "简体中文").await;
        tab.click("button", "更多").await;
        tab.click("menuitem", "English").await;
        let fits = "document.documentElement.scrollWidth <= innerWidth";
        tab.until("nothing scrolls sideways", fits).await;
    })
    .await;
}
