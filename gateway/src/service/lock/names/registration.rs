//! Which leased keys register an instance of a service. Pure.
//!
//! No recipe of etcd prescribes it; programs put the address of an instance under a lease. So a leased key that is no
//! lock is a registration if its last segment is an address (`/services/checkout/10.0.0.1:8080`), or its value is an
//! address or a URL, or a JSON object with such a member (etcd's own resolver writes `{"Op":0,"Addr":"…"}`).

use serde_json::{Map, Value};

use super::is_kubernetes_object;

/// The largest value that is examined, bytes: addresses are short.
const MAX_VALUE: usize = 4 << 10;
/// Members of a JSON value that name an address, in lower case.
const MEMBERS: [&str; 6] = ["addr", "address", "endpoint", "host", "url", "uri"];

/// Whether a leased key registers an instance of a service.
pub(in crate::service) fn is_registration(key: &[u8], value: &[u8]) -> bool {
    let last = key.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if is_kubernetes_object(value) {
        return false;
    }
    std::str::from_utf8(last).is_ok_and(is_address) || names_address(value)
}

fn names_address(value: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(value)
        .ok()
        .filter(|text| text.len() <= MAX_VALUE)
    else {
        return false;
    };
    if text.starts_with('{') {
        let object = serde_json::from_str::<Map<String, Value>>(text);
        return object.is_ok_and(|members| {
            members.iter().any(|(name, value)| {
                let text = value.as_str().unwrap_or_default();
                MEMBERS.contains(&name.to_ascii_lowercase().as_str()) && !text.is_empty()
            })
        });
    }
    let text = text.trim();
    is_address(text) || is_url(text)
}

/// `host:port`, with an IPv6 host in brackets.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let port = !port.starts_with('+') && port.parse::<u16>().is_ok_and(|port| port > 0);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|ip| ip.contains(':')),
        None => is_host(host),
    };
    port && host
}

/// A name or an IPv4 address. Digits alone are a number, as in a time of day.
fn is_host(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.chars().all(allowed) && text.chars().any(|c| c.is_ascii_alphabetic() || c == '.')
}

/// `scheme://host…`, without blanks.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '+');
    let authority = rest.split('/').next().unwrap_or_default();
    let host_fits = is_host(authority) || is_address(authority);
    scheme_fits && host_fits && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::is_registration;

    fn check(key: &str, value: &str, expected: bool) {
        let found = is_registration(key.as_bytes(), value.as_bytes());
        assert_eq!(found, expected, "{key} = {value}");
    }

    #[test]
    fn a_key_or_a_value_with_an_address_is_a_registration() {
        check("/services/checkout/10.0.0.1:8080", "{}", true);
        check("/services/checkout/[::1]:8080", "", true);
        check("/services/checkout/api-7:80", "", true);
        check("/services/checkout/a", "10.0.0.1:8080\n", true);
        check("/services/checkout/a", "http://api.example/base", true);
        check("svc/a", r#"{"Op":0,"Addr":"10.0.0.1:8080"}"#, true);
        check("svc/a", r#"{"address":"10.0.0.1"}"#, true);
        check("/sessions/12:30", "", false);
        check("/sessions/a:b", "", false);
        check("/sessions/a", "a: 5", false);
        check("/sessions/a", "see http://example", false);
        check("/sessions/a", r#"{"address":7}"#, false);
        check("/sessions/a", r#"{"name":"10.0.0.1:80"}"#, false);
        check("/sessions/a", "{broken", false);
        let object = r#"{"kind":"Endpoints","apiVersion":"v1","host":"a"}"#;
        check("/registry/masterleases/10.0.0.1", object, false);
        let long = format!("http://example/{}", "a".repeat(5_000));
        check("/sessions/a", &long, false);
    }
}
