//! Forms of credentials, and their precedence.

use super::*;

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn token(text: &str) -> Credential {
    Credential::Token(Secret::new(text))
}

fn password(name: &str, password: &str) -> Credential {
    Credential::Password(Credentials {
        name: name.to_owned(),
        password: Secret::new(password),
    })
}

#[test]
fn rest_accepts_basic_and_bearer() {
    let check = |value: &'static str, expected: Credential| {
        let read = of_rest(&headers(&[("authorization", value)]));
        assert_eq!(read.expect("reads"), expected, "{value}");
    };
    check("Basic cm9vdDphOmI=", password("root", "a:b"));
    check("basic  cm9vdDo=", password("root", ""));
    check("Bearer abc.7", token("abc.7"));
    assert_eq!(of_rest(&HeaderMap::new()).expect("reads"), Credential::None);
}

#[test]
fn malformed_credentials_are_refused() {
    for value in [
        "abc.7",
        "Basic",
        "Basic !",
        "Basic cm9vdA==",
        "Basic OmE=",
        "Bearer ",
        "Digest x",
    ] {
        let read = of_rest(&headers(&[("authorization", value)]));
        assert_eq!(
            read.expect_err("refused").code,
            Code::Unauthenticated,
            "{value}"
        );
    }
    let two = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
    assert!(of_rest(&two).is_err());
}

#[test]
fn v3_accepts_every_form_of_etcds_gateway() {
    let check = |name: &'static str, value: &'static str, expected: Credential| {
        let read = of_v3(&headers(&[(name, value)]));
        assert_eq!(read.expect("reads"), expected, "{name}: {value}");
    };
    check("authorization", "abc.7", token("abc.7"));
    check("authorization", "Bearer abc.7", token("abc.7"));
    check("authorization", "Basic cm9vdDph", password("root", "a"));
    check("grpc-metadata-token", "abc.7", token("abc.7"));
    check("grpc-metadata-authorization", "abc.7", token("abc.7"));
    check("sec-websocket-protocol", "Bearer, abc.7", token("abc.7"));
    check("sec-websocket-protocol", "chat", Credential::None);
}

#[test]
fn credential_precedence_matches_etcd() {
    let check = |lines: &[(&'static str, &'static str)], expected: Credential| {
        let read = of_v3(&headers(lines));
        assert_eq!(read.expect("reads"), expected, "{lines:?}");
    };
    let basic = ("authorization", "Basic cm9vdDph");
    check(&[basic, ("grpc-metadata-token", "t.1")], token("t.1"));
    let same = ("grpc-metadata-authorization", "t.2");
    check(&[basic, same], password("root", "a"));
    check(&[same, ("grpc-metadata-token", "t.1")], token("t.1"));
    check(
        &[same, ("sec-websocket-protocol", "Bearer, t.3")],
        token("t.2"),
    );
}
