//! Users, roles and permissions, while authentication is off, so that they can be set up freely.

use http::Method;
use serde_json::{Value, json};
use support::gateway::InProcess;
use support::{Client, Etcd, percent};

/// A separate etcd, since users apply to the whole cluster.
async fn start() -> (Etcd, InProcess) {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    (etcd, gateway)
}

async fn add_user(api: &Client, name: &str) -> Value {
    let body = json!({"name": name, "password": "secret"});
    api.post("/auth/users", &body).send().await.json(201)
}

async fn add_role(api: &Client, name: &str) -> Value {
    let body = json!({"name": name});
    api.post("/auth/roles", &body).send().await.json(201)
}

fn put_json(api: &Client, path: &str, body: &Value) -> support::http::Request {
    api.request(Method::PUT, path)
        .header("content-type", "application/json")
        .body(body.to_string())
}

#[tokio::test]
async fn users_are_added_changed_listed_and_deleted() {
    let (_etcd, gateway) = start().await;
    let api = gateway.api();
    assert_eq!(
        api.get("/auth/users").send().await.json(200)["users"],
        json!([])
    );
    for name in ["user2", "user1", "user3"] {
        let added = add_user(&api, name).await;
        assert_eq!(
            (&added["name"], &added["roles"]),
            (&json!(name), &json!([]))
        );
    }
    let certificate = json!({"name": "machine", "no_password": true});
    api.post("/auth/users", &certificate).send().await.json(201);
    let again = api.post("/auth/users", &json!({"name": "user1", "password": "x"}));
    let problem = again.send().await.problem(409, "already_exists");
    assert!(problem["detail"].as_str().expect("text").contains("user1"));

    let password = json!({"password": "changed"});
    let changed = put_json(&api, "/auth/users/user1/password", &password);
    let changed = changed.send().await;
    assert!(changed.revision() >= 1);
    changed.json(200);
    for (path, body) in [
        ("/auth/users/user1/password", json!({"password": ""})),
        ("/auth/users/user1/password", json!({})),
    ] {
        put_json(&api, path, &body)
            .send()
            .await
            .problem(400, "bad_request");
    }
    let user = api.get("/auth/users/user1").send().await.json(200);
    assert_eq!(
        (&user["name"], &user["roles"]),
        (&json!("user1"), &json!([]))
    );
    api.delete("/auth/users/user2").send().await.json(200);
    for request in [
        api.get("/auth/users/userX"),
        api.get("/auth/users/userX/reach"),
        api.delete("/auth/users/user2"),
        put_json(&api, "/auth/users/userX/password", &password),
        api.put("/auth/users/userX/roles/root", ""),
    ] {
        request.send().await.problem(404, "user_not_found");
    }
    let list = api.get("/auth/users").send().await.json(200);
    assert_eq!(list["users"], json!(["machine", "user1", "user3"]));
}

#[tokio::test]
async fn roles_are_added_granted_and_revoked() {
    let (_etcd, gateway) = start().await;
    let api = gateway.api();
    for name in ["role2", "role1", "role3"] {
        assert_eq!(add_role(&api, name).await["permissions"], json!([]));
    }
    let again = api.post("/auth/roles", &json!({"name": "role1"}));
    again.send().await.problem(409, "already_exists");
    api.get("/auth/roles/role1").send().await.json(200);
    api.delete("/auth/roles/role2").send().await.json(200);
    for request in [
        api.get("/auth/roles/roleX"),
        api.delete("/auth/roles/role2"),
        api.post(
            "/auth/roles/roleX/permissions",
            &json!({"access": "read", "key": "a"}),
        ),
        api.delete("/auth/roles/roleX/permissions?key=a"),
    ] {
        request.send().await.problem(404, "role_not_found");
    }
    let list = api.get("/auth/roles").send().await.json(200);
    assert_eq!(list["roles"], json!(["role1", "role3"]));

    add_user(&api, "user").await;
    let roles = async || api.get("/auth/users/user").send().await.json(200)["roles"].clone();
    for _ in 0..2 {
        // Granting it again is not an error.
        api.put("/auth/users/user/roles/role3", "")
            .send()
            .await
            .json(200);
    }
    api.put("/auth/users/user/roles/role1", "")
        .send()
        .await
        .json(200);
    assert_eq!(roles().await, json!(["role1", "role3"]));
    let unknown = api.put("/auth/users/user/roles/roleX", "").send().await;
    unknown.problem(404, "role_not_found");
    api.delete("/auth/users/user/roles/role1")
        .send()
        .await
        .json(200);
    let twice = api.delete("/auth/users/user/roles/role1").send().await;
    let problem = twice.problem(404, "role_not_found");
    assert!(
        problem["detail"]
            .as_str()
            .expect("text")
            .contains("does not have the role")
    );
    // A deleted role is removed from its users too.
    api.delete("/auth/roles/role3").send().await.json(200);
    assert_eq!(roles().await, json!([]));
}

