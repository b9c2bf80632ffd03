//! Accessibility: axe-core in every state of every page, in both themes and at phone size, where
//! touch targets must be large enough.

use std::path::PathBuf;

use serde_json::{Value, json};
use support::ctl::{Etcdctl, etcdctl};
use support::{DEADLINE, Etcd, World, ensure, eventually, key_query, percent, tools};

use crate::tab::Tab;
use crate::{row, with_tab};

/// The rules: WCAG 2.2, A and AA, and axe-core's best practices.
const TAGS: [&str; 6] = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
];

const TARGETS: &str = include_str!("targets.js");

const WIDE: (i64, i64) = (1440, 900);
pub(crate) const PHONE: (i64, i64) = (390, 844);

/// axe-core's script; `None` with the reason on stderr where it is not installed.
pub(crate) fn script() -> Option<String> {
    let file: PathBuf = tools::root().join(".tools/axe-core/axe.min.js");
    let script = std::fs::read_to_string(&file).ok();
    if script.is_none() {
        eprintln!(
            "accessibility is NOT tested: there is no {}; `cargo xtask setup --tests` fetches it where npm is on PATH",
            file.display()
        );
    }
    script
}

/// Audits the states of a page and collects the findings.
pub(crate) struct Audit<'a> {
    pub(crate) tab: &'a Tab,
    axe: String,
    found: Vec<String>,
}

impl<'a> Audit<'a> {
    /// Sets a desktop size and stops animations.
    pub(crate) async fn new(tab: &'a Tab, axe: String) -> Self {
        tab.reduce_motion().await;
        tab.resize(WIDE.0, WIDE.1).await;
        Self {
            tab,
            axe,
            found: Vec::new(),
        }
    }

    /// Audits the current state: at desktop size and at phone size, in both themes.
    pub(crate) async fn state(&mut self, name: &str) {
        self.wide(name).await;
        self.phone(name).await;
    }

    async fn wide(&mut self, name: &str) {
        for theme in ["light", "dark"] {
            self.in_theme(theme).await;
            self.rules(&format!("{name}, {theme}")).await;
        }
        self.in_theme("light").await;
    }

    pub(crate) async fn phone(&mut self, name: &str) {
        self.tab.resize(PHONE.0, PHONE.1).await;
        for theme in ["light", "dark"] {
            self.in_theme(theme).await;
            self.rules(&format!("{name}, {theme}, phone")).await;
        }
        self.in_theme("light").await;
        let small = self.tab.js(TARGETS).await;
        for target in small.as_array().expect("a list") {
            let target = target.as_str().unwrap_or_default();
            self.found
                .push(format!("{name}, phone: touch target too small: {target}"));
        }
        self.tab.resize(WIDE.0, WIDE.1).await;
    }

    async fn in_theme(&self, theme: &str) {
        let set = format!("document.documentElement.dataset.theme = {}", json!(theme));
        self.tab.js(&set).await;
        // Colours may fade between the themes: wait for the end of all animations.
        let frame = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
            Promise.allSettled(document.getAnimations()
                .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
                .map((one) => one.finished)).then(() => done(true)))))";
        self.tab.until("a frame is drawn", frame).await;
    }

    async fn rules(&mut self, name: &str) {
        if self.tab.js("typeof axe").await != "object" {
            // Through the debugger: the page's content policy only allows the gateway's own
            // scripts.
            self.tab.js(&format!("{}; true", self.axe)).await;
        }
        let run = format!(
            "axe.run(document, {{ runOnly: {{ type: 'tag', values: {} }}, resultTypes: ['violations'] }})
                .then((results) => results.violations.flatMap((rule) => rule.nodes.filter((node) =>
                    // Within a focusable grid or tree its arrow keys scroll: axe knows no aria-activedescendant.
                    rule.id !== 'scrollable-region-focusable' ||
                    !document.querySelector(node.target[0])?.closest('[tabindex=\"0\"]')).map((node) =>
                    rule.id + ': ' + node.target.join(' ') + ': ' + node.failureSummary.replace(/\\s+/g, ' '))))",
            json!(TAGS)
        );
        let found = self.tab.js(&run).await;
        let found: Vec<Value> = found.as_array().expect("a list").clone();
        let messages = found.iter().filter_map(Value::as_str);
        self.found
            .extend(messages.map(|message| format!("{name}: {message}")));
    }

    pub(crate) fn end(self) {
        assert!(
            self.found.is_empty(),
            "{} findings:\n{}",
            self.found.len(),
            self.found.join("\n")
        );
    }
}

