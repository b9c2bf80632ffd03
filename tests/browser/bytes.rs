//! An edit changes only the edited part: line endings, a missing final one, a byte order mark, tabs
//! and trailing blanks stay, however the edit is saved.

use support::{World, percent};

use crate::tab::Tab;
use crate::with_tab;

const FIELD: &str = "Edit value";

/// Everything that a text area, an editor or a browser might normalise.
const VALUE: &str = "\u{feff}one\r\ntwo \t\nthree\rfour\r\n\tfive\u{a0}";

/// The value as the text area normalises it.
const SHOWN: &str = "\u{feff}one\ntwo \t\nthree\nfour\n\tfive\u{a0}";

/// UTF-16 units before the first occurrence of a text in the text area.
fn at(text: &str) -> usize {
    let at = SHOWN.find(text).expect("the shown text contains it");
    SHOWN[..at].encode_utf16().count()
}

/// The value, read with etcd's own client.
async fn stored(world: &World, key: &str) -> Vec<u8> {
    let mut client = world.client().await;
    let response = client.get(key, None).await.expect("etcd responds");
    let entry = response.kvs().first().expect("the key exists");
    entry.value().to_vec()
}

async fn edit(tab: &Tab, key: &str) {
    tab.goto(&format!("/explorer?key={}", percent(key))).await;
    tab.click("button", "Edit").await;
    tab.finds("textbox", FIELD).await;
}

async fn save(tab: &Tab) {
    tab.click("button", "Review change").await;
    tab.click("button", "Save").await;
    tab.sees("Saved").await;
    tab.no_longer_sees("Saved").await;
}

#[tokio::test]
async fn edit_paste_and_undo_keep_the_surrounding_bytes() {
    let world = World::new("bytes").await;
    let key = world.key("k");
    world.api.write(&key, VALUE).await;
    with_tab(&world, "bytes", async |tab| {
        // Typing in the middle, with a line ending.
        edit(tab, &key).await;
        tab.sees("Line endings: mixed").await;
        let end = at("two") + 3;
        tab.select(FIELD, end, end).await;
        tab.type_text("!\n").await;
        save(tab).await;
        let edited = VALUE.replace("two", "two!\n");
        assert_eq!(stored(&world, &key).await, edited.as_bytes());
        world.api.write(&key, VALUE).await;

        // Pasting over a line, from a program that writes `\r\n`.
        edit(tab, &key).await;
        tab.select(FIELD, at("three"), at("four")).await;
        tab.paste("new\r\nlines\r\n").await;
        save(tab).await;
        let now = stored(&world, &key).await;
        let now = String::from_utf8(now).expect("UTF-8");
        let (head, tail) = ("\u{feff}one\r\ntwo \t\n", "four\r\n\tfive\u{a0}");
        assert!(now.starts_with(head) && now.ends_with(tail), "{now:?}");
        let lines = now.replace("\r\n", "\n").replace('\r', "\n");
        assert_eq!(lines, SHOWN.replace("three\n", "new\nlines\n"));
        world.api.write(&key, VALUE).await;

        // Deleting everything, restoring it by undo, then another change.
        edit(tab, &key).await;
        tab.select(FIELD, 0, SHOWN.encode_utf16().count()).await;
        tab.press("Delete").await;
        tab.until(
            "the field is empty",
            "document.querySelector('textarea').value === ''",
        )
        .await;
        tab.shortcut("undo").await;
        tab.until(
            "the text is restored",
            &format!(
                "document.querySelector('textarea').value === {}",
                serde_json::json!(SHOWN)
            ),
        )
        .await;
        tab.sees("No changes").await;
        tab.shortcut("redo").await;
        tab.shortcut("undo").await;
        tab.select(FIELD, at("four"), at("four") + 4).await;
        tab.type_text("4").await;
        save(tab).await;
        assert_eq!(
            stored(&world, &key).await,
            VALUE.replace("four", "4").as_bytes()
        );
    })
    .await;
}

