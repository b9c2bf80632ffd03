//! Users, roles and tokens: the cases of etcd's own tests, and more.

use http::Method;
use serde_json::{Value, json};
use support::auth::ROOT;
use support::{Client, DEADLINE, Stream};

use crate::case;
use crate::differences::Difference;
use crate::side::{Results, Side, b64};

/// Adds users with the root role and enables auth; returns root's token.
pub(crate) async fn enable(side: &Side, users: &[&str]) -> String {
    enable_auth(side, users).await;
    token(side, "root").await
}

/// As `enable`, without signing in.
pub(crate) async fn enable_auth(side: &Side, users: &[&str]) {
    side.call("/v3/auth/role/add", &json!({"name": "root"}))
        .await;
    for user in users {
        let mut add = json!({"name": user, "password": "pass"});
        if *user != "nooption" {
            add["options"] = json!({"no_password": false});
        }
        side.call("/v3/auth/user/add", &add).await;
        let grant = json!({"user": user, "role": "root"});
        side.call("/v3/auth/user/grant", &grant).await;
    }
    side.call("/v3/auth/enable", &json!({})).await;
}

async fn token(side: &Side, user: &str) -> String {
    let body = json!({"name": user, "password": "pass"});
    let response = side.call("/v3/auth/authenticate", &body).await;
    response["token"].as_str().expect("a token").to_owned()
}

/// Makes a call with a token and expects success.
pub(crate) async fn call_as(side: &Side, token: &str, path: &str, body: &Value) -> Value {
    let request = side.request(path, body).header("authorization", token);
    let response = request.send().await.expect(200);
    serde_json::from_slice(&response.body).expect("JSON")
}

/// Adds a user who may read and write keys below `prefix`; returns the user's token.
pub(crate) async fn add_restricted_user(
    side: &Side,
    root: &str,
    name: &str,
    prefix: &str,
) -> String {
    let add = json!({"name": name, "password": "pass"});
    call_as(side, root, "/v3/auth/user/add", &add).await;
    call_as(side, root, "/v3/auth/role/add", &json!({"name": name})).await;
    let perm = json!({"permType": "READWRITE", "key": b64(prefix), "range_end": b64(&format!("{prefix}\u{7f}"))});
    let grant = json!({"name": name, "perm": perm});
    call_as(side, root, "/v3/auth/role/grant", &grant).await;
    let grant = json!({"user": name, "role": name});
    call_as(side, root, "/v3/auth/user/grant", &grant).await;
    token(side, name).await
}

case!(
    a_token_is_required_and_accepted_in_every_form,
    own_etcd,
    |side| {
        enable_auth(side, &USERS).await;
        let message = side.expect_error("/v3/kv/put", &put(), 400, 3).await;
        assert_eq!(message, "etcdserver: user name is empty");
        tokens_are_accepted_in_every_form(side).await;
    }
);

/// The users of etcd's own test; the last is added without any options.
pub(crate) const USERS: [&str; 3] = ["root", "nonroot", "nooption"];

fn put() -> Value {
    json!({"key": b64("foo"), "value": b64("bar")})
}

/// Each of [`USERS`] signs in and puts a key.
pub(crate) async fn tokens_are_accepted_in_every_form(side: &Side) {
    let put = put();
    for user in USERS {
        let token = token(side, user).await;
        call_as(side, &token, "/v3/kv/put", &put).await;
        let request = side
            .request("/v3/kv/put", &put)
            .header("grpc-metadata-token", &token);
        request.send().await.expect(200);
        if !side.has(Difference::NoBearer) {
            call_as(side, &format!("Bearer {token}"), "/v3/kv/put", &put).await;
        }
    }
    let wrong = side
        .request("/v3/kv/put", &put)
        .header("authorization", "made.up");
    let message = side.expect_error_of(wrong, 401, 16).await;
    assert_eq!(message, "etcdserver: invalid auth token");
    let body = json!({"name": "root", "password": "wrong"});
    let message = side
        .expect_error("/v3/auth/authenticate", &body, 400, 3)
        .await;
    assert_eq!(
        message,
        "etcdserver: authentication failed, invalid user ID or password"
    );
}

