//! Client certificates while auth is on (etcd's own case 33). etcd's gateway refuses whoever shows it one
//! with a name (`Difference::RefusesNamedCertificates`); ours shows its own to etcd, whoever asks.

use serde_json::json;

use crate::auth::{self, call_as, restricted};
use crate::case;
use crate::side::{Results, Shown, Side, b64};

case!(
    tokens_are_taken_beside_a_nameless_certificate,
    showing(Nameless),
    |side| {
        auth::turn_on(side, &auth::USERS).await;
        let put = json!({"key": b64("foo"), "value": b64("bar")});
        // etcd's gateway shows its server's certificate to etcd, and only of calls with this header it
        // says that its name is nobody's.
        let ask = side.ask("/v3/kv/put", &put).header("accept", "*/*");
        let message = side.refusal(ask, 400, 3).await;
        assert_eq!(message, "etcdserver: user name is empty");
        let create = json!({"create_request": {"key": b64("foo")}});
        let ask = side.ask("/v3/watch", &create).header("accept", "*/*");
        let refused = Results::of(ask).await.next().await;
        assert_eq!(refused["canceled"], true);
        // Before 3.5 every refused watch is one without permission.
        if side.from(3, 5) {
            let reason = refused["cancel_reason"].as_str().expect("a reason");
            assert!(
                reason.ends_with("etcdserver: user name is empty"),
                "{reason}"
            );
        }
        let lock = json!({"name": b64("foo")});
        let ask = side.ask("/v3/lock/lock", &lock).header("accept", "*/*");
        let message = side.refusal(ask, 500, 2).await;
        assert!(
            message.ends_with("etcdserver: user name is empty"),
            "{message}"
        );
        auth::tokens_are_taken_in_every_form(side).await;
    }
);

#[tokio::test]
async fn our_certificates_user_asks_for_who_brings_no_token() {
    let side = Side::showing(true, Shown::Named("ann"), &[]).await;
    let root = auth::enable(&side, &["root"]).await;
    restricted(&side, &root, "ann", "/ann/").await;
    let mine = json!({"key": b64("/ann/a"), "value": b64("v")});
    let theirs = json!({"key": b64("/bob/a"), "value": b64("v")});
    side.call("/v3/kv/put", &mine).await;
    let message = side.refused("/v3/kv/put", &theirs, 403, 7).await;
    assert_eq!(message, "etcdserver: permission denied");
    for (asked, refused) in [(&mine, false), (&theirs, true)] {
        let create = json!({"create_request": {"key": asked["key"]}});
        let mut watch = side.stream("/v3/watch", &create).await;
        assert_eq!(watch.next().await["canceled"] == true, refused);
    }
    // A token counts before the certificate: one that gives more, and one that gives nothing.
    call_as(&side, &root, "/v3/kv/put", &theirs).await;
    let wrong = side
        .ask("/v3/kv/put", &mine)
        .header("authorization", "made.up");
    let message = side.refusal(wrong, 401, 16).await;
    assert_eq!(message, "etcdserver: invalid auth token");
    let create = json!({"create_request": {"key": mine["key"]}});
    let wrong = side.ask("/v3/watch", &create);
    let mut watch = Results::of(wrong.header("authorization", "made.up")).await;
    assert_eq!(watch.next().await["canceled"], true);
    // And whoever comes through others is nobody.
    let ask = side.ask("/v3/kv/put", &mine);
    let through = ask.header("x-forwarded-for", "192.0.2.1");
    side.refusal(through, 401, 16).await;
}