#[tokio::test]
async fn permissions_are_on_keys_prefixes_and_ranges() {
    let (_etcd, gateway) = start().await;
    let api = gateway.api();
    add_role(&api, "r").await;
    let path = "/auth/roles/r/permissions";
    let binary = json!({"base64": "//4="});
    let grants = [
        json!({"access": "read", "key": "a"}),
        json!({"access": "write", "prefix": "b/"}),
        json!({"access": "readwrite", "start": "c", "end": "e"}),
        json!({"access": "read", "from": "x"}),
        json!({"access": "read", "key": binary}),
    ];
    for grant in &grants {
        api.post(path, grant).send().await.json(200);
    }
    let permissions = async || {
        let role = api.get("/auth/roles/r").send().await.json(200);
        role["permissions"].as_array().expect("permissions").clone()
    };
    let listed = permissions().await;
    assert_eq!(listed.len(), grants.len());
    for grant in &grants {
        assert!(listed.contains(grant), "{grant} in {listed:?}");
    }
    // Granting the same range again replaces the access.
    api.post(path, &json!({"access": "readwrite", "key": "a"}))
        .send()
        .await
        .json(200);
    let listed = permissions().await;
    assert_eq!(listed.len(), grants.len());
    assert!(listed.contains(&json!({"access": "readwrite", "key": "a"})));

    let other = api.delete(&format!("{path}?prefix=a")).send().await;
    let problem = other.problem(422, "unprocessable");
    assert!(problem["hint"].is_string(), "{problem}");
    api.delete(path).send().await.problem(400, "bad_request");
    for range in [
        "key=a",
        "prefix=b/",
        "start=c&end=e",
        "from=x",
        "key=%FF%FE",
    ] {
        api.delete(&format!("{path}?{range}"))
            .send()
            .await
            .json(200);
    }
    assert_eq!(permissions().await, Vec::<Value>::new());
    api.post(path, &json!({"access": "read", "prefix": ""}))
        .send()
        .await
        .json(200);
    assert_eq!(
        permissions().await,
        [json!({"access": "read", "prefix": ""})]
    );
    api.delete(&format!("{path}?prefix="))
        .send()
        .await
        .json(200);
}

