//! When the page is shown, in which language, and what it contains.

use super::*;

fn request(method: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = http::Request::builder().method(method).uri("/locks");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[test]
fn only_a_navigation_gets_a_page() {
    assert!(Visitor::of(&request("GET", &[HTML])).is_some());
    let navigate = ("sec-fetch-mode", "navigate");
    assert!(Visitor::of(&request("GET", &[HTML, navigate])).is_some());
    for (method, headers) in [
        ("POST", &[HTML][..]),
        ("HEAD", &[HTML]),
        ("GET", &[]),
        ("GET", &[("accept", "*/*")]),
        ("GET", &[("accept", "application/json")]),
        ("GET", &[HTML, ("sec-fetch-mode", "cors")]),
        ("GET", &[HTML, ("sec-fetch-mode", "websocket")]),
    ] {
        let visitor = Visitor::of(&request(method, headers));
        assert_eq!(visitor, None, "{method} {headers:?}");
    }
}

#[test]
fn the_page_uses_the_first_supported_language() {
    for (languages, chinese) in [
        ("zh-CN,zh;q=0.9,en;q=0.8", true),
        ("en-GB,en;q=0.9,zh;q=0.8", false),
        ("de, zh-TW;q=0.5", true),
        ("de", false),
        ("", false),
        ("é", false),
    ] {
        let visitor = Visitor::of(&request("GET", &[HTML, ("accept-language", languages)]));
        assert_eq!(
            visitor.map(|visitor| visitor.chinese),
            Some(chinese),
            "{languages}"
        );
    }
}

#[tokio::test]
async fn the_page_names_the_host_escaped() {
    for (host, shown) in [
        ("etcd.example:8379", "--allow-host etcd.example<"),
        ("[::2]:1", "--allow-host [::2]<"),
        ("<script>alert(1)</script>", "--allow-host &lt;script&gt;"),
    ] {
        let visitor = Visitor::of(&request("GET", &[HTML, ("host", host)])).expect("a navigation");
        let mut response = Response::new(Body::empty());
        let failure = Failure::new(Code::ForeignHost, "");
        visitor.explain(&mut response, &failure, "id-1");
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await;
        let page = String::from_utf8(bytes.expect("in memory").to_vec()).expect("text");
        assert!(page.contains(shown), "{page}");
        assert!(page.contains("id-1"), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }
}
