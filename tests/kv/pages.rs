//! Pages of a list: all at one revision, despite concurrent writes.

use serde_json::Value;
use support::fill::fill;
use support::gateway::InProcess;
use support::{Client, Etcd, World, keys_in, percent};

/// Fetches the following pages, running `between` before each of them.
async fn follow(
    api: &Client,
    first: Value,
    limit: usize,
    mut between: impl AsyncFnMut(),
) -> Vec<Value> {
    let mut pages = vec![first];
    while let Some(cursor) = pages[pages.len() - 1]["next"].as_str() {
        between().await;
        let path = format!("/kv?cursor={}&limit={limit}", percent(cursor));
        let page = api.get(&path).send().await.json(200);
        pages.push(page);
    }
    pages
}

#[tokio::test]
async fn pages_show_one_revision_during_concurrent_inserts() {
    let world = World::new("paged").await;
    let names: Vec<_> = (0..57).map(|n| format!("{n:03}")).collect();
    for name in &names {
        world.put(name, "before").await;
    }
    let first = world
        .api
        .get(&format!("/kv?prefix={}&limit=10", percent(&world.prefix)));
    let first = first.send().await.json(200);
    let pinned = first["header"]["revision"].as_i64().expect("a header");
    let mut round = 0;
    let pages = follow(&world.api, first, 10, async || {
        round += 1;
        world
            .put(&format!("{:03}-inserted", round * 9), "after")
            .await;
        world.put(&format!("{:03}", round * 9 + 2), "after").await;
        let deleted = support::key_query(world.key(&format!("{:03}", round * 9 + 3)));
        world.api.delete(&deleted).send().await.json(200);
    })
    .await;
    let mut keys = Vec::new();
    for page in &pages {
        assert_eq!(page["count"], 57, "the first page's count");
        keys.extend(keys_in(&page["entries"]));
        for entry in page["entries"].as_array().expect("entries") {
            assert_eq!(entry["value"], "before");
            assert!(entry["mod_revision"].as_i64() <= Some(pinned));
        }
    }
    let expected: Vec<_> = names
        .iter()
        .map(|name| world.key(name).into_bytes())
        .collect();
    assert_eq!(keys, expected);
    assert_eq!(pages.len(), 6);
    assert_eq!(pages[5].get("next"), Some(&Value::Null));
}

#[tokio::test]
async fn a_cursor_works_on_any_gateway() {
    let world = World::new("cursor").await;
    for name in ["a", "b", "c", "d", "e"] {
        world.put(name, name).await;
    }
    let path = format!("/kv?prefix={}&limit=2&keys_only", percent(&world.prefix));
    let first = world.api.get(&path).send().await.json(200);
    let cursor = first["next"].as_str().expect("more pages follow");
    assert_eq!(percent(cursor), cursor, "URL-safe");
    let other = InProcess::start(&world.etcd.url(), &[]).await;
    let path = format!("/kv?cursor={cursor}");
    let rest = other.api().get(&path).send().await.json(200);
    let expected: Vec<_> = ["c", "d"].map(|name| world.key(name).into_bytes()).into();
    assert_eq!(
        keys_in(&rest["entries"]),
        expected,
        "the first page's limit, which is part of its query"
    );
    let path_with_limit = format!("{path}&limit=10");
    let rest = other.api().get(&path_with_limit).send().await.json(200);
    let expected: Vec<_> = ["c", "d", "e"]
        .map(|name| world.key(name).into_bytes())
        .into();
    assert_eq!(
        keys_in(&rest["entries"]),
        expected,
        "an explicit limit takes precedence"
    );
    for entry in rest["entries"].as_array().expect("entries") {
        assert!(
            entry.get("value").is_none() && entry.get("lease").is_none(),
            "{entry}"
        );
    }
    for beside in [
        "prefix=",
        "keys_only",
        "revision=1",
        "serializable",
        "count_only",
    ] {
        let response = world.api.get(&format!("{path}&{beside}")).send().await;
        assert_eq!(response.status, 400, "{beside}");
    }
    for wrong in ["", "x", "AAAA", &cursor[1..], &cursor[..cursor.len() / 2]] {
        let response = world.api.get(&format!("/kv?cursor={wrong}")).send().await;
        response.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn limits_and_revisions_are_validated() {
    let world = World::new("limits").await;
    let before = world.put("a", "1").await;
    let after = world.put("a", "2").await;
    let prefix = format!("/kv?prefix={}", percent(&world.prefix));
    let at = world
        .api
        .get(&format!("{prefix}&revision={before}"))
        .send()
        .await
        .json(200);
    assert_eq!(at["entries"][0]["value"], "1");
    let key = support::key_query(world.key("a"));
    let at = world
        .api
        .get(&format!("{key}&revision={before}"))
        .send()
        .await
        .json(200);
    assert_eq!(at["value"], "1");
    let future = world
        .api
        .get(&format!("{key}&revision={}", after + 1_000_000))
        .send()
        .await;
    future.problem(416, "future_revision");
    for wrong in [
        "limit=0",
        "limit=10001",
        "limit=-1",
        "limit=x",
        "limit=",
        "revision=0",
        "revision=-1",
    ] {
        let response = world.api.get(&format!("{prefix}&{wrong}")).send().await;
        response.problem(400, "bad_request");
    }
    let most = world
        .api
        .get(&format!("{prefix}&limit=10000"))
        .send()
        .await
        .json(200);
    assert_eq!(
        (most["count"].as_i64(), most.get("next")),
        (Some(1), Some(&Value::Null))
    );
    let count = world
        .api
        .get(&format!("{prefix}&count_only"))
        .send()
        .await
        .json(200);
    assert_eq!(count["count"], 1);
    assert!(count.get("entries").is_none());
}

#[tokio::test]
async fn many_pages_equal_one_list() {
    let world = World::new("large-pages").await;
    let keys: Vec<_> = (0..12_345)
        .map(|n| world.key(&format!("{n:05}")).into_bytes())
        .collect();
    fill(
        &world.client().await,
        keys.iter().cloned().map(|key| (key, b"v".to_vec())),
    )
    .await;
    for limit in [10_000, 4_096, 999] {
        let path = format!(
            "/kv?prefix={}&limit={limit}&keys_only",
            percent(&world.prefix)
        );
        let first = world.api.get(&path).send().await.json(200);
        let pages = follow(&world.api, first, limit, async || {}).await;
        assert!(pages.iter().all(|page| page["count"] == 12_345));
        let paged: Vec<_> = pages
            .iter()
            .flat_map(|page| keys_in(&page["entries"]))
            .collect();
        assert!(paged == keys, "{} keys at limit {limit}", paged.len());
    }
}

#[tokio::test]
async fn compaction_between_pages_is_410() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    for n in 0..5 {
        api.write(format!("k{n}"), "v").await;
    }
    let first = api.get("/kv?prefix=k&limit=2").send().await.json(200);
    let cursor = first["next"].as_str().expect("more pages follow");
    let tree = api.get("/tree?prefix=&limit=2").send().await.json(200);
    let branch = tree["next"].as_str().expect("more pages follow");
    let now = api.write("k9", "v").await;
    etcd.compact(now).await;
    api.get(&format!("/kv?cursor={cursor}"))
        .send()
        .await
        .problem(410, "compacted");
    api.get(&format!("/tree?cursor={branch}"))
        .send()
        .await
        .problem(410, "compacted");
    let early = first["header"]["revision"].as_i64().expect("a header") - 1;
    api.get(&format!("/kv?key=k0&revision={early}"))
        .send()
        .await
        .problem(410, "compacted");
}