#[tokio::test]
async fn a_text_pasted_as_a_new_value_keeps_its_line_ends() {
    let world = World::new("new-bytes").await;
    let key = world.key("pasted");
    with_tab(&world, "new-bytes", async |tab| {
        tab.goto(&format!("/explorer?new={}", percent(&key))).await;
        tab.click("textbox", "Value").await;
        tab.paste("one\r\ntwo\r\n").await;
        tab.sees("Line endings: CRLF").await;
        tab.type_text("three").await;
        tab.click("button", "Create key").await;
        tab.sees("Created").await;
        assert_eq!(stored(&world, &key).await, b"one\r\ntwo\r\nthree");
    })
    .await;
}

/// Changes the key while its editor is open, so that saving is a conflict.
async fn conflict(world: &World, tab: &Tab, key: &str, theirs: &str) {
    tab.expects_error("status of 412");
    edit(tab, key).await;
    tab.select(FIELD, at("four"), at("four") + 4).await;
    tab.type_text("mine").await;
    tab.click("button", "Review change").await;
    world.api.write(key, theirs.to_owned()).await;
    tab.sees("while you were editing").await;
    tab.click("button", "Save").await;
    tab.sees("Someone else changed it first. The key is now")
        .await;
}

#[tokio::test]
async fn every_conflict_resolution_keeps_the_bytes() {
    let world = World::new("ways").await;
    let theirs = VALUE.replace('\r', "") + "\n";
    let mine = VALUE.replace("four", "mine");
    with_tab(&world, "ways", async |tab| {
        let key = world.key("mine");
        world.api.write(&key, VALUE).await;
        conflict(&world, tab, &key, &theirs).await;
        tab.click("button", "Save yours over theirs").await;
        tab.sees("Saved").await;
        assert_eq!(stored(&world, &key).await, mine.as_bytes());

        let key = world.key("theirs");
        world.api.write(&key, VALUE).await;
        conflict(&world, tab, &key, &theirs).await;
        tab.click("button", "Take theirs").await;
        tab.finds("button", "Edit").await;
        assert_eq!(stored(&world, &key).await, theirs.as_bytes());

        let key = world.key("merged");
        world.api.write(&key, VALUE).await;
        conflict(&world, tab, &key, &theirs).await;
        tab.click("button", "Continue editing yours").await;
        tab.select(FIELD, at("two"), at("two") + 3).await;
        tab.type_text("2").await;
        save(tab).await;
        assert_eq!(
            stored(&world, &key).await,
            mine.replace("two", "2").as_bytes()
        );
    })
    .await;
}

#[tokio::test]
async fn review_shows_changed_line_endings_and_changes_within_a_line() {
    let world = World::new("review").await;
    let key = world.key("k");
    world
        .api
        .write(&key, "port = 8379 # live\r\nlast\r\n")
        .await;
    with_tab(&world, "review", async |tab| {
        edit(tab, &key).await;
        tab.select(FIELD, 7, 11).await;
        tab.type_text("8380").await;
        tab.select(FIELD, 23, 24).await;
        tab.press("Delete").await;
        tab.click("button", "Review change").await;
        tab.finds("button", "Save").await;
        let marked = tab.js("[...document.querySelectorAll('.diff-changed')].map((mark) => mark.innerText).join()").await;
        assert_eq!(marked, "8379,8380");
        let ends = tab.js("[...document.querySelectorAll('.diff-end')].map((end) => end.innerText).join()").await;
        assert_eq!(ends, "CRLF,no newline at end");
    })
    .await;
}

