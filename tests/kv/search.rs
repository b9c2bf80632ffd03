//! `GET /search`: keys and values that contain bytes or match a regular expression.

use serde_json::{Value, json};
use support::auth;
use support::fill::fill;
use support::gateway::InProcess;
use support::stream::Ended;
use support::tap::Tap;
use support::{
    AuthWorld, Client, DEADLINE, Etcd, Grant, Response, Stream, Watchgate, World, bytes_in, ensure,
    eventually, percent,
};

/// The matches of a response, and its end.
#[track_caller]
fn read(response: Response) -> (Vec<Value>, Value) {
    let mut lines = response.expect(200).lines();
    let end = lines.pop().expect("an end line")["end"].take();
    assert!(end.is_object(), "the last line is the end");
    assert!(lines[0]["progress"]["of_keys"].is_number());
    let matches = lines.iter_mut().map(|line| line["match"].take());
    let matches: Vec<_> = matches.filter(|found| !found.is_null()).collect();
    assert_eq!(end["matches"], matches.len());
    (matches, end)
}

async fn search(api: &Client, query: &str) -> (Vec<Value>, Value) {
    read(api.get(&format!("/search?{query}")).send().await)
}

fn keys(matches: &[Value]) -> Vec<Vec<u8>> {
    matches
        .iter()
        .map(|found| bytes_in(&found["key"]))
        .collect()
}

/// What each range of a match points to, in the key or in the preview.
fn pointed(found: &Value) -> Vec<Vec<u8>> {
    let member = if found["in"] == "key" {
        "key"
    } else {
        "preview"
    };
    let text = bytes_in(&found[member]);
    let ranges = found["ranges"].as_array().expect("ranges").iter();
    let at = |range: &Value, n: usize| range[n].as_u64().expect("an offset") as usize;
    ranges
        .map(|range| text[at(range, 0)..at(range, 1)].to_vec())
        .collect()
}

#[tokio::test]
async fn every_match_among_many_windows_is_found() {
    let world = World::new("search-windows").await;
    let entries: Vec<_> = (0..50_000)
        .map(|n| {
            let word = if n % 997 == 3 { "needle" } else { "hay" };
            let value = format!("{} {word} {n}", "x".repeat(n % 300));
            (
                world.key(&format!("{n:06}")).into_bytes(),
                value.into_bytes(),
            )
        })
        .collect();
    let revision = fill(&world.client().await, entries.clone()).await;
    let prefix = percent(&world.prefix);
    let (matches, end) = search(&world.api, &format!("prefix={prefix}&contains=needle")).await;
    let expected: Vec<_> = entries
        .iter()
        .filter(|(_, value)| value.windows(6).any(|part| part == b"needle"))
        .collect();
    assert_eq!(
        keys(&matches),
        expected
            .iter()
            .map(|(key, _)| key.clone())
            .collect::<Vec<_>>()
    );
    for (found, (_, value)) in matches.iter().zip(&expected) {
        assert_eq!(
            (&found["in"], pointed(found)),
            (&json!("value"), vec![b"needle".to_vec()])
        );
        let preview = bytes_in(&found["preview"]);
        let offset = found["offset"].as_u64().expect("an offset") as usize;
        assert!(preview.len() <= 200);
        assert_eq!(preview, value[offset..offset + preview.len()]);
        assert_eq!(found["size"], value.len());
    }
    let bytes: usize = entries
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    assert_eq!(
        (&end["keys"], &end["of_keys"]),
        (&json!(50_000), &json!(50_000))
    );
    assert_eq!((&end["bytes"], &end["next"]), (&json!(bytes), &Value::Null));
    assert!(end.get("stopped_by").is_none());
    assert!(end["header"]["revision"].as_i64() >= Some(revision));

    let (matches, end) = search(
        &world.api,
        &format!(
            "prefix={prefix}&regex={}&in=keys",
            percent("/0(0{4}7|49999)$")
        ),
    )
    .await;
    assert_eq!(
        keys(&matches),
        [world.key("000007"), world.key("049999")].map(String::into_bytes)
    );
    assert!(matches[0].get("preview").is_none() && end["next"].is_null());
}

