//! Sign-in by cookie: sessions of browsers, and which account requests act as.

mod clusters;
mod end;
mod own_page;
mod secrets;

use serde_json::{Value, json};
use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::http::Response;
use support::{AuthWorld, Client, DEADLINE, Etcd, Grant, Watchgate, eventually, key_query};

/// A client as a page of the gateway is: what its requests may change, the gateway's own page may.
fn page(client: &Client) -> Client {
    client.with_header("sec-fetch-site", "same-origin")
}

fn credentials(name: &str, password: &str) -> Value {
    json!({"name": name, "password": password})
}

/// The cookie that a response sets, as a browser sends it back.
#[track_caller]
fn cookie_of(response: &Response) -> String {
    let set = response.header("set-cookie");
    let pair = set.split(';').next().unwrap_or_default();
    assert!(pair.starts_with("watchgate-"), "{set}");
    pair.to_owned()
}

/// Whether a response removes the cookie.
fn removes_cookie(response: &Response) -> bool {
    let set = response.header("set-cookie");
    set.starts_with("watchgate-") && set.contains("=;") && set.contains("Max-Age=0")
}

/// Signs in with the gateway's page; the client that has the cookie.
async fn sign_in(api: &Client, name: &str, password: &str) -> Client {
    let request = page(api).post("/session", &credentials(name, password));
    let response = request.send().await.expect(201);
    page(api).with_header("cookie", &cookie_of(&response))
}

async fn session(client: &Client) -> Value {
    client.get("/session").send().await.json(200)
}

