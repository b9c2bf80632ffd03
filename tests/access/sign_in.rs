//! `Authorization`: Basic, Bearer, absent, and invalid.

mod held;
mod limits;
mod tokens;

use serde_json::json;
use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::{Client, DEADLINE, Etcd, Grant, Stream, ensure, eventually, key_query, tools};

/// An etcd with auth on and a user `app` who may read and write below `/app/`, and a gateway with these
/// flags.
async fn world(etcd_flags: &[&str], flags: &[&str]) -> (Etcd, etcd_client::Client, InProcess) {
    let etcd = Etcd::start_with(etcd_flags).await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Both, "/app/")]).await;
    let gateway = InProcess::start(&etcd.url(), flags).await;
    (etcd, root, gateway)
}

fn with_root() -> [String; 2] {
    ["--user".to_owned(), format!("root:{ROOT}")]
}

/// How many passwords etcd has checked.
async fn passwords_checked(etcd: &Etcd) -> u64 {
    let metrics = Client::to(etcd.health_address()).get("/metrics");
    let text = metrics.send().await.expect(200).text();
    let counted = "grpc_server_started_total{grpc_method=\"Authenticate\"";
    let line = text.lines().find(|line| line.starts_with(counted));
    let number = line.and_then(|line| line.rsplit(' ').next());
    number
        .and_then(|number| number.parse().ok())
        .expect("etcd counts its calls")
}

#[tokio::test]
async fn a_user_has_the_permissions_that_etcd_grants() {
    let (_etcd, _root, gateway) = world(&[], &[]).await;
    let app = gateway.api().with_password("app", "secret");
    app.put(&key_query("/app/a"), "1").send().await.json(201);
    assert_eq!(app.read("/app/a").await["value"], "1");
    let other = app.put(&key_query("/other"), "1").send().await;
    other.problem(403, "forbidden");
    app.get("/kv?prefix=")
        .send()
        .await
        .problem(403, "forbidden");
    let root = gateway.api().with_password("root", ROOT);
    root.get("/kv?prefix=").send().await.json(200);
    root.post("/leases", &json!({"ttl": 60}))
        .send()
        .await
        .json(201);
}

#[tokio::test]
async fn invalid_credentials_are_401_and_never_fall_back() {
    let own = with_root();
    let (_etcd, _root, gateway) = world(&[], &[&own[0], &own[1]]).await;
    let api = gateway.api();
    // Without credentials a request acts as the gateway's account.
    api.get("/kv?prefix=").send().await.json(200);
    for wrong in [
        support::basic("app", "wrong"),
        support::basic("nobody", "secret"),
        support::basic("", "secret"),
        "Basic !".to_owned(),
        "Bearer nonsense.7".to_owned(),
        "Digest x".to_owned(),
        "nonsense".to_owned(),
    ] {
        let response = api
            .get("/kv?prefix=")
            .header("authorization", &wrong)
            .send()
            .await;
        let offered: Vec<_> = response
            .headers
            .get_all("www-authenticate")
            .iter()
            .collect();
        assert_eq!(offered.len(), 2, "{wrong}");
        response.problem(401, "unauthenticated");
    }
    let page = api
        .get("/kv?prefix=")
        .header("authorization", &support::basic("app", "wrong"))
        .header("sec-fetch-site", "same-origin")
        .send()
        .await;
    assert_eq!(page.header("www-authenticate"), "Bearer");
    page.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_token_has_its_users_permissions() {
    let (etcd, mut root, gateway) = world(&[], &[]).await;
    let token = etcd.token_of("app", "secret").await;
    let app = gateway
        .api()
        .with_header("authorization", &format!("Bearer {token}"));
    app.put(&key_query("/app/a"), "1").send().await.json(201);
    let other = app.get(&key_query("/other")).send().await;
    other.problem(403, "forbidden");
    root.user_delete("app").await.expect("etcd deletes a user");
    let refused = app.get(&key_query("/app/a")).send().await;
    refused.problem(401, "unauthenticated");
}

#[tokio::test]
async fn credentials_are_refused_while_auth_is_off() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    for credential in [support::basic("root", "x"), "Bearer made.up".to_owned()] {
        let response = gateway
            .api()
            .get("/kv?prefix=")
            .header("authorization", &credential)
            .send()
            .await;
        let problem = response.problem(401, "unauthenticated");
        let hint = problem["hint"].as_str().unwrap_or_default();
        assert!(hint.contains("omit the Authorization header"), "{hint}");
    }
    gateway.api().get("/kv?prefix=").send().await.json(200);
    // After auth is turned on, a made-up token is still refused; after it is turned off again, valid
    // credentials are too.
    let mut root = etcd.enable_auth().await;
    let signed = gateway.api().with_password("root", ROOT);
    eventually("the gateway sees that auth is on", DEADLINE, async || {
        let response = signed.get("/kv?prefix=").send().await;
        ensure(response.status == 200, || response.text())
    })
    .await;
    let made_up = gateway.api().with_header("authorization", "Bearer made.up");
    made_up
        .get("/kv?prefix=")
        .send()
        .await
        .problem(401, "unauthenticated");
    root.auth_disable().await.expect("etcd turns auth off");
    eventually("the gateway sees that auth is off", DEADLINE, async || {
        let response = signed.get("/kv?prefix=").send().await;
        ensure(response.status == 401, || response.text())
    })
    .await;
}