#[tokio::test]
async fn keys_and_values_are_bytes() {
    let world = World::new("search-bytes").await;
    let binary = [world.prefix.as_bytes(), b"\xff\0k"].concat();
    let text = world.key("text").into_bytes();
    let entries = [
        (binary.clone(), b"\x01\xfe\xff\x02".to_vec()),
        (text.clone(), "Größe und Straße".as_bytes().to_vec()),
    ];
    fill(&world.client().await, entries).await;
    let prefix = percent(&world.prefix);
    let find = async |query: &str| {
        let (matches, _) = search(&world.api, &format!("prefix={prefix}&{query}")).await;
        matches
    };
    let check = |matches: &[Value], key: &[u8], place: &str, what: &[&[u8]]| {
        assert_eq!(keys(matches), [key.to_vec()]);
        assert_eq!(
            (&matches[0]["in"], pointed(&matches[0])),
            (&json!(place), what.iter().map(|it| it.to_vec()).collect())
        );
    };
    check(&find("contains=%ff%00").await, &binary, "key", &[b"\xff\0"]);
    check(
        &find("contains=%fe%ff").await,
        &binary,
        "value",
        &[b"\xfe\xff"],
    );
    check(
        &find("contains=%ff&in=values").await,
        &binary,
        "value",
        &[b"\xff"],
    );
    let bytes = percent(r"(?-u)^\x01[^\x00]{2}\x02$");
    check(
        &find(&format!("regex={bytes}")).await,
        &binary,
        "value",
        &[b"\x01\xfe\xff\x02"],
    );
    let word = format!("regex={}", percent("(?i)STRA.E$"));
    check(&find(&word).await, &text, "value", &["Straße".as_bytes()]);
    let word = format!("contains={}&ignore_case", percent("GRÖ"));
    check(&find(&word).await, &text, "value", &["Grö".as_bytes()]);
    assert!(find("contains=STRASSE&ignore_case").await.is_empty());
    assert!(find("contains=text&in=values").await.is_empty());
    // An anchor is the end of the value, not of a line of it or of the preview.
    assert!(find(&format!("regex={}", percent("^und"))).await.is_empty());
}

#[tokio::test]
async fn a_limited_search_continues_without_a_gap_or_a_duplicate() {
    let world = World::new("search-next").await;
    let name = |n: usize| world.key(&format!("{n:04}")).into_bytes();
    let entries = (0..2_500).map(|n| (name(n), b"word".to_vec()));
    fill(&world.client().await, entries).await;
    let prefix = percent(&world.prefix);
    let (first, end) = search(&world.api, &format!("prefix={prefix}&contains=word")).await;
    assert_eq!((first.len(), &end["stopped_by"]), (1000, &json!("matches")));

    let (mut all, mut end) = search(
        &world.api,
        &format!("prefix={prefix}&contains=word&limit=700"),
    )
    .await;
    let revision = end["header"]["revision"].clone();
    for _ in 0..3 {
        assert_eq!(end["stopped_by"], "matches");
        // Later changes are not seen: all requests read one revision.
        world.put("0001x", "word").await;
        world.put("2400", "another").await;
        let next = end["next"].as_str().expect("a cursor").to_owned();
        let (more, after) = search(&world.api, &format!("cursor={next}")).await;
        assert_eq!(after["of_keys"], 2_500 - all.len());
        assert_eq!(after["header"]["revision"], revision);
        all.extend(more);
        end = after;
    }
    assert_eq!((&end["next"], end.get("stopped_by")), (&Value::Null, None));
    assert_eq!(keys(&all), (0..2_500).map(name).collect::<Vec<_>>());
    // A limit that the last match reaches leaves nothing to continue.
    let (_, end) = search(
        &world.api,
        &format!("prefix={prefix}00&contains=word&limit=101"),
    )
    .await;
    assert_eq!((&end["matches"], &end["next"]), (&json!(101), &Value::Null));
}

