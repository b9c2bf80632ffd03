//! Levels of the tree, compared with levels computed from the key list.

use std::collections::BTreeSet;

use serde_json::Value;
use support::fill::{Numbers, fill};
use support::gateway::InProcess;
use support::{Client, Etcd, World, bytes_in, keys_in, percent};

/// The content of a level: folders by name and full prefix, keys.
#[derive(Debug, Default, PartialEq, Eq)]
struct Level {
    folders: Vec<(Vec<u8>, Vec<u8>)>,
    keys: Vec<Vec<u8>>,
}

/// The level as the API defines it, computed from the list of all keys.
fn reference(keys: &BTreeSet<Vec<u8>>, prefix: &[u8], separator: &[u8]) -> Level {
    let mut level = Level::default();
    for key in keys.iter().filter(|key| key.starts_with(prefix)) {
        let rest = &key[prefix.len()..];
        let cut = rest
            .windows(separator.len())
            .position(|part| part == separator);
        if let Some(at) = cut {
            let name = rest[..at + separator.len()].to_vec();
            let whole = [prefix, &name].concat();
            if level.folders.last().is_none_or(|(last, _)| *last != name) {
                level.folders.push((name, whole));
            }
        } else {
            level.keys.push(key.clone());
        }
    }
    level
}

fn add(level: &mut Level, page: &Value) {
    for folder in page["folders"].as_array().expect("folders") {
        let folder = (bytes_in(&folder["name"]), bytes_in(&folder["prefix"]));
        level.folders.push(folder);
    }
    level.keys.extend(keys_in(&page["entries"]));
}

async fn level(api: &Client, prefix: &[u8], separator: &[u8], limit: usize) -> Level {
    let mut level = Level::default();
    let mut path = format!(
        "/tree?prefix={}&separator={}&limit={limit}",
        percent(prefix),
        percent(separator)
    );
    loop {
        let page = api.get(&path).send().await.json(200);
        let rows = page["folders"].as_array().map_or(0, Vec::len)
            + page["entries"].as_array().map_or(0, Vec::len);
        assert!(rows <= limit, "{path}: {rows} rows");
        add(&mut level, &page);
        let Some(cursor) = page["next"].as_str() else {
            assert_eq!(page.get("next"), Some(&Value::Null));
            return level;
        };
        path = format!("/tree?cursor={}&limit={limit}", percent(cursor));
    }
}

/// Keys of up to six unusual segments.
fn odd_keys() -> BTreeSet<Vec<u8>> {
    let segments: [&[u8]; 14] = [
        b"",
        b"a",
        b"b",
        b"ab",
        b"\xff",
        b"\xff\xff",
        b"\0",
        b"%",
        b"%2F",
        b"..",
        b".",
        b"+",
        "é".as_bytes(),
        b"long-long-long-long-long-long-long-name",
    ];
    let separators: [&[u8]; 4] = [b"/", b"/", b":", b"::"];
    let mut numbers = Numbers::new(42);
    let mut keys = BTreeSet::new();
    while keys.len() < 1_500 {
        let mut key = numbers.pick::<&[u8]>(&segments).to_vec();
        for _ in 0..numbers.draw() % 6 {
            key.extend_from_slice(numbers.pick::<&[u8]>(&separators));
            key.extend_from_slice(numbers.pick::<&[u8]>(&segments));
        }
        if !key.is_empty() {
            keys.insert(key);
        }
    }
    keys
}

#[tokio::test]
async fn every_level_equals_the_one_computed_from_the_keys() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let keys = odd_keys();
    fill(
        &etcd.client().await,
        keys.iter().map(|key| (key.clone(), vec![])),
    )
    .await;

    for separator in [&b"/"[..], b":", b"::", b"a", b"\xff", b"%2F", b"/a/"] {
        let mut levels = vec![Vec::new()];
        let mut seen = 0;
        while let Some(prefix) = levels.pop() {
            let expected = reference(&keys, &prefix, separator);
            let limit = [1_000, 3, 7, 50][seen % 4].max(expected.keys.len() / 40);
            let found = level(&api, &prefix, separator, limit).await;
            assert_eq!(
                found,
                expected,
                "prefix `{}` separator `{}` limit {limit}",
                prefix.escape_ascii(),
                separator.escape_ascii()
            );
            seen += 1;
            if seen < 60 {
                levels.extend(expected.folders.into_iter().map(|(_, prefix)| prefix));
            }
        }
        // A prefix may end within a segment.
        for prefix in [&b"a/a"[..], b"\xff", b"nothing"] {
            let found = level(&api, prefix, separator, 100).await;
            assert_eq!(found, reference(&keys, prefix, separator));
        }
    }
}

#[tokio::test]
async fn pages_of_a_level_are_at_one_revision() {
    let world = World::new("tree-pinned").await;
    for name in ["a/1", "b", "c/1", "d", "e/1"] {
        world.put(name, "v").await;
    }
    let path = format!("/tree?prefix={}&limit=2", percent(&world.prefix));
    let mut page = world.api.get(&path).send().await.json(200);
    let mut found = Level::default();
    add(&mut found, &page);
    while let Some(cursor) = page["next"].as_str() {
        for name in ["a2/1", "c2", "c3/1", "z"] {
            world.put(name, "v").await;
        }
        world
            .api
            .delete(&support::key_query(world.key("e/1")))
            .send()
            .await;
        page = world
            .api
            .get(&format!("/tree?cursor={cursor}&limit=2"))
            .send()
            .await
            .json(200);
        add(&mut found, &page);
    }
    let names: Vec<_> = found
        .folders
        .iter()
        .map(|(name, _)| name.as_slice())
        .collect();
    assert_eq!(names, [&b"a/"[..], b"c/", b"e/"]);
    assert_eq!(
        found.keys,
        [world.key("b"), world.key("d")].map(String::into_bytes)
    );
}

#[tokio::test]
async fn values_are_included_on_request() {
    let world = World::new("tree-values").await;
    world.put("a", "v").await;
    world.put("f/a", "v").await;
    let path = format!("/tree?prefix={}", percent(&world.prefix));
    let bare = world.api.get(&path).send().await.json(200);
    assert!(bare["entries"][0].get("value").is_none(), "{bare}");
    assert_eq!(bare["entries"][0]["version"], 1);
    assert_eq!(bare["prefix"], world.prefix);
    assert_eq!(bare["folders"][0]["name"], "f/");
    assert_eq!(bare["folders"][0]["prefix"], world.key("f/"));
    let full = world
        .api
        .get(&format!("{path}&values"))
        .send()
        .await
        .json(200);
    assert_eq!(full["entries"][0]["value"], "v");
    for wrong in ["separator=", "limit=0", "depth=2", "cursor=x"] {
        let response = world.api.get(&format!("{path}&{wrong}")).send().await;
        assert_eq!(response.status, 400, "{wrong}");
    }
}