#[tokio::test]
async fn effective_permissions_combine_a_users_roles() {
    let (_etcd, gateway) = start().await;
    let api = gateway.api();
    add_user(&api, "u").await;
    let reach = async || api.get("/auth/users/u/reach").send().await.json(200);
    let nothing = reach().await;
    assert_eq!(
        (&nothing["read"], &nothing["write"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(nothing["root"], false);
    for (role, grant) in [
        ("jobs", json!({"access": "readwrite", "prefix": "/jobs/"})),
        ("jobs", json!({"access": "read", "key": "/jobs"})),
        ("low", json!({"access": "read", "start": "a", "end": "m"})),
        ("high", json!({"access": "read", "start": "k", "end": "t"})),
        ("high", json!({"access": "write", "from": "z"})),
    ] {
        api.post("/auth/roles", &json!({"name": role})).send().await;
        api.post(&format!("/auth/roles/{role}/permissions"), &grant)
            .send()
            .await
            .json(200);
        api.put(&format!("/auth/users/u/roles/{role}"), "")
            .send()
            .await
            .json(200);
    }
    let all = reach().await;
    assert_eq!(
        all["read"],
        json!([{"key": "/jobs"}, {"prefix": "/jobs/"}, {"start": "a", "end": "t"}])
    );
    assert_eq!(all["write"], json!([{"prefix": "/jobs/"}, {"from": "z"}]));
    assert_eq!(all["roles"], json!(["high", "jobs", "low"]));
    add_role(&api, "root").await;
    api.put("/auth/users/u/roles/root", "")
        .send()
        .await
        .json(200);
    let root = reach().await;
    assert_eq!(root["root"], true);
    assert_eq!(
        (&root["read"], &root["write"]),
        (&json!([{"prefix": ""}]), &json!([{"prefix": ""}]))
    );
}

/// Users `ann` (roles `jobs` and `low`) and `bob` (role `jobs`).
async fn add_ann_and_bob(api: &Client) {
    for (role, grant) in [
        ("jobs", json!({"access": "readwrite", "prefix": "/jobs/"})),
        ("low", json!({"access": "read", "prefix": "/jobs/a"})),
        ("low", json!({"access": "read", "key": "/motd"})),
    ] {
        api.post("/auth/roles", &json!({"name": role})).send().await;
        api.post(&format!("/auth/roles/{role}/permissions"), &grant)
            .send()
            .await
            .json(200);
    }
    for (user, roles) in [("ann", &["jobs", "low"][..]), ("bob", &["jobs"])] {
        add_user(api, user).await;
        for role in roles {
            api.put(&format!("/auth/users/{user}/roles/{role}"), "")
                .send()
                .await
                .json(200);
        }
    }
}

#[tokio::test]
async fn whether_a_user_reaches_a_range_is_answered() {
    let (_etcd, gateway) = start().await;
    let api = gateway.api();
    add_ann_and_bob(&api).await;
    let answer = async |user: &str, range: &str| {
        let path = format!("/auth/users/{user}/reach?{range}");
        api.get(&path).send().await.json(200)["answer"].clone()
    };
    let key = answer("ann", "key=/jobs/a1").await;
    assert_eq!(
        key,
        json!({
            "range": {"key": "/jobs/a1"}, "read": "all", "write": "all",
            "readable": [{"key": "/jobs/a1"}], "writable": [{"key": "/jobs/a1"}],
            "granted_by": [
                {"role": "jobs", "access": "readwrite", "prefix": "/jobs/"},
                {"role": "low", "access": "read", "prefix": "/jobs/a"},
            ],
        })
    );
    let part = answer("ann", "prefix=/").await;
    assert_eq!(
        (&part["read"], &part["write"]),
        (&json!("part"), &json!("part"))
    );
    assert_eq!(
        part["readable"],
        json!([{"prefix": "/jobs/"}, {"key": "/motd"}])
    );
    let none = answer("bob", "start=/m&end=/n").await;
    assert_eq!(
        (&none["read"], &none["granted_by"]),
        (&json!("nothing"), &json!([]))
    );
    let bytes = answer("bob", "key=%FF").await;
    assert_eq!(bytes["range"], json!({"key": {"base64": "/w=="}}));
    let plain = api.get("/auth/users/ann/reach").send().await.json(200);
    assert_eq!(plain.get("answer"), None);
    for wrong in ["key=", "key=a&prefix=b", "start=b&end=a", "start=a"] {
        api.get(&format!("/auth/users/ann/reach?{wrong}"))
            .send()
            .await
            .problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_dry_run_of_a_deletion_lists_the_losses() {
    let (etcd, gateway) = start().await;
    let api = gateway.api();
    add_ann_and_bob(&api).await;
    let dry_run = async |path: &str| {
        let loss = api.delete(path).send().await.json(200);
        assert_eq!(loss["notes"], json!([]), "{path}");
        loss["users"].clone()
    };
    let jobs = json!([{"prefix": "/jobs/"}]);
    // What remains to ann of /jobs/ is what `low` allows to read.
    assert_eq!(
        dry_run("/auth/roles/jobs?dry_run").await,
        json!([
            {"user": "ann", "roles": ["low"], "root": false, "write": jobs,
                "read": [{"start": "/jobs/", "end": "/jobs/a"}, {"start": "/jobs/b", "end": "/jobs0"}]},
            {"user": "bob", "roles": [], "root": false, "read": jobs, "write": jobs},
        ])
    );
    assert_eq!(
        dry_run("/auth/roles/low?dry_run").await,
        json!([{"user": "ann", "roles": ["jobs"], "root": false, "read": [{"key": "/motd"}], "write": []}])
    );
    assert_eq!(
        dry_run("/auth/users/bob?dry_run").await,
        json!([{"user": "bob", "roles": [], "root": false, "read": jobs, "write": jobs}])
    );
    assert_eq!(
        dry_run("/auth/users/ann/roles/low?dry_run").await[0]["read"],
        json!([{"key": "/motd"}])
    );
    assert_eq!(
        dry_run("/auth/roles/low/permissions?dry_run&prefix=/jobs/a").await,
        json!([{"user": "ann", "roles": ["jobs", "low"], "root": false, "read": [], "write": []}])
    );
    for (path, status, code) in [
        ("/auth/roles/none?dry_run", 404, "role_not_found"),
        ("/auth/users/none?dry_run", 404, "user_not_found"),
        ("/auth/users/bob/roles/low?dry_run", 404, "role_not_found"),
        (
            "/auth/roles/low/permissions?dry_run&prefix=/jobs/",
            422,
            "unprocessable",
        ),
    ] {
        api.delete(path).send().await.problem(status, code);
    }
    // Nothing was changed, and a read-only gateway allows it.
    let users = api.get("/auth/users").send().await.json(200);
    assert_eq!(users["users"], json!(["ann", "bob"]));
    let roles = api.get("/auth/roles").send().await.json(200);
    assert_eq!(roles["roles"], json!(["jobs", "low"]));
    let frozen = InProcess::start(&etcd.url(), &["--read-only"]).await;
    let frozen = frozen.api();
    frozen
        .delete("/auth/roles/jobs?dry_run")
        .send()
        .await
        .json(200);
    let real = frozen.delete("/auth/roles/jobs").send().await;
    real.problem(403, "read_only");
}

#[tokio::test]
async fn enabling_authentication_is_checked_first() {
    let (etcd, gateway) = start().await;
    let api = gateway.api();
    let checks = async |path: &str| {
        let response = api.request(Method::POST, path).send().await.json(200);
        let outcomes: serde_json::Map<String, Value> = response["checks"]
            .as_array()
            .expect("checks")
            .iter()
            .map(|check| {
                let step = check["step"].as_str().expect("a step");
                (step.to_owned(), check["outcome"].clone())
            })
            .collect();
        (response["ready"] == true, Value::Object(outcomes))
    };
    let (ready, found) = checks("/auth/enable?dry_run").await;
    assert!(!ready);
    assert_eq!(
        found,
        json!({"root_user": "failed", "root_role": "failed", "gateway_account": "warning", "anonymous": "note"})
    );
    add_user(&api, "root").await;
    add_role(&api, "root").await;
    let (ready, found) = checks("/auth/enable?dry_run").await;
    assert!(!ready && found["root_user"] == "ok", "{found}");
    api.put("/auth/users/root/roles/root", "")
        .send()
        .await
        .json(200);
    let (ready, found) = checks("/auth/enable?dry_run").await;
    assert!(ready && found["root_password"] == "note", "{found}");
    let status = api.get("/auth/status").send().await.json(200);
    assert_eq!(status["enabled"], false, "a dry run changes nothing");
    let with_account = InProcess::start(&etcd.url(), &["--user", "root:secret"]).await;
    let own = with_account.api();
    let account = own.request(Method::POST, "/auth/enable?dry_run").send();
    let account = account.await.json(200);
    let checked = account["checks"].as_array().expect("checks").iter();
    let mut checked = checked.filter(|check| check["step"] == "gateway_account");
    assert_eq!(checked.next().expect("a check")["outcome"], "ok");
    let (ready, found) = checks("/auth/disable?dry_run").await;
    assert!(ready);
    assert_eq!(found, json!({"open": "warning", "sign_in": "ok"}));

    api.request(Method::POST, "/auth/enable")
        .send()
        .await
        .json(200);
    // Root cannot be deleted now, and the caller is root.
    let root = api.with_password("root", "secret");
    let loss = root.delete("/auth/users/root?dry_run").send().await;
    let loss = loss.json(200);
    assert_eq!(loss["users"][0]["root"], true);
    let steps = loss["notes"].as_array().expect("notes").iter();
    let steps: Vec<_> = steps.map(|note| note["step"].clone()).collect();
    assert_eq!(steps, ["self", "root"]);
    // A gateway that refuses requests without credentials would serve nobody without authentication.
    let closed = InProcess::start(&etcd.url(), &["--allow-host", "gateway.example"]).await;
    let closed = closed.api().with_password("root", "secret");
    let checked = closed.request(Method::POST, "/auth/disable?dry_run").send();
    let checked = checked.await.json(200);
    assert_eq!(
        (
            &checked["checks"][1]["step"],
            &checked["checks"][1]["outcome"]
        ),
        (&json!("sign_in"), &json!("warning"))
    );
}

#[tokio::test]
async fn names_are_one_path_segment_of_any_characters() {
    let (_etcd, gateway) = start().await;
    let api = gateway.api();
    for name in ["a/b", "größe", "with space", "100%", "?&=#"] {
        let segment = percent(name);
        add_user(&api, name).await;
        add_role(&api, name).await;
        let path = format!("/auth/users/{segment}");
        assert_eq!(api.get(&path).send().await.json(200)["name"], name);
        api.put(&format!("{path}/roles/{segment}"), "")
            .send()
            .await
            .json(200);
        assert_eq!(
            api.get(&path).send().await.json(200)["roles"],
            json!([name])
        );
        api.delete(&format!("{path}/roles/{segment}"))
            .send()
            .await
            .json(200);
        api.delete(&path).send().await.json(200);
        api.delete(&format!("/auth/roles/{segment}"))
            .send()
            .await
            .json(200);
    }
}

#[tokio::test]
async fn enabling_authentication_requires_root() {
    let (_etcd, gateway) = start().await;
    let api = gateway.api();
    let status = api.get("/auth/status").send().await;
    assert!(status.revision() >= 1);
    assert_eq!(status.json(200)["enabled"], false);
    let enable = async || api.request(Method::POST, "/auth/enable").send().await;
    let problem = enable().await.problem(409, "conflict");
    assert!(
        problem["detail"]
            .as_str()
            .expect("text")
            .contains("root user does not exist")
    );
    assert!(problem["hint"].is_string());
    add_user(&api, "root").await;
    let problem = enable().await.problem(409, "conflict");
    assert!(
        problem["detail"]
            .as_str()
            .expect("text")
            .contains("root role")
    );
    let off = api
        .request(Method::POST, "/auth/disable")
        .send()
        .await
        .json(200);
    assert_eq!(off["enabled"], false);
}

#[tokio::test]
async fn a_password_is_never_returned() {
    let (_etcd, gateway) = start().await;
    let api = gateway.api();
    for body in [
        json!({"name": "u", "password": 83_150_007}),
        json!({"name": "u", "password": ["83150007"]}),
        json!({"name": "u", "password": {"base64": "83150007"}}),
        json!({"name": "", "password": "83150007"}),
        json!({"name": "u", "password": "83150007", "no_password": true}),
    ] {
        let response = api.post("/auth/users", &body).send().await;
        assert!(!response.text().contains("83150007"), "{}", response.text());
        response.problem(400, "bad_request");
    }
}
