//! Values are bytes, up to etcd's limit of the request size.

use support::fill::Numbers;
use support::{World, bytes_in, json_bytes, key_query};

const LARGE: usize = 1_400 << 10;

#[tokio::test]
async fn random_bytes_come_back_byte_for_byte() {
    let world = World::new("bytes").await;
    let key = key_query(world.key("k"));
    let mut numbers = Numbers::new(7);
    for length in [0, 1, 2, 3, 255, 4_096, 70_000] {
        let value = numbers.bytes(length);
        // The body is the value, whatever its content type.
        for kind in [
            "application/json",
            "application/x-www-form-urlencoded",
            "text/plain",
        ] {
            let put = world
                .api
                .put(&key, value.clone())
                .header("content-type", kind);
            assert!(put.send().await.status.is_success());
        }
        let entry = world.api.get(&key).send().await.json(200);
        assert_eq!(bytes_in(&entry["value"]), value);
        assert_eq!(
            entry["value"],
            json_bytes(&value),
            "UTF-8 is a string, other bytes are base64"
        );
        let raw = world
            .api
            .get(&key)
            .header("accept", "application/octet-stream");
        let raw = raw.send().await.expect(200);
        assert_eq!(raw.body, value);
        assert_eq!(raw.header("content-type"), "application/octet-stream");
        assert_eq!(raw.header("x-content-type-options"), "nosniff");
        assert_eq!(
            raw.header("watchgate-version"),
            entry["version"].to_string()
        );
        assert_eq!(
            raw.header("watchgate-create-revision"),
            entry["create_revision"].to_string()
        );
        assert_eq!(raw.header("etag"), format!("\"{}\"", entry["mod_revision"]));
    }
}

#[tokio::test]
async fn a_value_of_1400_kib_is_replaced_and_keeps_its_lease() {
    let world = World::new("large").await;
    let key = key_query(world.key("k"));
    let mut numbers = Numbers::new(11);
    let lease = world.client().await.lease_client().grant(600, None).await;
    let lease = lease.expect("etcd grants a lease").id();

    let first = numbers.bytes(LARGE);
    let put = world.api.put(&format!("{key}&lease={lease:x}"), first);
    put.send().await.json(201);
    let second = numbers.bytes(LARGE);
    let put = world.api.put(&key, second.clone()).send().await.json(200);
    assert_eq!(put["version"], 2);
    let entry = world.api.get(&key).send().await.json(200);
    assert_eq!(
        entry["lease"],
        format!("{lease:x}"),
        "replaced, and the lease kept"
    );
    assert_eq!(bytes_in(&entry["value"]), second);

    let third = numbers.bytes(LARGE);
    let put = world.api.put(&key, third.clone());
    let put = put.header("if-match", &format!("\"{}\"", entry["mod_revision"]));
    assert_eq!(put.send().await.json(200)["version"], 3);
    let listed = world
        .api
        .get(&format!("/kv?prefix={}", support::percent(&world.prefix)));
    let listed = listed.send().await.json(200);
    assert_eq!(bytes_in(&listed["entries"][0]["value"]), third);
}

#[tokio::test]
async fn a_value_beyond_etcds_limit_is_413_and_changes_nothing() {
    let world = World::new("beyond").await;
    let key = key_query(world.key("k"));
    world.put("k", "before").await;
    for size in [1_600 << 10, 3 << 20, 9 << 20] {
        let response = world.api.put(&key, vec![b'x'; size]).send().await;
        response.problem(413, "too_large");
    }
    assert_eq!(world.api.read(world.key("k")).await["value"], "before");
}
