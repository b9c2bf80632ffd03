//! Sign-in, the account menu, sign-out, and the end of a session.

use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::{Etcd, Grant};

use crate::tab::Tab;

/// An etcd with auth on, with the user `app` for `/a/`, and the keys `/a/first` and `/b/secret`.
async fn guarded() -> Etcd {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Both, "/a/")]).await;
    for key in ["/a/first", "/b/hidden"] {
        let put = root.put(key, "the value of this key", None).await;
        put.expect("etcd puts");
    }
    etcd
}

/// Fills the form and sends it.
async fn sign_in(tab: &Tab, name: &str, password: &str) {
    tab.fill("Name", name).await;
    tab.fill("Password", password).await;
    tab.click("button", "Sign in").await;
}

async fn is_at(tab: &Tab, path_and_query: &str) {
    let at =
        format!("location.pathname + decodeURIComponent(location.search) === '{path_and_query}'");
    tab.until(&format!("the tab is at {path_and_query}"), &at)
        .await;
}

#[tokio::test]
async fn a_user_signs_in_sees_what_they_may_and_signs_out() {
    let etcd = guarded().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    Tab::run("sign-in", &gateway.url(), async |tab| {
        tab.expects_error("401");
        tab.expects_error("403");
        tab.expects_error("WebSocket");
        tab.goto("/explorer?key=%2Fa%2Ffirst&tab=history").await;
        tab.sees("Sign in to default").await;
        sign_in(tab, "app", "wrong").await;
        tab.sees("Name or password is wrong.").await;
        let field = "document.querySelector('input[type=password]').value === ''";
        tab.until("the password is no longer in its field", field).await;
        // The same words for a name that does not exist.
        sign_in(tab, "nobody", "wrong").await;
        // The text is still there from the first attempt; the field is emptied by the response to this one.
        tab.until("the second response has arrived", field).await;
        tab.sees("Name or password is wrong.").await;
        sign_in(tab, "app", "secret").await;
        is_at(tab, "/clusters/default/explorer?key=/a/first&tab=history").await;
        tab.sees("The oldest revision is the key's creation").await;
        tab.sees("Other keys are not visible to app.").await;
        tab.sees("Live at revision").await;
        tab.no_longer_sees("hidden").await;

        tab.click("button", "Account: app").await;
        tab.sees("Signed in as app").await;
        tab.click("button", "What may I read and write?").await;
        tab.sees("What app may read and write").await;
        tab.until(
            "the range is shown for reading and for writing",
            "[...document.querySelectorAll('dialog[open] .mono')].filter((it) => it.textContent === '/a/').length === 2",
        )
        .await;
        tab.press("Escape").await;
        // A reload keeps the session, which no script of the page can read.
        tab.reload().await;
        tab.sees("Other keys are not visible to app.").await;
        let kept = "JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href])";
        let kept = tab.js(kept).await.to_string();
        assert!(!kept.contains("secret"), "{kept}");

        tab.click("button", "Account: app").await;
        tab.click("button", "Sign out").await;
        tab.click("button", "Sign out and erase them").await;
        tab.arrives_at("/clusters/default/sign-in").await;
        tab.sees("Sign in to default").await;
        tab.goto("/explorer?key=%2Fa%2Ffirst").await;
        tab.sees("Sign in to default").await;
        tab.no_longer_sees("the value of this key").await;
    })
    .await;
}

#[tokio::test]
async fn only_an_own_page_is_returned_to() {
    let etcd = guarded().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    Tab::run("hostile", &gateway.url(), async |tab| {
        tab.expects_error("401");
        tab.expects_error("403");
        tab.expects_error("WebSocket");
        for hostile in [
            "https%3A%2F%2Fother.example%2Fclusters%2Fdefault%2Fexplorer",
            "%2F%2Fother.example%2F",
            "%2F%5Cother.example",
            "javascript%3Adocument.title%3D1",
            "%2Fclusters%2Fdefault%2F%2Fother.example",
            "%2Fapi%2Fv1%2Fkv",
        ] {
            tab.goto(&format!("/clusters/default/sign-in?return={hostile}"))
                .await;
            sign_in(tab, "app", "secret").await;
            is_at(tab, "/clusters/default/explorer").await;
            let origin = tab.js("location.origin").await;
            assert_eq!(origin, gateway.url().trim_end_matches('/'), "{hostile}");
        }
    })
    .await;
}