case!(
    the_metadata_token_takes_precedence_over_the_header,
    own_etcd,
    |side| {
        let token = enable(side, &["root"]).await;
        let put = json!({"key": b64("foo"), "value": b64("bar")});
        let request = |headers: &[(&str, &str)]| {
            let request = side.request("/v3/kv/put", &put);
            headers.iter().fold(request, |request, (name, value)| {
                request.header(name, value)
            })
        };
        // Credentials that are meant for a proxy.
        let for_proxy = ("authorization", "Basic cHJveHk6eA==");
        let response = request(&[for_proxy, ("grpc-metadata-token", &token)])
            .send()
            .await;
        response.expect(200);
        let response = request(&[("grpc-metadata-authorization", &token)])
            .send()
            .await;
        response.expect(200);
        let right = ("authorization", token.as_str());
        for wrong in [
            request(&[right, ("grpc-metadata-token", "made.up")]),
            request(&[("grpc-metadata-authorization", "made.up")]),
        ] {
            let message = side.expect_error_of(wrong, 401, 16).await;
            assert_eq!(message, "etcdserver: invalid auth token");
        }
    }
);

case!(a_token_is_accepted_over_a_socket, own_etcd, |side| {
    if side.has(Difference::NoBearer) {
        return;
    }
    let token = enable(side, &["root"]).await;
    let offer = format!("Bearer, {token}");
    let mut socket = side
        .socket("/v3/watch", &[("sec-websocket-protocol", &offer)])
        .await;
    socket
        .send(&json!({"create_request": {"key": b64("a")}}))
        .await;
    let line = socket
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    assert_eq!(line["result"]["created"], true);
    assert!(line["result"].get("canceled").is_none(), "{line}");
    // Without a token nothing may be watched.
    let mut socket: Stream = side.socket("/v3/watch", &[]).await;
    socket
        .send(&json!({"create_request": {"key": b64("a")}}))
        .await;
    let line = socket
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    assert_eq!(line["result"]["canceled"], true, "{line}");
});

#[tokio::test]
async fn a_cookie_is_not_a_token() {
    let side = Side::own_etcd(true, &[]).await;
    let token = enable(&side, &["root"]).await;
    let cookie = format!("token={token}");
    let put = json!({"key": b64("foo")});
    let request = side.request("/v3/kv/put", &put).header("cookie", &cookie);
    let message = side.expect_error_of(request, 400, 3).await;
    assert_eq!(message, "etcdserver: user name is empty");
    let mut socket = side.socket("/v3/watch", &[("cookie", &cookie)]).await;
    socket
        .send(&json!({"create_request": {"key": b64("a")}}))
        .await;
    let line = socket
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    assert_eq!(line["result"]["canceled"], true, "{line}");
}

case!(tokens_are_passed_to_etcd_while_auth_is_off, |side| {
    let request = side
        .request("/v3/kv/range", &json!({"key": side.key("x")}))
        .header("authorization", "made.up");
    // etcd 3.5 and later accept any token.
    if side.at_least(3, 5) {
        request.send().await.expect(200);
    } else {
        side.expect_error_of(request, 401, 16).await;
    }
    let body = json!({"name": "root", "password": "x"});
    let message = side
        .expect_error("/v3/auth/authenticate", &body, 400, 9)
        .await;
    assert_eq!(message, "etcdserver: authentication is not enabled");
});

