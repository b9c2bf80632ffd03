//! The Explorer's tree with large, deep and busy folders, and its requests to the gateway.

use serde_json::{Value, json};
use support::ctl::etcdctl;
use support::fill::fill;
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, World, ensure, eventually, key_query, percent};

use crate::tab::Tab;
use crate::{folder_row, row, with_tab};

/// Writes the keys `k00000`, `k00001`… to a folder of the test.
async fn fill_folder(world: &World, folder: &str, keys: usize) {
    let client = world.client().await;
    let entries = (0..keys).map(|n| {
        let key = world.key(&format!("{folder}k{n:05}"));
        (key.into_bytes(), b"v".to_vec())
    });
    fill(&client, entries).await;
}

/// Waits until the tree's cursor is on this row and the row exists.
async fn cursor_is_at(tab: &Tab, id: &str) {
    let named = format!(
        "(() => {{ const named = document.querySelector('[role=tree]')?.getAttribute('aria-activedescendant');
            return named === {} && document.getElementById(named) !== null; }})()",
        json!(id)
    );
    tab.until("the cursor is on a row that exists", &named)
        .await;
}

/// The page's requests so far whose URL contains `part`, once none has started for a second.
async fn requests(tab: &Tab, part: &str) -> Vec<String> {
    let list = format!(
        "(() => {{
            const all = performance.getEntriesByType('resource').filter((one) => one.name.includes({0}));
            const last = Math.max(0, ...all.map((one) => one.startTime));
            return all.length && performance.now() - last > 1000 ? all.map((one) => one.name) : null;
        }})()",
        json!(part)
    );
    let list = eventually("the requests have ended", DEADLINE, async || {
        let list = tab.js(&list).await;
        ensure(list.is_array(), || list.to_string())?;
        Ok(list)
    })
    .await;
    let list = list.as_array().expect("a list").iter();
    list.map(|one| one.as_str().expect("an address").to_owned())
        .collect()
}

async fn focus_tree(tab: &Tab) {
    tab.js("document.querySelector('[role=tree]').focus()")
        .await;
}

#[tokio::test]
async fn a_linked_key_beyond_the_first_page_has_a_row() {
    let world = World::new("linked").await;
    fill_folder(&world, "big/", 1_500).await;
    let key = world.key("big/k01499");
    with_tab(&world, "linked", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(&key))).await;
        tab.finds("id", &row(&key)).await;
        cursor_is_at(tab, &row(&key)).await;
        // Deleting the key removes its row.
        etcdctl(world.etcd, &["del", &key]).await;
        let absent = format!("!document.getElementById({})", json!(row(&key)));
        tab.until("its row is removed", &absent).await;
        // Scrolled out of view its row does not exist, and the tree does not reference it.
        tab.js("document.querySelector('.x-tree-list').scrollTop = 0")
            .await;
        let unnamed =
            "!document.querySelector('[role=tree]').hasAttribute('aria-activedescendant')";
        tab.until("no missing row is referenced", unnamed).await;
    })
    .await;
}

#[tokio::test]
async fn end_goes_to_the_last_key_of_a_long_folder() {
    // A separate etcd: the last row of the tree must be the last key of this folder.
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let keys = (0..25_000).map(|n| (format!("/big/k{n:05}").into_bytes(), b"v".to_vec()));
    fill(&etcd.client().await, keys).await;
    let (folder, last) = ("/big/", "/big/k24999");
    Tab::run("end", &gateway.url(), async |tab| {
        tab.goto(&format!("/explorer?prefix={}", percent(folder)))
            .await;
        tab.finds("id", &folder_row(folder)).await;
        focus_tree(tab).await;
        tab.press("ArrowRight").await;
        tab.finds("id", &row("/big/k00000")).await;
        tab.press("End").await;
        let loaded = "document.querySelector('.x-tree-list').scrollHeight >= 25000 * 28";
        let at_end = "(() => {
            const list = document.querySelector('.x-tree-list');
            const named = document.querySelector('[role=tree]')?.getAttribute('aria-activedescendant');
            const rows = [...list.querySelectorAll('.x-tree-row')];
            return list.scrollTop + list.clientHeight >= list.scrollHeight - 2
                && named === rows[rows.length - 1].id;
        })()";
        let named = format!(
            "document.querySelector('[role=tree]')?.getAttribute('aria-activedescendant') === {}",
            json!(row(last))
        );
        tab.until("every key is loaded", loaded).await;
        tab.until("the cursor is on the last row", at_end).await;
        tab.until("the last row is the last key", &named).await;
        tab.goto(&format!("/explorer?key={}", percent(last))).await;
        cursor_is_at(tab, &row(last)).await;
    })
    .await;
}