#[tokio::test]
async fn made_up_tokens_are_refused_at_v3_while_auth_is_off() {
    let etcd = Etcd::start().await;
    let near = InProcess::start(&etcd.url(), &[]).await;
    let known = InProcess::start(&etcd.url(), &["--allow-host", "etcd.example"]).await;
    let put = json!({"key": "Zm9v", "value": "YmFy"});
    let tokens = [
        ("authorization", "made.up"),
        ("authorization", "Bearer made.up"),
        ("authorization", "Basic cm9vdDp4"),
        ("grpc-metadata-token", "made.up"),
    ];
    let clients = [
        near.root().with_header("x-forwarded-for", "192.0.2.1"),
        near.root().with_header("forwarded", "for=192.0.2.1"),
        known.root(),
    ];
    for client in &clients {
        for (name, token) in tokens {
            for path in ["/v3/kv/put", "/v3/watch", "/v3/maintenance/snapshot"] {
                let request = client.post(path, &put).header(name, token);
                let response = request.send().await.expect(401).text();
                assert!(
                    response.contains("etcd's auth is off"),
                    "{name}: {response}"
                );
            }
        }
        let offer = [("sec-websocket-protocol", "Bearer, made.up")];
        let refused = Stream::try_socket(client, "/v3/watch", &offer).await;
        assert_eq!(refused.err().as_deref(), Some("401"));
        client.post("/v3/kv/put", &put).send().await.expect(401);
    }
    let found = etcd.client().await.get("foo", None).await;
    assert_eq!(found.expect("etcd responds").count(), 0);
    // A request that needs no credentials is handled as by etcd's own gateway.
    let request = near.root().post("/v3/kv/put", &put);
    let status = request
        .header("authorization", "made.up")
        .send()
        .await
        .status;
    let accepts_any = tools::etcd_version() >= (3, 5, 0);
    assert_eq!(status.as_u16(), if accepts_any { 200 } else { 401 });
    // While auth is on, etcd checks the token.
    let _root = etcd.enable_auth().await;
    let token = etcd.token_of("root", ROOT).await;
    for client in &clients {
        eventually("the gateway sees that auth is on", DEADLINE, async || {
            let request = client
                .post("/v3/kv/put", &put)
                .header("authorization", &token);
            let response = request.send().await;
            ensure(response.status == 200, || response.text())
        })
        .await;
        let request = client.post("/v3/kv/put", &put);
        let refused = request.header("authorization", "made.up").send().await;
        let text = refused.expect(401).text();
        assert!(text.contains("invalid auth token"), "{text}");
    }
}

