//! Client certificates while auth is on. etcd's gateway refuses a client certificate that has a name
//! (`Difference::RefusesNamedCertificates`); Watchgate presents its own certificate to etcd for every client.

use serde_json::json;

use crate::auth::{self, add_restricted_user, call_as};
use crate::case;
use crate::side::{Certificate, Results, Side, b64};

case!(
    tokens_work_with_a_certificate_without_a_name,
    with_certificate(Nameless),
    |side| {
        auth::enable_auth(side, &auth::USERS).await;
        let put = json!({"key": b64("foo"), "value": b64("bar")});
        // etcd's gateway presents its server certificate to etcd. Only with this header does it mark the
        // call so that the certificate's name is not taken for a user.
        let request = side.request("/v3/kv/put", &put).header("accept", "*/*");
        let message = side.expect_error_of(request, 400, 3).await;
        assert_eq!(message, "etcdserver: user name is empty");
        let create = json!({"create_request": {"key": b64("foo")}});
        let request = side.request("/v3/watch", &create).header("accept", "*/*");
        let refused = Results::open(request).await.next().await;
        assert_eq!(refused["canceled"], true);
        // Before 3.5 the reason of every refused watch is a missing permission.
        if side.at_least(3, 5) {
            let reason = refused["cancel_reason"].as_str().expect("a reason");
            assert!(
                reason.ends_with("etcdserver: user name is empty"),
                "{reason}"
            );
        }
        let lock = json!({"name": b64("foo")});
        let request = side.request("/v3/lock/lock", &lock).header("accept", "*/*");
        let message = side.expect_error_of(request, 500, 2).await;
        assert!(
            message.ends_with("etcdserver: user name is empty"),
            "{message}"
        );
        auth::tokens_are_accepted_in_every_form(side).await;
    }
);

#[tokio::test]
async fn requests_without_a_token_act_as_the_certificates_user() {
    let side = Side::with_certificate(true, Certificate::Named("ann"), &[]).await;
    let root = auth::enable(&side, &["root"]).await;
    add_restricted_user(&side, &root, "ann", "/ann/").await;
    let mine = json!({"key": b64("/ann/a"), "value": b64("v")});
    let theirs = json!({"key": b64("/bob/a"), "value": b64("v")});
    side.call("/v3/kv/put", &mine).await;
    let message = side.expect_error("/v3/kv/put", &theirs, 403, 7).await;
    assert_eq!(message, "etcdserver: permission denied");
    for (body, refused) in [(&mine, false), (&theirs, true)] {
        let create = json!({"create_request": {"key": body["key"]}});
        let mut watch = side.stream("/v3/watch", &create).await;
        assert_eq!(watch.next().await["canceled"] == true, refused);
    }
    // A token takes precedence over the certificate: one with more permissions, and an invalid one.
    call_as(&side, &root, "/v3/kv/put", &theirs).await;
    let wrong = side
        .request("/v3/kv/put", &mine)
        .header("authorization", "made.up");
    let message = side.expect_error_of(wrong, 401, 16).await;
    assert_eq!(message, "etcdserver: invalid auth token");
    let create = json!({"create_request": {"key": mine["key"]}});
    let wrong = side.request("/v3/watch", &create);
    let mut watch = Results::open(wrong.header("authorization", "made.up")).await;
    assert_eq!(watch.next().await["canceled"], true);
    // A forwarded request does not act as the certificate's user.
    let request = side.request("/v3/kv/put", &mine);
    let forwarded = request.header("x-forwarded-for", "192.0.2.1");
    side.expect_error_of(forwarded, 401, 16).await;
}
