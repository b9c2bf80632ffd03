//! `GET /cluster` and related routes, on one member.

use http::Method;
use serde_json::json;
use support::gateway::InProcess;
use support::{DEADLINE, Etcd, World, eventually, fill};

use crate::warnings;

#[tokio::test]
async fn the_cluster_reports_etcds_own_numbers() {
    let world = World::new("overview").await;
    let cluster = world.api.get("/cluster").send().await.json(200);
    let version = world.gateway.root().get("/version").send().await.json(200);
    assert_eq!(cluster["version"], version["etcdserver"]);
    let member = &cluster["members"][0];
    assert_eq!(member["version"], version["etcdserver"]);
    assert_eq!(member["reached_by"], world.etcd.url());
    assert_eq!(member.get("error"), None);
    for size in ["db_size", "db_size_in_use", "raft_index"] {
        assert!(member[size].as_i64() > Some(0), "{size} of {member}");
    }
    assert!(member["raft_lag"].as_i64() <= Some(1), "{member}");
    assert_eq!(cluster["leader"], cluster["header"]["member_id"]);
    assert!(cluster["header"]["revision"].as_i64() >= Some(1));
    // A single-member cluster has no margin to lose, and without auth there are no permissions to
    // bypass.
    for code in [
        "no_quorum_margin",
        "quorum_lost",
        "access_bug",
        "advertised_url",
    ] {
        assert!(!warnings(&cluster).contains(&code), "{cluster}");
    }
}

#[tokio::test]
async fn a_member_near_its_quota_is_reported() {
    let quota = "--quota-backend-bytes=4194304";
    let etcd = Etcd::start_with(&[quota]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let before = api.get("/cluster").send().await.json(200);
    let Some(found) = before["members"][0]["db_quota"].as_i64() else {
        // Before 3.6 etcd does not report its quota, so there can be no warning.
        assert!(!warnings(&before).contains(&"near_quota"));
        return;
    };
    assert_eq!(found, 4_194_304);
    assert!(!warnings(&before).contains(&"near_quota"), "{before}");
    let value = vec![b'x'; 500_000];
    let entries = (0..7).map(|n| (format!("fill/{n}").into_bytes(), value.clone()));
    fill::fill(&etcd.client().await, entries).await;
    // etcd writes to its file a moment after its response.
    eventually("the quota is reported", DEADLINE, async || {
        let after = api.get("/cluster").send().await.json(200);
        let size = after["members"][0]["db_size"].as_i64().expect("a size");
        if size * 10 < found * 8 {
            assert!(!warnings(&after).contains(&"near_quota"), "{after}");
            return Err(format!("{size} of {found}"));
        }
        assert!(crate::warning(&after, "near_quota").contains(&size.to_string()));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_defragmentation_frees_space() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let value = vec![b'x'; 400_000];
    let mut revision = 0;
    for n in 0..20 {
        revision = api.write(format!("k{}", n % 2), value.clone()).await;
    }
    let compact = json!({"revision": revision, "physical": true});
    let compacted = api
        .post("/cluster/compact", &compact)
        .send()
        .await
        .json(200);
    assert_eq!(compacted["compacted_revision"], revision);
    let done = api
        .request(Method::POST, "/cluster/defragment")
        .send()
        .await;
    assert!(done.revision() >= revision);
    let done = done.json(200);
    assert_eq!(done["complete"], true);
    let member = &done["members"][0];
    assert_eq!(member["reached_by"], etcd.url());
    assert!(
        member["db_size"].as_i64() < member["db_size_before"].as_i64(),
        "{member}"
    );
    api.read("k0").await;
}

#[tokio::test]
async fn a_compaction_needs_an_existing_revision() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.write("a", "1").await;
    let revision = api.write("a", "2").await;
    let compact = async |revision: i64| {
        let body = json!({"revision": revision});
        api.post("/cluster/compact", &body).send().await
    };
    compact(10_000).await.problem(416, "future_revision");
    compact(0).await.problem(400, "bad_request");
    compact(-1).await.problem(400, "bad_request");
    compact(revision).await.json(200);
    compact(revision).await.problem(410, "compacted");
    let lost = api.get(&format!("/kv?key=a&revision={}", revision - 1));
    lost.send().await.problem(410, "compacted");
    assert_eq!(api.read("a").await["value"], "2");
}

#[tokio::test]
async fn a_compaction_is_previewed() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &["--read-only"]).await;
    let api = gateway.api();
    let mut revisions = Vec::new();
    for n in 0..6 {
        let put = etcd.client().await.put("a", n.to_string(), None).await;
        let header = put.expect("etcd writes").header().cloned();
        revisions.push(header.expect("a header").revision());
    }
    let preview = async |revision: i64| {
        let body = json!({"revision": revision});
        api.post("/cluster/compact?dry_run", &body).send().await
    };
    let at = revisions[3];
    let first = preview(at).await.json(200);
    assert_eq!(first["header"]["revision"], revisions[5]);
    assert_eq!(
        (
            &first["oldest_revision"],
            &first["oldest_kept"],
            &first["removed"]
        ),
        (&json!(1), &json!(at), &json!(at - 1))
    );
    // Nothing was compacted by that.
    let oldest = api.get("/kv?key=a&revision=1").send().await;
    oldest.problem(404, "key_not_found");
    etcd.compact(revisions[2]).await;
    let second = preview(at).await.json(200);
    assert_eq!(
        (&second["oldest_revision"], &second["removed"]),
        (&json!(revisions[2]), &json!(1))
    );
    preview(revisions[2]).await.problem(410, "compacted");
    preview(1).await.problem(410, "compacted");
    preview(10_000).await.problem(416, "future_revision");
    preview(0).await.problem(400, "bad_request");
    let real = api.post("/cluster/compact", &json!({"revision": at}));
    real.send().await.problem(403, "read_only");
}