#[tokio::test]
async fn the_first_click_on_an_open_folder_shows_it_and_the_second_closes_it() {
    let world = World::new("folder-click").await;
    world.put("dir/a", "1").await;
    world.put("dir/b", "2").await;
    let folder = world.key("dir/");
    let (id, inside) = (folder_row(&folder), row(world.key("dir/a")));
    let expanded = |is: bool| {
        format!(
            "document.getElementById({}).getAttribute('aria-expanded') === '{is}'",
            json!(id)
        )
    };
    with_tab(&world, "folder-click", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(world.key("dir/a"))))
            .await;
        tab.finds("id", &inside).await;
        tab.click("id", &id).await;
        let shown = format!(
            "decodeURIComponent(location.search) === '?prefix=' + {}",
            json!(folder)
        );
        tab.until("the folder is shown", &shown).await;
        tab.until("the folder is still open", &expanded(true)).await;
        tab.finds("id", &inside).await;
        // A click on the folder in view closes it; the arrow always does.
        tab.click("id", &id).await;
        tab.until("the folder is closed", &expanded(false)).await;
        let toggle = format!(
            "document.getElementById({}).querySelector('.x-tree-toggle').click()",
            json!(id)
        );
        tab.js(&toggle).await;
        tab.until("the arrow opens the folder", &expanded(true))
            .await;
        tab.click("id", &inside).await;
        tab.until("a key is shown", "location.search.startsWith('?key=')")
            .await;
        tab.js(&toggle).await;
        tab.until("the arrow closes the folder", &expanded(false))
            .await;
        assert_eq!(
            tab.js("location.search.startsWith('?key=')").await,
            true,
            "the arrow changes nothing else"
        );
    })
    .await;
}

#[tokio::test]
async fn a_filter_finds_keys_beyond_the_loaded_pages() {
    let world = World::new("filter").await;
    fill_folder(&world, "big/", 1_500).await;
    world.put("big/zebra", "1").await;
    let folder = world.key("big/");
    with_tab(&world, "filter", async |tab| {
        tab.goto(&format!("/explorer?prefix={}", percent(&folder)))
            .await;
        tab.finds("id", &folder_row(&folder)).await;
        focus_tree(tab).await;
        tab.press("ArrowRight").await;
        tab.finds("id", &row(world.key("big/k00000"))).await;
        // First the start of a name, then a part inside a name.
        tab.fill("Filter keys", "k01499").await;
        tab.finds("id", &row(world.key("big/k01499"))).await;
        tab.fill("Filter keys", "ebra").await;
        tab.finds("id", &row(world.key("big/zebra"))).await;
        let searching = "document.querySelector('.x-tree').innerText.includes('Searching')
            || document.querySelector('.x-tree').innerText.includes('Loading')";
        tab.until("the search ends", &format!("!({searching})"))
            .await;
        tab.fill("Filter keys", "no such name anywhere").await;
        tab.sees("No match for “no such name anywhere”").await;
        tab.sees("No key has this name or starts with it").await;
    })
    .await;
}

