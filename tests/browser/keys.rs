//! Keys as users see, type, paste and copy them: the text shown for a key means that key.

use chromiumoxide::cdp::browser_protocol::input::DispatchKeyEventType;
use serde_json::json;
use support::{World, json_bytes, key_query, percent};

use crate::tab::Tab;
use crate::{folder_row, row, with_tab};

/// Bytes written after the test's own prefix, and the text shown for them.
const ODD: &[(&[u8], &str)] = &[
    (b"\xff", r"\xFF"),
    (br"\xFF", r"\\xFF"),
    (b"a", "a"),
    (b" a", r"\x20a"),
    (b"a ", r"a\x20"),
    (b"a b", "a b"),
    (b"a  b", r"a\x20\x20b"),
    ("a\u{a0}b".as_bytes(), r"a\u{A0}b"),
    ("a\u{200b}".as_bytes(), r"a\u{200B}"),
    ("gpj.\u{202e}exe".as_bytes(), r"gpj.\u{202E}exe"),
    ("e\u{301}".as_bytes(), r"e\u{301}"),
    ("é".as_bytes(), "é"),
    ("占用 🔒".as_bytes(), "占用 🔒"),
    ("שלום/1".as_bytes(), "שלום/1"),
];

async fn write_odd_keys(world: &World) -> Vec<(Vec<u8>, &'static str)> {
    let mut keys = Vec::new();
    for (at, (rest, shown)) in ODD.iter().enumerate() {
        let key = [world.prefix.as_bytes(), rest].concat();
        world.api.write(&key, format!("value number {at}.")).await;
        keys.push((key, *shown));
    }
    keys
}

#[tokio::test]
async fn different_keys_look_different_and_the_shown_text_finds_each() {
    let world = World::new("shown").await;
    let keys = write_odd_keys(&world).await;
    with_tab(&world, "shown", async |tab| {
        // The link to a key opens the folders above it.
        tab.goto(&format!("/explorer?key={}", percent(&keys[0].0)))
            .await;
        for (key, shown) in keys.iter().filter(|(_, shown)| !shown.contains('/')) {
            tab.finds("id", &row(key)).await;
            let label = format!(
                "document.getElementById({}).querySelector('.x-tree-label').textContent",
                json!(row(key))
            );
            tab.until(shown, &format!("{label} === {}", json!(shown))).await;
        }
        for (at, (key, shown)) in keys.iter().enumerate() {
            // The text that the page shows, typed into the palette, opens this key and no other.
            let whole = format!("{}{shown}", world.prefix);
            tab.js("document.querySelector('.palette') || dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, bubbles: true }))").await;
            tab.fill("Key, prefix, page or action", &whole).await;
            let proposed = format!(
                "[...document.querySelectorAll('.palette-row .mono')].some((name) => name.textContent === {})",
                json!(whole)
            );
            tab.until("the key is proposed", &proposed).await;
            tab.press("Enter").await;
            tab.sees(&format!("value number {at}.")).await;
            let key_in_url = format!("new URL(location).search.includes({})", json!(url_encoded(key)));
            tab.until("the URL has its bytes", &key_in_url).await;
        }
    })
    .await;
}

/// Percent-encoded as in the dashboard's URLs.
fn url_encoded(key: &[u8]) -> String {
    percent(key).replace("%2F", "/").replace("%3A", ":")
}

#[tokio::test]
async fn a_key_typed_after_a_shown_prefix_is_created_below_it() {
    let world = World::new("typed").await;
    let folder = world.key(r"D:\xdata/");
    world.api.write(format!("{folder}a"), "1").await;
    with_tab(&world, "typed", async |tab| {
        tab.goto(&format!("/explorer?prefix={}", percent(&folder)))
            .await;
        tab.finds("id", &folder_row(&folder)).await;
        tab.click("button", "New key").await;
        let initial = format!(
            "document.querySelector('dialog[open] input').value === {}",
            json!(world.key(r"D:\\xdata/"))
        );
        tab.until("the dialog starts with the folder", &initial)
            .await;
        tab.fill("Key", &world.key(r"D:\\xdata/b")).await;
        tab.fill("Value", "below it").await;
        tab.click("button", "Create key").await;
        tab.sees("below it").await;
        assert_eq!(
            world.api.read(format!("{folder}b")).await["value"],
            "below it"
        );

        // Text that could be read as another key is explained before the key is created.
        tab.click("button", "New key").await;
        tab.fill("Key", &world.key(r"D:\xdata/c")).await;
        tab.sees(&world.key(r"D:\xDAta/c")).await;
        tab.fill("Key", &world.key("ends with a blank ")).await;
        tab.sees(&world.key(r"ends with a blank\x20")).await;
        tab.fill("Key", &world.key(r"C:\new")).await;
        tab.sees(r"\n is not a valid escape").await;
        tab.click("button", "Create key").await;
        tab.sees(r"\n is not a valid escape").await;
        tab.click("button", "Cancel").await;
        let page = world
            .api
            .get(&format!("/kv?prefix={}&keys_only", percent(&world.prefix)));
        let page = page.send().await.json(200);
        assert_eq!(page["entries"].as_array().map(Vec::len), Some(2), "{page}");
    })
    .await;
}