#[tokio::test]
async fn a_defragmentation_reports_its_progress() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let request = api.request(Method::POST, "/cluster/defragment");
    let response = request
        .header("accept", "application/x-ndjson")
        .send()
        .await
        .expect(200);
    assert_eq!(response.header("content-type"), "application/x-ndjson");
    let lines = response.lines();
    let names: Vec<_> = lines
        .iter()
        .filter_map(|line| line.as_object()?.keys().next())
        .collect();
    assert_eq!(names, ["members", "started", "finished", "end"]);
    let id = &lines[0]["members"][0]["id"];
    assert_eq!(
        (&lines[1]["started"], &lines[2]["finished"]["id"]),
        (id, id)
    );
    assert_eq!(lines[3]["end"]["complete"], true);
    assert_eq!(lines[3]["end"]["members"][0], lines[2]["finished"]);
    let none = api
        .post("/cluster/defragment", &json!({"members": []}))
        .header("accept", "application/x-ndjson");
    none.send().await.problem(400, "bad_request");
}

#[tokio::test]
async fn the_hash_is_taken_at_a_revision() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let first = api.write("a", "1").await;
    let hash = api.get("/cluster/hash").send().await.json(200);
    assert_eq!(hash["verdict"], "same");
    assert_eq!(hash["revision"], first);
    assert_eq!(hash["differ"], json!([]));
    let member = &hash["members"][0];
    assert!(
        member["hash"].is_u64() && member["compact_revision"].is_i64(),
        "{member}"
    );
    if let Some(revision) = member["hash_revision"].as_i64() {
        assert_eq!(revision, first);
        assert_eq!(hash["warnings"], json!([]));
    } else {
        assert_eq!(hash["warnings"][0]["code"], "hash_revision_unknown");
    }
    api.write("a", "2").await;
    let now = api.get("/cluster/hash").send().await.json(200);
    assert_ne!(now["members"][0]["hash"], member["hash"]);
    let then = api.get(&format!("/cluster/hash?revision={first}"));
    let then = then.send().await.json(200);
    assert_eq!(then["members"][0]["hash"], member["hash"]);
    let future = api.get("/cluster/hash?revision=10000").send().await;
    future.problem(416, "future_revision");
}

