//! `GET /leases/{id}?keys=`: whether a lease's keys are counted, paged or omitted.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::ctl::etcdctl;
use support::locks::{create_leased, grant_lease};
use support::{AuthWorld, World, key_query, tools};

/// A lease of ten minutes with keys attached.
async fn lease_with(world: &World, keys: &[String]) -> String {
    let id = grant_lease(&world.api, 600).await;
    for key in keys {
        create_leased(&world.api, key, "v", &id).await;
    }
    id
}

async fn lease(world: &World, id: &str, query: &str) -> Value {
    let path = format!("/leases/{id}{query}");
    world.api.get(&path).send().await.json(200)
}

#[tokio::test]
async fn keys_are_omitted_counted_or_paged() {
    let world = World::new("lease-keys").await;
    let keys: Vec<String> = (0..25).map(|n| world.key(&format!("k{n:02}"))).collect();
    let id = lease_with(&world, &keys).await;
    // etcdctl sees the same keys.
    let seen = etcdctl(world.etcd, &["lease", "timetolive", &id, "--keys"]).await;
    assert!(keys.iter().all(|key| seen.contains(key)), "{seen}");

    let all = lease(&world, &id, "").await;
    assert_eq!(all["keys"], json!(keys));
    assert_eq!(
        (&all["key_count"], &all["next"]),
        (&Value::Null, &Value::Null)
    );

    let none = lease(&world, &id, "?keys=none").await;
    assert_eq!(
        (&none["id"], &none["granted_ttl"]),
        (&json!(id), &json!(600))
    );
    assert!(none["ttl"].as_i64().is_some_and(|ttl| ttl > 500), "{none}");
    assert_eq!((none.get("keys"), none.get("key_count")), (None, None));

    let count = lease(&world, &id, "?keys=count").await;
    assert_eq!((count.get("keys"), &count["key_count"]), (None, &json!(25)));

    let (mut paged, mut path) = (Vec::new(), "?keys=page&limit=10".to_owned());
    let mut sizes = Vec::new();
    loop {
        let page = lease(&world, &id, &path).await;
        assert_eq!(page["key_count"], 25);
        let some = page["keys"].as_array().expect("keys").clone();
        sizes.push(some.len());
        paged.extend(some);
        match page["next"].as_str() {
            Some(next) => path = format!("?cursor={next}&limit=10"),
            None => break,
        }
    }
    assert_eq!((json!(paged), sizes), (json!(keys), vec![10, 10, 5]));
}

#[tokio::test]
async fn a_page_starts_after_the_last_key_even_if_it_was_deleted() {
    let world = World::new("lease-page").await;
    let keys: Vec<String> = ["a", "b", "c", "d"].map(|name| world.key(name)).to_vec();
    let id = lease_with(&world, &keys).await;
    let first = lease(&world, &id, "?keys=page&limit=2").await;
    assert_eq!(first["keys"], json!(keys[..2]));
    world
        .api
        .delete(&key_query(&keys[1]))
        .send()
        .await
        .json(200);
    let next = first["next"].as_str().expect("a cursor");
    let second = lease(&world, &id, &format!("?cursor={next}&keys=page")).await;
    assert_eq!(
        (&second["keys"], &second["key_count"]),
        (&json!(keys[2..]), &json!(3))
    );

    let other = lease_with(&world, &[]).await;
    let empty = lease(&world, &other, "?keys=page").await;
    assert_eq!(
        (&empty["keys"], &empty["key_count"]),
        (&json!([]), &json!(0))
    );
    // A cursor belongs to one lease.
    let path = format!("/leases/{other}?cursor={next}");
    let foreign = world.api.get(&path).send().await;
    foreign.problem(400, "bad_request");
}

#[tokio::test]
async fn unknown_forms_of_keys_are_refused() {
    let world = World::new("lease-keys-wrong").await;
    let id = lease_with(&world, &[]).await;
    for wrong in [
        "keys=all-of-them",
        "keys",
        "limit=5",
        "keys=count&limit=5",
        "keys=none&cursor=x",
        "keys=page&limit=0",
        "keys=page&limit=10001",
        "keys=page&cursor=x",
    ] {
        let path = format!("/leases/{id}?{wrong}");
        let response = world.api.get(&path).send().await;
        assert_eq!(response.status, 400, "{wrong}");
    }
    for keys in ["none", "count", "page"] {
        let response = world
            .api
            .get(&format!("/leases/77?keys={keys}"))
            .send()
            .await;
        response.problem(404, "lease_not_found");
    }
}

#[tokio::test]
async fn a_large_lease_is_cheap_to_poll() {
    let world = World::new("lease-large").await;
    let id = lease_with(&world, &[]).await;
    let number = i64::from_str_radix(&id, 16).expect("ids are hexadecimal");
    let names: Vec<String> = (0..5_000)
        .map(|n| world.key(&format!("{n:0>100}")))
        .collect();
    let client = world.client().await;
    support::fill::fill_leased(&client, &names, number).await;
    let size = async |query: &str| {
        let response = world.api.get(&format!("/leases/{id}{query}")).send().await;
        response.expect(200).body.len()
    };
    assert!(size("").await > 500_000);
    for query in ["?keys=none", "?keys=count"] {
        assert!(size(query).await < 500, "{query}");
    }
    assert!(size("?keys=page&limit=10").await < 3_000);
    let page = lease(&world, &id, "?keys=page").await;
    let keys = page["keys"].as_array().expect("keys");
    let unique: BTreeSet<_> = keys.iter().filter_map(Value::as_str).collect();
    assert_eq!((unique.len(), &page["key_count"]), (1_000, &json!(5_000)));
}

/// etcd refuses the keys of a lease to an account that may not read all of them, but never the time to live. So a
/// response with the time to live shows that the keys were not requested.
#[tokio::test]
async fn an_account_that_may_not_read_the_keys_sees_the_time_to_live() {
    // Older releases show the keys of a lease to every account (GHSA-3p4g-rcw5-8298).
    if matches!(tools::etcd_version(), (3, 4, ..26) | (3, 5, ..9)) {
        eprintln!("skipped: this etcd does not check who may read the keys of a lease");
        return;
    }
    let world = AuthWorld::start(&[]).await;
    let (app, all) = (&world.app, &world.all);
    let id = grant_lease(all, 600).await;
    for key in ["/app/mine", "/other/theirs"] {
        create_leased(all, key, "v", &id).await;
    }
    for query in ["?keys=none", "?keys=count"] {
        let response = app
            .get(&format!("/leases/{id}{query}"))
            .send()
            .await
            .json(200);
        assert_eq!(response["granted_ttl"], 600, "{query}");
        assert_eq!(
            (response.get("keys"), response.get("key_count")),
            (None, None)
        );
    }
    for query in ["", "?keys=page"] {
        let refused = app.get(&format!("/leases/{id}{query}")).send().await;
        refused.problem(403, "forbidden");
    }
    let count = all
        .get(&format!("/leases/{id}?keys=count"))
        .send()
        .await
        .json(200);
    assert_eq!(count["key_count"], 2);
    all.delete(&key_query("/other/theirs"))
        .send()
        .await
        .json(200);
    let count = app
        .get(&format!("/leases/{id}?keys=count"))
        .send()
        .await
        .json(200);
    assert_eq!(count["key_count"], 1);
}
