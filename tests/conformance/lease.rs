//! Leases: the cases of etcd's own tests.

use serde_json::json;

use crate::case;
use crate::side::{b64, number};

/// An unused lease id.
fn unused_id() -> String {
    let unique = support::unique("");
    let number: i64 = unique.trim_start_matches('-').parse().expect("a number");
    (i64::from(std::process::id()) * 100_000 + number).to_string()
}

case!(a_lease_is_granted_and_lists_its_keys, |side| {
    let id = unused_id();
    let response = side
        .call("/v3/lease/grant", &json!({"ID": id, "TTL": 0}))
        .await;
    assert_eq!(response["ID"], id);
    assert!(number(&response["TTL"]) >= 1, "{response}");
    let response = side
        .call("/v3/lease/grant", &json!({"ID": 0, "TTL": 20}))
        .await;
    assert_eq!(response["TTL"], "20");
    let lease = response["ID"].clone();
    let put = json!({"key": side.key("k"), "value": b64("v"), "lease": lease});
    side.call("/v3/kv/put", &put).await;
    let body = json!({"ID": lease, "keys": true});
    for path in ["/v3/lease/timetolive", "/v3/kv/lease/timetolive"] {
        let response = side.call(path, &body).await;
        assert_eq!(response["grantedTTL"], "20", "{response}");
        assert_eq!(response["keys"], json!([side.key("k")]));
    }
    let message = side
        .expect_error("/v3/lease/grant", &json!({"ID": lease, "TTL": 20}), 400, 9)
        .await;
    assert_eq!(message, "etcdserver: lease already exists");
    let long = json!({"TTL": "9000000001"});
    let message = side.expect_error("/v3/lease/grant", &long, 400, 11).await;
    assert_eq!(message, "etcdserver: too large lease TTL");
});

case!(revoking_a_lease_deletes_its_keys, |side| {
    for path in ["/v3/lease/revoke", "/v3/kv/lease/revoke"] {
        let id = unused_id();
        side.call("/v3/lease/grant", &json!({"ID": id, "TTL": 60}))
            .await;
        let put = json!({"key": side.key("k"), "lease": id});
        side.call("/v3/kv/put", &put).await;
        let response = side.call(path, &json!({"ID": id})).await;
        assert!(response["header"]["revision"].is_string());
        let response = side
            .call("/v3/kv/range", &json!({"key": side.key("k")}))
            .await;
        assert!(response.get("kvs").is_none());
        let message = side.expect_error(path, &json!({"ID": id}), 404, 5).await;
        assert_eq!(message, "etcdserver: requested lease not found");
    }
});

case!(an_unknown_lease_has_no_time_to_live, |side| {
    let response = side
        .call("/v3/lease/timetolive", &json!({"ID": unused_id()}))
        .await;
    assert_eq!(response["TTL"], "-1", "{response}");
    let put = json!({"key": side.key("k"), "lease": unused_id()});
    let message = side.expect_error("/v3/kv/put", &put, 404, 5).await;
    assert_eq!(message, "etcdserver: requested lease not found");
});

case!(leases_are_listed, |side| {
    let id = unused_id();
    side.call("/v3/lease/grant", &json!({"ID": id, "TTL": 60}))
        .await;
    for path in ["/v3/lease/leases", "/v3/kv/lease/leases"] {
        let response = side.call(path, &json!({})).await;
        let leases = response["leases"].as_array().expect("leases");
        assert!(leases.contains(&json!({"ID": id})), "{response}");
    }
});

case!(a_lease_is_kept_alive, |side| {
    let id = unused_id();
    side.call("/v3/lease/grant", &json!({"ID": id, "TTL": 60}))
        .await;
    let mut kept = side.stream("/v3/lease/keepalive", &json!({"ID": id})).await;
    let response = kept.next().await;
    assert_eq!(
        (&response["ID"], &response["TTL"]),
        (&json!(id), &json!("60"))
    );
    assert!(kept.end().await.is_empty(), "one request, one response");
    // An unknown lease has a TTL of zero, and zeros are omitted.
    let mut unknown = side
        .stream("/v3/lease/keepalive", &json!({"ID": unused_id()}))
        .await;
    let response = unknown.next().await;
    assert!(response.get("TTL").is_none(), "{response}");
});

case!(negative_lease_ids_are_accepted, |side| {
    let id = format!("-{}", unused_id());
    side.call("/v3/lease/grant", &json!({"ID": id, "TTL": 60}))
        .await;
    let response = side.call("/v3/lease/timetolive", &json!({"ID": id})).await;
    assert_eq!(
        (&response["ID"], &response["grantedTTL"]),
        (&json!(id), &json!("60"))
    );
    side.call("/v3/lease/revoke", &json!({"ID": id})).await;
});