case!(permissions_are_those_of_the_token, own_etcd, |side| {
    let root = enable(side, &["root"]).await;
    let ann = add_restricted_user(side, &root, "ann", "/ann/").await;
    let mine = json!({"key": b64("/ann/a"), "value": b64("v")});
    call_as(side, &ann, "/v3/kv/put", &mine).await;
    let theirs = json!({"key": b64("/bob/a")});
    for path in ["/v3/kv/put", "/v3/kv/range"] {
        let request = side.request(path, &theirs).header("authorization", &ann);
        let message = side.expect_error_of(request, 403, 7).await;
        assert_eq!(message, "etcdserver: permission denied");
    }
    let lock = side
        .request("/v3/lock/lock", &json!({"name": b64("/bob/lock")}))
        .header("authorization", &ann);
    let message = side.expect_error_of(lock, 500, 2).await;
    assert!(message.contains("permission denied"), "{message}");
    let unlock = side
        .request("/v3/lock/unlock", &json!({"key": b64("/bob/lock/7")}))
        .header("authorization", &ann);
    let message = side.expect_error_of(unlock, 500, 2).await;
    assert!(message.contains("permission denied"), "{message}");
    // A lock among the user's own keys works.
    let name = json!({"name": b64("/ann/lock")});
    let held = call_as(side, &ann, "/v3/lock/lock", &name).await;
    let key = json!({"key": held["key"]});
    call_as(side, &ann, "/v3/lock/unlock", &key).await;
});