#[tokio::test]
async fn enter_in_the_filter_opens_the_key_of_that_name() {
    let world = World::new("filter-enter").await;
    for (name, value) in [
        ("conf", "the key"),
        ("conf/a", "below"),
        ("dir/b", "inside"),
    ] {
        world.put(name, value).await;
    }
    with_tab(&world, "filter-enter", async |tab| {
        tab.goto("/explorer").await;
        tab.finds("textbox", "Filter keys").await;
        for (text, query) in [
            (world.key("conf"), format!("?key={}", world.key("conf"))),
            (world.key("conf/a"), format!("?key={}", world.key("conf/a"))),
            (world.key("dir/"), format!("?prefix={}", world.key("dir/"))),
            (world.key("di"), format!("?prefix={}", world.key("di"))),
        ] {
            tab.fill("Filter keys", &text).await;
            tab.press("Enter").await;
            let is = format!("decodeURIComponent(location.search) === {}", json!(query));
            tab.until(&format!("{text} is shown"), &is).await;
        }
        // An unknown name is searched for in all keys and values, and can be created.
        tab.fill("Filter keys", &world.key("absent")).await;
        tab.finds("button", "Create this key").await;
        tab.press("Enter").await;
        tab.finds("region", "Search results").await;
        tab.click("button", "Back to the tree").await;
        tab.click("button", "Create this key").await;
        tab.finds("textbox", "Key").await;
        let typed = format!(
            "document.querySelector('dialog[open] input').value === {}",
            json!(world.key("absent"))
        );
        tab.until("the field has the name", &typed).await;
    })
    .await;
}

#[tokio::test]
async fn the_palette_offers_only_existing_keys_and_prefixes() {
    let world = World::new("palette-absent").await;
    world.put("there", "it is").await;
    with_tab(&world, "palette-absent", async |tab| {
        tab.goto("/explorer").await;
        tab.finds("textbox", "Filter keys").await;
        let open = "dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true }))";
        tab.js(open).await;
        let field = "Key, prefix, page or action";
        tab.fill(field, &world.key("absent")).await;
        tab.sees("No such key; create it:").await;
        let text = tab.text().await;
        assert!(
            !text.contains("Open key") && !text.contains("Open prefix"),
            "{text}"
        );
        // Enter pressed before the gateway responds waits for the response.
        tab.fill(field, &world.key("there")).await;
        tab.press("Enter").await;
        let is = format!(
            "decodeURIComponent(location.search) === '?key=' + {}",
            json!(world.key("there"))
        );
        tab.until("the key is shown", &is).await;
        tab.js(open).await;
        tab.fill(field, &world.key("ther")).await;
        tab.sees("Open prefix").await;
    })
    .await;
}

#[tokio::test]
async fn the_facts_of_a_row_are_requested_once() {
    let world = World::new("facts-once").await;
    for n in 0..30 {
        world.put(&format!("dir/{n:02}"), "four").await;
    }
    let folder = world.key("dir/");
    with_tab(&world, "facts-once", async |tab| {
        tab.goto(&format!("/explorer?prefix={}", percent(&folder)))
            .await;
        // The rows are in the tree and in the table.
        tab.finds("id", &folder_row(&folder)).await;
        focus_tree(tab).await;
        tab.press("ArrowRight").await;
        tab.finds("id", &row(world.key("dir/00"))).await;
        let sizes = "[...document.querySelectorAll('.x-grid-size')].filter((one) => one.innerText === '4 B').length";
        tab.until("every size is known", &format!("{sizes} > 15"))
            .await;
        let requested = requests(tab, "&raw").await;
        let mut once = requested.clone();
        once.sort();
        once.dedup();
        assert_eq!(requested.len(), once.len(), "{requested:#?}");
        assert!(requested.len() > 15, "{requested:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_shown_lease_is_polled_without_its_keys() {
    let world = World::new("lease-poll").await;
    let granted = world.api.post("/leases", &json!({"ttl": 900}));
    let granted = granted.send().await.json(201);
    let id = granted["id"].as_str().expect("an id").to_owned();
    for name in ["a", "b", "c"] {
        let put = world
            .api
            .put(&format!("{}&lease={id}", key_query(world.key(name))), "v");
        put.send().await.json(201);
    }
    with_tab(&world, "lease-poll", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(world.key("a"))))
            .await;
        tab.sees("left").await;
        tab.sees("3 keys").await;
        let polls = |form: &str| {
            format!(
                "performance.getEntriesByType('resource').filter((one) => one.name.includes('/leases/') && one.name.includes({})).length",
                json!(form)
            )
        };
        tab.until("the lease is polled", &format!("{} >= 3", polls("keys=none")))
            .await;
        assert_eq!(tab.js(&polls("keys=count")).await, 1);
        assert_eq!(
            tab.js(&polls("")).await.as_i64(),
            Some(tab.js(&polls("keys=none")).await.as_i64().unwrap_or_default() + 1),
            "the lease is never requested with all its keys"
        );
    })
    .await;
}

