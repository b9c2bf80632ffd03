//! Sort orders, revision bounds, and counts.

use serde_json::Value;
use support::fill::fill;
use support::gateway::InProcess;
use support::{Etcd, Stream, World, keys_in, percent};

/// Five keys with a different order for each target.
async fn start_with_keys(name: &str) -> (World, Vec<i64>) {
    let world = World::new(name).await;
    let mut revisions = Vec::new();
    for (key, value) in [("c", "4"), ("a", "3"), ("e", "1"), ("b", "5"), ("d", "2")] {
        revisions.push(world.put(key, value).await);
    }
    for (key, times) in [("a", 1), ("b", 4), ("d", 2), ("e", 3)] {
        for _ in 0..times {
            let entry = world.api.read(world.key(key)).await;
            let value = entry["value"].as_str().expect("text");
            world.put(key, value).await;
        }
    }
    (world, revisions)
}

async fn list(world: &World, query: &str) -> Value {
    let path = format!("/kv?prefix={}&{query}", percent(&world.prefix));
    world.api.get(&path).send().await.json(200)
}

fn names(world: &World, page: &Value) -> String {
    let keys = keys_in(&page["entries"]).into_iter();
    let names = keys.map(|key| String::from_utf8(key).expect("text"));
    names
        .map(|key| key[world.prefix.len()..].to_owned())
        .collect()
}

#[tokio::test]
async fn every_target_sorts_both_ways() {
    let (world, _) = start_with_keys("sort").await;
    for (target, order) in [
        ("key", "abcde"),
        ("version", "cadeb"),
        ("create_revision", "caebd"),
        ("mod_revision", "cabde"),
        ("value", "edacb"),
    ] {
        let ascending = list(&world, &format!("sort={target}")).await;
        assert_eq!(names(&world, &ascending), order, "{target}");
        let descending = list(&world, &format!("sort={target}&order=desc")).await;
        let reversed: String = order.chars().rev().collect();
        assert_eq!(names(&world, &descending), reversed, "{target}");
        for page in [&ascending, &descending] {
            assert_eq!(page["count"], 5, "{target}");
            assert_eq!(page.get("next"), Some(&Value::Null), "{target}");
        }
    }
    assert_eq!(names(&world, &list(&world, "order=desc").await), "edcba");
    let keys_only = list(&world, "sort=value&keys_only").await;
    assert_eq!(names(&world, &keys_only), "edacb");
    assert!(keys_only["entries"][0].get("value").is_none());
}

#[tokio::test]
async fn only_ascending_key_order_has_pages() {
    let (world, _) = start_with_keys("sort-pages").await;
    let first = list(&world, "sort=key&order=asc&limit=2").await;
    assert!(first["next"].is_string() && first.get("more").is_none());
    let next = first["next"].as_str().expect("a cursor");
    let next = world
        .api
        .get(&format!("/kv?cursor={next}"))
        .send()
        .await
        .json(200);
    assert_eq!(names(&world, &next), "cd");

    let top = list(&world, "sort=version&order=desc&limit=2").await;
    assert_eq!(names(&world, &top), "be");
    assert_eq!(
        (&top["more"], &top["next"]),
        (&Value::Bool(true), &Value::Null)
    );
    let all = list(&world, "sort=version&order=desc&limit=5").await;
    assert_eq!(all["more"], false);

    for query in [
        "sort=size",
        "order=down",
        "sort=",
        "count_only&sort=key",
        "count_only&min_mod_revision=1",
    ] {
        let path = format!("/kv?prefix={}&{query}", percent(&world.prefix));
        world
            .api
            .get(&path)
            .send()
            .await
            .problem(400, "bad_request");
    }
    let path = format!(
        "/kv?cursor={}&sort=key",
        first["next"].as_str().expect("a cursor")
    );
    world
        .api
        .get(&path)
        .send()
        .await
        .problem(400, "unknown_parameter");
    let one = format!("/kv?key={}&sort=key", percent(world.key("a")));
    world
        .api
        .get(&one)
        .send()
        .await
        .problem(400, "unknown_parameter");
}