/// Runs an audit where axe-core is installed.
pub(crate) async fn audit(world: &World, name: &str, test: impl AsyncFnOnce(&mut Audit<'_>)) {
    let Some(axe) = script() else { return };
    with_tab(world, name, async |tab| {
        let mut audit = Audit::new(tab, axe).await;
        test(&mut audit).await;
        audit.end();
    })
    .await;
}

/// Sends a shortcut to the page itself.
async fn shortcut(tab: &Tab, key: &str, ctrl: bool) {
    tab.js(&format!(
        "(document.activeElement?.blur(), window.dispatchEvent(new KeyboardEvent('keydown', {{ key: {}, ctrlKey: {ctrl}, bubbles: true }})))",
        json!(key)
    ))
    .await;
}

#[tokio::test]
async fn the_explorer_is_accessible_in_every_state() {
    let world = World::new("axe-explorer").await;
    let lease = "5afe";
    let grant = world.api.post("/leases", &json!({"ttl": 900, "id": lease}));
    grant.send().await.json(201);
    let value = "{\n  \"weight\": 5,\n  \"zone\": \"a\"\n}\n";
    world.put("app/config", value).await;
    world.put("app/config", &value.replace('5', "10")).await;
    world.put("app/nested/deep", "plain text").await;
    world
        .api
        .write(world.key("app/binary"), vec![0xff, 0x00])
        .await;
    let leased = world.api.put(
        &format!("{}&lease={lease}", key_query(world.key("app/leased"))),
        "x",
    );
    leased.send().await.json(201);
    let config = world.key("app/config");
    let link = format!("/explorer?key={}", percent(&config));
    audit(&world, "axe-explorer", async |page: &mut Audit<'_>| {
        let tab = page.tab;
        tab.goto("/explorer").await;
        tab.sees("Select a key").await;
        tab.until(
            "the tree is drawn",
            "!!document.querySelector('[role=treeitem]')",
        )
        .await;
        page.state("nothing selected").await;

        tab.goto(&link).await;
        tab.sees("weight").await;
        tab.finds("id", &row(&config)).await;
        page.state("key").await;
        tab.click("button", "Copy command").await;
        page.state("copy menu").await;
        tab.click("menuitem", "get").await;
        tab.sees("curl").await;
        page.state("copied line").await;
        tab.press("Escape").await;
        tab.click("button", "Delete").await;
        tab.sees("Delete this key?").await;
        page.state("delete").await;
        tab.click("button", "Cancel").await;
        tab.click("id", "tab-history").await;
        tab.sees("The oldest revision is the key's creation").await;
        page.state("history").await;
        tab.click("id", "tab-value").await;

        tab.click("button", "Edit").await;
        tab.fill("Edit value", "something else\n").await;
        page.state("editor").await;
        tab.click("button", "Review change").await;
        tab.finds("button", "Save").await;
        page.state("difference").await;
        tab.expects_error("status of 412");
        etcdctl(world.etcd, &["put", &config, "theirs"]).await;
        tab.sees("while you were editing").await;
        page.state("changed while editing").await;
        tab.click("button", "Save").await;
        tab.sees("Someone else changed it first").await;
        page.state("conflict").await;
        tab.click("button", "Take theirs").await;

        tab.goto(&format!(
            "/explorer?key={}",
            percent(world.key("app/binary"))
        ))
        .await;
        tab.sees("ff 00").await;
        page.state("value in hex").await;
        tab.goto(&format!("/explorer?prefix={}", percent(world.key("app/"))))
            .await;
        tab.sees("Mod revision").await;
        page.state("folder").await;
        tab.click("button", "Delete…").await;
        tab.sees("Delete everything under this prefix?").await;
        page.state("delete prefix").await;
        tab.click("button", "Cancel").await;
        tab.goto(&format!(
            "/explorer?prefix={}",
            percent(world.key("unused/"))
        ))
        .await;
        tab.sees("No keys under this prefix").await;
        page.state("empty folder").await;

        tab.goto("/explorer?new").await;
        tab.finds("button", "Create key").await;
        tab.choose("Lease", "new").await;
        tab.click("button", "Create key").await;
        tab.sees("Key is required").await;
        page.state("create").await;
        tab.click("button", "Cancel").await;

        tab.expects_error("status of 404");
        tab.goto(&format!("/explorer?key={}", percent(world.key("absent"))))
            .await;
        tab.sees("does not exist").await;
        page.state("absent key").await;
        tab.goto("/no-such-page").await;
        tab.sees("Page not found").await;
        page.state("no such page").await;
    })
    .await;
}

