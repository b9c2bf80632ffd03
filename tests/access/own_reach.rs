//! `GET /auth/self`: the caller's identity, and the ranges that the caller may read and write.

use serde_json::{Value, json};
use support::auth::{self, ROOT};
use support::certs::{Authority, Kind};
use support::gateway::InProcess;
use support::{Client, Etcd, Grant};

async fn auth_self(client: &Client) -> Value {
    client.get("/auth/self").send().await.json(200)
}

#[tokio::test]
async fn every_account_sees_its_own_permissions() {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    let grants = [
        (Grant::Read, "/a/"),
        (Grant::Both, "/b/"),
        (Grant::Write, "/in/"),
    ];
    auth::user(&mut root, "app", "secret", &grants).await;
    let gateway = InProcess::start(&etcd.url(), &["--user", "app:secret"]).await;
    let api = gateway.api();
    // A user who signs in, and the gateway's account for requests without credentials.
    for client in [&api, &api.with_password("app", "secret")] {
        let own = auth_self(client).await;
        assert_eq!(own["enabled"], true);
        assert_eq!(
            (&own["name"], &own["roles"]),
            (&json!("app"), &json!(["app"]))
        );
        assert_eq!(own["root"], false);
        assert_eq!(own["read"], json!([{"prefix": "/a/"}, {"prefix": "/b/"}]));
        assert_eq!(own["write"], json!([{"prefix": "/b/"}, {"prefix": "/in/"}]));
        assert!(
            own["header"]["revision"]
                .as_i64()
                .is_some_and(|revision| revision > 0)
        );
        // The hint of a refusal leads to the route that names the readable prefixes.
        let refused = client.get("/tree").send().await.problem(403, "forbidden");
        let hint = refused["hint"].as_str().expect("a hint");
        assert!(hint.contains("/auth/self"), "{hint}");
        client.get("/tree?prefix=/a/").send().await.json(200);
    }
    let all = auth_self(&api.with_password("root", ROOT)).await;
    assert_eq!(all["root"], true);
    assert_eq!(
        (&all["read"], &all["write"]),
        (&json!([{"prefix": ""}]), &json!([{"prefix": ""}]))
    );

    // A token does not identify its user.
    let token = etcd.token_of("app", "secret").await;
    let bearer = api.with_header("authorization", &format!("Bearer {token}"));
    let unnamed = auth_self(&bearer).await;
    for unknown in ["name", "read", "write"] {
        assert_eq!(unnamed[unknown], json!(null), "{unnamed}");
    }
    let token = etcd.token_of("root", ROOT).await;
    let bearer = api.with_header("authorization", &format!("Bearer {token}"));
    assert_eq!(auth_self(&bearer).await["read"], json!([{"prefix": ""}]));

    let wrong = api
        .with_password("app", "wrong")
        .get("/auth/self")
        .send()
        .await;
    wrong.problem(401, "unauthenticated");
}

#[tokio::test]
async fn without_auth_every_caller_may_do_everything() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let all = auth_self(&gateway.api()).await;
    assert_eq!(
        (&all["enabled"], &all["name"]),
        (&json!(false), &json!(null))
    );
    assert_eq!(
        (&all["read"], &all["write"]),
        (&json!([{"prefix": ""}]), &json!([{"prefix": ""}]))
    );
}

#[tokio::test]
async fn a_gateway_without_an_account_needs_credentials() {
    let etcd = Etcd::start().await;
    etcd.enable_auth().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let refused = gateway.api().get("/auth/self").send().await;
    refused.problem(401, "unauthenticated");
}

#[tokio::test]
async fn the_name_in_the_gateways_certificate_is_its_account() {
    let authority = Authority::new();
    let etcd = Etcd::start_mtls(&authority, &[]).await;
    let gateway = async |name: &str| {
        let client = authority.client(name, Kind::Ec);
        InProcess::start_mtls(&etcd, &authority, &client).await
    };
    let administrator = gateway("root").await;
    let all = administrator.api();
    for (route, body) in [
        ("/auth/users", json!({"name": "root", "password": ROOT})),
        ("/auth/roles", json!({"name": "root"})),
        ("/auth/users", json!({"name": "app", "no_password": true})),
        ("/auth/roles", json!({"name": "app"})),
    ] {
        all.post(route, &body).send().await.json(201);
    }
    let grant = json!({"access": "readwrite", "prefix": "/app/"});
    all.post("/auth/roles/app/permissions", &grant)
        .send()
        .await
        .json(200);
    for name in ["root", "app"] {
        let grant = all.put(&format!("/auth/users/{name}/roles/{name}"), "");
        grant.send().await.json(200);
    }
    all.post("/auth/enable", &json!({})).send().await.json(200);
    let app = gateway("app").await;
    let limited = app.api();
    let reach = auth_self(&limited).await;
    assert_eq!(
        (&reach["name"], &reach["read"]),
        (&json!("app"), &json!([{"prefix": "/app/"}]))
    );
    let unknown = gateway("stranger").await;
    let stranger = auth_self(&unknown.api()).await;
    assert_eq!(
        (&stranger["name"], &stranger["read"]),
        (&json!(null), &json!(null))
    );
    let refused = unknown.api().get("/locks").send().await;
    refused.problem(403, "forbidden");
    // Locks of the certificate's user are detected like those of a user who signs in.
    let held = limited.post("/locks/%2Fapp%2Fl", &json!({"ttl": 60}));
    held.send().await.json(201);
    let list = limited.get("/locks").send().await.json(200);
    assert_eq!(list["partial"], true);
}

#[tokio::test]
async fn a_certificate_without_a_name_is_not_an_account() {
    let authority = Authority::new();
    let etcd = Etcd::start_mtls(&authority, &[]).await;
    let client = authority.nameless_client();
    let gateway = InProcess::start_mtls(&etcd, &authority, &client).await;
    let api = gateway.api();
    api.write("/k", "v").await;
    for (route, body) in [
        ("/auth/users", json!({"name": "root", "password": ROOT})),
        ("/auth/roles", json!({"name": "root"})),
    ] {
        api.post(route, &body).send().await.json(201);
    }
    let grant = api.put("/auth/users/root/roles/root", "").send().await;
    grant.json(200);
    api.post("/auth/enable", &json!({})).send().await.json(200);
    // Credentials are missing, not a permission.
    let refused = api.get("/kv?key=/k").send().await;
    refused.problem(401, "unauthenticated");
    assert_eq!(
        api.with_password("root", ROOT).read("/k").await["value"],
        "v"
    );
}
