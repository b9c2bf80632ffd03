//! Property test: any request has the same response from both. Sequences of random requests, valid and
//! invalid, go to etcd's gateway and to Watchgate, each in front of a fresh, separate etcd. Statuses and
//! normalized responses must be equal.

mod meaning;
mod messages;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use support::{DEADLINE, ensure, eventually};
use tokio::runtime::Builder;

use self::meaning::normalized;
use self::messages::{CALLS, Kind, Message, SINCE_3_5};
use crate::differences::Difference;
use crate::side::Side;

/// JSON with what serde_json cannot write: numbers in any form, duplicate members, and malformed tokens.
#[derive(Clone, Debug)]
enum Json {
    Raw(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn write(&self, out: &mut String) {
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    out.push_str(&serde_json::to_string(name).expect("text is JSON"));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn raw(text: impl Into<String>) -> Json {
    Json::Raw(text.into())
}

/// How requests are written.
#[derive(Clone, Copy, Debug)]
struct Style {
    /// Percentage of values that are invalid for their kind.
    invalid: u32,
    /// Base64 is written only in the standard alphabet and with padding.
    plain: bool,
}

/// A request's JSON.
fn message(message: &'static Message, style: Style) -> BoxedStrategy<Json> {
    let invalid = style.invalid;
    let fields = message.fields.iter().enumerate();
    let plain: Vec<BoxedStrategy<Option<(String, Json)>>> = fields
        .clone()
        .filter(|(at, _)| *at < message.oneof_from)
        .map(|(_, field)| member(field, style, probability(field)))
        .collect();
    let alternatives: Vec<BoxedStrategy<Option<(String, Json)>>> = fields
        .filter(|(at, _)| *at >= message.oneof_from)
        .map(|(_, field)| member(field, style, 0.99))
        .collect();
    let chosen = if alternatives.is_empty() {
        Just(Vec::new()).boxed()
    } else {
        let one = prop::strategy::Union::new(alternatives);
        // Sometimes two alternatives at once.
        let usual = prop::collection::vec(one.clone(), 1..=1);
        let odd = prop::collection::vec(one, 0..=2);
        prop_oneof![100 - invalid => usual, invalid.max(1) => odd].boxed()
    };
    let odd = if invalid == 0 {
        Just(None).boxed()
    } else {
        prop_oneof![
            9 => Just(None),
            1 => Just(Some(("nosuch".to_owned(), raw("[{\"a\":null},1.5]")))),
        ]
        .boxed()
    };
    (plain, chosen, odd)
        .prop_map(move |(plain, mut chosen, odd)| {
            if invalid == 0 {
                // More than one alternative is invalid, and lax servers accept one of them.
                chosen.truncate(1);
            }
            let mut members: Vec<_> = plain
                .into_iter()
                .chain(chosen)
                .flatten()
                .chain(odd)
                .collect();
            if invalid == 0 {
                // No duplicate names.
                let mut seen = std::collections::HashSet::new();
                members.retain(|(name, _)| seen.insert(name.clone()));
            }
            Json::Object(members)
        })
        .boxed()
}

/// How often a field is present.
fn probability((name, _, kind): &(&str, &str, Kind)) -> f64 {
    match kind {
        // Without a TTL the leases would expire, on each side at another moment.
        Kind::Ttl => 1.0,
        // etcd 3.4.23 crashes on a grant without a permission.
        _ if *name == "perm" => 1.0,
        Kind::Name | Kind::One(_) => 0.9,
        _ if *name == "key" => 0.95,
        _ => 0.3,
    }
}

fn member(
    (proto, json, kind): &'static (&'static str, &'static str, Kind),
    style: Style,
    probability: f64,
) -> BoxedStrategy<Option<(String, Json)>> {
    let name = prop_oneof![Just(*proto), Just(*json)];
    let named = (name, value(*kind, style)).prop_map(|(name, value)| (name.to_owned(), value));
    if probability >= 1.0 {
        return named.prop_map(Some).boxed();
    }
    prop::option::weighted(probability, named).boxed()
}

fn value(kind: Kind, style: Style) -> BoxedStrategy<Json> {
    let (invalid, plain) = (style.invalid, style.plain);
    let right: BoxedStrategy<Json> = match kind {
        Kind::Key => bytes(
            prop_oneof![
                8 => "[a-d]{1,2}".prop_map(String::into_bytes),
                1 => Just(vec![0]),
                1 => Just(vec![0xff, 0xfb]),
            ],
            plain,
        ),
        Kind::Value => bytes(prop::collection::vec(any::<u8>(), 0..6), plain),
        Kind::Small => number(prop_oneof![8 => 0_i64..12, 1 => -3_i64..0, 1 => Just(i64::MAX)]),
        Kind::Lease => number(prop_oneof![4 => 0_i64..4, 1 => Just(-9_i64)]),
        Kind::Ttl => {
            return prop_oneof![4 => Just(raw("60000")), 1 => Just(raw("9000000001"))].boxed();
        }
        Kind::Name => "[a-c]{1,1}"
            .prop_map(|name| raw(format!("\"{name}\"")))
            .boxed(),
        Kind::Flag => prop_oneof![Just(raw("true")), Just(raw("false"))].boxed(),
        Kind::Names(names) => {
            let at = 0..names.len();
            (at, any::<bool>())
                .prop_map(|(at, named)| {
                    raw(if named {
                        format!("\"{}\"", names[at])
                    } else {
                        at.to_string()
                    })
                })
                .boxed()
        }
        Kind::Text(texts) => prop::sample::select(texts)
            .prop_map(|text| raw(format!("\"{text}\"")))
            .boxed(),
        Kind::List(inner) => prop::collection::vec(message(inner, style), 0..3)
            .prop_map(Json::List)
            .boxed(),
        Kind::One(inner) => message(inner, style),
    };
    if invalid == 0 {
        return right;
    }
    let odd = prop::sample::select(vec![
        "null",
        "7",
        "-1",
        "1.0",
        "2e0",
        "1.5",
        "1e30",
        "\"7\"",
        "\" 7\"",
        "\"x\"",
        "\"\"",
        "true",
        "\"true\"",
        "[]",
        "[null]",
        "{}",
        "\"YQ\"",
        "\"YQ==\"",
        "\"Y!\"",
        "\"YQ=\"",
        "99",
        "9223372036854775808",
        "-9223372036854775809",
        "\"NOSUCH\"",
        "\"DESCEND\"",
        "01",
        "+1",
        "nul",
        "\"\\ud83d\"",
        "\"\\u0059Q\"",
        "\"Y\\nQ\"",
        "-0",
    ]);
    prop_oneof![100 - invalid => right, invalid => odd.prop_map(raw)].boxed()
}

fn bytes(value: impl Strategy<Value = Vec<u8>> + 'static, plain: bool) -> BoxedStrategy<Json> {
    let first = if plain { 2 } else { 0 };
    (value, first..6)
        .prop_map(|(value, form)| {
            raw(match form {
                0 => format!("\"{}\"", STANDARD_NO_PAD.encode(value)),
                1 => format!("\"{}\"", URL_SAFE.encode(value)),
                _ => format!("\"{}\"", STANDARD.encode(value)),
            })
        })
        .boxed()
}

fn number(value: impl Strategy<Value = i64> + 'static) -> BoxedStrategy<Json> {
    (value, any::<bool>())
        .prop_map(|(value, text)| {
            raw(if text {
                format!("\"{value}\"")
            } else {
                value.to_string()
            })
        })
        .boxed()
}

/// A path and a body.
fn request(style: Style) -> BoxedStrategy<(&'static str, String)> {
    let calls = CALLS.iter().map(|(weight, path, body)| {
        let body = message(body, style).prop_map(|json| {
            let mut text = String::new();
            json.write(&mut text);
            text
        });
        (*weight, (Just(*path), body).boxed())
    });
    let call = prop::strategy::Union::new_weighted(calls.collect());
    if style.invalid == 0 {
        return call.boxed();
    }
    // Truncated, or with a prefix or suffix.
    (call, 0..40_u32, any::<prop::sample::Index>())
        .prop_map(|((path, body), change, at)| {
            let body = match change {
                0 => body[..at.index(body.len() + 1)].to_owned(),
                1 => format!(" \n{body}"),
                2 => format!("{body} x"),
                3 => format!("x{body}"),
                4 => format!("[{body}]"),
                5 => body.replace(',', ",,"),
                6 => String::new(),
                _ => body,
            };
            (path, body)
        })
        .boxed()
}

async fn response_of(side: &Side, path: &str, body: &str) -> (u16, Value) {
    let request = side
        .client
        .request(Method::POST, path)
        .body(body.to_owned());
    let response = request.send().await;
    let status = match response.status.as_u16() {
        412 if side.has(Difference::PreconditionsAre412) => 400,
        status => status,
    };
    normalized(status, &response.body, path)
}

/// Password hashes are cheap, since their strength does not matter here.
const CHEAP: [&str; 1] = ["--bcrypt-cost=4"];

/// Waits until the cluster version is known, without which etcd cannot validate a downgrade.
async fn cluster_version_known(side: Side) -> Side {
    let body = r#"{"version":"3.0"}"#;
    eventually("etcd validates a downgrade", DEADLINE, async || {
        let request = side.client.request(Method::POST, SINCE_3_5[1]);
        let response = request.body(body).send().await.text();
        let validated = response.contains("invalid downgrade target version");
        ensure(validated || !side.at_least(3, 5), || response)
    })
    .await;
    side
}

/// Sends sequences of requests to both. Both receive the same requests, also while a failure is shrunk.
fn compare(invalid: u32, cases: u32) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be created");
    let start = async |ours| cluster_version_known(Side::own_etcd(ours, &CHEAP).await).await;
    let (etcd, ours) = runtime.block_on(async { tokio::join!(start(false), start(true)) });
    if invalid > 0 && etcd.has(Difference::LaxJson) {
        eprintln!(
            "skipped: etcd {:?} accepts some invalid JSON; only valid requests are compared",
            etcd.version
        );
        return;
    }
    let style = Style {
        invalid,
        plain: etcd.has(Difference::StandardBase64Only),
    };
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let requests = prop::collection::vec(request(style), 1..10);
    let run = TestRunner::new(config).run(&requests, |requests| {
        for (path, body) in requests {
            if SINCE_3_5.contains(&path) && !etcd.at_least(3, 5) {
                continue;
            }
            let (theirs, ours) = runtime.block_on(async {
                tokio::join!(
                    response_of(&etcd, path, &body),
                    response_of(&ours, path, &body)
                )
            });
            prop_assert_eq!(ours, theirs, "{} {}", path, body);
        }
        Ok(())
    });
    run.unwrap_or_else(|found| panic!("{found}"));
}

#[test]
fn valid_requests_have_the_same_responses() {
    compare(0, 300);
}

#[test]
fn invalid_requests_have_the_same_responses() {
    compare(4, 500);
}

#[test]
fn very_invalid_requests_have_the_same_responses() {
    compare(25, 300);
}
