//! Host, Origin and fetch site are checked on every route and method, upgrades included.

use http::Method;
use serde_json::json;
use support::http::Request;
use support::{Stream, World, key_query};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Every kind of request that a page could make.
fn requests(world: &World) -> Vec<Request> {
    let root = world.gateway.root();
    let mut requests = program_requests(world);
    requests.extend([root.get("/"), root.get("/nope")]);
    requests
}

/// Every kind of request except those for static files.
fn program_requests(world: &World) -> Vec<Request> {
    let (api, root) = (&world.api, world.gateway.root());
    let key = key_query(world.key("k"));
    vec![
        api.get(&key),
        api.put(&key, "x"),
        api.delete(&key),
        api.post("/do", &json!({"get": {"key": "k"}})),
        api.request(Method::OPTIONS, &key),
        api.request(Method::HEAD, &key),
        api.get("/watch?prefix=/")
            .header("accept", "text/event-stream"),
        api.get("/watch").upgrade(),
        root.get("/healthz"),
        root.get("/metrics"),
        root.get("/version"),
        root.post("/", &json!({})),
        root.get("/api/nope"),
    ]
}

/// Asserts that the request is refused. A response to HEAD has no body to check.
async fn assert_refused(request: Request, status: u16, code: &str) {
    let response = request.send().await.expect(status);
    assert!(
        response.header("access-control-allow-origin").is_empty(),
        "a refusal has no CORS headers"
    );
    if !response.body.is_empty() {
        response.problem(status, code);
    }
}

#[tokio::test]
async fn a_foreign_host_is_421_everywhere() {
    let world = World::new("host").await;
    let port = world.api.address().port();
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "127.0.0.1.evil.example".into(),
        format!("127.0.0.2:{port}"),
        "localhost.evil.example".into(),
        "10.0.0.1".into(),
        "[::2]".into(),
        format!("0.0.0.0:{port}"),
        "2130706433".into(),
    ] {
        for request in requests(&world) {
            assert_refused(request.header("host", &host), 421, "foreign_host").await;
        }
    }
    let request = world.api.get("/clusters").header("host", "evil.example");
    let problem = request.send().await.problem(421, "foreign_host");
    assert!(
        problem["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("--allow-host")),
        "{problem}"
    );
    // Headers that proxies set are not trusted.
    for name in ["forwarded", "x-forwarded-host"] {
        let request = world.api.get("/clusters").header("host", "evil.example");
        let request = request
            .header(name, "host=localhost")
            .header(name, "localhost");
        request.send().await.problem(421, "foreign_host");
    }
    for host in [
        format!("localhost:{port}"),
        "localhost".into(),
        "LOCALHOST:1".into(),
        "127.0.0.1".into(),
        format!("127.0.0.1:{port}"),
        "[::1]:99".into(),
        "[::1]".into(),
    ] {
        world
            .api
            .get("/clusters")
            .header("host", &host)
            .send()
            .await
            .json(200);
    }
}

#[tokio::test]
async fn a_malformed_host_is_400() {
    let world = World::new("host-form").await;
    let heads: &[&str] = &[
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost:\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost:x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost:99999\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost:80:80\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: user@localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost/path\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: ::1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: local host\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost, localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: \u{e9}\r\n\r\n",
        "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];
    for head in heads {
        let status = raw(&world, head.as_bytes()).await;
        assert_eq!(status, "400", "{head:?}");
    }
    assert_eq!(
        raw(&world, b"GET /healthz HTTP/1.1\r\nHost: \xff\r\n\r\n").await,
        "400"
    );
    world
        .gateway
        .root()
        .get("/healthz")
        .send()
        .await
        .expect(200);
}

/// The status of the response to these bytes.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.api.address())
        .await
        .expect("the gateway listens");
    stream
        .write_all(bytes)
        .await
        .expect("the gateway reads the request");
    let mut response = [0; 12];
    let read = stream.read_exact(&mut response);
    tokio::time::timeout(support::DEADLINE, read)
        .await
        .expect("a response in time")
        .unwrap_or_else(|error| panic!("{error} after {}", bytes.escape_ascii()));
    String::from_utf8_lossy(&response[9..]).into_owned()
}

#[tokio::test]
async fn a_foreign_origin_is_403_everywhere() {
    let world = World::new("origin").await;
    let port = world.api.address().port();
    for origin in [
        "https://evil.example".to_owned(),
        "null".into(),
        "http://127.0.0.1".into(),
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("http://localhost:{port}"),
        format!("ws://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}.evil.example"),
        "chrome-extension://abcdef".into(),
        "file://".into(),
        format!("127.0.0.1:{port}"),
        format!("http://user@127.0.0.1:{port}"),
        "words".into(),
        String::new(),
        format!("http://127.0.0.1:{port}/"),
    ] {
        for request in program_requests(&world) {
            assert_refused(request.header("origin", &origin), 403, "foreign_origin").await;
        }
        // Pages and assets need no check: they are the same for every caller.
        for path in ["/", "/locks", "/assets/nope.js"] {
            let response = world.gateway.root().get(path).header("origin", &origin);
            assert_ne!(response.send().await.status, 403, "{path} for {origin}");
        }
    }
    let ours = format!("http://127.0.0.1:{port}");
    let two = world
        .api
        .get("/clusters")
        .header("origin", &ours)
        .header("origin", &ours);
    two.send().await.problem(403, "foreign_origin");
    for origin in [
        ours.clone(),
        format!("https://127.0.0.1:{port}"),
        format!("HTTP://127.0.0.1:{port}"),
    ] {
        world
            .api
            .get("/clusters")
            .header("origin", &origin)
            .send()
            .await
            .json(200);
    }
    // A default port may be written or omitted.
    let request = world
        .api
        .get("/clusters")
        .header("host", "localhost:80")
        .header("origin", "http://localhost");
    request.send().await.json(200);
    let put = world
        .api
        .put(&key_query(world.key("k")), "x")
        .header("origin", &ours);
    put.send().await.json(201);
}