#[tokio::test]
async fn sign_in_is_required_if_the_gateway_has_no_account() {
    let (_etcd, _root, gateway) = world(&[], &[]).await;
    let refused = gateway.api().get("/kv?prefix=").send().await;
    let problem = refused.problem(401, "unauthenticated");
    assert!(
        problem["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("sign in")),
        "{problem}"
    );
    // Probes need no credentials: that etcd responds is not a secret.
    for probe in ["/readyz", "/health"] {
        gateway.root().get(probe).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_changed_password_invalidates_the_old_one() {
    let (_etcd, mut root, gateway) = world(&[], &[]).await;
    let old = gateway.api().with_password("app", "secret");
    old.write("/app/a", "1").await;
    root.user_change_password("app", "newer")
        .await
        .expect("etcd changes a password");
    let new = gateway.api().with_password("app", "newer");
    assert_eq!(new.read("/app/a").await["value"], "1");
    let refused = old.get(&key_query("/app/a")).send().await;
    refused.problem(401, "unauthenticated");
    assert_eq!(new.read("/app/a").await["value"], "1");
}

#[tokio::test]
async fn a_write_only_user_learns_nothing_about_the_key() {
    let (_etcd, mut root, gateway) = world(&[], &[]).await;
    auth::user(&mut root, "sensor", "secret", &[(Grant::Write, "/in/")]).await;
    let sensor = gateway.api().with_password("sensor", "secret");
    let put = sensor.put(&key_query("/in/a"), "1").send().await.json(200);
    let mut members: Vec<_> = put.as_object().expect("an object").keys().collect();
    members.sort_unstable();
    assert_eq!(members, ["header", "key"]);
    let conditional = sensor
        .put(&key_query("/in/a"), "2")
        .header("if-match", "\"1\"")
        .send()
        .await;
    let more = format!("{}&prev", key_query("/in/a"));
    let guard = format!("{}&guard=/lock/1:5", key_query("/in/a"));
    for refused in [
        conditional,
        sensor.put(&more, "2").send().await,
        sensor.put(&guard, "2").send().await,
    ] {
        let problem = refused.problem(403, "forbidden");
        assert!(
            problem["hint"]
                .as_str()
                .is_some_and(|hint| hint.contains("READ")),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_named_lease_is_attached_reliably_for_a_write_only_account() {
    let (_etcd, mut root, gateway) = world(&[], &[]).await;
    auth::user(&mut root, "sensor", "secret", &[(Grant::Write, "/in/")]).await;
    let sensor = gateway.api().with_password("sensor", "secret");
    let all = gateway.api().with_password("root", ROOT);
    for id in ["a1", "a2"] {
        let granted = all.post("/leases", &json!({"ttl": 600, "id": id}));
        granted.send().await.json(201);
    }
    let key = key_query("/in/a");
    let put = async |client: &Client, lease: &str| {
        let put = client
            .put(&format!("{key}&lease={lease}"), "1")
            .send()
            .await;
        assert!(put.status.is_success(), "{}", put.text());
    };
    let lease = async || all.read("/in/a").await["lease"].clone();
    // The key was absent, had another lease, or had none.
    put(&sensor, "a1").await;
    assert_eq!(lease().await, "a1");
    put(&all, "a2").await;
    put(&sensor, "a1").await;
    assert_eq!(lease().await, "a1");
    put(&sensor, "none").await;
    assert_eq!(lease().await, json!(null));
    put(&sensor, "keep").await;
    put(&all, "a2").await;
    put(&sensor, "keep").await;
    assert_eq!(lease().await, "a2");
    // A concurrent write with the same lease: it is attached in either order.
    for _ in 0..50 {
        all.delete(&key).send().await.expect(200);
        tokio::join!(put(&all, "a1"), put(&sensor, "a1"));
        assert_eq!(lease().await, "a1");
    }
    let absent = sensor.put(&format!("{key}&lease=dead"), "2").send().await;
    absent.problem(422, "lease_not_found");
    assert_eq!(all.read("/in/a").await["value"], "1");
}