#[tokio::test]
async fn labels_of_deep_rows_are_readable() {
    let world = World::new("deep-rows").await;
    let folders: Vec<String> = (0..24).map(|level| format!("level{level:02}/")).collect();
    let path = folders.concat();
    let key = world.key(&format!("{path}the-key"));
    world.api.write(&key, "v").await;
    with_tab(&world, "deep-rows", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(&key))).await;
        tab.finds("id", &row(&key)).await;
        let width = format!(
            "document.getElementById({}).querySelector('.x-tree-label').getBoundingClientRect().width",
            json!(row(&key))
        );
        tab.until("the label can be read", &format!("{width} >= 48"))
            .await;
        let title = format!("document.getElementById({}).title", json!(row(&key)));
        assert_eq!(tab.js(&title).await, json!(key));
        // Each folder is indented further than the one above it, as long as there is room.
        let lefts = tab
            .js("[...document.querySelectorAll('.x-tree-row[aria-expanded=true] .x-tree-label')].map((one) => one.getBoundingClientRect().left)")
            .await;
        let lefts: Vec<f64> = lefts.as_array().expect("a list").iter().filter_map(Value::as_f64).collect();
        assert!(lefts.windows(2).all(|pair| pair[0] <= pair[1]), "{lefts:?}");
    })
    .await;
}

#[tokio::test]
async fn a_fresh_row_keeps_its_colour() {
    let world = World::new("fresh").await;
    let key = world.key("busy");
    world.api.write(&key, "v").await;
    with_tab(&world, "fresh", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(&key))).await;
        tab.finds("id", &row(&key)).await;
        let colour = format!(
            "(() => {{ const row = document.getElementById({});
                const style = getComputedStyle(row);
                return [style.backgroundColor, style.backgroundImage, style.animationName].join('|'); }})()",
            json!(row(&key))
        );
        let before = tab.js(&colour).await;
        let changed = format!(
            "document.getElementById({}).classList.contains('is-fresh') && {colour}",
            json!(row(&key))
        );
        let seen = eventually("the row is marked", DEADLINE, async || {
            world.api.write(&key, "again").await;
            let seen = tab.js(&changed).await;
            ensure(seen.is_string(), || seen.to_string())?;
            Ok(seen)
        })
        .await;
        assert_eq!(seen, before);
    })
    .await;
}

#[tokio::test]
async fn deleting_a_large_prefix_requires_typing_it() {
    let world = World::new("typed-delete").await;
    fill_folder(&world, "many/", 101).await;
    fill_folder(&world, "few/", 100).await;
    with_tab(&world, "typed-delete", async |tab| {
        // The facts of a row may be requested just after its key was deleted.
        tab.expects_error("status of 404");
        let many = world.key("many/");
        tab.goto(&format!("/explorer?prefix={}", percent(&many)))
            .await;
        tab.click("button", "Delete…").await;
        let field = format!("Type {many} to delete its 101 keys");
        let verb = format!("Delete 101 keys under {many}");
        tab.finds("textbox", &field).await;
        let locked = "document.querySelector('dialog[open] .dialog-foot .btn:last-child').disabled";
        tab.until("the button is disabled", locked).await;
        tab.fill(&field, &world.key("few/")).await;
        tab.sees("Does not match the prefix").await;
        assert_eq!(tab.js(locked).await, true);
        tab.fill(&field, &many).await;
        tab.click("button", &verb).await;
        tab.sees(&format!("Deleted 101 keys under {many}")).await;

        let few = world.key("few/");
        tab.goto(&format!("/explorer?prefix={}", percent(&few)))
            .await;
        tab.click("button", "Delete…").await;
        tab.click("button", &format!("Delete 100 keys under {few}"))
            .await;
        tab.sees(&format!("Deleted 100 keys under {few}")).await;
    })
    .await;
}

