//! Pages without a `limit` have 100 items.

use etcd_client::PutOptions;
use serde_json::Value;
use support::fill::fill;
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, World, ensure, eventually, percent};

/// One more than a page.
const MANY: usize = 101;

/// Fails unless the first page has 100 items and the next one the last item.
fn assert_100_and_1(member: &str, first: &Value, rest: &Value) {
    let length = |page: &Value| page[member].as_array().map(Vec::len);
    assert_eq!(length(first), Some(100), "{member}: {first}");
    assert_eq!(length(rest), Some(1), "{member}: {rest}");
    assert_eq!(rest.get("next"), Some(&Value::Null), "{member}: {rest}");
}

/// The path of the next page.
fn next_path(route: &str, page: &Value) -> String {
    let next = page["next"].as_str();
    let next = next.unwrap_or_else(|| panic!("there is more: {page}"));
    format!("{route}?cursor={next}")
}

#[tokio::test]
async fn a_page_of_keys_or_a_history_has_100_entries() {
    let world = World::new("hundred").await;
    let keys = (0..MANY).map(|n| (world.key(&format!("many/{n:03}")).into_bytes(), vec![]));
    fill(&world.client().await, keys).await;
    for _ in 0..MANY {
        world.put("often", "v").await;
    }
    let get = async |path: &str| world.api.get(path).send().await.json(200);
    let keys = format!("/kv?prefix={}", percent(world.key("many/")));
    let first = get(&keys).await;
    assert_eq!(first["count"], MANY);
    assert_100_and_1("entries", &first, &get(&next_path("/kv", &first)).await);
    let often = format!("/history?key={}", percent(world.key("often")));
    let first = get(&often).await;
    assert_eq!(first["ended_by"], "limit");
    assert_100_and_1(
        "entries",
        &first,
        &get(&next_path("/history", &first)).await,
    );
}

#[tokio::test]
async fn a_page_of_leases_or_locks_has_100_items() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let mut client = etcd.client().await;
    for n in 0..MANY {
        let lease = client.lease_grant(600, None).await.expect("a lease").id();
        let leased = PutOptions::new().with_lease(lease);
        let put = client.put(format!("/lock/{n:03}"), "v", Some(leased)).await;
        put.expect("etcd puts a key");
    }
    let get = async |path: &str| api.get(path).send().await.json(200);
    let first = get("/leases").await;
    assert_100_and_1("leases", &first, &get(&next_path("/leases", &first)).await);
    let first = eventually("every lock is detected", DEADLINE, async || {
        let list = get("/locks").await;
        ensure(list["partial"] == false, || list.to_string())?;
        Ok(list)
    })
    .await;
    assert_100_and_1("locks", &first, &get(&next_path("/locks", &first)).await);
}