case!(
    a_refused_watch_is_cancelled_in_the_stream,
    own_etcd,
    |side| {
        let root = enable(side, &["root"]).await;
        let ann = add_restricted_user(side, &root, "ann", "/ann/").await;
        let create = json!({"create_request": {"key": b64("/bob/a")}});
        let request = side
            .request("/v3/watch", &create)
            .header("authorization", &ann);
        let mut watch = Results::open(request).await;
        let response = watch.next().await;
        assert_eq!(
            (&response["created"], &response["canceled"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(response["watch_id"], "-1");
        let reason = response["cancel_reason"].as_str().expect("a reason");
        assert!(reason.contains("permission denied"), "{reason}");
    }
);

case!(
    a_refused_stream_has_the_status_of_its_error,
    own_etcd,
    |side| {
        let root = enable(side, &["root"]).await;
        let ann = add_restricted_user(side, &root, "ann", "/ann/").await;
        let granted = call_as(side, &root, "/v3/lease/grant", &json!({"TTL": 60})).await;
        let put = json!({"key": b64("/bob/a"), "lease": granted["ID"]});
        call_as(side, &root, "/v3/kv/put", &put).await;
        let request = side.request("/v3/lease/keepalive", &json!({"ID": granted["ID"]}));
        let mut kept = Results::open(request.header("authorization", &ann)).await;
        // Whether etcd checks the lease's owner depends on its version, not on the gateway.
        if kept.status == 200 {
            let response = kept.next().await;
            assert_eq!(response["TTL"], "60", "{response}");
        } else {
            assert_eq!(kept.status, 403);
            let error = kept.error().await;
            assert_eq!(side.stream_error(&error).0, 7, "{error}");
        }
        // Before 3.6 the error has no code of its own.
        let (status, code) = if side.at_least(3, 6) {
            (403, 7)
        } else {
            (500, 2)
        };
        let request = side.request("/v3/maintenance/snapshot", &json!({}));
        let snapshot = Results::open(request.header("authorization", &ann)).await;
        assert_eq!(snapshot.status, status);
        let (found, message) = side.stream_error(&snapshot.error().await);
        assert_eq!(found, code, "{message}");
        assert!(message.contains("permission denied"), "{message}");
    }
);

case!(a_watch_outlives_its_permission, own_etcd, |side| {
    let root = enable(side, &["root"]).await;
    let ann = add_restricted_user(side, &root, "ann", "/ann/").await;
    let create = json!({"create_request": {"key": b64("/ann/a")}});
    let request = side
        .request("/v3/watch", &create)
        .header("authorization", &ann);
    let mut watch = Results::open(request).await;
    assert_eq!(watch.next().await["created"], true);
    let revoke = json!({"name": "ann", "role": "ann"});
    call_as(side, &root, "/v3/auth/user/revoke", &revoke).await;
    let put = json!({"key": b64("/ann/a"), "value": b64("v")});
    call_as(side, &root, "/v3/kv/put", &put).await;
    let event = watch.events(1).await.remove(0);
    assert_eq!(
        event["kv"]["value"],
        b64("v"),
        "etcd checks permissions only when the watch is created"
    );
});

case!(
    a_watch_outlives_its_token,
    own_etcd(&["--auth-token-ttl=1"]),
    |side| {
        let token = enable(side, &["root"]).await;
        let create = json!({"create_request": {"key": b64("a")}});
        let request = side
            .request("/v3/watch", &create)
            .header("authorization", &token);
        let mut watch = Results::open(request).await;
        assert_eq!(watch.next().await["created"], true);
        let range = json!({"key": b64("a")});
        support::eventually("the token expires", DEADLINE, async || {
            // Each use prolongs the token, so uses are rare.
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            let request = side
                .request("/v3/kv/range", &range)
                .header("authorization", &token);
            let status = request.send().await.status;
            support::ensure(status == 401, || status.to_string())
        })
        .await;
        let fresh = self::token(side, "root").await;
        let put = json!({"key": b64("a"), "value": b64("v")});
        call_as(side, &fresh, "/v3/kv/put", &put).await;
        watch.events(1).await;
    }
);

/// Watches one key through Watchgate, from revision 1.
async fn watch_from_start(client: &Client) -> Results {
    let create = json!({"create_request": {"key": b64("a"), "start_revision": "1"}});
    let request = client.request(Method::POST, "/v3/watch");
    let mut watch = Results::open(request.body(create.to_string())).await;
    let response = watch.next().await;
    assert_eq!(response["created"], true, "{response}");
    assert!(response.get("canceled").is_none(), "{response}");
    watch
}

/// Puts the key of [`watch_from_start`], as soon as etcd is up.
async fn put_through(client: &Client, value: &str) {
    support::eventually("etcd accepts a put", DEADLINE, async || {
        let put = json!({"key": b64("a"), "value": b64(value)}).to_string();
        let request = client.request(Method::POST, "/v3/kv/put").body(put);
        let response = request.send().await;
        support::ensure(response.status == 200, || response.text())
    })
    .await;
}

#[tokio::test]
async fn the_gateway_renews_the_tokens_of_accounts() {
    let mut side = Side::own_etcd(true, &[]).await;
    side.upstream().enable_auth().await;
    let user = format!("root:{ROOT}");
    let gateway = side.second_gateway(&["--user", &user]).await;
    let clients = [gateway.root(), gateway.root().with_password("root", ROOT)];
    for client in &clients {
        put_through(client, "0").await;
    }
    // A restarted etcd has forgotten its tokens. These watches are opened with tokens that it no longer knows.
    side.upstream_mut().restart().await;
    let mut watches = Vec::new();
    for client in &clients {
        let mut watch = watch_from_start(client).await;
        watch.events(2).await;
        watches.push(watch);
    }
    // The tokens become unknown while the watches are open.
    for round in ["1", "2"] {
        side.upstream_mut().restart().await;
        put_through(&clients[0], round).await;
        for watch in &mut watches {
            let response = watch.next().await;
            assert_eq!(
                response["events"][0]["kv"]["value"],
                b64(round),
                "{response}"
            );
        }
    }
    // If no new token can be obtained, the watch is refused as etcd would refuse it.
    let mut root = side.upstream().client_of("root", ROOT).await;
    let changed = root.user_change_password("root", "another").await;
    changed.expect("etcd changes a password");
    side.upstream_mut().restart().await;
    for mut watch in watches {
        let response = watch.next().await;
        assert_eq!(response["canceled"], true, "{response}");
        assert!(response["watch_id"].is_null(), "{response}");
    }
}

case!(users_are_added_changed_and_deleted, own_etcd, |side| {
    for user in ["user1", "user2", "user3"] {
        let add = json!({"name": user, "password": "123"});
        side.call("/v3/auth/user/add", &add).await;
    }
    let change = json!({"name": "user1", "password": "456"});
    side.call("/v3/auth/user/changepw", &change).await;
    side.call("/v3/auth/user/get", &json!({"name": "user1"}))
        .await;
    side.call("/v3/auth/user/delete", &json!({"name": "user2"}))
        .await;
    for path in ["/v3/auth/user/get", "/v3/auth/user/delete"] {
        let message = side
            .expect_error(path, &json!({"name": "userX"}), 400, 9)
            .await;
        assert_eq!(message, "etcdserver: user name not found");
    }
    let again = json!({"name": "user1", "password": "1"});
    let message = side.expect_error("/v3/auth/user/add", &again, 400, 9).await;
    assert_eq!(message, "etcdserver: user name already exists");
    let response = side.call("/v3/auth/user/list", &json!({})).await;
    assert_eq!(response["users"], json!(["user1", "user3"]));
});

case!(roles_are_added_and_deleted, own_etcd, |side| {
    for role in ["role1", "role2", "role3"] {
        side.call("/v3/auth/role/add", &json!({"name": role})).await;
    }
    side.call("/v3/auth/role/get", &json!({"role": "role1"}))
        .await;
    side.call("/v3/auth/role/delete", &json!({"role": "role2"}))
        .await;
    for path in ["/v3/auth/role/get", "/v3/auth/role/delete"] {
        let message = side
            .expect_error(path, &json!({"role": "roleX"}), 400, 9)
            .await;
        assert_eq!(message, "etcdserver: role name not found");
    }
    let response = side.call("/v3/auth/role/list", &json!({})).await;
    assert_eq!(response["roles"], json!(["role1", "role3"]));
});

case!(roles_are_granted_and_have_permissions, own_etcd, |side| {
    let add = json!({"name": "user1", "password": "123"});
    side.call("/v3/auth/user/add", &add).await;
    side.call("/v3/auth/role/add", &json!({"name": "role1"}))
        .await;
    let grant = json!({"user": "user1", "role": "role1"});
    side.call("/v3/auth/user/grant", &grant).await;
    let response = side
        .call("/v3/auth/user/get", &json!({"name": "user1"}))
        .await;
    assert_eq!(response["roles"], json!(["role1"]));
    let perm = json!({"permType": "WRITE", "key": b64("fakeKey")});
    let grant = json!({"name": "role1", "perm": perm});
    side.call("/v3/auth/role/grant", &grant).await;
    let response = side
        .call("/v3/auth/role/get", &json!({"role": "role1"}))
        .await;
    assert_eq!(
        response["perm"],
        json!([{"permType": "WRITE", "key": b64("fakeKey")}])
    );
    let read = json!({"name": "role1", "perm": {"permType": 0, "key": b64("fakeKey")}});
    side.call("/v3/auth/role/grant", &read).await;
    let response = side
        .call("/v3/auth/role/get", &json!({"role": "role1"}))
        .await;
    // READ is zero, and zeros are omitted.
    assert_eq!(response["perm"], json!([{"key": b64("fakeKey")}]));
    let revoke = json!({"role": "role1", "key": b64("fakeKey")});
    side.call("/v3/auth/role/revoke", &revoke).await;
    let revoke = json!({"name": "user1", "role": "role1"});
    side.call("/v3/auth/user/revoke", &revoke).await;
    let response = side
        .call("/v3/auth/user/get", &json!({"name": "user1"}))
        .await;
    assert!(response.get("roles").is_none());
});

case!(enabling_auth_requires_a_root_user, own_etcd, |side| {
    let message = side
        .expect_error("/v3/auth/enable", &json!({}), 400, 9)
        .await;
    assert_eq!(message, "etcdserver: root user does not exist");
    let response = side.call("/v3/auth/disable", &json!({})).await;
    assert!(response["header"]["revision"].is_string());
    if side.has(Difference::NoStatusOrDowngrade) {
        return;
    }
    if !side.at_least(3, 5) {
        // Watchgate has the path, but etcd does not have the call.
        side.expect_error("/v3/auth/status", &json!({}), 501, 12)
            .await;
        return;
    }
    let response = side.call("/v3/auth/status", &json!({})).await;
    assert!(response.get("enabled").is_none());
    assert!(response["authRevision"].is_string(), "{response}");
});