#[tokio::test]
async fn where_requests_are_served_sign_in_is_offered_and_its_end_is_no_switch() {
    let etcd = guarded().await;
    let gateway = InProcess::start(&etcd.url(), &["--user", "app:secret"]).await;
    Tab::run("offered", &gateway.url(), async |tab| {
        tab.expects_error("401");
        tab.expects_error("403");
        tab.expects_error("WebSocket");
        tab.goto("/explorer?key=%2Fb%2Fhidden").await;
        tab.click("button", "Account: Gateway: app").await;
        tab.sees("As the gateway's account app").await;
        tab.click("link", "Sign in").await;
        tab.sees("Continue as the gateway's account app").await;
        sign_in(tab, "root", ROOT).await;
        is_at(tab, "/clusters/default/explorer?key=/b/hidden").await;
        tab.sees("the value of this key").await;
        tab.finds("button", "Account: root").await;

        // The session ends elsewhere. The page does not continue as the gateway's account by itself.
        tab.js(
            "fetch('/api/v1/session', { method: 'DELETE' }).then((response) => response.status)",
        )
        .await;
        tab.sees("The session of root has ended. Drafts are kept.")
            .await;
        tab.no_longer_sees("the value of this key").await;
        tab.click("button", "Continue as the gateway's account app")
            .await;
        is_at(tab, "/clusters/default/explorer?key=/b/hidden").await;
        tab.finds("button", "Account: Gateway: app").await;
    })
    .await;
}

#[tokio::test]
async fn turning_auth_on_leads_to_sign_in() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    Tab::run("turned-on", &gateway.url(), async |tab| {
        tab.expects_error("401");
        tab.expects_error("WebSocket");
        tab.goto("/clusters/default/sign-in").await;
        tab.sees("There is nothing to sign in to").await;
        tab.click("link", "Open the Explorer").await;
        tab.finds("button", "Account: No sign-in").await;
        etcd.enable_auth().await;
        tab.click("link", "Locks").await;
        is_at(
            tab,
            "/clusters/default/sign-in?return=/clusters/default/locks",
        )
        .await;
        sign_in(tab, "root", ROOT).await;
        is_at(tab, "/clusters/default/locks").await;
        tab.sees("No locks are held").await;
    })
    .await;
}

/// Makes the gateway's reports say that the session ends in 100 s until “Stay signed in” is pressed:
/// the page also asks on its own, and must not be answered otherwise before the press.
const ENDS_SOON: &str = "(() => {
    addEventListener('click', event => {
        const button = event.target.closest('button');
        if (button && button.innerText === 'Stay signed in') window.isRenewed = true;
    }, true);
    const real = window.fetch;
    window.fetch = async (request, options) => {
        const response = await real(request, options);
        const path = new URL(request.url || request, location).pathname;
        if (!path.endsWith('/session') || !response.ok || window.isRenewed) return response;
        const report = await response.json();
        report.idle_expires_at = new Date(Date.now() + 100000).toISOString();
        return new Response(JSON.stringify(report), { status: response.status, headers: response.headers });
    };
})()";

#[tokio::test]
async fn the_page_warns_before_the_session_ends() {
    let etcd = guarded().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    Tab::run("ending", &gateway.url(), async |tab| {
        tab.expects_error("401");
        tab.expects_error("403");
        tab.expects_error("WebSocket");
        tab.before_load(ENDS_SOON).await;
        tab.goto("/watch").await;
        sign_in(tab, "app", "secret").await;
        tab.sees("You will be signed out in 2 m").await;
        tab.click("button", "Stay signed in").await;
        tab.no_longer_sees("You will be signed out").await;
    })
    .await;
}