#[tokio::test]
async fn revision_bounds_filter_entries() {
    let (world, created) = start_with_keys("bounds").await;
    let of = |name: &str| world.key(name);
    let changed = world.api.read(of("b")).await["mod_revision"]
        .as_i64()
        .expect("a revision");
    for (query, expected) in [
        (format!("min_create_revision={}", created[3]), "bd"),
        (format!("max_create_revision={}", created[1]), "ac"),
        (
            format!(
                "min_create_revision={}&max_create_revision={}",
                created[1], created[2]
            ),
            "ae",
        ),
        (format!("min_mod_revision={changed}"), "bde"),
        (format!("max_mod_revision={}", changed - 1), "ac"),
        (
            format!("min_mod_revision={changed}&max_mod_revision={changed}"),
            "b",
        ),
        (
            format!(
                "min_mod_revision={}&max_mod_revision={}",
                changed,
                changed - 1
            ),
            "",
        ),
        (
            format!("min_mod_revision={changed}&sort=key&order=desc"),
            "edb",
        ),
    ] {
        let page = list(&world, &query).await;
        assert_eq!(names(&world, &page), expected, "{query}");
        assert!(
            page.get("count").is_none(),
            "etcd's count does not know the bounds: {page}"
        );
        assert_eq!(
            (&page["more"], &page["next"]),
            (&Value::Bool(false), &Value::Null)
        );
        if query.contains("sort") {
            continue;
        }
        // NDJSON has the same order.
        let path = format!("/kv?prefix={}&{query}", percent(&world.prefix));
        let mut stream = Stream::ndjson(world.api.get(&path)).await;
        let mut seen = String::new();
        loop {
            let line = stream.line_within(support::DEADLINE).await.expect("a line");
            if let Some(key) = line["key"].as_str() {
                seen.push_str(&key[world.prefix.len()..]);
                continue;
            }
            assert_eq!(line["end"]["count"], expected.len());
            break;
        }
        assert_eq!(seen, expected, "{query}");
    }
    let cut = list(&world, &format!("min_mod_revision={changed}&limit=2")).await;
    assert_eq!(names(&world, &cut), "bd");
    assert_eq!(cut["more"], true);
    // At an earlier revision: the bounds apply to that revision.
    let past = format!("revision={}&max_mod_revision={}", created[4], created[0]);
    let past = list(&world, &past).await;
    assert_eq!(names(&world, &past), "c");
    assert_eq!(past["header"]["revision"], created[4]);
    for wrong in [
        "min_mod_revision=0",
        "max_create_revision=x",
        "min_create_revision=-1",
    ] {
        let path = format!("/kv?prefix={}&{wrong}", percent(&world.prefix));
        world
            .api
            .get(&path)
            .send()
            .await
            .problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_range_too_large_to_sort_is_refused() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let entries = (0..100_001).map(|n| (format!("k{n:06}").into_bytes(), Vec::new()));
    fill(&etcd.client().await, entries).await;
    let get = async |query: &str| gateway.api().get(&format!("/kv?{query}")).send().await;
    for query in [
        "prefix=&sort=mod_revision",
        "prefix=&order=desc",
        "prefix=k&min_mod_revision=2",
    ] {
        let problem = get(query).await.problem(422, "unprocessable");
        assert_eq!(problem["count"], 100_001, "{problem}");
    }
    let smaller = get("prefix=k0&order=desc&limit=3").await.json(200);
    assert_eq!(smaller["count"], 100_000);
    assert_eq!(smaller["entries"][0]["key"], "k099999");
    get("prefix=&sort=key&limit=1").await.json(200);
}

#[tokio::test]
async fn a_level_counts_its_folders() {
    let world = World::new("counts").await;
    let sizes = [("a", 1), ("b", 250), ("c", 3)];
    let entries = sizes.iter().flat_map(|(folder, size)| {
        let key = |n| world.key(&format!("{folder}/{n}/x")).into_bytes();
        (0..*size)
            .map(move |n| (key(n), Vec::new()))
            .collect::<Vec<_>>()
    });
    fill(&world.client().await, entries).await;
    let many = (0..150).map(|n| (world.key(&format!("m{n:03}/k")).into_bytes(), Vec::new()));
    fill(&world.client().await, many).await;
    world.put("leaf", "v").await;
    let path = format!("/tree?prefix={}&counts&limit=100", percent(&world.prefix));
    let mut pages = vec![world.api.get(&path).send().await.json(200)];
    // Every page counts at the revision of the first.
    world.put("a/later", "v").await;
    world.put("m149/later", "v").await;
    while let Some(cursor) = pages[pages.len() - 1]["next"].as_str() {
        let path = format!("/tree?cursor={}", percent(cursor));
        pages.push(world.api.get(&path).send().await.json(200));
    }
    let folders = pages
        .iter()
        .flat_map(|page| page["folders"].as_array().expect("folders"));
    let counts: Vec<_> = folders.map(|folder| folder["count"].as_i64()).collect();
    assert_eq!(counts[..3], [Some(1), Some(250), Some(3)]);
    assert_eq!(counts[3..], vec![Some(1); 150]);
    assert!(pages.len() > 1);
    let plain = format!("/tree?prefix={}", percent(&world.prefix));
    let plain = world.api.get(&plain).send().await.json(200);
    assert!(plain["folders"][0].get("count").is_none());
}
