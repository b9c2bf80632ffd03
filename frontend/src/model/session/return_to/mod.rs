//! The address that a user returns to after signing in: a page of this cluster, never another site.

use crate::model::percent;

#[cfg(test)]
mod tests;

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
