//! Permissions while authentication is on, and the responses to users without them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use support::gateway::InProcess;
use support::http::Request;
use support::{Client, Etcd, tools};

/// An etcd with authentication on: users `root`, and `app`, which may read and write below `app/`.
struct Guarded {
    _etcd: Etcd,
    _gateway: InProcess,
    api: Client,
}

fn with_credentials(request: Request, user: &str) -> Request {
    let pair = STANDARD.encode(format!("{user}:{user}-secret"));
    request.header("authorization", &format!("Basic {pair}"))
}

fn no_body(api: &Client, method: Method, path: &str) -> Request {
    api.request(method, path)
}

impl Guarded {
    async fn start() -> Self {
        let etcd = Etcd::start().await;
        let gateway = InProcess::start(&etcd.url(), &[]).await;
        let api = gateway.api();
        for user in ["root", "app"] {
            let body = json!({"name": user, "password": format!("{user}-secret")});
            api.post("/auth/users", &body).send().await.json(201);
            api.post("/auth/roles", &json!({"name": user}))
                .send()
                .await
                .json(201);
            let grant = format!("/auth/users/{user}/roles/{user}");
            no_body(&api, Method::PUT, &grant).send().await.json(200);
        }
        let below = json!({"access": "readwrite", "prefix": "app/"});
        api.post("/auth/roles/app/permissions", &below)
            .send()
            .await
            .json(200);
        let enabled = no_body(&api, Method::POST, "/auth/enable").send().await;
        assert_eq!(enabled.json(200)["enabled"], true);
        Self {
            _etcd: etcd,
            _gateway: gateway,
            api,
        }
    }

    async fn get(&self, user: &str, path: &str) -> support::Response {
        with_credentials(self.api.get(path), user).send().await
    }

    async fn post(&self, user: &str, path: &str, body: &Value) -> support::Response {
        with_credentials(self.api.post(path, body), user)
            .send()
            .await
    }
}

#[tokio::test]
async fn requests_without_credentials_are_refused() {
    let guarded = Guarded::start().await;
    let put = guarded.api.put("/kv?key=app/a", "v").send().await;
    put.problem(401, "unauthenticated");
    for path in [
        "/auth/users",
        "/cluster/hash",
        "/cluster/snapshot",
        "/kv?key=a",
    ] {
        let response = guarded.api.get(path).send().await;
        response.problem(401, "unauthenticated");
    }
    let put = with_credentials(guarded.api.put("/kv?key=app/a", "v"), "app")
        .send()
        .await;
    put.json(201);
}

#[tokio::test]
async fn root_may_do_everything_except_remove_its_own_access() {
    let guarded = Guarded::start().await;
    let status = guarded.get("root", "/auth/status").await.json(200);
    assert_eq!(status["enabled"], true);
    assert!(
        status["auth_revision"]
            .as_u64()
            .is_none_or(|revision| revision > 1)
    );
    for path in [
        "/cluster",
        "/cluster/members",
        "/cluster/alarms",
        "/cluster/hash",
        "/auth/users",
    ] {
        guarded.get("root", path).await.json(200);
    }
    let snapshot = guarded.get("root", "/cluster/snapshot").await.expect(200);
    crate::snapshot::check(&snapshot.body);
    let defragmented = guarded
        .post("root", "/cluster/defragment", &json!({}))
        .await;
    assert_eq!(defragmented.json(200)["complete"], true);
    for path in [
        "/auth/users/root",
        "/auth/roles/root",
        "/auth/users/root/roles/root",
    ] {
        let refused = with_credentials(guarded.api.delete(path), "root")
            .send()
            .await;
        let problem = refused.problem(409, "conflict");
        assert!(
            problem["hint"]
                .as_str()
                .is_some_and(|it| it.contains("root")),
            "{problem}"
        );
    }
    let reach = guarded
        .get("root", "/auth/users/root/reach")
        .await
        .json(200);
    assert_eq!(
        (&reach["root"], &reach["read"]),
        (&json!(true), &json!([{"prefix": ""}]))
    );
    let off = guarded
        .post("root", "/auth/disable", &json!({}))
        .await
        .json(200);
    assert_eq!(off["enabled"], false);
    let open = guarded.api.put("/kv?key=anything", "v").send().await;
    open.json(201);
}

