//! Which requests pass.

use super::*;

const LOCAL: &str = "192.168.7.5:8379";

/// Checks one request, with `headers` as `name: value` lines; the code of a refusal.
fn check(allow: &[&str], method: &str, path: &str, headers: &[&str]) -> Option<Code> {
    run(allow, method, path, headers)
        .err()
        .map(|failure| failure.code)
}

/// As [`check`]; whether a page of the gateway made the request.
fn run(allow: &[&str], method: &str, path: &str, headers: &[&str]) -> Result<bool> {
    let allowed = AllowedHosts::new(
        &allow
            .iter()
            .map(|&host| host.to_owned())
            .collect::<Vec<_>>(),
    );
    let mut request = http::Request::builder().method(method).uri(path);
    for line in headers {
        request = match line.split_once(": ").expect("a header line") {
            ("HTTP", "2") => request.version(Version::HTTP_2),
            ("HTTP", "1.0") => request.version(Version::HTTP_10),
            (name, value) => request.header(name, value),
        };
    }
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let kind = Kind::of("", &parts.method, parts.uri.path());
    let local = LOCAL.parse().expect("an address");
    let guard = Guard { allowed: &allowed };
    guard.check(&parts, local, kind)
}

#[test]
fn a_page_of_the_gateway_is_known_by_its_origin_or_fetch_site() {
    let check = |headers: &[&str], expected: bool| {
        let allow = ["etcd.example", "b.example:8443"];
        let own = run(&allow, "POST", "/api/v1/session", headers);
        assert_eq!(own.expect("passes"), expected, "{headers:?}");
    };
    let local = "Host: localhost:8379";
    check(&[local], false);
    check(&[local, "Origin: http://localhost:8379"], true);
    check(&[local, "Sec-Fetch-Site: same-origin"], true);
    check(&[local, "Sec-Fetch-Site: none"], false);
    let twice = ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"];
    check(&[local, twice[0], twice[1]], false);
    // Behind a proxy that replaces the Host the origin is known by its flag; another port of that host may be
    // another service.
    check(&[local, "Origin: https://etcd.example"], true);
    check(&[local, "Origin: http://etcd.example:80"], true);
    check(&[local, "Origin: http://etcd.example:99"], false);
    check(&[local, "Origin: https://b.example:8443"], true);
    let host = "Host: etcd.example:99";
    check(&[host, "Origin: http://etcd.example:99"], true);
}

fn host(value: &str) -> Option<Code> {
    check(&[], "GET", "/api/v1/kv", &[&format!("Host: {value}")])
}

#[test]
fn loopback_names_pass_at_any_port() {
    for name in [
        "localhost",
        "localhost:1",
        "127.0.0.1:8379",
        "[::1]",
        "[::1]:80",
        "[0:0:0:0:0:0:0:1]",
        "LOCALHOST",
    ] {
        assert_eq!(host(name), None, "{name}");
    }
}

#[test]
fn the_address_of_the_connection_passes_with_its_port_only() {
    assert_eq!(host("192.168.7.5:8379"), None);
    assert_eq!(host("192.168.7.5:8380"), Some(Code::ForeignHost));
    assert_eq!(host("192.168.7.6:8379"), Some(Code::ForeignHost));
}

#[test]
fn other_hosts_are_misdirected() {
    for name in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8379",
        "127.0.0.2",
    ] {
        assert_eq!(host(name), Some(Code::ForeignHost), "{name}");
    }
}

#[test]
fn malformed_and_missing_hosts_are_bad_requests() {
    for name in [
        "",
        "a b",
        "localhost:x",
        "[::1",
        "user@localhost",
        "localhost:99999",
        "a/b",
        "::1",
    ] {
        assert_eq!(host(name), Some(Code::BadRequest), "{name:?}");
    }
    assert_eq!(check(&[], "GET", "/", &[]), Some(Code::BadRequest));
    assert_eq!(
        check(&[], "GET", "/", &["Host: localhost", "Host: localhost"]),
        Some(Code::BadRequest)
    );
    assert_eq!(
        check(&[], "GET", "http://a.example/", &["Host: localhost"]),
        Some(Code::BadRequest)
    );
}

#[test]
fn authority_replaces_the_host_only_in_http_2() {
    let target = "http://localhost:8379/";
    assert_eq!(check(&[], "GET", target, &["HTTP: 2"]), None);
    assert_eq!(check(&[], "GET", target, &[]), Some(Code::BadRequest));
    let both = ["Host: localhost:8379"];
    assert_eq!(check(&[], "GET", target, &both), None);
    let foreign = check(&[], "GET", "http://evil.example/", &["HTTP: 2"]);
    assert_eq!(foreign, Some(Code::ForeignHost));
}

#[test]
fn forwarded_hosts_are_not_trusted() {
    let forwarded = [
        "Host: evil.example",
        "X-Forwarded-Host: localhost",
        "Forwarded: host=localhost",
    ];
    assert_eq!(check(&[], "GET", "/", &forwarded), Some(Code::ForeignHost));
}

#[test]
fn an_allowed_host_passes_at_any_port_unless_it_names_one() {
    let with = |allow: &str, host: &str| check(&[allow], "GET", "/", &[&format!("Host: {host}")]);
    assert_eq!(with("etcd.lan", "etcd.lan:1234"), None);
    assert_eq!(with("etcd.lan:1234", "etcd.lan:1234"), None);
    assert_eq!(
        with("etcd.lan:1234", "etcd.lan:1235"),
        Some(Code::ForeignHost)
    );
    assert_eq!(with("etcd.lan:80", "etcd.lan"), None);
}