#[tokio::test]
async fn the_text_shown_for_a_key_filters_and_watches_that_key() {
    let world = World::new("pasted").await;
    let keys = write_odd_keys(&world).await;
    with_tab(&world, "pasted", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(&keys[0].0)))
            .await;
        tab.finds("id", &row(&keys[0].0)).await;
        for ((key, shown), (rest, _)) in keys.iter().zip(ODD) {
            if !shown.contains('\\') {
                continue;
            }
            tab.fill("Filter keys", shown).await;
            tab.finds("id", &row(key)).await;
            // Exactly the keys that contain these bytes.
            let has =
                |(other, _): &&(&[u8], &str)| other.windows(rest.len()).any(|part| part == *rest);
            let found = ODD.iter().filter(has).count();
            // Other tests write keys beside this test's folder, and the filter shows those too.
            let rows = format!(
                "document.querySelectorAll('[id^={}]').length === {found}",
                row(&world.prefix)
            );
            tab.until(&format!("{found} keys have {shown}"), &rows)
                .await;
        }
        for (at, (key, shown)) in keys.iter().enumerate() {
            tab.goto("/watch").await;
            tab.click("radio", "Key").await;
            tab.fill(
                "Watch a key or prefix, e.g. /services/",
                &format!("{}{shown}", world.prefix),
            )
            .await;
            tab.click("button", "Watch").await;
            tab.sees("No changes yet").await;
            world.api.write(key, format!("event number {at}.")).await;
            tab.sees(&format!("event number {at}.")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_lock_of_any_bytes_is_acquired_and_released() {
    let world = World::new("bytes").await;
    let name = [world.prefix.as_bytes(), b"lock \xff\\x"].concat();
    let shown = world.key(r"lock \xFF\\x");
    let route = format!("/locks/-?name={}", percent(&name));
    with_tab(&world, "bytes", async |tab| {
        tab.goto("/locks").await;
        tab.click("button", "Acquire").await;
        tab.fill("Name", &shown).await;
        tab.fill("Your name, shown in the queue", "the browser")
            .await;
        tab.click("button", "Acquire").await;
        tab.sees(&format!("Acquired {shown}")).await;
        let lock = world.api.get(&route).send().await.json(200);
        assert_eq!(lock["name"], json_bytes(&name), "{lock}");
        assert!(lock["holder"].is_object(), "{lock}");
        tab.click("button", "Release").await;
        tab.until(
            "the dialog has closed",
            "!document.querySelector('dialog[open]')",
        )
        .await;
        // The URL of the released lock shows it, with an offer to acquire it again.
        tab.expects_error("status of 404");
        tab.goto(&format!("/locks?name={}", percent(&name))).await;
        tab.sees(&shown).await;
    })
    .await;
}

#[tokio::test]
async fn a_right_to_left_key_does_not_reorder_its_surroundings() {
    let world = World::new("direction").await;
    let keys = write_odd_keys(&world).await;
    let (key, _) = keys.last().expect("several keys");
    with_tab(&world, "direction", async |tab| {
        let isolated = async |place: &str| {
            let all = format!(
                "(() => {{ const all = [...document.querySelectorAll({})]; return all.length > 0 && all.every((one) => {{ const style = getComputedStyle(one); return style.direction === 'ltr' && (style.unicodeBidi === 'isolate' || style.display === 'block'); }}); }})()",
                json!(place)
            );
            tab.until(&format!("{place} is isolated"), &all).await;
        };
        tab.goto(&format!("/explorer?key={}", percent(key))).await;
        tab.finds("id", &row(key)).await;
        for place in [".x-tree-label", ".x-path-part", ".x-path-last"] {
            isolated(place).await;
        }
        // In an attribute only control characters can isolate it.
        let title = format!(
            "document.querySelector('.x-path-name').title === {}",
            json!(format!("\u{2066}{}\u{2069}", String::from_utf8_lossy(key)))
        );
        tab.until("the title is isolated", &title).await;
        tab.goto(&format!("/watch?prefix={}&revision=1", percent(&world.prefix)))
            .await;
        for place in [".panel-name", ".ev-key"] {
            isolated(place).await;
        }
    })
    .await;
}

/// Pastes into the focused field.
async fn paste(tab: &Tab) {
    tab.key("v", DispatchKeyEventType::RawKeyDown, &["paste"])
        .await;
    tab.key("v", DispatchKeyEventType::KeyUp, &[]).await;
}

#[tokio::test]
async fn copying_works_on_insecure_origins() {
    let world = World::new("copied").await;
    let value = "crlf\r\nand more\r\n";
    world.put("k", value).await;
    with_tab(&world, "copied", async |tab| {
        tab.before_load("Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined });").await;
        tab.goto(&format!("/explorer?key={}", percent(world.key("k")))).await;
        tab.sees("crlf").await;
        tab.click("button", "Copy value").await;
        tab.sees("Copied").await;
        tab.fill("Filter keys", "").await;
        // The clipboard has the exact value: compare what a paste event carries, not what a field
        // makes of it.
        tab.js("addEventListener('paste', (event) => { window.pasted = event.clipboardData.getData('text/plain'); }, { once: true })").await;
        paste(tab).await;
        tab.until("the value is pasted", &format!("window.pasted === {}", json!(value))).await;

        // A command is copied from a dialog; elements outside of it could not be selected.
        tab.goto(&format!("/explorer?key={}", percent(world.key("k")))).await;
        tab.click("button", "Copy command").await;
        tab.click("menuitem", "get").await;
        tab.sees("curl").await;
        tab.js("document.querySelector('dialog[open] .x-command-head button').click()").await;
        tab.sees("Copied").await;
        tab.js("addEventListener('paste', (event) => { window.pasted = event.clipboardData.getData('text/plain'); }, { once: true })").await;
        paste(tab).await;
        let line = "document.querySelector('.x-command-line').textContent";
        tab.until("the line is pasted", &format!("window.pasted === {line}")).await;
        assert!(tab.js(line).await.as_str().is_some_and(|line| line.contains("/api/v1/kv?key=/")));
    })
    .await;
}

#[tokio::test]
async fn text_that_cannot_be_copied_is_selected_for_manual_copying() {
    let world = World::new("by-hand").await;
    world.put("k", "the value").await;
    with_tab(&world, "by-hand", async |tab| {
        tab.before_load(
            "Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined });
            Document.prototype.execCommand = () => false;",
        )
        .await;
        tab.goto(&format!("/explorer?key={}", percent(world.key("k")))).await;
        tab.sees("the value").await;
        tab.click("button", "Copy value").await;
        tab.sees("press Ctrl+C").await;
        tab.until(
            "the text is selected",
            "(() => { const field = document.activeElement; return field.tagName === 'TEXTAREA' && field.value.slice(field.selectionStart, field.selectionEnd) === 'the value'; })()",
        )
        .await;
        tab.key("c", DispatchKeyEventType::RawKeyDown, &["copy"]).await;
        tab.key("c", DispatchKeyEventType::KeyUp, &[]).await;
        tab.sees("Copied").await;
        tab.no_longer_sees("press Ctrl+C").await;
    })
    .await;
}

#[tokio::test]
async fn no_request_has_a_key_in_its_path() {
    let world = World::new("paths").await;
    let key = world.key("//x/../y/");
    world.api.write(&key, "1").await;
    with_tab(&world, "paths", async |tab| {
        tab.goto(&format!("/explorer?key={}", percent(&key))).await;
        tab.finds("id", &row(&key)).await;
        tab.click("id", "tab-history").await;
        tab.sees("Stored revisions").await;
        tab.goto(&format!("/explorer?prefix={}", percent(&world.prefix))).await;
        tab.click("button", "Delete…").await;
        tab.sees("1 key").await;
        let paths = tab
            .js("performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname).filter((path) => path.includes('/api/'))")
            .await;
        let paths: Vec<String> = serde_json::from_value(paths).expect("a list of paths");
        assert!(!paths.is_empty());
        for path in paths {
            let known = [
                "kv", "tree", "history", "watch", "cluster", "clusters", "leases", "locks", "auth",
                "session",
            ];
            let rest = path.split("/api/v1/").nth(1).expect("a path of the API");
            let first = rest.split('/').next().unwrap_or_default();
            let fixed = rest == first || first == "leases" || rest == "auth/self";
            assert!(known.contains(&first) && fixed, "{path}");
        }
        assert_eq!(world.api.get(&key_query(&key)).send().await.json(200)["key"], json!(key));
    })
    .await;
}