#[tokio::test]
async fn revisions_and_commands_are_labelled_as_such() {
    let world = World::new("wording").await;
    let revision = world.put("k", "1").await;
    with_tab(&world, "wording", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(world.key("k"))))
            .await;
        tab.sees("modified at revision").await;
        tab.click("button", "Copy command").await;
        tab.click("menuitem", "delete").await;
        tab.sees("Command: delete").await;
        tab.sees(&format!("If-Match: \"{revision}\"")).await;
        tab.click("button", "Close").await;
        assert_eq!(world.api.read(world.key("k")).await["version"], 1);
        tab.js("localStorage.setItem('watchgate.language', 'zh-CN')")
            .await;
        tab.reload().await;
        tab.sees("修改于修订版本").await;
    })
    .await;
}

/// Simulates a hidden tab: frames stop, everything else continues.
const HIDE: &str = "(() => {
    window.frames_held = [];
    window.draw = window.requestAnimationFrame;
    window.requestAnimationFrame = (frame) => window.frames_held.push(frame);
})()";

const SHOW: &str = "(() => {
    window.requestAnimationFrame = window.draw;
    for (const frame of window.frames_held) requestAnimationFrame(frame);
})()";

/// Records what the page sends on its sockets from now on.
const SPY: &str = "(() => {
    window.sent = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (text) { window.sent.push(JSON.parse(text)); return send.call(this, text); };
})()";

#[tokio::test]
async fn a_hidden_tab_cancels_its_watch_and_reloads_when_shown() {
    let world = World::new("hidden").await;
    world.put("dir/first", "1").await;
    let client = world.client().await;
    with_tab(&world, "hidden", async |tab| {
        tab.goto(&format!(
            "/explorer?key={}",
            percent(world.key("dir/first"))
        ))
        .await;
        tab.finds("id", &row(world.key("dir/first"))).await;
        tab.sees("live since revision").await;
        tab.js(SPY).await;
        tab.js(HIDE).await;
        // More events than the queue holds, all of a few keys.
        let keys: Vec<_> = (0..128).map(|n| world.key(&format!("dir/m{n}"))).collect();
        let cancelled = "window.sent.some((sent) => sent.op === 'cancel')";
        let mut written = 0;
        while tab.js(cancelled).await != true {
            assert!(written < 200_000, "the watch was not cancelled");
            for _ in 0..40 {
                let entries = keys
                    .iter()
                    .map(|key| (key.clone().into_bytes(), b"v".to_vec()));
                fill(&client, entries).await;
                written += keys.len();
            }
        }
        world.put("dir/a-last", "2").await;
        world
            .api
            .delete(&key_query(world.key("dir/m0")))
            .send()
            .await
            .json(200);
        tab.js(SHOW).await;
        tab.finds("id", &row(world.key("dir/a-last"))).await;
        tab.finds("id", &row(world.key("dir/m1"))).await;
        let absent = format!(
            "!document.getElementById({})",
            json!(row(world.key("dir/m0")))
        );
        tab.until("the deleted key has no row", &absent).await;
        // The tree is live again.
        world.put("dir/b-later", "3").await;
        tab.finds("id", &row(world.key("dir/b-later"))).await;
        tab.sees("live since revision").await;
    })
    .await;
}
