//! Keys with leases: an edit keeps the lease, and ids are exact in every form.

use serde_json::json;
use support::locks::{create_leased, grant_lease};
use support::{World, key_query};

/// Larger than the integers that a JavaScript number represents exactly.
const LARGE: i64 = 0x694d_604f_1cc1_3e0f;

#[tokio::test]
async fn editing_keeps_the_lease() {
    let world = World::new("keep").await;
    let key = key_query(world.key("k"));
    let id = grant_lease(&world.api, 600).await;
    let put = create_leased(&world.api, &world.key("k"), "1", &id).await;
    assert_eq!(put["lease"], id);

    let put = world.api.put(&key, "2").send().await.json(200);
    assert!(
        put.get("lease").is_none(),
        "a plain put does not read the lease: {put}"
    );
    let put = world
        .api
        .put(&format!("{key}&lease=keep&prev"), "3")
        .send()
        .await
        .json(200);
    assert_eq!(put["prev"]["lease"], id);
    let now = world.api.read(world.key("k")).await;
    assert_eq!((&now["value"], &now["lease"]), (&json!("3"), &json!(id)));
    let tag = format!("\"{}\"", now["mod_revision"]);
    world
        .api
        .put(&key, "4")
        .header("if-match", &tag)
        .send()
        .await
        .json(200);
    assert_eq!(world.api.read(world.key("k")).await["lease"], id);
    let raw = world.api.get(&format!("{key}&raw")).send().await;
    assert_eq!(raw.header("watchgate-lease"), id);

    let put = world
        .api
        .put(&format!("{key}&lease=none"), "5")
        .send()
        .await
        .json(200);
    assert!(put.get("lease").is_none());
    assert!(world.api.read(world.key("k")).await.get("lease").is_none());
    // An absent key has no lease to keep.
    let put = world
        .api
        .put(&format!("{}&lease=keep", key_query(world.key("new"))), "1");
    put.send().await.json(201);
    assert!(
        world
            .api
            .read(world.key("new"))
            .await
            .get("lease")
            .is_none()
    );
}

#[tokio::test]
async fn a_lease_id_above_2_to_the_53_is_never_rounded() {
    let world = World::new("large-id").await;
    let hex = format!("{LARGE:x}");
    let granted = world
        .api
        .post("/leases", &json!({"ttl": 600, "id": hex}))
        .send()
        .await;
    assert_eq!(granted.json(201)["id"], hex);
    let key = key_query(world.key("k"));
    for (form, status) in [
        (hex.clone(), 201),
        (hex.to_uppercase(), 200),
        (format!("000{hex}"), 200),
        (format!("dec:{LARGE}"), 200),
    ] {
        let put = world
            .api
            .put(&format!("{key}&lease={form}"), "v")
            .send()
            .await;
        assert_eq!(put.json(status)["lease"], hex);
        let lease = world
            .api
            .get(&format!("/leases/{form}"))
            .send()
            .await
            .json(200);
        assert_eq!(
            (&lease["id"], &lease["keys"]),
            (&json!(hex), &json!([world.key("k")]))
        );
    }
    let seen = support::ctl::etcdctl(world.etcd, &["lease", "timetolive", &hex, "--keys"]).await;
    assert!(seen.contains(&world.key("k")), "{seen}");
    let list = world.api.get("/leases").send().await.json(200);
    let leases = list["leases"].as_array().expect("leases");
    assert!(leases.iter().any(|lease| lease["id"] == hex), "{list}");
    let again = world
        .api
        .post("/leases", &json!({"ttl": 600, "id": hex}))
        .send()
        .await;
    again.problem(409, "already_exists");
    world
        .api
        .delete(&format!("/leases/{hex}"))
        .send()
        .await
        .json(200);
    world
        .api
        .get(&key)
        .send()
        .await
        .problem(404, "key_not_found");
}

#[tokio::test]
async fn ids_may_be_negative_and_0_means_no_lease() {
    let world = World::new("negative-id").await;
    let granted = world
        .api
        .post("/leases", &json!({"ttl": 600, "id": "-9"}))
        .send()
        .await;
    assert_eq!(granted.json(201)["id"], "-9");
    let key = key_query(world.key("k"));
    world
        .api
        .put(&format!("{key}&lease=-9"), "v")
        .send()
        .await
        .json(201);
    assert_eq!(world.api.read(world.key("k")).await["lease"], "-9");
    world
        .api
        .put(&format!("{key}&lease=0"), "v")
        .send()
        .await
        .json(200);
    assert!(
        world.api.read(world.key("k")).await.get("lease").is_none(),
        "0 means no lease"
    );
    world.api.delete("/leases/-9").send().await.json(200);
    let unknown = world.api.put(&format!("{key}&lease=7"), "v").send().await;
    unknown.problem(422, "lease_not_found");
    for wrong in ["words", "0x1", "+1", "-", "ffffffffffffffff0", "dec:"] {
        let put = world
            .api
            .put(&format!("{key}&lease={}", support::percent(wrong)), "v")
            .send()
            .await;
        put.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn leases_are_granted_renewed_shown_and_revoked() {
    let world = World::new("leases").await;
    let least = world
        .api
        .post("/leases", &json!({"ttl": 1}))
        .send()
        .await
        .json(201);
    assert_eq!(least["ttl"], 2, "etcd's minimum");
    let id = grant_lease(&world.api, 60).await;
    let path = format!("/leases/{id}");
    create_leased(&world.api, &world.key("k"), "", &id).await;
    let keepalive = || world.api.post_empty(&format!("{path}/keepalive"));
    let renewed = keepalive().send().await.json(200);
    assert!(renewed["ttl"].as_i64() >= Some(59), "{renewed}");
    let preview = world
        .api
        .delete(&format!("{path}?dry_run"))
        .send()
        .await
        .json(200);
    assert_eq!(preview["keys"], json!([world.key("k")]));
    world.api.get(&path).send().await.json(200);
    world.api.delete(&path).send().await.json(200);
    for request in [world.api.get(&path), world.api.delete(&path), keepalive()] {
        request.send().await.problem(404, "lease_not_found");
    }
    for wrong in [
        json!({}),
        json!({"ttl": "60"}),
        json!({"ttl": 60, "key": "x"}),
        json!({"ttl": 60, "id": 5}),
        json!({"ttl": 1.5}),
        // etcd itself would refuse the last two of these, and raise the others to its minimum.
        json!({"ttl": 0}),
        json!({"ttl": -1}),
        json!({"ttl": i64::MIN}),
        json!({"ttl": 9_000_000_001_i64}),
        json!({"ttl": i64::MAX}),
        json!([]),
    ] {
        world
            .api
            .post("/leases", &wrong)
            .send()
            .await
            .problem(400, "bad_request");
    }
}
