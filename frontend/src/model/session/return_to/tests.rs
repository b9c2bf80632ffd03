use super::{address_to_return_to, own_address};
use crate::model::percent;

const BASE: &str = "/etcd/clusters/prod";

#[test]
fn an_own_page_is_returned_to_with_its_query() {
    for query in [
        "",
        "?key=/a%20b",
        "?key=//x.example/&tab=history",
        "?prefix=a%3Fb#c",
    ] {
        let address = format!("{BASE}/explorer{query}");
        assert_eq!(own_address(address.as_bytes(), BASE), Some(address));
    }
    let query = address_to_return_to("/etcd/clusters/prod/explorer", "?key=%FF&tab=x", BASE);
    let value = percent::query_value(&query[1..], "return").expect("it has one");
    let returned = own_address(&value, BASE).expect("an own page");
    assert_eq!(returned, "/etcd/clusters/prod/explorer?key=%FF&tab=x");
}

#[test]
fn other_addresses_are_refused() {
    let long = format!("{BASE}/explorer?key={}", "x".repeat(20_000));
    for wanted in [
        "",
        "/",
        "explorer",
        "/explorer",
        "https://x.example/etcd/clusters/prod/explorer",
        "//x.example/etcd/clusters/prod/explorer",
        "/\\x.example/",
        "\\\\x.example",
        "javascript:alert(1)",
        "/etcd/clusters/prod",
        "/etcd/clusters/prod/",
        "/etcd/clusters/prod//x.example",
        "/etcd/clusters/prod/../../../x",
        "/etcd/clusters/prod/%2e%2e/x",
        "/etcd/clusters/prod/explorer/../x",
        "/etcd/clusters/production/explorer",
        "/etcd/clusters/other/explorer",
        "/etcd/clusters/prod/explorer\\x",
        "/etcd/clusters/prod/explorer?key=\u{9}",
        "/etcd/clusters/prod/explorer?key=a b",
        " /etcd/clusters/prod/explorer",
        "/etcd/clusters/prod/explorer\n",
        "/etcd/clusters/prod/sign-in?return=x",
        "/etcd/clusters/prod@x.example/explorer",
        "/etcd/clusters/prod/\u{ff0f}x",
        &long,
    ] {
        assert_eq!(own_address(wanted.as_bytes(), BASE), None, "{wanted}");
    }
    assert_eq!(own_address(b"\xff", BASE), None);
    assert_eq!(own_address(b"/x/explorer", ""), None);
    assert_eq!(address_to_return_to("/etcd/clusters/prod/", "", BASE), "");
    assert_eq!(
        address_to_return_to("/etcd/clusters/prod/sign-in", "return=x", BASE),
        ""
    );
}
