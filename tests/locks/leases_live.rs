//! The live list of leases.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use support::locks::{create_leased, election_path, grant_lease, lock_path};
use support::{AuthWorld, DEADLINE, Stream, World, ensure, eventually, key_query, text};
use tokio::time::Instant;

/// A client's view of the stream.
#[derive(Debug, Default)]
struct View {
    leases: BTreeMap<String, Value>,
    gone: Vec<String>,
    hidden: Vec<String>,
    progress: Value,
}

impl View {
    fn apply(&mut self, message: &Value) {
        if message["type"] == "leases_progress" {
            self.progress = message.clone();
        }
        let ids = |name: &str| -> Vec<String> {
            let ids = message[name].as_array().cloned().unwrap_or_default();
            ids.iter().map(text).collect()
        };
        for id in ids("gone").into_iter().chain(ids("hidden")) {
            self.leases.remove(&id);
        }
        self.gone.extend(ids("gone"));
        self.hidden.extend(ids("hidden"));
        for lease in message["leases"].as_array().into_iter().flatten() {
            self.leases.insert(text(&lease["id"]), lease.clone());
        }
    }

    /// Reads the stream until the view is as expected.
    async fn until(&mut self, stream: &mut Stream, is: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !is(self) {
            assert!(start.elapsed() < DEADLINE, "{self:#?}");
            let message = stream.next_any().await;
            self.apply(&message);
        }
    }

    fn is(&self, id: &str, expected: &Value) -> bool {
        let lease = self.leases.get(id);
        lease.is_some_and(|lease| {
            let members = expected.as_object().expect("an object");
            members.iter().all(|(name, value)| lease[name] == *value)
        })
    }
}

#[tokio::test]
async fn leases_appear_with_ttl_and_keys_and_end_with_their_own_reading() {
    let world = World::new("leases-live").await;
    let plain = grant_lease(&world.api, 600).await;
    let empty = grant_lease(&world.api, 600).await;
    let key = world.key("settings/a");
    create_leased(&world.api, &key, "1", &plain).await;
    for mut stream in Stream::by_every_transport(&world.api, "/leases?live").await {
        let mut view = View::default();
        let expected =
            json!({"granted_ttl": 600, "key_count": 1, "kinds": ["plain"], "first_key": key});
        let nothing = json!({"granted_ttl": 600, "key_count": 0, "kinds": []});
        view.until(&mut stream, |view| {
            view.is(&plain, &expected) && view.is(&empty, &nothing)
        })
        .await;
        let lease = view.leases[&plain].clone();
        let ttl = lease["ttl"].as_i64().expect("a TTL");
        assert!((500..=600).contains(&ttl), "{lease}");
        let read_at = lease["read_at"].as_i64().expect("ms");
        view.until(&mut stream, |view| {
            view.progress["now"]
                .as_i64()
                .is_some_and(|now| now >= read_at)
        })
        .await;
        let age = view.progress["now"].as_i64().expect("ms") - read_at;
        assert!(age < 120_000, "{age} ms");
        assert_eq!(view.progress.get("limited"), None);
        // Keys come and go with their events.
        let another = world.key("settings/b");
        create_leased(&world.api, &another, "1", &plain).await;
        view.until(&mut stream, |view| {
            view.is(&plain, &json!({"key_count": 2}))
        })
        .await;
        world
            .api
            .delete(&key_query(&another))
            .send()
            .await
            .json(200);
        view.until(&mut stream, |view| {
            view.is(&plain, &json!({"key_count": 1}))
        })
        .await;
        // A lease that is granted later, and revoked.
        let late = grant_lease(&world.api, 600).await;
        view.until(&mut stream, |view| {
            view.is(&late, &json!({"granted_ttl": 600, "key_count": 0}))
        })
        .await;
        world
            .api
            .delete(&format!("/leases/{late}"))
            .send()
            .await
            .json(200);
        view.until(&mut stream, |view| view.gone.contains(&late))
            .await;
        assert!(view.hidden.is_empty());
    }
}

#[tokio::test]
async fn a_lease_is_what_its_keys_show() {
    let world = World::new("lease-kinds").await;
    let lock = grant_lease(&world.api, 600).await;
    let name = world.key("deploy");
    let acquire = json!({"lease": lock, "holder": "api-7"});
    world
        .api
        .post(&lock_path(&name), &acquire)
        .send()
        .await
        .json(201);
    let candidate = grant_lease(&world.api, 600).await;
    let election = world.key("primary");
    let campaign = json!({"lease": candidate, "value": "node-1"});
    world
        .api
        .post(&format!("{}/campaign", election_path(&election)), &campaign)
        .send()
        .await
        .json(201);
    let service = grant_lease(&world.api, 600).await;
    let instance = world.key("services/checkout/10.0.0.1:8080");
    create_leased(&world.api, &instance, "{}", &service).await;
    let mut stream = Stream::ndjson(world.api.get("/leases?live")).await;
    let mut view = View::default();
    let is_lock = json!({"kinds": ["lock"], "queue": name, "holder": "api-7", "first_key": format!("{name}/{lock}")});
    let is_candidate = json!({"kinds": ["election"], "queue": election});
    let is_service = json!({"kinds": ["service"], "first_key": instance});
    view.until(&mut stream, |view| {
        view.is(&lock, &is_lock)
            && view.is(&candidate, &is_candidate)
            && view.is(&service, &is_service)
    })
    .await;
    // A lease of several kinds.
    create_leased(&world.api, &world.key("note"), "1", &lock).await;
    view.until(&mut stream, |view| {
        view.is(&lock, &json!({"kinds": ["lock", "plain"], "key_count": 2}))
    })
    .await;
}