#[tokio::test]
async fn cross_site_requests_are_403_except_navigation_to_a_page() {
    let world = World::new("site").await;
    for site in ["cross-site", "same-site"] {
        for request in requests(&world) {
            assert_refused(
                request.header("sec-fetch-site", site),
                403,
                "foreign_origin",
            )
            .await;
        }
        let navigate = |request: Request| {
            request
                .header("sec-fetch-site", site)
                .header("sec-fetch-mode", "navigate")
                .header("sec-fetch-dest", "document")
        };
        for path in ["/clusters", "/kv?prefix=", "/watch?prefix=/"] {
            assert_refused(navigate(world.api.get(path)), 403, "foreign_origin").await;
        }
        let root = world.gateway.root();
        for path in ["/metrics", "/healthz", "/version"] {
            assert_refused(navigate(root.get(path)), 403, "foreign_origin").await;
        }
        let page = navigate(root.get("/")).send().await;
        assert_ne!(page.status, 403, "a link to the dashboard works");
        assert_refused(
            navigate(root.get("/")).header("origin", "null"),
            403,
            "foreign_origin",
        )
        .await;
        let framed = root
            .get("/")
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", "navigate");
        assert_refused(
            framed.header("sec-fetch-dest", "iframe"),
            403,
            "foreign_origin",
        )
        .await;
    }
    for site in ["same-origin", "none"] {
        world
            .api
            .get("/clusters")
            .header("sec-fetch-site", site)
            .send()
            .await
            .json(200);
    }
}

#[tokio::test]
async fn upgrades_are_checked_too() {
    let world = World::new("upgrade").await;
    let ours = format!("http://127.0.0.1:{}", world.api.address().port());
    for (name, value, status) in [
        ("origin", "https://evil.example", "403"),
        ("origin", "null", "403"),
        ("sec-fetch-site", "cross-site", "403"),
        ("host", "evil.example", "421"),
        ("host", "local host", "400"),
    ] {
        let refused = Stream::try_socket(&world.api, "/watch", &[(name, value)]).await;
        assert_eq!(
            refused.expect_err("the upgrade is refused"),
            status,
            "{name}: {value}"
        );
    }
    for headers in [&[][..], &[("origin", ours.as_str())]] {
        let open = Stream::try_socket(&world.api, "/watch", headers).await;
        open.expect("our own page and programs are accepted");
    }
}

#[tokio::test]
async fn allow_host_accepts_a_name_at_any_port_or_at_one() {
    let flags = [
        "--allow-host",
        "etcd.example",
        "--allow-host",
        "b.example:8443",
        "--anonymous",
        "gateway",
    ];
    let world = World::with("allow", &flags).await;
    let get = |host: &str| world.api.get("/clusters").header("host", host);
    for host in [
        "etcd.example",
        "ETCD.example:1234",
        "b.example:8443",
        "localhost",
    ] {
        get(host).send().await.json(200);
    }
    for host in ["b.example", "b.example:443", "x.etcd.example"] {
        get(host).send().await.problem(421, "foreign_host");
    }
    for origin in [
        "https://etcd.example",
        "http://etcd.example:99",
        "https://b.example:8443",
    ] {
        get("localhost")
            .header("origin", origin)
            .send()
            .await
            .json(200);
    }
    for origin in [
        "https://b.example",
        "http://localhost:1",
        "https://evil.example",
    ] {
        get("localhost")
            .header("origin", origin)
            .send()
            .await
            .problem(403, "foreign_origin");
    }
}

#[tokio::test]
async fn health_checks_of_http_1_0_need_no_host() {
    let world = World::new("http-1-0").await;
    for (head, status) in [
        ("GET /healthz HTTP/1.0\r\n\r\n", "200"),
        ("HEAD /healthz HTTP/1.0\r\n\r\n", "200"),
        ("GET /readyz HTTP/1.0\r\n\r\n", "200"),
        ("GET /health HTTP/1.0\r\n\r\n", "200"),
        ("GET /version HTTP/1.0\r\n\r\n", "200"),
        ("GET /metrics HTTP/1.0\r\n\r\n", "200"),
        ("GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n", "421"),
        ("GET /healthz HTTP/1.1\r\n\r\n", "400"),
        ("GET /api/v1/clusters HTTP/1.0\r\n\r\n", "400"),
        ("GET / HTTP/1.0\r\n\r\n", "400"),
    ] {
        assert_eq!(raw(&world, head.as_bytes()).await, status, "{head:?}");
    }
    // The checks also apply below a base path.
    let world = World::with("http-1-0-base", &["--base-path", "/etcd"]).await;
    let head = "GET /etcd/healthz HTTP/1.0\r\n\r\n";
    assert_eq!(raw(&world, head.as_bytes()).await, "200");
}
