//! The Transactions page.

use serde_json::{Value, json};
use support::ctl::etcdctl;
use support::{DEADLINE, World, ensure, eventually, key_query};

use crate::tab::Tab;
use crate::with_tab;

/// Replaces the JSON.
async fn write_json(tab: &Tab, body: &Value) {
    tab.fill("JSON", &body.to_string()).await;
}

/// The JSON as the page shows it.
async fn shown_json(tab: &Tab) -> Value {
    let text = tab
        .js("document.querySelector('.txn-json-text').value")
        .await;
    let text = text.as_str().expect("the pane has a text");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Waits until the page shows this JSON.
async fn shows_json(tab: &Tab, expected: &Value) {
    eventually("the JSON is in step", DEADLINE, async || {
        let shown = shown_json(tab).await;
        ensure(shown == *expected, || shown.to_string())
    })
    .await;
}

#[tokio::test]
async fn a_failing_transaction_is_explained_fixed_and_run() {
    let world = World::new("txn-fixed").await;
    let revision = world.put("a", "one").await;
    let key = world.key("a");
    with_tab(&world, "txn-fixed", async |tab| {
        tab.goto("/clusters/default/transactions").await;
        // An optimistic lock, from the template: the key's revision is filled in.
        tab.click("button", "Templates").await;
        tab.js("[...document.querySelectorAll('.txn-template')].find((one) => one.innerText.includes('Optimistic')).click()").await;
        tab.fill("Key", &key).await;
        tab.click("button", "Use template").await;
        tab.sees("then[0]").await;
        let json = shown_json(tab).await;
        assert_eq!(json["compare"][0]["value"], revision);
        assert_eq!(json["then"][0]["put"]["value"], "one");
        // A colleague is faster; the explanation says so, and running it changes nothing.
        let newer = world.put("a", "two").await;
        tab.click("button", "Explain").await;
        tab.sees("Else would run now").await;
        tab.sees("does not hold").await;
        tab.sees(&format!("mod revision is now {}", grouped(newer))).await;
        tab.click("button", "Run").await;
        tab.sees("Else ran").await;
        tab.sees("two").await;
        // Fixed in the builder, which the JSON follows.
        tab.fill("Compared with", &newer.to_string()).await;
        tab.fill("Value", "three").await;
        eventually("the JSON follows", DEADLINE, async || {
            let json = shown_json(tab).await;
            let both = (&json["compare"][0]["value"], &json["then"][0]["put"]["value"]);
            ensure(both == (&json!(newer), &json!("three")), || json.to_string())
        })
        .await;
        tab.click("button", "Run").await;
        tab.sees("Then ran").await;
        let now = world.api.get(&key_query(&key)).send().await.json(200);
        assert_eq!(now["value"], "three");
    })
    .await;
}

/// A number as the page shows it.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[tokio::test]
async fn builder_and_json_are_two_views_of_the_same_bytes() {
    let world = World::new("txn-views").await;
    let (binary, hostile) = (world.key("bin"), world.key("x\u{202E}y<img src=x>"));
    with_tab(&world, "txn-views", async |tab| {
        tab.goto("/clusters/default/transactions").await;
        let mut body = json!({
            "compare": [{"prefix": world.key("jobs/"), "target": "version", "op": ">", "value": 0}],
            "then": [
                {"put": {"key": binary, "value": {"base64": "/wAN"}}},
                {"txn": {"then": [{"get": {"key": hostile}}]}},
            ],
            "else": [{"put": {"key": hostile, "value": "line\r\nend"}}],
        });
        write_json(tab, &body).await;
        tab.sees("then[1].txn.then[0]").await;
        // What a text field would change is edited as base64, and nothing that was not touched changes.
        tab.js("document.querySelector('.txn-op-put .check-field input').click()")
            .await;
        body["then"][0]["put"]["prev"] = json!(true);
        shows_json(tab, &body).await;
        tab.click("button", "Run").await;
        tab.sees("Else ran").await;
        let stored = world.api.get(&key_query(&hostile)).send().await.json(200);
        assert_eq!(stored["value"], "line\r\nend");
        // Invalid JSON is located; the builder waits and can restore it.
        tab.fill("JSON", "{\n  \"then\": [,]\n}").await;
        tab.sees("Line 2, column 12").await;
        tab.click("button", "Restore the JSON from the builder")
            .await;
        shows_json(tab, &body).await;
        // A reload keeps the draft.
        tab.reload().await;
        tab.sees("then[1].txn.then[0]").await;
        shows_json(tab, &body).await;
    })
    .await;
}

#[tokio::test]
async fn a_refused_op_is_named_and_marked() {
    let world = World::new("txn-refused").await;
    let put = |name: &str, lease: &str| json!({"put": {"key": world.key(name), "value": "", "lease": lease}});
    with_tab(&world, "txn-refused", async |tab| {
        tab.expects_error("422");
        tab.goto("/clusters/default/transactions").await;
        let fine = json!({"put": {"key": world.key("a"), "value": ""}});
        write_json(tab, &json!({"then": [fine, put("b", "7e57")]})).await;
        tab.click("button", "Run").await;
        tab.sees("The lease does not exist").await;
        let marked = "(() => { const rows = [...document.querySelectorAll('.txn-row.is-refused')]; \
            return rows.length === 1 && rows[0].innerText.includes('then[1].put.lease'); })()";
        tab.until("the op is marked", marked).await;
        // The message is about what was sent: a changed transaction has no mark.
        tab.js("[...document.querySelectorAll('.txn-row-tools')].at(-1).querySelectorAll('button')[2].click()").await;
        tab.until("nothing is marked", "!document.querySelector('.txn-row.is-refused')").await;
    })
    .await;
}

#[tokio::test]
async fn a_link_is_opened_for_review_and_never_runs() {
    let world = World::new("txn-link").await;
    let key = world.key("linked");
    with_tab(&world, "txn-link", async |tab| {
        tab.goto("/clusters/default/transactions?view=op").await;
        let body = json!({"put": {"key": key, "value": "from a link"}});
        write_json(tab, &body).await;
        tab.sees("op").await;
        tab.click("button", "More").await;
        tab.click("menuitem", "Copy command").await;
        tab.sees("etcdctl put").await;
        tab.press("Escape").await;
        let fragment = {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(body.to_string())
        };
        // From another page: a change of the fragment alone loads nothing.
        tab.goto("/clusters/default/locks").await;
        tab.goto(&format!(
            "/clusters/default/transactions?view=op#op={fragment}"
        ))
        .await;
        tab.sees("Opened from a link").await;
        shows_json(tab, &body).await;
        world
            .api
            .get(&key_query(&key))
            .send()
            .await
            .problem(404, "key_not_found");
        tab.click("button", "Run").await;
        tab.sees("written").await;
        world.api.get(&key_query(&key)).send().await.json(200);
        // Saved in this browser, listed, erased.
        tab.click("button", "Saved").await;
        tab.sees("contain the values in plain text").await;
        tab.fill("Name", "mine").await;
        tab.click("button", "Save this transaction").await;
        tab.sees("Saved “mine”").await;
        let kept =
            "Object.keys(localStorage).some((name) => name.startsWith('watchgate.saved-txns.'))";
        tab.until("it is in the storage", kept).await;
        tab.click("button", "Erase mine").await;
        tab.sees("Nothing is saved yet").await;
        tab.until("nothing is left", &format!("!({kept})")).await;
    })
    .await;
}

#[tokio::test]
async fn ranges_are_counted_before_a_transaction_deletes_them() {
    let world = World::new("txn-ranges").await;
    for n in 0..3 {
        world.put(&format!("d/{n}"), "x").await;
    }
    let prefix = world.key("d/");
    with_tab(&world, "txn-ranges", async |tab| {
        tab.goto("/clusters/default/transactions").await;
        write_json(tab, &json!({"then": [{"delete": {"prefix": prefix}}]})).await;
        tab.click("button", "Run").await;
        tab.sees("Run and delete up to 3 keys").await;
        let left = etcdctl(world.etcd, &["get", "--prefix", "--keys-only", &prefix]).await;
        assert_eq!(left.matches(&prefix).count(), 3, "{left}");
        tab.click("button", "Run and delete up to 3 keys").await;
        tab.sees("3 keys deleted").await;
    })
    .await;
}

#[tokio::test]
async fn the_bank_keeps_its_sum_and_leaves_no_key() {
    let world = World::new("txn-bank").await;
    let prefix = world.key("bank/");
    with_tab(&world, "txn-bank", async |tab| {
        // A conflict is a response of 409, which the browser logs.
        tab.expects_error("409");
        tab.goto("/clusters/default/transactions?view=stm").await;
        tab.fill("Prefix of the accounts", &prefix).await;
        tab.fill("Clients", "4").await;
        tab.fill("Transfers", "30").await;
        tab.click("button", "Start").await;
        tab.sees(&format!("{prefix}4")).await;
        tab.click("button", "Create 5 keys and start").await;
        tab.sees("The accounts were deleted with their lease").await;
        tab.sees("The sum is kept").await;
        tab.sees("30 of 30").await;
        let left = etcdctl(world.etcd, &["get", "--prefix", "--keys-only", &prefix]).await;
        assert_eq!(left.trim(), "");
        // A key that exists is never overwritten.
        world.put("bank/0", "mine").await;
        tab.click("button", "Start").await;
        tab.click("button", "Create 5 keys and start").await;
        tab.sees("One of the keys exists already").await;
        let kept = world
            .api
            .get(&key_query(world.key("bank/0")))
            .send()
            .await
            .json(200);
        assert_eq!(kept["value"], "mine");
    })
    .await;
}