#[tokio::test]
async fn a_session_has_the_permissions_of_its_user() {
    let world = AuthWorld::start(&[]).await;
    let api = page(&world.gateway.api());
    let request = api.post("/session", &credentials("app", "secret"));
    let signed_in = request.send().await.expect(201);
    let cookie = signed_in.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/api/v1"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    for absent in ["Secure", "Max-Age", "Expires", "Domain"] {
        assert!(!cookie.contains(absent), "{cookie}");
    }
    let app = api.with_header("cookie", &cookie_of(&signed_in));
    let response = signed_in.json(201);
    assert_eq!(response["acts_as"], "session");
    assert_eq!(
        (&response["name"], &response["roles"]),
        (&json!("app"), &json!(["app"]))
    );
    app.write("/app/a", "1").await;
    assert_eq!(app.read("/app/a").await["value"], "1");
    let other = app.get(&key_query("/other")).send().await;
    other.problem(403, "forbidden");
    let own = app.get("/auth/self").send().await.json(200);
    assert_eq!(own["name"], "app");

    // The page can show who is signed in, and until when: nine and twenty-four hours have the same form.
    let described = session(&app).await;
    for member in ["acts_as", "name", "roles", "auth_enabled", "expires_at"] {
        assert_eq!(described[member], response[member], "{member}");
    }
    let time = |member: &str| described[member].as_str().expect("a time").to_owned();
    assert!(time("idle_expires_at") < time("expires_at"), "{described}");
    assert!(time("expires_at").ends_with('Z'), "{described}");

    // Signing out removes the cookie, and its session is never accepted again.
    let signed_out = app.delete("/session").send().await.expect(204);
    assert!(removes_cookie(&signed_out), "{signed_out:?}");
    let refused = app.get(&key_query("/app/a")).send().await;
    assert!(removes_cookie(&refused), "{refused:?}");
    let problem = refused.problem(401, "unauthenticated");
    let hint = problem["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("sign in again"), "{problem}");
    app.delete("/session").send().await.expect(204);
    api.delete("/session").send().await.expect(204);
    let after = app.get("/session").send().await;
    assert!(removes_cookie(&after), "{after:?}");
    assert_eq!(after.json(200)["acts_as"], "nobody");
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_have_the_same_response() {
    let mut world = AuthWorld::start(&[]).await;
    let no_password = etcd_client::UserAddOptions::new().with_no_pwd();
    let added = world.root.user_add("robot", "", Some(no_password)).await;
    added.expect("etcd adds a user");
    let api = page(&world.gateway.api());
    let mut seen = Vec::new();
    for (name, password) in [
        ("app", "wrong"),
        ("app", ""),
        ("nobody", "secret"),
        ("robot", "secret"),
    ] {
        let request = api.post("/session", &credentials(name, password));
        let refused = request.send().await;
        assert_eq!(refused.header("set-cookie"), "");
        let mut problem = refused.problem(401, "unauthenticated");
        problem["request_id"] = json!(null);
        seen.push(problem);
    }
    assert!(seen.iter().all(|problem| *problem == seen[0]), "{seen:?}");
    let unnamed = api.post("/session", &credentials("", "x")).send().await;
    unnamed.problem(400, "bad_request");
    let form = api.request(http::Method::POST, "/session");
    let form = form
        .header("content-type", "application/x-www-form-urlencoded")
        .body("name=app&password=secret");
    form.send().await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn failed_sign_ins_share_the_limit_of_other_passwords() {
    let world = AuthWorld::start(&[]).await;
    let api = page(&world.gateway.api());
    let limited = eventually("the limit is reached", DEADLINE, async || {
        let request = api.post("/session", &credentials("app", "guess"));
        let response = request.send().await;
        if response.status == 429 {
            return Ok(response);
        }
        response.problem(401, "unauthenticated");
        Err("not limited yet".to_owned())
    })
    .await;
    assert!(limited.header("retry-after").parse::<u32>().is_ok());
    limited.problem(429, "rate_limited");
    let basic = world.app.get(&key_query("/app/a")).send().await;
    basic.problem(429, "rate_limited");
}

#[tokio::test]
async fn nothing_can_be_signed_in_to_while_auth_is_off() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = page(&gateway.api());
    let described = session(&api).await;
    assert_eq!(
        (&described["acts_as"], &described["auth_enabled"]),
        (&json!("gateway"), &json!(false))
    );
    let root = credentials("root", ROOT);
    let refused = api.post("/session", &root).send().await;
    let problem = refused.problem(409, "conflict");
    assert!(problem["hint"].is_string(), "{problem}");
    // Turning auth on is seen by the next sign-in.
    let mut client = etcd.enable_auth().await;
    let signed_in = sign_in(&gateway.api(), "root", ROOT).await;
    signed_in.get("/kv?prefix=").send().await.json(200);
    // Turning it off ends the session: no other account takes its place.
    client.auth_disable().await.expect("etcd turns auth off");
    let refused = eventually("the gateway sees that auth is off", DEADLINE, async || {
        let response = signed_in.get("/kv?prefix=").send().await;
        match response.status.as_u16() {
            401 => Ok(response),
            status => Err(status.to_string()),
        }
    })
    .await;
    assert!(removes_cookie(&refused), "{refused:?}");
    refused.problem(401, "unauthenticated");
    assert_eq!(session(&signed_in).await["acts_as"], "gateway");
}

#[tokio::test]
async fn a_page_learns_which_account_requests_act_as() {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Read, "/app/")]).await;
    let start = async |flags: &[&str]| InProcess::start(&etcd.url(), flags).await;
    // As the gateway's account, and by which name.
    let with_account = start(&["--user", "app:secret"]).await;
    let described = session(&with_account.api()).await;
    assert_eq!(
        (
            &described["acts_as"],
            &described["name"],
            &described["roles"]
        ),
        (&json!("gateway"), &json!("app"), &json!(["app"]))
    );
    assert_eq!(described["auth_enabled"], true);
    // As nobody: the gateway has no account, or a wrong one, or its account is not for other machines.
    let without = start(&[]).await;
    let mistaken = start(&["--user", "app:mistaken"]).await;
    let named = start(&["--user", "app:secret", "--allow-host", "etcd.example"]).await;
    for api in [without.api(), mistaken.api(), named.api()] {
        let described = session(&api).await;
        assert_eq!(
            (&described["acts_as"], &described["auth_enabled"]),
            (&json!("nobody"), &json!(true))
        );
        api.get("/kv?prefix=/app/").send().await.expect(401);
    }
    let forwarded = with_account.api().with_header("forwarded", "for=192.0.2.1");
    assert_eq!(session(&forwarded).await["acts_as"], "nobody");
    // A header decides, for example that of a proxy.
    let basic = session(&without.api().with_password("app", "secret")).await;
    assert_eq!(
        (&basic["acts_as"], &basic["name"]),
        (&json!("authorization"), &json!("app"))
    );
    let token = etcd.token_of("app", "secret").await;
    let bearer = without
        .api()
        .with_header("authorization", &format!("Bearer {token}"));
    let bearer = session(&bearer).await;
    assert_eq!(
        (&bearer["acts_as"], &bearer["name"]),
        (&json!("authorization"), &json!(null))
    );
    let wrong = without.api().with_password("app", "wrong");
    let refused = wrong.get("/session").send().await;
    refused.problem(401, "unauthenticated");
    // Nothing to sign in to, and requests are refused: the operator's flag is named.
    root.auth_disable().await.expect("etcd turns auth off");
    let closed = eventually("the gateway sees that auth is off", DEADLINE, async || {
        let described = session(&named.api()).await;
        match described["acts_as"].as_str() {
            Some("closed") => Ok(described),
            _ => Err(described.to_string()),
        }
    })
    .await;
    assert_eq!(closed["auth_enabled"], false);
    let hint = closed["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("--anonymous gateway"), "{closed}");
    named.api().get("/kv?prefix=").send().await.expect(401);
}

