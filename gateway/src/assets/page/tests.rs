//! The page at a base path, and its content security policy.

use super::*;

const HTML: &str = "<html><head><meta name=\"watchgate-base\" content=\"\">\
    <meta name=\"watchgate-clusters\" content=\"\">\
    <link rel=\"stylesheet\" href=\"/assets/app-1.css\"></head><body>\
    <script type=\"module\">import init from '/assets/a.js';</script></body></html>";

#[test]
fn the_base_path_is_put_into_every_url_and_the_meta() {
    let page = Page::new(HTML, "/etcd/", &[]);
    let html = String::from_utf8(page.html.to_vec()).expect("the page is text");
    assert!(html.contains("content=\"/etcd\""), "{html}");
    assert!(html.contains("href=\"/etcd/assets/app-1.css\""), "{html}");
    assert!(html.contains("from '/etcd/assets/a.js'"), "{html}");
}

#[test]
fn without_a_base_path_the_page_is_unchanged() {
    assert_eq!(Page::new(HTML, "", &[]).html, HTML.as_bytes());
}

#[test]
fn a_page_without_the_meta_gets_one() {
    let page = Page::new("<html><head></head></html>", "/x", &[]);
    assert_eq!(
        page.html,
        "<html><head><meta name=\"watchgate-base\" content=\"/x\"><meta name=\"watchgate-clusters\" content=\"\"></head></html>"
            .as_bytes()
    );
}

#[test]
fn the_names_of_the_clusters_cannot_end_their_quotes() {
    let names = ["prod".to_owned(), "a \"b".to_owned()];
    let page = Page::new(HTML, "", &names);
    let html = String::from_utf8(page.html.to_vec()).expect("the page is text");
    assert!(html.contains("content=\"prod a%20%22b\""), "{html}");
}

#[test]
fn the_hash_is_that_of_the_script_as_sent() {
    let page = Page::new(HTML, "/etcd", &[]);
    let expected = STANDARD.encode(Sha256::digest("import init from '/etcd/assets/a.js';"));
    assert_eq!(page.script_hashes, [expected]);
}

#[test]
fn a_script_with_a_source_needs_no_hash() {
    assert_eq!(
        inline_scripts("<script src=\"/a.js\"></script><script>x</script>"),
        ["x"]
    );
}

#[test]
fn a_base_path_cannot_end_its_quotes() {
    let page = Page::new(HTML, "/a\"><script>", &[]);
    assert_eq!(page.script_hashes.len(), 1, "no script was added");
}

#[test]
fn the_policy_allows_only_this_origin_and_hashed_scripts() {
    let policy = content_security_policy(&["abc=".to_owned()]);
    assert_eq!(
        policy,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-abc='; style-src 'self'; \
         connect-src 'self'; img-src 'self' data:; font-src 'self'; worker-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    );
}
