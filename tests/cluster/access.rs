//! With authentication on: who is nobody gets nothing, and is told so.

use etcd_client::{Client, ConnectOptions};
use http::Method;
use serde_json::json;
use support::Etcd;
use support::gateway::InProcess;

#[tokio::test]
async fn who_is_nobody_gets_nothing() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let root = json!({"name": "root", "password": "root-secret"});
    api.post("/auth/users", &root).send().await.json(201);
    let role = json!({"name": "root"});
    api.post("/auth/roles", &role).send().await.json(201);
    api.put("/auth/users/root/roles/root", "")
        .send()
        .await
        .json(200);
    let enabled = api.ask(Method::POST, "/auth/enable").send().await;
    assert_eq!(enabled.json(200)["enabled"], true);

    let put = api.put("/kv?key=a", "v").send().await;
    put.problem(401, "unauthenticated");
    for path in [
        "/auth/users",
        "/auth/users/root",
        "/auth/users/root/reach",
        "/auth/roles",
        "/cluster/hash",
    ] {
        let answer = api.get(path).send().await;
        let answer = answer.problem(401, "unauthenticated");
        assert!(!answer.to_string().contains("root-secret"), "{answer}");
    }
    let refused = api.post("/auth/users", &json!({"name": "x", "password": "y"}));
    refused.send().await.problem(401, "unauthenticated");
    let branch = api.ask(Method::POST, "/auth/disable").send().await;
    branch.problem(401, "unauthenticated");

    // The account that was made is a real one, with the password that was given.
    let options = ConnectOptions::new().with_user("root", "root-secret");
    let mut client = Client::connect([etcd.direct_url()], Some(options))
        .await
        .expect("etcd takes the password");
    client.auth_disable().await.expect("root may");
    api.write("a", "v").await;
}