#[tokio::test]
async fn a_downgrade_targets_the_previous_minor_version() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let downgrade = async |body| api.post("/cluster/downgrade", &body).send().await;
    let far = downgrade(json!({"action": "validate", "version": "3.0"})).await;
    if far.status == 501 {
        // etcd before 3.5 has no downgrade RPC.
        far.problem(501, "unsupported");
        return;
    }
    let problem = far.problem(400, "bad_request");
    assert_eq!(problem["detail"], "invalid downgrade target version");
    for body in [
        json!({"action": "validate"}),
        json!({"action": "cancel", "version": "3.6"}),
        json!({"action": "enable", "version": "x"}),
        json!({"version": "3.6"}),
    ] {
        downgrade(body).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn an_unknown_member_is_reported() {
    let world = World::new("no-member").await;
    let moved = world
        .api
        .post("/cluster/move-leader", &json!({"member_id": "7b"}));
    let problem = moved.send().await.problem(422, "unprocessable");
    assert!(problem["detail"].as_str().expect("text").contains("7b"));
    let defragment = world
        .api
        .post("/cluster/defragment", &json!({"members": ["7b"]}));
    defragment.send().await.problem(422, "unprocessable");
    let none = world
        .api
        .post("/cluster/defragment", &json!({"members": []}));
    none.send().await.problem(400, "bad_request");
    let snapshot = world.api.get("/cluster/snapshot?member=7b");
    snapshot.send().await.problem(422, "unprocessable");
    let malformed = world
        .api
        .post("/cluster/move-leader", &json!({"member_id": "x"}));
    malformed.send().await.problem(400, "bad_request");
}

#[tokio::test]
async fn an_unknown_field_changes_nothing() {
    let world = World::new("cluster-typos").await;
    for (path, body) in [
        (
            "/cluster/members",
            json!({"peer_url": ["http://127.0.0.1:1"]}),
        ),
        (
            "/cluster/members",
            json!({"peer_urls": [], "learner": true}),
        ),
        ("/cluster/compact", json!({"revision": 1, "phisical": true})),
        ("/cluster/compact", json!({})),
        ("/cluster/move-leader", json!({})),
        ("/cluster/alarms", json!({})),
        (
            "/cluster/alarms",
            json!({"member_id": "1", "alarm": "NONE"}),
        ),
        ("/auth/users", json!({"name": "", "no_password": true})),
        ("/auth/users", json!({"name": "a"})),
        (
            "/auth/users",
            json!({"name": "a", "password": "b", "no_password": true}),
        ),
        ("/auth/users", json!({"name": "a", "password": ""})),
        ("/auth/roles", json!({"name": ""})),
        ("/auth/roles/a/permissions", json!({"access": "read"})),
        (
            "/auth/roles/a/permissions",
            json!({"access": "rw", "key": "a"}),
        ),
        (
            "/auth/roles/a/permissions",
            json!({"access": "read", "key": "a", "prefix": "b"}),
        ),
        (
            "/auth/roles/a/permissions",
            json!({"access": "read", "start": "b", "end": "a"}),
        ),
        ("/auth/enable", json!({"x": 1})),
    ] {
        let response = world.api.post(path, &body).send().await;
        response.problem(400, "bad_request");
    }
    for path in [
        "/cluster/members",
        "/cluster/hash",
        "/auth/users",
        "/auth/status",
    ] {
        let response = world.api.get(&format!("{path}?x")).send().await;
        response.problem(400, "unknown_parameter");
    }
    let stream = world.api.get("/cluster/snapshot?timeout=5s").send().await;
    stream.problem(400, "bad_request");
    let plain = world
        .api
        .request(Method::POST, "/cluster/compact")
        .body("{}");
    plain.send().await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_read_only_gateway_refuses_cluster_changes() {
    let world = World::with("read-only-cluster", &["--read-only"]).await;
    let api = &world.api;
    let body = json!({});
    for request in [
        api.post("/cluster/members", &body),
        api.put("/cluster/members/1", "{}"),
        api.delete("/cluster/members/1"),
        api.post("/cluster/members/1/promote", &body),
        api.post("/cluster/alarms", &body),
        api.delete("/cluster/alarms"),
        api.post("/cluster/compact", &body),
        api.post("/cluster/defragment", &body),
        api.post("/cluster/move-leader", &body),
        api.post("/cluster/downgrade", &body),
        api.post("/auth/enable", &body),
        api.post("/auth/disable", &body),
        api.post("/auth/users", &body),
        api.put("/auth/users/a/password", "{}"),
        api.delete("/auth/users/a"),
        api.put("/auth/users/a/roles/b", ""),
        api.delete("/auth/users/a/roles/b"),
        api.post("/auth/roles", &body),
        api.delete("/auth/roles/a"),
        api.post("/auth/roles/a/permissions", &body),
        api.delete("/auth/roles/a/permissions?key=a"),
    ] {
        request.send().await.problem(403, "read_only");
    }
    for path in [
        "/cluster",
        "/cluster/members",
        "/cluster/alarms",
        "/cluster/hash",
        "/auth/status",
        "/auth/users",
        "/auth/roles",
    ] {
        api.get(path).send().await.json(200);
    }
    api.get("/cluster/snapshot").send().await.expect(200);
}

#[tokio::test]
async fn a_stopped_cluster_is_unavailable() {
    let mut etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    api.get("/cluster").send().await.json(200);
    etcd.kill();
    for path in [
        "/cluster",
        "/cluster/members",
        "/cluster/hash",
        "/cluster/snapshot",
        "/auth/status",
    ] {
        let response = api.get(path).send().await;
        assert!(
            matches!(response.status.as_u16(), 503 | 504),
            "{path}: {}",
            response.text()
        );
    }
    etcd.restart().await;
    api.get("/cluster").send().await.json(200);
}