#[tokio::test]
async fn a_cookie_never_counts_at_v3() {
    let world = AuthWorld::start(&[]).await;
    let app = sign_in(&world.gateway.api(), "app", "secret").await;
    let (_, cookie) = app.headers().last().expect("the cookie");
    let v3 = page(&world.gateway.root()).with_header("cookie", cookie);
    let range = json!({"key": "L2FwcC9h"});
    let refused = v3.post("/v3/kv/range", &range).send().await;
    assert!(!refused.status.is_success(), "{}", refused.text());
    assert_eq!(refused.header("set-cookie"), "");
    let header = support::basic("app", "secret");
    let request = v3.post("/v3/kv/range", &range);
    let allowed = request.header("authorization", &header).send().await;
    allowed.expect(200);
}

#[tokio::test]
async fn a_cookie_is_secure_if_the_page_is() {
    let etcd = Etcd::start().await;
    let _root = etcd.enable_auth().await;
    let gateway = InProcess::start(&etcd.url(), &["--allow-host", "etcd.example"]).await;
    let api = gateway
        .api()
        .with_header("host", "etcd.example")
        .with_header("x-forwarded-proto", "https");
    let secure = async |origin: &str| {
        let request = api.post("/session", &credentials("root", ROOT));
        let response = request.header("origin", origin).send().await.expect(201);
        response.header("set-cookie").contains("; Secure")
    };
    assert!(secure("https://etcd.example").await);
    // The header of a proxy is not trusted: any client can set it.
    assert!(!secure("http://etcd.example").await);
}

#[tokio::test]
async fn gateways_with_the_same_key_file_accept_the_same_cookies() {
    let etcd = Etcd::start().await;
    let _root = etcd.enable_auth().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("session.key");
    std::fs::write(&file, format!("{}\n", "0123456789abcdef".repeat(8))).expect("writes");
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, owner_only).expect("our own file");
    let file = file.to_str().expect("text");
    let url = etcd.url();
    let start = async |listen: &str, flags: &[&str]| {
        let common = ["--listen", listen, "--etcd", &url];
        let flags: Vec<&str> = common.iter().chain(flags).copied().collect();
        Watchgate::start_as(&flags).await.expect("watchgate starts")
    };
    let first = start("127.0.0.1:0", &["--session-key-file", file]).await;
    let signed_in = sign_in(&first.api(), "root", ROOT).await;
    let port = first.api().address().port();
    // The name of a cookie contains the port: behind a load balancer all gateways have the same one.
    let elsewhere = start(&format!("127.0.0.2:{port}"), &["--session-key-file", file]).await;
    let there = signed_in.at(elsewhere.api().address());
    assert_eq!(session(&there).await["name"], "root");
    let other_key = start(&format!("127.0.0.3:{port}"), &[]).await;
    let refused = signed_in.at(other_key.api().address());
    let refused = refused.get("/kv?prefix=").send().await;
    assert!(removes_cookie(&refused), "{refused:?}");
    refused.problem(401, "unauthenticated");
    let other_port = start("127.0.0.1:0", &["--session-key-file", file]).await;
    let ignored = signed_in.at(other_port.api().address());
    assert_eq!(session(&ignored).await["acts_as"], "nobody");
}

#[tokio::test]
async fn a_key_file_that_cannot_be_used_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("session.key");
    let path = file.to_str().expect("text");
    let start = async |contents: &str, mode: u32| {
        std::fs::write(&file, contents).expect("writes");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&file, mode).expect("our own file");
        let flags = ["--etcd", "http://127.0.0.1:1", "--session-key-file", path];
        let refused = Watchgate::start(&flags).await.expect_err("does not start");
        assert!(refused.contains(path), "{refused}");
        refused
    };
    let digits = "c0ffee00".repeat(16);
    let short = start(&digits[..64], 0o600).await;
    assert!(
        short.contains("64 digits") && short.contains("openssl"),
        "{short}"
    );
    assert!(!short.contains("c0ffee"), "{short}");
    let open = start(&digits, 0o644).await;
    assert!(open.contains("chmod 600"), "{open}");
}
