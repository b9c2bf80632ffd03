use super::*;

const HTML: &str = "<html><head></head><body><script type=\"module\">import '/assets/app-1.js';</script></body></html>";
const HTML_WITH_BASE: &str = "<html><head><meta name=\"watchgate-base\" content=\"\"><meta name=\"watchgate-clusters\" content=\"default two%20words\"></head><body><script type=\"module\">import '/assets/app-1.js';</script></body></html>";
const NAVIGATION: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn built() -> Assets {
    let files = [
        ("index.html", HTML.as_bytes()),
        ("app-1.js", b"plain script"),
        ("app-1.js.br", b"brotli"),
        ("app-1.js.gz", b"gzip"),
        ("app-1_bg.wasm", b"\0asm"),
        ("fonts/a-1.woff2", b"font"),
    ];
    let files = files
        .into_iter()
        .map(|(name, bytes)| (name.to_owned(), Bytes::from_static(bytes)))
        .collect();
    Assets::new(
        Files(files),
        "",
        vec!["default".to_owned(), "two words".to_owned()],
    )
}

fn get(assets: &Assets, path: &str, headers: &[(&'static str, &str)]) -> Option<Response> {
    request(assets, &Method::GET, path, headers)
}

fn request(
    assets: &Assets,
    method: &Method,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Option<Response> {
    let headers = headers
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value).expect("the test's header is valid");
            (http::HeaderName::from_static(name), value)
        })
        .collect();
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    assets.respond(method, path, query, &headers)
}

fn header(response: &Response, name: http::HeaderName) -> &str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().expect("our headers are ASCII"))
}

async fn body(response: Response) -> Bytes {
    axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("the body is in memory")
}

#[tokio::test]
async fn an_asset_is_cached_forever_and_sent_in_its_smallest_encoding() {
    let response = get(
        &built(),
        "/assets/app-1.js",
        &[("accept-encoding", "gzip, br")],
    )
    .expect("an asset");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        header(&response, CACHE_CONTROL),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(header(&response, CONTENT_ENCODING), "br");
    assert_eq!(header(&response, VARY), "accept-encoding");
    assert_eq!(
        header(&response, CONTENT_TYPE),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(header(&response, CONTENT_LENGTH), "6");
    assert_eq!(body(response).await, "brotli");
}

#[tokio::test]
async fn each_encoding_of_an_asset_has_its_own_entity_tag() {
    let assets = built();
    let mut tags = Vec::new();
    for (accept, content) in [
        ("br", "brotli"),
        ("gzip", "gzip"),
        ("identity", "plain script"),
    ] {
        let response =
            get(&assets, "/assets/app-1.js", &[("accept-encoding", accept)]).expect("an asset");
        tags.push(header(&response, ETAG).to_owned());
        assert_eq!(body(response).await, content);
    }
    tags.dedup();
    assert_eq!(tags.len(), 3);
}

#[test]
fn content_types_are_those_that_browsers_require() {
    let assets = built();
    for (path, kind) in [
        ("/assets/app-1_bg.wasm", "application/wasm"),
        ("/assets/fonts/a-1.woff2", "font/woff2"),
    ] {
        assert_eq!(
            header(&get(&assets, path, &[]).expect("an asset"), CONTENT_TYPE),
            kind
        );
    }
}

#[test]
fn an_unknown_asset_is_404_even_for_a_navigation() {
    let assets = built();
    for path in [
        "/assets/app-2.js",
        "/assets/",
        "/assets/../index.html",
        "/assets/index.html",
        "/assets/app-1.js.br",
    ] {
        let response = get(&assets, path, &[NAVIGATION]).expect("the prefix is ours");
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(&response, CACHE_CONTROL), "", "{path}");
    }
}

#[tokio::test]
async fn a_page_is_revalidated_and_not_sent_again_when_unchanged() {
    let assets = built();
    let response = get(&assets, "/clusters/default/locks", &[NAVIGATION]).expect("a page");
    assert_eq!(header(&response, CACHE_CONTROL), "no-cache");
    let tag = header(&response, ETAG).to_owned();
    assert!(tag.starts_with('"'), "a strong tag: {tag}");
    assert!(!body(response).await.is_empty());

    let again = get(
        &assets,
        "/clusters/default/locks",
        &[NAVIGATION, ("if-none-match", &tag)],
    )
    .expect("a page");
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, ETAG), tag);
    assert_eq!(header(&again, CACHE_CONTROL), "no-cache");
    assert!(body(again).await.is_empty());
}

