//! The address that a user returns to after signing in: a page of this cluster, never another site.

use crate::model::percent;

/// Longer addresses are not returned to.
const MAX_LENGTH: usize = 16 * 1024;

/// The query of the sign-in page that returns to an address, which is the path and query of a page below
/// `router_base`; empty where there is nothing to return to. A fragment is not part of it: it may hold values, and
/// a query is sent to the server. It stays the fragment of the sign-in page's own address.
pub(crate) fn address_to_return_to(path: &str, query: &str, router_base: &str) -> String {
    let query = query.trim_start_matches('?');
    let address = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    match own_address(address.as_bytes(), router_base) {
        Some(_) => percent::query(&[("return", address.as_bytes())]),
        None => String::new(),
    }
}

/// The address, if it is a page of this cluster: its path is `router_base` and the name of a page. Everything
/// else, such as another site's address in any spelling, is refused.
pub(crate) fn own_address(wanted: &[u8], router_base: &str) -> Option<String> {
    let wanted = std::str::from_utf8(wanted).ok()?;
    // Browsers drop tabs and line ends from a URL, and read a backslash as a slash.
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '\\';
    if wanted.len() > MAX_LENGTH || !wanted.chars().all(plain) || !router_base.starts_with('/') {
        return None;
    }
    let below = wanted.strip_prefix(router_base)?.strip_prefix('/')?;
    let page = below.split(['?', '#']).next().unwrap_or_default();
    let is_page = page
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (is_page && !page.is_empty() && page != "sign-in").then(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
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
}