fn origin(host: &str, origin: &str) -> Option<Code> {
    let headers = [format!("Host: {host}"), format!("Origin: {origin}")];
    check(&[], "GET", "/api/v1/watch", &[&headers[0], &headers[1]])
}

#[test]
fn our_own_origin_passes_with_the_default_port_of_its_scheme() {
    assert_eq!(origin("localhost:8379", "http://localhost:8379"), None);
    assert_eq!(origin("localhost:8379", "HTTP://LOCALHOST:8379"), None);
    assert_eq!(origin("localhost", "http://localhost:80"), None);
    assert_eq!(origin("localhost", "https://localhost"), None);
}

#[test]
fn every_other_origin_is_foreign() {
    for foreign in [
        "null",
        "http://localhost:8380",
        "http://127.0.0.1:8379",
        "https://evil.example",
        "chrome-extension://abcdef",
        "http://",
        "http://localhost:8379/path",
        "file://",
    ] {
        assert_eq!(
            origin("localhost:8379", foreign),
            Some(Code::ForeignOrigin),
            "{foreign}"
        );
    }
    let two = [
        "Host: localhost",
        "Origin: http://localhost",
        "Origin: http://localhost",
    ];
    assert_eq!(
        check(&[], "GET", "/api/v1/kv", &two),
        Some(Code::ForeignOrigin)
    );
    let allowed = ["Host: localhost:8379", "Origin: https://etcd.lan"];
    assert_eq!(check(&["etcd.lan"], "POST", "/api/v1/txn", &allowed), None);
}

fn site(method: &str, path: &str, extra: &[&str]) -> Option<Code> {
    let mut headers = vec!["Host: localhost:8379"];
    headers.extend(extra);
    check(&[], method, path, &headers)
}

#[test]
fn another_site_may_only_link_to_pages() {
    let link = [
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Dest: document",
    ];
    assert_eq!(site("GET", "/locks", &link), None);
    assert_eq!(site("GET", "/api/docs", &link), None);
    assert_eq!(site("GET", "/assets/app.js", &link), None);
    assert_eq!(
        site("GET", "/api/v1/kv?prefix=", &link),
        Some(Code::ForeignOrigin)
    );
    assert_eq!(site("GET", "/metrics", &link), Some(Code::ForeignOrigin));
    assert_eq!(site("POST", "/locks", &link), Some(Code::ForeignOrigin));
    let framed = [
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Dest: iframe",
    ];
    assert_eq!(site("GET", "/locks", &framed), Some(Code::ForeignOrigin));
    assert_eq!(
        site("GET", "/api/v1/kv", &["Sec-Fetch-Site: same-origin"]),
        None
    );
    assert_eq!(site("GET", "/api/v1/kv", &["Sec-Fetch-Site: none"]), None);
}

#[test]
fn only_static_files_need_no_origin() {
    let foreign = ["Host: localhost:8379", "Origin: https://etcd.example"];
    for path in [
        "/",
        "/explorer",
        "/nope",
        "/assets/app-1.js",
        "/assets/app-1_bg.wasm",
        "/api/docs",
    ] {
        for method in ["GET", "HEAD"] {
            assert_eq!(check(&[], method, path, &foreign), None, "{method} {path}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            assert_eq!(
                check(&[], method, path, &foreign),
                Some(Code::ForeignOrigin),
                "{method} {path}"
            );
        }
    }
    for path in [
        "/api/v1/kv",
        "/api/openapi.json",
        "/v3/kv/range",
        "/healthz",
        "/metrics",
    ] {
        assert_eq!(
            check(&[], "GET", path, &foreign),
            Some(Code::ForeignOrigin),
            "{path}"
        );
    }
    // The Host is checked for files too: that is what prevents DNS rebinding.
    let rebound = ["Host: evil.example", "Origin: http://evil.example"];
    assert_eq!(
        check(&[], "GET", "/assets/app-1.js", &rebound),
        Some(Code::ForeignHost)
    );
}

#[test]
fn an_http_1_0_probe_needs_no_host() {
    let probes = ["/healthz", "/readyz", "/health", "/version", "/metrics"];
    for path in probes {
        for method in ["GET", "HEAD"] {
            assert_eq!(check(&[], method, path, &["HTTP: 1.0"]), None, "{path}");
            // If it names one, that must be ours.
            let named = ["HTTP: 1.0", "Host: evil.example"];
            assert_eq!(
                check(&[], method, path, &named),
                Some(Code::ForeignHost),
                "{path}"
            );
            // RFC 9112, 3.2: a request of HTTP/1.1 without a Host is 400.
            assert_eq!(
                check(&[], method, path, &[]),
                Some(Code::BadRequest),
                "{path}"
            );
        }
        let page = ["HTTP: 1.0", "Origin: https://evil.example"];
        assert_eq!(
            check(&[], "GET", path, &page),
            Some(Code::ForeignOrigin),
            "{path}"
        );
    }
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/api/v1/kv"),
        ("POST", "/healthz"),
        ("GET", "/healthz/x"),
    ] {
        assert_eq!(
            check(&[], method, path, &["HTTP: 1.0"]),
            Some(Code::BadRequest),
            "{method} {path}"
        );
    }
}