#[test]
fn html_is_served_only_for_pages() {
    let assets = built();
    for (path, accept, page) in [
        ("/", "*/*", true),
        ("/", "text/html", true),
        ("/clusters/default", "text/html", true),
        ("/clusters/default/explorer", "text/html", true),
        ("/clusters/two%20words/explorer", "*/*", true),
        ("/clusters/default/watch/", "text/*;q=0.1", true),
        (
            "/clusters/default/locks",
            "application/json, */*;q=0",
            false,
        ),
        ("/clusters/default/explorer", "application/json", false),
        ("/clusters/default/nope", "*/*", false),
        ("/clusters", "*/*", false),
        ("/explorer", "application/json", false),
        ("/nope", "*/*", false),
        ("/watch/a/b", "*/*", false),
        ("/assets", "text/html", false),
        ("/v3beta", "text/html", false),
        ("/v3beta/kv/range", "text/html", false),
        ("/favicon.ico", "text/html", false),
        ("/api", "text/html", false),
        ("/api/v1/nothing", "text/html", false),
        ("/v3/kv/range", "text/html", false),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let response = request(&assets, &method, path, &[("accept", accept)]);
            let status = response.map(|response| response.status());
            let expected = page.then_some(StatusCode::OK);
            assert_eq!(status, expected, "{method} {path} {accept}");
        }
    }
    for page in PAGES {
        let path = format!("/clusters/default{page}");
        let response = get(&assets, &path, &[]).expect("any type is accepted");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    assert!(
        request(&assets, &Method::POST, "/", &[NAVIGATION]).is_none(),
        "only GET and HEAD"
    );
}

#[test]
fn a_page_at_the_root_redirects_to_the_default_cluster() {
    let files = Files([("index.html".to_owned(), Bytes::from_static(HTML.as_bytes()))].into());
    let below = Assets::new(files, "/etcd/", vec!["one two".to_owned()]);
    for (assets, path, location) in [
        (&built(), "/explorer", "/clusters/default/explorer"),
        (
            &built(),
            "/explorer?key=%2Fa%20b&x",
            "/clusters/default/explorer?key=%2Fa%20b&x",
        ),
        (&below, "/locks/", "/etcd/clusters/one%20two/locks"),
        (&below, "/watch?", "/etcd/clusters/one%20two/watch?"),
    ] {
        for accept in ["text/html", "*/*"] {
            let response = get(assets, path, &[("accept", accept)]).expect("a redirect");
            assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT, "{path}");
            assert_eq!(header(&response, http::header::LOCATION), location);
        }
    }
}

#[test]
fn an_unknown_cluster_gets_the_page_as_a_404() {
    let assets = built();
    for path in ["/clusters/other/explorer", "/clusters/other/"] {
        let response = get(&assets, path, &[]).expect("a page");
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        let program = get(&assets, path, &[("accept", "application/json")]);
        assert!(program.is_none(), "{path}");
    }
}

#[tokio::test]
async fn a_browser_at_an_unknown_path_gets_the_page_as_a_404() {
    let assets = built();
    for path in ["/nope", "/watch/a/b", "/apiary"] {
        let response = get(&assets, path, &[NAVIGATION]).expect("a page");
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(&response, ETAG), "", "{path}");
        assert_eq!(body(response).await, HTML_WITH_BASE, "{path}");
        assert!(get(&assets, path, &[]).is_none(), "{path}: not a browser");
    }
}

#[test]
fn every_route_of_the_dashboard_is_a_page() {
    let app = include_str!("../../../frontend/src/app.rs");
    let routes = app.split("path=path!(\"").skip(1);
    let mut routes: Vec<&str> = routes
        .filter_map(|rest| rest.split('"').next())
        .filter(|route| *route != "/")
        .collect();
    routes.sort_unstable();
    let mut pages = PAGES;
    pages.sort_unstable();
    assert_eq!(routes, pages);
    assert!(PAGES_AT_ROOT.iter().all(|page| pages.contains(page)));
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let assets = built();
    for path in ["/", "/assets/app-1.js"] {
        let full = get(&assets, path, &[NAVIGATION]).expect("there");
        let head = request(&assets, &Method::HEAD, path, &[NAVIGATION]).expect("there");
        assert_eq!(head.headers(), full.headers(), "{path}");
        assert!(body(head).await.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn without_a_dashboard_the_page_says_how_to_build_it() {
    let assets = Assets::new(Files::default(), "", Vec::new());
    let response = get(&assets, "/", &[NAVIGATION]).expect("a page");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let text = String::from_utf8(body(response).await.to_vec()).expect("the page is text");
    assert!(text.contains("cargo xtask build"), "{text}");
}

#[test]
fn the_policy_allows_only_the_pages_own_script() {
    let policy = built()
        .content_security_policy()
        .to_str()
        .expect("the policy is ASCII")
        .to_owned();
    assert_eq!(policy.matches("'sha256-").count(), 1, "{policy}");
    assert!(!policy.contains("unsafe-inline"), "{policy}");
}
