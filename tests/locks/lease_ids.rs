//! Lease ids are 64-bit: they may be negative, or larger than a JSON number can represent.

use std::time::Duration;

use serde_json::json;
use support::locks::{hold, lock_path, next_after_renewals, wait_for_lease_end};
use support::{Stream, World, key_query, text};

#[tokio::test]
async fn negative_and_large_ids_are_exact_everywhere() {
    let world = World::new("ids").await;
    for id in [
        "-9",
        "20000000000001",
        "7ffffffffffffff1",
        "-7ffffffffffffff3",
    ] {
        let granted = world.api.post("/leases", &json!({"ttl": 6, "id": id}));
        assert_eq!(granted.send().await.json(201)["id"], id);
        let name = world.key("lock");
        let k = lock_path(&name);
        let lock = world
            .api
            .post(&k, &json!({"lease": id}))
            .send()
            .await
            .json(201);
        assert_eq!(lock["key"], format!("{name}/{id}"));
        assert_eq!(lock["lease"], id);
        let shown = world.api.get(&k).send().await.json(200);
        assert_eq!(shown["holder"]["lease"], id);
        let entry = world.api.read(format!("{name}/{id}")).await;
        assert_eq!(entry["lease"], id);

        let mut held = Stream::ndjson(world.api.post_empty(&format!("/leases/{id}/hold"))).await;
        assert_eq!(held.expect_type("granted").await["lease"], id);
        let dry = world
            .api
            .delete(&format!("/leases/{id}?dry_run"))
            .send()
            .await;
        assert_eq!(dry.json(200)["keys"], json!([format!("{name}/{id}")]));
        let released = world
            .api
            .delete(&format!("{k}?lease={id}&revoke"))
            .send()
            .await;
        assert_eq!(released.json(200)["lease"], id);
        assert_eq!(next_after_renewals(&mut held).await["type"], "lost");
        wait_for_lease_end(&world.api, id, Duration::from_secs(2)).await;
    }
}

#[tokio::test]
async fn every_form_of_an_id_names_the_same_lease() {
    let world = World::new("id-forms").await;
    let granted = world
        .api
        .post("/leases", &json!({"ttl": 60, "id": "1CAFE"}));
    assert_eq!(granted.send().await.json(201)["id"], "1cafe");
    for form in ["1cafe", "1CAFE", "000000000001cafe", "dec:117502"] {
        let path = format!("/leases/{form}");
        let lease = world.api.get(&path).send().await.json(200);
        assert_eq!(text(&lease["id"]), "1cafe");
        let mut session = hold(
            &world.api,
            "/leases/hold",
            &json!({"lease": form, "on_close": "orphan"}),
        )
        .await;
        assert_eq!(session.expect_type("granted").await["lease"], "1cafe");
        let key = format!("{}&lease={form}", key_query(world.key("x")));
        world.api.put(&key, "v").send().await;
        assert_eq!(world.api.read(world.key("x")).await["lease"], "1cafe");
    }
}