#[tokio::test]
async fn an_estimate_counts_keys_and_extrapolates_bytes() {
    let world = World::new("search-estimate").await;
    let entries: Vec<_> = (0..20_000)
        .map(|n| {
            let size = if n < 10_000 { 10 } else { 200 };
            (world.key(&format!("{n:05}")).into_bytes(), vec![b'v'; size])
        })
        .collect();
    fill(&world.client().await, entries.clone()).await;
    let estimate = async |query: &str| {
        let path = format!("/search?estimate&{query}");
        world.api.get(&path).send().await.json(200)
    };
    let prefix = percent(&world.prefix);
    let all = estimate(&format!("prefix={prefix}")).await;
    let real: usize = entries
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    assert_eq!(
        (&all["keys"], &all["bytes_exact"]),
        (&json!(20_000), &json!(false))
    );
    let ratio = all["bytes"].as_f64().expect("a number") / real as f64;
    assert!((0.8..1.25).contains(&ratio), "{all}, really {real}");
    assert!(all["sampled_keys"].as_u64() < Some(2_000));
    // Keys have one size here, so nothing is guessed wrong.
    let keys = estimate(&format!("prefix={prefix}&in=keys&contains=x")).await;
    assert_eq!(keys["bytes"], 20_000 * entries[0].0.len());
    let some = estimate(&format!("prefix={prefix}0000")).await;
    assert_eq!(
        (&some["keys"], &some["bytes_exact"]),
        (&json!(10), &json!(true))
    );
    assert_eq!(some["bytes"], 10 * (entries[0].0.len() + 10));
    let none = estimate(&format!("prefix={prefix}no")).await;
    assert_eq!((&none["keys"], &none["bytes"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn malformed_searches_are_refused() {
    let world = World::new("search-refused").await;
    let refused = async |query: &str| {
        let path = format!("/search?{query}");
        let response = world.api.get(&path).send().await;
        response.problem(400, "bad_request")
    };
    for query in [
        "contains=x".to_owned(),
        "prefix=".to_owned(),
        "prefix=&contains=".to_owned(),
        "prefix=&regex=".to_owned(),
        "prefix=&contains=x&regex=x".to_owned(),
        "prefix=&contains=x&in=".to_owned(),
        "prefix=&contains=x&in=keys,lease".to_owned(),
        "prefix=&contains=x&limit=1001".to_owned(),
        "prefix=&contains=x&timeout=5s".to_owned(),
        "prefix=&regex=%ff".to_owned(),
        format!("prefix=&contains={}", "x".repeat(1025)),
        format!("prefix=&regex={}", percent(r"((\w{99}){99}){99}")),
        "cursor=AAAA".to_owned(),
    ] {
        refused(&query).await;
    }
    let problem = refused(&format!("prefix=&regex={}", percent("é(b"))).await;
    assert_eq!(problem["position"], 2, "{problem}");
    let path = "/search?prefix=&contains=x&revision=1000000000";
    world
        .api
        .get(path)
        .send()
        .await
        .problem(416, "future_revision");
}

/// Keys that are so long that a search, all of whose matches fit into no buffer, waits for its client.
async fn fill_long_keys(etcd: &Etcd, prefix: &str) {
    let long = "k".repeat(20_000);
    let entries = (0..1500).map(|n| (format!("{prefix}{n:04}{long}").into_bytes(), b"v".to_vec()));
    fill(&etcd.client().await, entries).await;
}

/// Starts a search and reads its first line only.
async fn start(api: &Client, query: &str) -> Stream {
    let mut stream = Stream::ndjson(api.get(&format!("/search?{query}"))).await;
    let first = stream.line_within(DEADLINE).await.expect("a line");
    assert!(first["progress"].is_object(), "{first}");
    stream
}

#[tokio::test]
async fn an_identity_has_one_search_and_a_cluster_two() {
    let mut world = AuthWorld::start(&[]).await;
    auth::user(
        &mut world.root,
        "other",
        "secret",
        &[(Grant::Read, "/app/")],
    )
    .await;
    let other = world.gateway.api().with_password("other", "secret");
    fill_long_keys_as_root(&mut world).await;
    let query = "prefix=/app/&contains=kk";
    let app = start(&world.app, query).await;
    let again = world.app.get(&format!("/search?{query}")).send().await;
    let problem = again.problem(429, "rate_limited");
    assert!(problem["hint"].is_string(), "{problem}");
    let root = start(&world.all, query).await;
    let third = other.get(&format!("/search?{query}")).send().await;
    third.problem(429, "rate_limited");
    // A client that disconnects frees its place at once.
    drop(app);
    let (_, end) = search(&other, &format!("{query}&limit=1")).await;
    assert_eq!(end["stopped_by"], "matches");
    drop(root);
}

/// As [`fill_long_keys`], below `/app/`.
async fn fill_long_keys_as_root(world: &mut AuthWorld) {
    let long = "k".repeat(20_000);
    for n in 0..1500 {
        let put = world
            .root
            .put(format!("/app/{n:04}{long}"), "v", None)
            .await;
        put.expect("etcd puts a key");
    }
}

#[tokio::test]
async fn a_search_ends_with_its_client() {
    let etcd = Etcd::start().await;
    fill_long_keys(&etcd, "k").await;
    let tap = Tap::start(&etcd.url());
    let gateway = InProcess::start(&tap.url(), &[]).await;
    let api = gateway.api();
    let reads = || {
        let calls = tap.calls();
        calls
            .iter()
            .filter(|call| call.path.ends_with("/Range"))
            .count()
    };
    let (matches, _) = search(&api, "prefix=&contains=v&in=values").await;
    assert_eq!(matches.len(), 1000);
    let whole = reads();
    let stream = start(&api, "prefix=&contains=v&in=values").await;
    drop(stream);
    // The limit is one search at a time, so a second one starts only when the first has ended.
    let (_, end) = search(&api, "prefix=none&contains=v").await;
    assert_eq!(end["keys"], 0);
    let both = reads();
    assert!(both - whole < whole, "{both} reads after {whole}");
}

#[tokio::test]
async fn a_compaction_during_a_search_is_the_last_line() {
    let etcd = Etcd::start().await;
    fill_long_keys(&etcd, "k").await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let mut stream = start(&gateway.api(), "prefix=&contains=v&in=values").await;
    let now = gateway.api().write("z", "z").await;
    etcd.compact(now).await;
    let mut last = Value::Null;
    let ended = loop {
        match stream.line_within(DEADLINE).await {
            Ok(line) => last = line,
            Err(ended) => break ended,
        }
    };
    assert_eq!(ended, Ended::Orderly(None));
    assert_eq!(last["error"]["code"], "compacted", "{last}");
    assert_eq!(last["error"]["status"], 410);
}

#[tokio::test]
async fn a_limited_account_searches_what_it_may_read() {
    let mut world = AuthWorld::start(&[]).await;
    let grants = [
        (Grant::Read, "/b/"),
        (Grant::Read, "/d/"),
        (Grant::Write, "/c/"),
    ];
    auth::user(&mut world.root, "two", "secret", &grants).await;
    for key in ["/a/1", "/app/1", "/b/1", "/c/1", "/d/1"] {
        world
            .root
            .put(key, "word", None)
            .await
            .expect("etcd puts a key");
    }
    let two = world.gateway.api().with_password("two", "secret");
    let (matches, end) = search(&two, "prefix=&contains=word&limit=1").await;
    assert_eq!(keys(&matches), [b"/b/1".to_vec()]);
    assert_eq!(
        (&end["readable_only"], &end["of_keys"]),
        (&json!(true), &json!(2))
    );
    let next = end["next"].as_str().expect("a cursor");
    let (matches, end) = search(&two, &format!("cursor={next}")).await;
    assert_eq!(keys(&matches), [b"/d/1".to_vec()]);
    assert_eq!(
        (&end["readable_only"], &end["next"]),
        (&json!(true), &Value::Null)
    );
    let (matches, end) = search(&two, "prefix=/b/&contains=word").await;
    assert_eq!((matches.len(), end.get("readable_only")), (1, None));
    let estimate = two.get("/search?estimate&prefix=").send().await.json(200);
    assert_eq!(
        (&estimate["keys"], &estimate["readable_only"]),
        (&json!(2), &json!(true))
    );
    let (matches, _) = search(&world.all, "prefix=&contains=word").await;
    assert_eq!(matches.len(), 5);

    let refused = async |client: &Client, query: &str| {
        let response = client.get(&format!("/search?{query}")).send().await;
        response.problem(403, "forbidden")
    };
    refused(&two, "prefix=/c/&contains=word").await;
    // A token does not name its user, so its readable ranges are unknown.
    let bearer = world.bearer().await;
    refused(&bearer, "prefix=&contains=word").await;
    let (matches, _) = search(&bearer, "prefix=/app/&contains=word").await;
    assert_eq!(keys(&matches), [b"/app/1".to_vec()]);
}

#[tokio::test]
async fn patterns_are_not_logged() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &["--log", "gateway=trace"]).await;
    let api = gateway.api();
    api.write("k", "a value with a secret word").await;
    let (matches, end) = search(&api, "prefix=&contains=secret-or-not&limit=1").await;
    assert!(matches.is_empty() && end["next"].is_null());
    let (matches, _) = search(&api, "prefix=&regex=secret.word").await;
    assert_eq!(matches.len(), 1);
    for wrong in ["regex=secret(word", "contains=secretword&in=no"] {
        let response = api.get(&format!("/search?prefix=&{wrong}")).send().await;
        response.problem(400, "bad_request");
    }
    let log = eventually("the requests are logged", DEADLINE, async || {
        let log = gateway.log();
        ensure(log.matches("/api/v1/search").count() >= 4, || log.clone())?;
        Ok(log)
    })
    .await;
    assert!(!log.contains("secret"), "{log}");
}