#[tokio::test]
async fn a_user_sees_itself_and_the_members_but_no_other_user() {
    let guarded = Guarded::start().await;
    let own = guarded.get("app", "/auth/users/app").await.json(200);
    assert_eq!(own["roles"], json!(["app"]));
    let reach = guarded.get("app", "/auth/users/app/reach").await.json(200);
    assert_eq!(reach["read"], json!([{"prefix": "app/"}]));
    assert_eq!(reach["root"], false);
    for path in [
        "/auth/users",
        "/auth/roles",
        "/auth/users/root",
        "/auth/roles/root",
        "/cluster/snapshot",
        "/cluster/hash",
    ] {
        let response = guarded.get("app", path).await;
        response.problem(403, "forbidden");
    }
    let members = guarded.get("app", "/cluster/members").await.json(200);
    assert_eq!(members["members"].as_array().map(Vec::len), Some(1));
    // Some releases hide the status from the user; the rest is shown.
    let cluster = guarded.get("app", "/cluster").await.json(200);
    let member = &cluster["members"][0];
    if member["healthy"] == true {
        assert!(member["db_size"].is_i64(), "{member}");
    } else {
        assert!(
            member["error"]
                .as_str()
                .is_some_and(|it| it.contains("permission denied")),
            "{member}"
        );
    }
}

/// RPCs open to every user before CVE-2026-33413 was fixed.
const UNCHECKED: [&str; 3] = [
    "/cluster/alarms",
    "/cluster/compact",
    "/cluster/move-leader",
];

fn rpcs_are_unchecked() -> bool {
    matches!(
        tools::etcd_version(),
        (3, 4, ..42) | (3, 5, ..28) | (3, 6, ..9)
    )
}

#[tokio::test]
async fn a_user_cannot_change_the_cluster() {
    let guarded = Guarded::start().await;
    let members = guarded.get("app", "/cluster/members").await.json(200);
    let id = members["members"][0]["id"].as_str().expect("an id");
    for (path, body) in [
        (
            "/cluster/members",
            json!({"peer_urls": ["http://127.0.0.1:1"], "learner": true}),
        ),
        (
            "/cluster/alarms",
            json!({"member_id": id, "alarm": "NOSPACE"}),
        ),
        ("/cluster/compact", json!({"revision": 1})),
        ("/cluster/defragment", json!({})),
        ("/cluster/move-leader", json!({"member_id": id})),
        ("/auth/disable", json!({})),
        ("/auth/users", json!({"name": "x", "no_password": true})),
        ("/auth/roles", json!({"name": "x"})),
        (
            "/auth/roles/app/permissions",
            json!({"access": "read", "prefix": ""}),
        ),
    ] {
        if UNCHECKED.contains(&path) && rpcs_are_unchecked() {
            continue;
        }
        let response = guarded.post("app", path, &body).await;
        assert_eq!(response.status, 403, "{path}: {}", response.text());
        response.problem(403, "forbidden");
    }
    for path in [
        format!("/cluster/members/{id}"),
        "/auth/users/root".to_owned(),
        "/auth/roles/app".to_owned(),
        "/auth/users/app/roles/app".to_owned(),
        "/auth/roles/app/permissions?prefix=app/".to_owned(),
    ] {
        let response = with_credentials(guarded.api.delete(&path), "app")
            .send()
            .await;
        response.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_revoked_permission_takes_effect_at_once() {
    let guarded = Guarded::start().await;
    let write = async || {
        let request = guarded.api.put("/kv?key=app/a", "v");
        with_credentials(request, "app")
            .send()
            .await
            .status
            .as_u16()
    };
    assert_eq!(write().await, 201);
    let only_read = json!({"access": "read", "prefix": "app/"});
    guarded
        .post("root", "/auth/roles/app/permissions", &only_read)
        .await
        .json(200);
    assert_eq!(write().await, 403);
    let read = guarded.get("app", "/kv?key=app/a").await.json(200);
    assert_eq!(read["value"], "v");
    let taken = guarded
        .api
        .delete("/auth/roles/app/permissions?prefix=app/");
    with_credentials(taken, "root").send().await.json(200);
    guarded
        .get("app", "/kv?key=app/a")
        .await
        .problem(403, "forbidden");
}
