//! Pages for browsers: the dashboard's, and the one that explains a refusal.

use http::Method;
use support::World;

#[tokio::test]
async fn a_refused_page_shows_the_reason_and_the_fix() {
    let world = World::new("refused-page").await;
    let root = world.gateway.root();
    let open = |path: &str, host: &str| {
        let request = root.get(path).header("host", host);
        request.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
    };
    for (languages, lang) in [("en", "en"), ("zh-CN,zh;q=0.9", "zh-CN")] {
        for path in ["/", "/locks", "/api/v1/clusters"] {
            let request = open(path, "etcd.example:8379").header("accept-language", languages);
            let response = request.send().await.expect(421);
            assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
            let policy = response.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
            let page = response.text();
            assert!(page.contains(&format!("<html lang=\"{lang}\">")), "{page}");
            assert!(page.contains("--allow-host etcd.example<"), "{page}");
            assert!(page.contains("proxy_set_header Host $http_host;"), "{page}");
            assert!(page.contains(response.header("x-request-id")), "{page}");
        }
    }
    let linked = open("/api/v1/clusters", "localhost").header("sec-fetch-site", "cross-site");
    let linked = linked.header("sec-fetch-mode", "navigate").send().await;
    let page = linked.expect(403).text();
    assert!(page.contains("address bar"), "{page}");
    // Programs and fetches of a page get a problem; `/v3` responds in etcd's form.
    let fetched = open("/locks", "etcd.example").header("sec-fetch-mode", "cors");
    fetched.send().await.problem(421, "foreign_host");
    let typed = root.get("/locks").header("host", "etcd.example");
    typed.send().await.problem(421, "foreign_host");
    let v3 = open("/v3/kv/range", "etcd.example")
        .send()
        .await
        .expect(421);
    assert_eq!(v3.header("content-type"), "application/json");
}

#[tokio::test]
async fn pages_are_sent_only_to_clients_that_accept_html() {
    let world = World::new("pages").await;
    let root = world.gateway.root();
    for path in [
        "/",
        "/clusters/default",
        "/clusters/default/explorer",
        "/clusters/default/watch",
        "/clusters/default/locks",
    ] {
        for method in [Method::GET, Method::HEAD] {
            for accept in ["", "*/*", "text/html", "text/*;q=0.2, application/json"] {
                let request = root.request(method.clone(), path);
                let request = if accept.is_empty() {
                    request
                } else {
                    request.header("accept", accept)
                };
                let response = request.send().await;
                assert_eq!(response.status, 200, "{method} {path} {accept}");
                let kind = response.header("content-type");
                assert_eq!(kind, "text/html; charset=utf-8", "{method} {path}");
            }
        }
    }
    // The addresses of before clusters were in them.
    let old = root.get("/explorer?key=%2Fa").send().await.expect(307);
    let new = "/clusters/default/explorer?key=%2Fa";
    assert_eq!(old.header("location"), new);
    let unknown = root.get("/clusters/nope/explorer").send().await.expect(404);
    assert_eq!(unknown.header("content-type"), "text/html; charset=utf-8");
    for path in ["/explorer", "/clusters/default/locks"] {
        for accept in ["application/json", "text/html;q=0, */*", "*/*;q=0"] {
            let request = root.get(path).header("accept", accept);
            request.send().await.problem(404, "not_found");
        }
    }
    for path in [
        "/nope",
        "/explorers",
        "/watch/x",
        "/api",
        "/api/v1/nope",
        "/assets",
        "/assets/nope.js",
        "/favicon.ico",
    ] {
        root.get(path).send().await.problem(404, "not_found");
        let head = root.request(Method::HEAD, path).send().await;
        assert_eq!(head.status, 404, "{path}");
    }
    for path in [
        "/v3",
        "/v3beta",
        "/v3beta/nope",
        "/api/v1/nope",
        "/assets/x",
    ] {
        let response = root.get(path).header("accept", "text/html").send().await;
        assert_eq!(response.status, 404, "{path}");
        assert_ne!(
            response.header("content-type"),
            "text/html; charset=utf-8",
            "{path}"
        );
    }
    // A browser at a mistyped address gets the dashboard, which reports the error.
    let browser = root.get("/nope").header("accept", "text/html");
    let response = browser.send().await.expect(404);
    assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
}
