//! Open watches and lists of locks of users whose permission, token or account ends.

use serde_json::json;
use support::auth;
use support::locks::{create_leased, grant_lease, lock_path};
use support::{AuthWorld, DEADLINE, Grant, Stream, ensure, eventually, key_query, percent};

fn watch(prefix: &str) -> String {
    format!("/watch?prefix={}", percent(prefix))
}

/// Reads until the watch is closed; returns the code.
async fn read_until_closed(stream: &mut Stream) -> String {
    let closed = stream.expect_type("closed").await;
    closed["code"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn a_user_watches_only_readable_keys() {
    let world = AuthWorld::start(&[]).await;
    let mut own = Stream::ndjson(world.app.get(&watch("/app/"))).await;
    own.expect_type("opened").await;
    let revision = world.all.write("/app/a", "1").await;
    assert_eq!(own.until(revision).await.len(), 1);
    let mut other = Stream::ndjson(world.app.get(&watch("/other/"))).await;
    assert_eq!(read_until_closed(&mut other).await, "forbidden");
    let from = format!("/watch?from={}", percent("/app/"));
    let mut rest = Stream::ndjson(world.app.get(&from)).await;
    assert_eq!(read_until_closed(&mut rest).await, "forbidden");
    let mut socket = Stream::socket(&world.app, "/watch").await;
    let request = json!({"op": "watch", "id": "w", "prefix": "/other/"});
    socket.send(&request).await;
    assert_eq!(read_until_closed(&mut socket).await, "forbidden");
}

#[tokio::test]
async fn a_revoked_role_ends_the_watch() {
    let mut world = AuthWorld::start(&[]).await;
    let mut kept = Stream::ndjson(world.all.get(&watch("/app/"))).await;
    kept.expect_type("opened").await;
    let mut stream = Stream::ndjson(world.app.get(&watch("/app/"))).await;
    stream.expect_type("opened").await;
    auth::revoke(&mut world.root, "app", "/app/").await;
    assert_eq!(read_until_closed(&mut stream).await, "forbidden");
    // Other users' watches of the same keys are not affected.
    let revision = world.all.write("/app/a", "1").await;
    assert_eq!(kept.until(revision).await.len(), 1);
    auth::grant(&mut world.root, "app", Grant::Read, "/app/").await;
    let mut again = Stream::ndjson(world.app.get(&watch("/app/"))).await;
    again.expect_type("opened").await;
}

#[tokio::test]
async fn a_deleted_user_loses_the_watch() {
    let mut world = AuthWorld::start(&[]).await;
    let bearer = world.bearer().await;
    let mut streams = Vec::new();
    for client in [&world.app, &bearer] {
        let mut stream = Stream::ndjson(client.get(&watch("/app/"))).await;
        stream.expect_type("opened").await;
        streams.push(stream);
    }
    let deleted = world.root.user_delete("app").await;
    deleted.expect("etcd deletes a user");
    for stream in &mut streams {
        assert_eq!(read_until_closed(stream).await, "forbidden");
    }
}

#[tokio::test]
async fn a_watch_outlives_the_token_it_was_opened_with() {
    let world = AuthWorld::start(&["--auth-token-ttl=1"]).await;
    let bearer = world.bearer().await;
    let mut stream = Stream::ndjson(world.app.get(&watch("/app/"))).await;
    stream.expect_type("opened").await;
    let mut by_token = Stream::ndjson(bearer.get(&watch("/app/"))).await;
    by_token.expect_type("opened").await;
    // A caller that presented only a token cannot be given a new one.
    assert_eq!(read_until_closed(&mut by_token).await, "forbidden");
    let revision = world.all.write("/app/a", "1").await;
    assert_eq!(stream.until(revision).await.len(), 1);
    // The upstream watch has to be opened again, with a token that etcd knows.
    world.etcd.proxy.cut();
    world.etcd.proxy.restore();
    let revision = eventually("the gateway is connected again", DEADLINE, async || {
        let response = world.all.put(&key_query("/app/b"), "2").send().await;
        ensure(response.status.is_success(), || response.text())?;
        Ok(response.revision())
    })
    .await;
    let events = stream.until(revision).await;
    assert_eq!(events.last().expect("an event")["value"], "2");
}

#[tokio::test]
async fn a_user_sees_the_locks_below_readable_prefixes() {
    let world = AuthWorld::start(&[]).await;

    for (client, name) in [(&world.app, "/app/mine"), (&world.all, "/other/theirs")] {
        let held = client
            .post(&lock_path(name), &json!({"ttl": 60}))
            .send()
            .await;
        held.json(201);
    }
    let names = |list: &serde_json::Value| {
        let locks = list["locks"].as_array().expect("a list");
        let names = locks
            .iter()
            .map(|lock| lock["name"].as_str().expect("a name"));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let all = world.all.get("/locks").send().await.json(200);
    assert_eq!(names(&all), ["/app/mine", "/other/theirs"]);
    assert_eq!(all["partial"], false);
    eventually("the user's own lock is found", DEADLINE, async || {
        let list = world.app.get("/locks").send().await.json(200);
        assert_eq!(list["partial"], true);
        ensure(names(&list) == ["/app/mine"], || list.to_string())
    })
    .await;

    // A token has no user name, so the request must name a prefix.
    let bearer = world.bearer().await;
    let refused = bearer.get("/locks").send().await.problem(403, "forbidden");
    assert!(
        refused["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("prefix"))
    );
    let below = format!("/locks?prefix={}", percent("/app/"));
    eventually("the lock below the prefix is found", DEADLINE, async || {
        let list = bearer.get(&below).send().await.json(200);
        assert_eq!(list["partial"], true);
        ensure(names(&list) == ["/app/mine"], || list.to_string())
    })
    .await;
    let one = bearer.get(&lock_path("/app/mine")).send().await.json(200);
    assert_eq!(one["name"], "/app/mine");
    let other = bearer.get(&lock_path("/other/theirs")).send().await;
    other.problem(403, "forbidden");
}

#[tokio::test]
async fn a_user_who_may_not_list_leases_sees_those_of_readable_keys() {
    let world = AuthWorld::start(&[]).await;
    let grant = || grant_lease(&world.all, 600);
    let (own, both, other) = (grant().await, grant().await, grant().await);
    for (key, lease) in [
        ("/app/a", &own),
        ("/app/b", &own),
        ("/app/c", &both),
        ("/other/c", &both),
        ("/other/d", &other),
    ] {
        create_leased(&world.all, key, "", lease).await;
    }
    let ids = |list: &serde_json::Value| {
        let leases = list["leases"].as_array().expect("a list");
        let ids = leases.iter().map(|lease| lease["id"].as_str());
        ids.map(|id| id.expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<_> = ids.iter().map(|id| (*id).clone()).collect();
        ids.sort_unstable();
        ids
    };
    let all = world.all.get("/leases").send().await.json(200);
    assert_eq!(all["partial"], false);
    let mut listed = ids(&all);
    listed.sort_unstable();
    assert_eq!(listed, sorted(&[&own, &both, &other]));

    // Not every etcd version refuses the list to users who may not read all keys.
    let mut client = world.etcd.client_of("app", "secret").await;
    let refused = client.leases().await.is_err();
    let list = world.app.get("/leases").send().await.json(200);
    let mut seen = ids(&list);
    seen.sort_unstable();
    if refused {
        assert_eq!(
            (&list["partial"], seen),
            (&json!(true), sorted(&[&own, &both]))
        );
        let mut paged = Vec::new();
        let mut next = Some("/leases?limit=1".to_owned());
        while let Some(route) = next {
            let page = world.app.get(&route).send().await.json(200);
            paged.extend(ids(&page));
            let cursor = page["next"].as_str();
            next = cursor.map(|cursor| format!("/leases?limit=1&cursor={cursor}"));
        }
        assert_eq!(paged, ids(&list), "each page continues after the last");
    } else {
        assert_eq!(seen, sorted(&[&own, &both, &other]));
    }

    // The permissions of a token are unknown.
    let bearer = world.bearer().await;
    let response = bearer.get("/leases").send().await;
    if refused {
        response.problem(403, "forbidden");
    } else {
        response.json(200);
    }
}

#[tokio::test]
async fn locks_are_hidden_once_their_permission_is_revoked() {
    let mut world = AuthWorld::start(&[]).await;
    let held = world.app.post("/locks/%2Fapp%2Fmine", &json!({"ttl": 60}));
    held.send().await.json(201);
    eventually("the lock is found", DEADLINE, async || {
        let list = world.app.get("/locks").send().await.json(200);
        ensure(list["locks"][0]["name"] == "/app/mine", || list.to_string())
    })
    .await;
    auth::revoke(&mut world.root, "app", "/app/").await;
    let refused = world.app.get("/locks").send().await;
    refused.problem(403, "forbidden");
}