#[tokio::test]
async fn overlays_and_menus_are_accessible() {
    let world = World::new("axe-shell").await;
    world.put("k", "v").await;
    audit(&world, "axe-shell", async |page: &mut Audit<'_>| {
        let tab = page.tab;
        tab.goto("/explorer").await;
        tab.sees("Select a key").await;
        shortcut(tab, "k", true).await;
        tab.until(
            "the overlay is open",
            "!!document.querySelector('dialog[open] .palette')",
        )
        .await;
        page.state("palette").await;
        tab.fill("Key, prefix, page or action", &world.key("k"))
            .await;
        tab.until(
            "keys are proposed",
            "!!document.querySelector('.palette-row .mono')",
        )
        .await;
        page.state("palette with keys").await;
        tab.press("Escape").await;
        shortcut(tab, "?", false).await;
        tab.sees("Focus the filter").await;
        page.state("help").await;
        tab.press("Escape").await;
        for menu in ["Theme", "Language: EN"] {
            tab.click("button", menu).await;
            tab.until(
                "the overlay is open",
                "!!document.querySelector(':popover-open')",
            )
            .await;
            page.state(menu).await;
            tab.press("Escape").await;
        }
        let pill = "document.querySelector('.pill').getAttribute('aria-label')";
        tab.until("the cluster is known", &format!("{pill}.includes('etcd')"))
            .await;
        let name = tab
            .js(pill)
            .await
            .as_str()
            .expect("the accessible name")
            .to_owned();
        assert!(name.starts_with("Cluster: "), "{name}");
        tab.click("button", &name).await;
        tab.sees("Members").await;
        page.state("cluster").await;
        // In Chinese too every accessible name contains the visible text.
        tab.press("Escape").await;
        tab.click("button", "Language: EN").await;
        tab.click("menuitem", "简体中文").await;
        for (path, text) in [
            ("/explorer", "选择一个键"),
            ("/watch", "监听键的变化"),
            ("/locks", "锁"),
        ] {
            tab.goto(path).await;
            tab.sees(text).await;
            page.state(&format!("{path} in Chinese")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn errors_are_accessible() {
    let Some(axe) = script() else { return };
    let etcd = Etcd::start().await;
    let gateway =
        support::gateway::InProcess::start(&etcd.url(), &["--dial-timeout", "200ms"]).await;
    gateway.api().write("k", "v").await;
    let root = format!("http://{}", gateway.root().address());
    Tab::run("axe-errors", &root, async |tab| {
        for text in ["status of 503", "status of 504", "WebSocket connection"] {
            tab.expects_error(text);
        }
        let mut page = Audit::new(tab, axe).await;
        etcd.proxy.cut();
        tab.goto("/explorer?key=k").await;
        tab.finds("button", "Try again").await;
        page.state("explorer without etcd").await;
        // Without etcd an empty list means nothing.
        tab.goto("/locks").await;
        tab.sees("Still querying leases").await;
        assert_eq!(
            tab.js("document.body.innerText.includes('No locks')").await,
            false
        );
        page.state("locks without etcd").await;
        page.end();
    })
    .await;
}

#[tokio::test]
async fn watch_is_accessible_in_every_state() {
    // A separate etcd, since its history is compacted.
    let etcd = Etcd::start().await;
    let gateway = support::gateway::InProcess::start(&etcd.url(), &[]).await;
    let Some(axe) = script() else { return };
    let api = gateway.api();
    let root = format!("http://{}", gateway.root().address());
    let first = api.write("jobs/a", "{\"weight\": 5}\n").await;
    Tab::run("axe-watch", &root, async |tab| {
        let mut page = Audit::new(tab, axe).await;
        tab.goto("/watch").await;
        tab.sees("Watch keys change").await;
        page.state("nothing watched").await;
        tab.choose("Start", "revision").await;
        page.state("from a revision").await;

        tab.goto("/watch?prefix=jobs%2F").await;
        tab.sees("No changes yet").await;
        page.state("quiet").await;
        api.write("jobs/a", "{\"weight\": 10}\n").await;
        etcdctl(&etcd, &["del", "jobs/a"]).await;
        tab.sees("DEL").await;
        page.state("events").await;
        let open = "document.querySelectorAll('.ev')[1].click()";
        tab.js(open).await;
        tab.sees("Show in Explorer").await;
        page.wide("open event").await;
        // A change of the row height closes expanded events.
        tab.resize(PHONE.0, PHONE.1).await;
        tab.no_longer_sees("Show in Explorer").await;
        tab.js(open).await;
        tab.sees("Show in Explorer").await;
        page.phone("open event").await;
        tab.click("button", "Filter").await;
        tab.fill("Filter keys and values", "nothing like it").await;
        tab.sees("No event matches").await;
        page.state("no event matches").await;
        tab.click("button", "Clear the filter").await;
        tab.click("button", "Pause").await;
        api.write("jobs/b", "held").await;
        tab.sees("1 held").await;
        page.state("paused").await;

        let last = api.write("jobs/c", "c").await;
        etcdctl(&etcd, &["compact", &last.to_string()]).await;
        tab.goto(&format!("/watch?prefix=jobs%2F&revision={first}"))
            .await;
        tab.sees("compacted").await;
        page.state("compacted").await;
        page.end();
    })
    .await;
}

#[tokio::test]
async fn locks_are_accessible_in_every_state() {
    let etcd = Etcd::start().await;
    let gateway = support::gateway::InProcess::start(&etcd.url(), &[]).await;
    let Some(axe) = script() else { return };
    let api = gateway.api();
    let root = format!("http://{}", gateway.root().address());
    Tab::run("axe-locks", &root, async |tab| {
        let mut page = Audit::new(tab, axe).await;
        tab.goto("/locks").await;
        tab.sees("No locks are held").await;
        page.state("empty").await;

        let held = api
            .post("/locks/deploy", &json!({"holder": "first", "ttl": 600}))
            .send()
            .await
            .json(201);
        // A lock that is held for the whole audit: longer than any client of ours waits.
        let _second = Etcdctl::start(&etcd, &["lock", "deploy"]);
        let _third = Etcdctl::start(&etcd, &["lock", "deploy"]);
        eventually("both requests wait", DEADLINE, async || {
            let lock = api.get("/locks/deploy").send().await.json(200);
            let seen = lock["waiters"].as_array().map_or(0, Vec::len);
            ensure(seen == 2, || lock.to_string())
        })
        .await;
        let lease = held["lease"].as_str().expect("an id");
        let guesses = (0..60).map(|n| format!("app/master/{n:02}"));
        for key in guesses.chain(["dev-lock".to_owned()]) {
            let put = api.put(&format!("{}&lease={lease}", key_query(key)), "x");
            put.send().await.json(201);
        }
        api.post(
            "/elections/boss/campaign",
            &json!({"value": "me", "ttl": 600}),
        )
        .send()
        .await
        .json(201);
        tab.sees("deploy").await;
        tab.sees("may be locks").await;
        page.state("list").await;
        tab.js("document.querySelector('.lock-group').click()")
            .await;
        tab.until(
            "the group is open",
            "!!document.querySelector('.is-member')",
        )
        .await;
        page.state("open group").await;
        tab.goto("/locks?name=deploy").await;
        tab.sees("first").await;
        tab.until(
            "the queue is shown",
            "document.querySelectorAll('.queue-row').length === 2",
        )
        .await;
        page.state("detail and queue").await;
        tab.click("button", "Copy command").await;
        tab.sees("Acquire the lock").await;
        page.state("copy menu").await;
        tab.press("Escape").await;
        tab.click("button", "Release this key…").await;
        tab.sees("This deletes first's key on").await;
        page.state("release").await;
        tab.click("button", "Cancel").await;
        tab.click("button", "Revoke lease…").await;
        tab.sees("Revoke and delete").await;
        page.state("revoke").await;
        tab.click("button", "Cancel").await;
        tab.goto("/locks?name=dev-lock").await;
        tab.click("button", "Delete key…").await;
        tab.sees("Delete this key?").await;
        page.state("delete a guess").await;
        tab.click("button", "Cancel").await;
        tab.goto("/locks?name=absent").await;
        tab.sees("absent has no holder and no waiters").await;
        page.state("absent").await;

        tab.goto("/locks").await;
        tab.sees("deploy").await;
        tab.click("button", "Acquire").await;
        tab.fill("Lease TTL in seconds", "none").await;
        tab.js("[...document.querySelectorAll('dialog[open] .dialog-foot .btn')].at(-1).click()")
            .await;
        tab.sees("Name is required").await;
        page.state("acquire").await;
        tab.fill("Lease TTL in seconds", "60").await;
        tab.fill("Name", "mine").await;
        tab.js("[...document.querySelectorAll('dialog[open] .dialog-foot .btn')].at(-1).click()")
            .await;
        tab.sees("Acquired mine").await;
        page.state("acquired").await;
        tab.click("button", "Done").await;
        tab.fill("Filter locks and holders", "nothing like it")
            .await;
        tab.sees("No lock matches").await;
        page.state("no lock matches").await;
        page.end();
    })
    .await;
}