#[tokio::test]
async fn a_draft_survives_a_reload_and_the_browser_asks_first() {
    let world = World::new("reload").await;
    let key = world.key("k");
    world.api.write(&key, VALUE).await;
    with_tab(&world, "reload", async |tab| {
        edit(tab, &key).await;
        tab.select(FIELD, at("four"), at("four") + 4).await;
        tab.type_text("4").await;
        tab.finds("button", "Review change").await;
        assert!(tab.reload_with_dialog().await, "the browser asks");
        tab.until(
            "the draft is restored",
            "document.querySelector('textarea')?.value.includes('\\n4\\n')",
        )
        .await;
        save(tab).await;
        assert_eq!(
            stored(&world, &key).await,
            VALUE.replace("four", "4").as_bytes()
        );

        // The draft is deleted, and the browser does not ask.
        tab.reload().await;
        tab.finds("button", "Edit").await;
        let left = tab.js("sessionStorage.getItem('watchgate.drafts')").await;
        assert_eq!(left, serde_json::Value::Null);

        tab.click("button", "New key").await;
        tab.fill("Value", "not created yet").await;
        assert!(tab.reload_with_dialog().await, "the browser asks");
    })
    .await;
}

#[tokio::test]
async fn tab_indents_and_escape_then_tab_leaves_the_editor() {
    let world = World::new("tab").await;
    let key = world.key("k");
    world.api.write(&key, "a:\n  b: 1\nc").await;
    let value = "document.querySelector('textarea').value";
    let focused = "document.activeElement.tagName";
    with_tab(&world, "tab", async |tab| {
        edit(tab, &key).await;
        tab.sees("Esc, then Tab").await;
        tab.select(FIELD, 11, 11).await;
        tab.press("Tab").await;
        tab.until(
            "the line is indented",
            &format!("{value} === 'a:\\n  b: 1\\nc  '"),
        )
        .await;
        tab.shortcut("undo").await;
        tab.until(
            "the indent is undone",
            &format!("{value} === 'a:\\n  b: 1\\nc'"),
        )
        .await;
        tab.select(FIELD, 0, 11).await;
        tab.press("Tab").await;
        tab.until(
            "all lines are indented",
            &format!("{value} === '  a:\\n    b: 1\\n  c'"),
        )
        .await;
        assert_eq!(tab.js(focused).await, "TEXTAREA");
        tab.press("Escape").await;
        tab.press("Tab").await;
        tab.until("the focus moves on", &format!("{focused} !== 'TEXTAREA'"))
            .await;
        tab.until(
            "nothing was typed",
            &format!("{value} === '  a:\\n    b: 1\\n  c'"),
        )
        .await;
        save(tab).await;
        assert_eq!(stored(&world, &key).await, b"  a:\n    b: 1\n  c");
    })
    .await;
}

#[tokio::test]
async fn a_text_of_100_000_lines_is_edited_in_a_window() {
    let world = World::new("long").await;
    let key = world.key("k");
    let line = |at: usize| {
        format!(
            "line {at}{}",
            if at.is_multiple_of(3) { "\r\n" } else { "\n" }
        )
    };
    let text: String = (1..=100_000).map(line).collect();
    world.api.write(&key, text.clone()).await;
    let value = "document.querySelector('textarea').value";
    with_tab(&world, "long", async |tab| {
        edit(tab, &key).await;
        tab.sees("of 100,001").await;
        let lines = tab.js(&format!("{value}.split('\\n').length")).await;
        assert!(
            lines.as_u64().is_some_and(|lines| lines < 10_000),
            "{lines}"
        );

        tab.fill("Go to line", "50000").await;
        tab.press("Tab").await;
        tab.until(
            "line 50,000 is in the window",
            &format!("{value}.includes('line 50000\\n')"),
        )
        .await;
        let start = tab.js(&format!("{value}.indexOf('line 50000\\n')")).await;
        let start = start.as_u64().expect("the line is in the window") as usize;
        tab.select(FIELD, start, start + 4).await;
        tab.type_text("LINE").await;
        save(tab).await;
        let expected = text.replace("line 50000\n", "LINE 50000\n");
        assert!(stored(&world, &key).await == expected.as_bytes());
    })
    .await;
}