#[tokio::test]
async fn a_renewal_is_reported_of_a_lease_that_is_shown() {
    let world = World::new("lease-visible").await;
    let lease = grant_lease(&world.api, 20).await;
    let mut stream = Stream::socket(&world.api, "/leases?live").await;
    let mut view = View::default();
    view.until(&mut stream, |view| {
        view.is(&lease, &json!({"granted_ttl": 20}))
    })
    .await;
    stream.send(&json!({"op": "visible", "ids": [lease]})).await;
    let read_at = |view: &View| view.leases[&lease]["read_at"].as_i64().expect("ms");
    let first = read_at(&view);
    // The TTL has to have fallen before a client can notice that it is renewed.
    let path = format!("/leases/{lease}?keys=none");
    eventually("the TTL falls", DEADLINE, async || {
        let ttl = world.api.get(&path).send().await.json(200)["ttl"].clone();
        ensure(ttl.as_i64() <= Some(16), || ttl.to_string())
    })
    .await;
    world
        .api
        .post_empty(&format!("/leases/{lease}/keepalive"))
        .send()
        .await
        .json(200);
    let renewed = Instant::now();
    view.until(&mut stream, |view| read_at(view) > first).await;
    assert!(view.leases[&lease]["ttl"].as_i64().expect("a TTL") >= 10);
    assert!(renewed.elapsed() < Duration::from_secs(12));
    // A wrong operation changes nothing and is answered.
    stream.send_text("{\"op\":\"shown\"}").await;
    let start = Instant::now();
    loop {
        let message = stream.next_any().await;
        if message["type"] == "error" {
            assert_eq!(message["code"], "bad_request");
            break;
        }
        assert!(start.elapsed() < DEADLINE);
    }
}

#[tokio::test]
async fn a_limited_account_sees_the_leases_of_its_keys_and_that_others_are_not_visible() {
    let world = AuthWorld::start(&[]).await;
    let own = grant_lease(&world.all, 600).await;
    let foreign = grant_lease(&world.all, 600).await;
    create_leased(&world.all, "/app/k", "1", &own).await;
    create_leased(&world.all, "/other/k", "1", &foreign).await;
    create_leased(&world.all, "/other/l", "1", &own).await;
    let mut stream = Stream::ndjson(world.app.get("/leases?live")).await;
    let mut view = View::default();
    let visible = json!({"granted_ttl": 600, "key_count": 1, "first_key": "/app/k"});
    view.until(&mut stream, |view| {
        view.is(&own, &visible) && view.progress["limited"] == true
    })
    .await;
    assert_eq!(view.leases.len(), 1);
    // Without a readable key it is hidden: it has not ended.
    let key = key_query("/app/k");
    world.all.delete(&key).send().await.json(200);
    view.until(&mut stream, |view| view.hidden.contains(&own))
        .await;
    assert!(view.gone.is_empty());
    // All leases, for an account that may read all keys.
    let mut stream = Stream::ndjson(world.all.get("/leases?live")).await;
    let mut view = View::default();
    view.until(&mut stream, |view| {
        view.is(&own, &json!({"key_count": 1})) && view.is(&foreign, &json!({"key_count": 1}))
    })
    .await;
    // The page counts keys only where the account may read all of them.
    let page = world.app.get("/leases?keys=count").send().await.json(200);
    assert_eq!(page["partial"], true);
    let page = world.all.get("/leases?keys=count").send().await.json(200);
    let counts = page["leases"].as_array().expect("leases").iter();
    assert!(counts.clone().count() >= 2);
    assert!(counts.into_iter().all(|lease| lease["key_count"] == 1));
    let refused = world.all.get("/leases?keys=all").send().await;
    refused.problem(400, "bad_request");
}

#[tokio::test]
async fn too_many_visible_leases_and_timeouts_are_refused() {
    let world = World::new("lease-limits").await;
    let ids: Vec<String> = (1..=257).map(|n| format!("{n:x}")).collect();
    let path = format!("/leases?live&visible={}", ids.join(","));
    world
        .api
        .get(&path)
        .send()
        .await
        .problem(400, "bad_request");
    for query in [
        "live&visible=x",
        "live&timeout=5s",
        "live&keys=count&limit=5",
    ] {
        let refused = world.api.get(&format!("/leases?{query}")).send().await;
        assert_eq!(refused.status.as_u16(), 400, "{query}");
    }
}
