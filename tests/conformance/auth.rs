//! Users, roles and tokens (etcd's own cases 33 to 38, and what they leave out).

use http::Method;
use serde_json::{Value, json};
use support::auth::ROOT;
use support::{Client, DEADLINE, Stream};

use crate::case;
use crate::differences::Difference;
use crate::side::{Results, Side, b64};

/// Adds users who may do everything, and turns auth on; gives root's token.
pub(crate) async fn enable(side: &Side, users: &[&str]) -> String {
    turn_on(side, users).await;
    token(side, "root").await
}

/// The same without signing in.
pub(crate) async fn turn_on(side: &Side, users: &[&str]) {
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
    let asked = json!({"name": user, "password": "pass"});
    let answer = side.call("/v3/auth/authenticate", &asked).await;
    answer["token"].as_str().expect("a token").to_owned()
}

/// A call with a token, which succeeds.
pub(crate) async fn call_as(side: &Side, token: &str, path: &str, body: &Value) -> Value {
    let ask = side.ask(path, body).header("authorization", token);
    let answer = ask.send().await.expect(200);
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// Adds a user who may read and write keys below `prefix`; gives the user's token.
pub(crate) async fn restricted(side: &Side, root: &str, name: &str, prefix: &str) -> String {
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

case!(a_token_is_needed_and_taken_in_every_form, alone, |side| {
    turn_on(side, &USERS).await;
    let message = side.refused("/v3/kv/put", &put(), 400, 3).await;
    assert_eq!(message, "etcdserver: user name is empty");
    tokens_are_taken_in_every_form(side).await;
});

/// Those of etcd's own case, the last of whom is added without any options.
pub(crate) const USERS: [&str; 3] = ["root", "nonroot", "nooption"];

fn put() -> Value {
    json!({"key": b64("foo"), "value": b64("bar")})
}

/// Each of [`USERS`] signs in and puts a key.
pub(crate) async fn tokens_are_taken_in_every_form(side: &Side) {
    let put = put();
    for user in USERS {
        let token = token(side, user).await;
        call_as(side, &token, "/v3/kv/put", &put).await;
        let ask = side
            .ask("/v3/kv/put", &put)
            .header("grpc-metadata-token", &token);
        ask.send().await.expect(200);
        if !side.has(Difference::NoBearer) {
            call_as(side, &format!("Bearer {token}"), "/v3/kv/put", &put).await;
        }
    }
    let wrong = side
        .ask("/v3/kv/put", &put)
        .header("authorization", "made.up");
    let message = side.refusal(wrong, 401, 16).await;
    assert_eq!(message, "etcdserver: invalid auth token");
    let asked = json!({"name": "root", "password": "wrong"});
    let message = side.refused("/v3/auth/authenticate", &asked, 400, 3).await;
    assert_eq!(
        message,
        "etcdserver: authentication failed, invalid user ID or password"
    );
}

case!(the_metadata_counts_before_the_header, alone, |side| {
    let token = enable(side, &["root"]).await;
    let put = json!({"key": b64("foo"), "value": b64("bar")});
    let ask = |headers: &[(&str, &str)]| {
        let ask = side.ask("/v3/kv/put", &put);
        headers
            .iter()
            .fold(ask, |ask, (name, value)| ask.header(name, value))
    };
    // A proxy's, for itself.
    let proxys = ("authorization", "Basic cHJveHk6eA==");
    let answer = ask(&[proxys, ("grpc-metadata-token", &token)]).send().await;
    answer.expect(200);
    let answer = ask(&[("grpc-metadata-authorization", &token)]).send().await;
    answer.expect(200);
    let right = ("authorization", token.as_str());
    for wrong in [
        ask(&[right, ("grpc-metadata-token", "made.up")]),
        ask(&[("grpc-metadata-authorization", "made.up")]),
    ] {
        let message = side.refusal(wrong, 401, 16).await;
        assert_eq!(message, "etcdserver: invalid auth token");
    }
});

case!(a_token_is_taken_over_a_socket, alone, |side| {
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
    let line = socket.line_within(DEADLINE).await.expect("it is open");
    assert_eq!(line["result"]["created"], true);
    assert!(line["result"].get("canceled").is_none(), "{line}");
    // Without one nothing may be watched.
    let mut socket: Stream = side.socket("/v3/watch", &[]).await;
    socket
        .send(&json!({"create_request": {"key": b64("a")}}))
        .await;
    let line = socket.line_within(DEADLINE).await.expect("it is open");
    assert_eq!(line["result"]["canceled"], true, "{line}");
});

#[tokio::test]
async fn a_cookie_is_no_token() {
    let side = Side::alone(true, &[]).await;
    let token = enable(&side, &["root"]).await;
    let cookie = format!("token={token}");
    let put = json!({"key": b64("foo")});
    let ask = side.ask("/v3/kv/put", &put).header("cookie", &cookie);
    let message = side.refusal(ask, 400, 3).await;
    assert_eq!(message, "etcdserver: user name is empty");
    let mut socket = side.socket("/v3/watch", &[("cookie", &cookie)]).await;
    socket
        .send(&json!({"create_request": {"key": b64("a")}}))
        .await;
    let line = socket.line_within(DEADLINE).await.expect("it is open");
    assert_eq!(line["result"]["canceled"], true, "{line}");
}

case!(etcd_decides_about_tokens_while_auth_is_off, |side| {
    let ask = side
        .ask("/v3/kv/range", &json!({"key": side.key("x")}))
        .header("authorization", "made.up");
    // From 3.5 on it takes any.
    if side.from(3, 5) {
        ask.send().await.expect(200);
    } else {
        side.refusal(ask, 401, 16).await;
    }
    let asked = json!({"name": "root", "password": "x"});
    let message = side.refused("/v3/auth/authenticate", &asked, 400, 9).await;
    assert_eq!(message, "etcdserver: authentication is not enabled");
});

case!(permissions_are_those_of_the_token, alone, |side| {
    let root = enable(side, &["root"]).await;
    let ann = restricted(side, &root, "ann", "/ann/").await;
    let mine = json!({"key": b64("/ann/a"), "value": b64("v")});
    call_as(side, &ann, "/v3/kv/put", &mine).await;
    let theirs = json!({"key": b64("/bob/a")});
    for path in ["/v3/kv/put", "/v3/kv/range"] {
        let ask = side.ask(path, &theirs).header("authorization", &ann);
        let message = side.refusal(ask, 403, 7).await;
        assert_eq!(message, "etcdserver: permission denied");
    }
    let lock = side
        .ask("/v3/lock/lock", &json!({"name": b64("/bob/lock")}))
        .header("authorization", &ann);
    let message = side.refusal(lock, 500, 2).await;
    assert!(message.contains("permission denied"), "{message}");
    let unlock = side
        .ask("/v3/lock/unlock", &json!({"key": b64("/bob/lock/7")}))
        .header("authorization", &ann);
    let message = side.refusal(unlock, 500, 2).await;
    assert!(message.contains("permission denied"), "{message}");
    // Between its own keys a lock works.
    let name = json!({"name": b64("/ann/lock")});
    let held = call_as(side, &ann, "/v3/lock/lock", &name).await;
    let key = json!({"key": held["key"]});
    call_as(side, &ann, "/v3/lock/unlock", &key).await;
});

case!(a_refused_watch_is_an_answer, alone, |side| {
    let root = enable(side, &["root"]).await;
    let ann = restricted(side, &root, "ann", "/ann/").await;
    let create = json!({"create_request": {"key": b64("/bob/a")}});
    let ask = side.ask("/v3/watch", &create).header("authorization", &ann);
    let mut watch = Results::of(ask).await;
    let answer = watch.next().await;
    assert_eq!(
        (&answer["created"], &answer["canceled"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(answer["watch_id"], "-1");
    let reason = answer["cancel_reason"].as_str().expect("a reason");
    assert!(reason.contains("permission denied"), "{reason}");
});

case!(
    a_refused_stream_has_the_status_of_its_refusal,
    alone,
    |side| {
        let root = enable(side, &["root"]).await;
        let ann = restricted(side, &root, "ann", "/ann/").await;
        let granted = call_as(side, &root, "/v3/lease/grant", &json!({"TTL": 60})).await;
        let put = json!({"key": b64("/bob/a"), "lease": granted["ID"]});
        call_as(side, &root, "/v3/kv/put", &put).await;
        let ask = side.ask("/v3/lease/keepalive", &json!({"ID": granted["ID"]}));
        let mut kept = Results::of(ask.header("authorization", &ann)).await;
        // Whether etcd checks whose lease it is depends on its version, not on the gateway.
        if kept.status == 200 {
            let answer = kept.next().await;
            assert_eq!(answer["TTL"], "60", "{answer}");
        } else {
            assert_eq!(kept.status, 403);
            let error = kept.error().await;
            assert_eq!(side.stream_error(&error).0, 7, "{error}");
        }
        // Before 3.6 the refusal comes without its code.
        let (status, code) = if side.from(3, 6) { (403, 7) } else { (500, 2) };
        let ask = side.ask("/v3/maintenance/snapshot", &json!({}));
        let snapshot = Results::of(ask.header("authorization", &ann)).await;
        assert_eq!(snapshot.status, status);
        let (found, message) = side.stream_error(&snapshot.error().await);
        assert_eq!(found, code, "{message}");
        assert!(message.contains("permission denied"), "{message}");
    }
);

case!(a_watch_outlives_its_permission, alone, |side| {
    let root = enable(side, &["root"]).await;
    let ann = restricted(side, &root, "ann", "/ann/").await;
    let create = json!({"create_request": {"key": b64("/ann/a")}});
    let ask = side.ask("/v3/watch", &create).header("authorization", &ann);
    let mut watch = Results::of(ask).await;
    assert_eq!(watch.next().await["created"], true);
    let revoke = json!({"name": "ann", "role": "ann"});
    call_as(side, &root, "/v3/auth/user/revoke", &revoke).await;
    let put = json!({"key": b64("/ann/a"), "value": b64("v")});
    call_as(side, &root, "/v3/kv/put", &put).await;
    let event = watch.events(1).await.remove(0);
    assert_eq!(
        event["kv"]["value"],
        b64("v"),
        "etcd asks at the creation alone"
    );
});

case!(
    a_watch_outlives_its_token,
    alone(&["--auth-token-ttl=1"]),
    |side| {
        let token = enable(side, &["root"]).await;
        let create = json!({"create_request": {"key": b64("a")}});
        let ask = side
            .ask("/v3/watch", &create)
            .header("authorization", &token);
        let mut watch = Results::of(ask).await;
        assert_eq!(watch.next().await["created"], true);
        let range = json!({"key": b64("a")});
        support::eventually("the token is forgotten", DEADLINE, async || {
            // Each use prolongs it, so it is used seldom.
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            let ask = side
                .ask("/v3/kv/range", &range)
                .header("authorization", &token);
            let status = ask.send().await.status;
            support::when(status == 401, || status.to_string())
        })
        .await;
        let fresh = self::token(side, "root").await;
        let put = json!({"key": b64("a"), "value": b64("v")});
        call_as(side, &fresh, "/v3/kv/put", &put).await;
        watch.events(1).await;
    }
);

/// A watch of one key through a gateway of ours, from its first revision on.
async fn watch_of(client: &Client) -> Results {
    let create = json!({"create_request": {"key": b64("a"), "start_revision": "1"}});
    let ask = client.request(Method::POST, "/v3/watch");
    let mut watch = Results::of(ask.body(create.to_string())).await;
    let answer = watch.next().await;
    assert_eq!(answer["created"], true, "{answer}");
    assert!(answer.get("canceled").is_none(), "{answer}");
    watch
}

/// Puts that key, as soon as etcd is there.
async fn put_by(client: &Client, value: &str) {
    support::eventually("etcd takes a put", DEADLINE, async || {
        let put = json!({"key": b64("a"), "value": b64(value)}).to_string();
        let ask = client.request(Method::POST, "/v3/kv/put").body(put);
        let answer = ask.send().await;
        support::when(answer.status == 200, || answer.text())
    })
    .await;
}

#[tokio::test]
async fn the_tokens_of_an_account_are_the_gateways_business() {
    let mut side = Side::alone(true, &[]).await;
    side.behind().enable_auth().await;
    let user = format!("root:{ROOT}");
    let gateway = side.another(&["--user", &user]).await;
    let clients = [gateway.root(), gateway.root().signed("root", ROOT)];
    for client in &clients {
        put_by(client, "0").await;
    }
    // etcd forgets its tokens with its life. These are opened with what it does not know any more.
    side.behind_mut().restart().await;
    let mut watches = Vec::new();
    for client in &clients {
        let mut watch = watch_of(client).await;
        watch.events(2).await;
        watches.push(watch);
    }
    // And these are under way.
    for round in ["1", "2"] {
        side.behind_mut().restart().await;
        put_by(&clients[0], round).await;
        for watch in &mut watches {
            let answer = watch.next().await;
            assert_eq!(answer["events"][0]["kv"]["value"], b64(round), "{answer}");
        }
    }
    // Where no other is to be had, it is refused as etcd refuses it.
    let mut root = side.behind().client_of("root", ROOT).await;
    let changed = root.user_change_password("root", "another").await;
    changed.expect("etcd changes a password");
    side.behind_mut().restart().await;
    for mut watch in watches {
        let answer = watch.next().await;
        assert_eq!(answer["canceled"], true, "{answer}");
        assert!(answer["watch_id"].is_null(), "{answer}");
    }
}

case!(users_come_and_go, alone, |side| {
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
        let message = side.refused(path, &json!({"name": "userX"}), 400, 9).await;
        assert_eq!(message, "etcdserver: user name not found");
    }
    let again = json!({"name": "user1", "password": "1"});
    let message = side.refused("/v3/auth/user/add", &again, 400, 9).await;
    assert_eq!(message, "etcdserver: user name already exists");
    let answer = side.call("/v3/auth/user/list", &json!({})).await;
    assert_eq!(answer["users"], json!(["user1", "user3"]));
});

case!(roles_come_and_go, alone, |side| {
    for role in ["role1", "role2", "role3"] {
        side.call("/v3/auth/role/add", &json!({"name": role})).await;
    }
    side.call("/v3/auth/role/get", &json!({"role": "role1"}))
        .await;
    side.call("/v3/auth/role/delete", &json!({"role": "role2"}))
        .await;
    for path in ["/v3/auth/role/get", "/v3/auth/role/delete"] {
        let message = side.refused(path, &json!({"role": "roleX"}), 400, 9).await;
        assert_eq!(message, "etcdserver: role name not found");
    }
    let answer = side.call("/v3/auth/role/list", &json!({})).await;
    assert_eq!(answer["roles"], json!(["role1", "role3"]));
});

case!(roles_are_granted_and_have_permissions, alone, |side| {
    let add = json!({"name": "user1", "password": "123"});
    side.call("/v3/auth/user/add", &add).await;
    side.call("/v3/auth/role/add", &json!({"name": "role1"}))
        .await;
    let grant = json!({"user": "user1", "role": "role1"});
    side.call("/v3/auth/user/grant", &grant).await;
    let answer = side
        .call("/v3/auth/user/get", &json!({"name": "user1"}))
        .await;
    assert_eq!(answer["roles"], json!(["role1"]));
    let perm = json!({"permType": "WRITE", "key": b64("fakeKey")});
    let grant = json!({"name": "role1", "perm": perm});
    side.call("/v3/auth/role/grant", &grant).await;
    let answer = side
        .call("/v3/auth/role/get", &json!({"role": "role1"}))
        .await;
    assert_eq!(
        answer["perm"],
        json!([{"permType": "WRITE", "key": b64("fakeKey")}])
    );
    let read = json!({"name": "role1", "perm": {"permType": 0, "key": b64("fakeKey")}});
    side.call("/v3/auth/role/grant", &read).await;
    let answer = side
        .call("/v3/auth/role/get", &json!({"role": "role1"}))
        .await;
    // READ is a zero, which is left out.
    assert_eq!(answer["perm"], json!([{"key": b64("fakeKey")}]));
    let revoke = json!({"role": "role1", "key": b64("fakeKey")});
    side.call("/v3/auth/role/revoke", &revoke).await;
    let revoke = json!({"name": "user1", "role": "role1"});
    side.call("/v3/auth/user/revoke", &revoke).await;
    let answer = side
        .call("/v3/auth/user/get", &json!({"name": "user1"}))
        .await;
    assert!(answer.get("roles").is_none());
});

case!(auth_is_turned_on_by_root_alone, alone, |side| {
    let message = side.refused("/v3/auth/enable", &json!({}), 400, 9).await;
    assert_eq!(message, "etcdserver: root user does not exist");
    let answer = side.call("/v3/auth/disable", &json!({})).await;
    assert!(answer["header"]["revision"].is_string());
    if side.has(Difference::NoStatusNorDowngrade) {
        return;
    }
    if !side.from(3, 5) {
        // Ours has the path, and etcd has no such call.
        side.refused("/v3/auth/status", &json!({}), 501, 12).await;
        return;
    }
    let answer = side.call("/v3/auth/status", &json!({})).await;
    assert!(answer.get("enabled").is_none());
    assert!(answer["authRevision"].is_string(), "{answer}");
});
