//! Only the gateway's own page may use a session to change something: another site's page makes the browser
//! send the cookie, too.

use serde_json::json;
use support::{AuthWorld, Client, Stream, key_query};

use super::{credentials, sign_in};

/// The client with its cookie alone, as a page of another site has it.
fn cookie_only(client: &Client, api: &Client) -> Client {
    let (_, cookie) = client.headers().last().expect("the cookie");
    api.with_header("cookie", cookie)
}

#[tokio::test]
async fn a_write_with_a_cookie_must_come_from_the_own_page() {
    let world = AuthWorld::start(&[]).await;
    let api = world.gateway.api();
    let signed_in = sign_in(&api, "app", "secret").await;
    let bare = cookie_only(&signed_in, &api);
    let own = format!("http://{}", api.address());
    let other_port = format!("http://localhost:{}", api.address().port() ^ 1);
    let key = key_query("/app/a");
    let put = || bare.put(&key, "1");
    // No Origin at all, as of a program with a stolen cookie or an old browser; and foreign ones.
    for request in [
        put(),
        put().header("origin", "null"),
        put().header("origin", &other_port),
        put().header("origin", "https://evil.example"),
        put().header("sec-fetch-site", "same-site"),
        put().header("sec-fetch-site", "cross-site"),
        put().header("sec-fetch-site", "none"),
        put()
            .header("sec-fetch-site", "same-origin")
            .header("origin", &other_port),
        bare.delete(&key),
        bare.post("/leases", &json!({"ttl": 60})),
        bare.post("/auth/disable", &json!({})),
        bare.delete("/session"),
        // A form posts one of three media types without asking.
        bare.request(http::Method::POST, "/leases")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &other_port)
            .body("ttl=60"),
        bare.request(http::Method::POST, "/leases")
            .header("content-type", "text/plain")
            .body("{\"ttl\": 60}"),
    ] {
        request.send().await.problem(403, "foreign_origin");
    }
    // The session is unharmed, and the own page may do all that; reads need no page.
    put().header("origin", &own).send().await.json(201);
    let by_site = put().header("sec-fetch-site", "same-origin");
    by_site.send().await.json(200);
    assert_eq!(bare.read("/app/a").await["value"], "1");
    bare.get("/session").send().await.json(200);
    // Without the cookie no user's rights are at stake.
    world.app.put(&key, "2").send().await.json(200);
}

#[tokio::test]
async fn a_socket_with_a_cookie_must_come_from_the_own_page() {
    let world = AuthWorld::start(&[]).await;
    let api = world.gateway.api();
    let signed_in = sign_in(&api, "app", "secret").await;
    let bare = cookie_only(&signed_in, &api);
    let own = format!("http://{}", api.address());
    let other_port = format!("http://localhost:{}", api.address().port() ^ 1);
    let path = "/watch?prefix=/app/";
    for headers in [
        &[][..],
        &[("origin", "null")],
        &[("origin", &*other_port)],
        &[("sec-fetch-site", "same-site")],
    ] {
        let refused = Stream::try_socket(&bare, path, headers).await;
        assert_eq!(refused.err().as_deref(), Some("403"), "{headers:?}");
    }
    let opened = Stream::try_socket(&bare, path, &[("origin", &own)]).await;
    let mut opened = opened.expect("the own page opens it");
    opened.expect_type("opened").await;
}

#[tokio::test]
async fn a_sign_in_must_come_from_the_own_page() {
    let world = AuthWorld::start(&[]).await;
    let api = world.gateway.api();
    let body = credentials("app", "secret");
    let own = format!("http://{}", api.address());
    for request in [
        api.post("/session", &body),
        api.post("/session", &body).header("origin", "null"),
        api.post("/session", &body)
            .header("sec-fetch-site", "same-site"),
        api.post("/session", &body)
            .header("origin", "http://localhost:1"),
    ] {
        let refused = request.send().await;
        assert_eq!(refused.header("set-cookie"), "");
        refused.problem(403, "foreign_origin");
    }
    let request = api.post("/session", &body).header("origin", &own);
    request.send().await.expect(201);
}

#[tokio::test]
async fn authorization_decides_and_a_bad_one_is_refused() {
    let world = AuthWorld::start(&[]).await;
    let api = world.gateway.api();
    let signed_in = sign_in(&api, "app", "secret").await;
    let own = signed_in.with_header(
        "authorization",
        &support::basic("root", support::auth::ROOT),
    );
    let described = own.get("/auth/self").send().await.json(200);
    assert_eq!(described["name"], "root");
    for wrong in [
        support::basic("app", "wrong"),
        support::basic("nobody", "secret"),
        "Bearer made.up".to_owned(),
        "nonsense".to_owned(),
    ] {
        let request = signed_in.get(&key_query("/app/a"));
        let refused = request.header("authorization", &wrong).send().await;
        // The session has nothing to do with it.
        assert_eq!(refused.header("set-cookie"), "", "{wrong}");
        refused.problem(401, "unauthenticated");
    }
    signed_in.write("/app/a", "1").await;
    // A program with both needs no page: the header alone decides.
    let (_, cookie) = signed_in.headers().last().expect("the cookie");
    let program = world.app.with_header("cookie", cookie);
    program.write("/app/a", "2").await;
}
