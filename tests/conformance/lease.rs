//! Leases (etcd's own cases 15 to 18).

use serde_json::json;

use crate::case;
use crate::side::{b64, number};

/// An id that no other lease has.
fn id() -> String {
    let unique = support::unique("");
    let number: i64 = unique.trim_start_matches('-').parse().expect("a number");
    (i64::from(std::process::id()) * 100_000 + number).to_string()
}

case!(a_lease_is_granted_and_carries_keys, |side| {
    let id = id();
    let answer = side
        .call("/v3/lease/grant", &json!({"ID": id, "TTL": 0}))
        .await;
    assert_eq!(answer["ID"], id);
    assert!(number(&answer["TTL"]) >= 1, "{answer}");
    let answer = side
        .call("/v3/lease/grant", &json!({"ID": 0, "TTL": 20}))
        .await;
    assert_eq!(answer["TTL"], "20");
    let lease = answer["ID"].clone();
    let put = json!({"key": side.key("k"), "value": b64("v"), "lease": lease});
    side.call("/v3/kv/put", &put).await;
    let asked = json!({"ID": lease, "keys": true});
    for path in ["/v3/lease/timetolive", "/v3/kv/lease/timetolive"] {
        let answer = side.call(path, &asked).await;
        assert_eq!(answer["grantedTTL"], "20", "{answer}");
        assert_eq!(answer["keys"], json!([side.key("k")]));
    }
    let message = side
        .refused("/v3/lease/grant", &json!({"ID": lease, "TTL": 20}), 400, 9)
        .await;
    assert_eq!(message, "etcdserver: lease already exists");
    let long = json!({"TTL": "9000000001"});
    let message = side.refused("/v3/lease/grant", &long, 400, 11).await;
    assert_eq!(message, "etcdserver: too large lease TTL");
});

case!(a_revoked_lease_takes_its_keys_along, |side| {
    for path in ["/v3/lease/revoke", "/v3/kv/lease/revoke"] {
        let id = id();
        side.call("/v3/lease/grant", &json!({"ID": id, "TTL": 60}))
            .await;
        let put = json!({"key": side.key("k"), "lease": id});
        side.call("/v3/kv/put", &put).await;
        let answer = side.call(path, &json!({"ID": id})).await;
        assert!(answer["header"]["revision"].is_string());
        let answer = side
            .call("/v3/kv/range", &json!({"key": side.key("k")}))
            .await;
        assert!(answer.get("kvs").is_none());
        let message = side.refused(path, &json!({"ID": id}), 404, 5).await;
        assert_eq!(message, "etcdserver: requested lease not found");
    }
});

case!(an_unknown_lease_has_no_time_to_live, |side| {
    let answer = side
        .call("/v3/lease/timetolive", &json!({"ID": id()}))
        .await;
    assert_eq!(answer["TTL"], "-1", "{answer}");
    let put = json!({"key": side.key("k"), "lease": id()});
    let message = side.refused("/v3/kv/put", &put, 404, 5).await;
    assert_eq!(message, "etcdserver: requested lease not found");
});

case!(leases_are_listed, |side| {
    let id = id();
    side.call("/v3/lease/grant", &json!({"ID": id, "TTL": 60}))
        .await;
    for path in ["/v3/lease/leases", "/v3/kv/lease/leases"] {
        let answer = side.call(path, &json!({})).await;
        let leases = answer["leases"].as_array().expect("leases");
        assert!(leases.contains(&json!({"ID": id})), "{answer}");
    }
});

case!(a_lease_is_kept_alive, |side| {
    let id = id();
    side.call("/v3/lease/grant", &json!({"ID": id, "TTL": 60}))
        .await;
    let mut kept = side.stream("/v3/lease/keepalive", &json!({"ID": id})).await;
    let answer = kept.next().await;
    assert_eq!((&answer["ID"], &answer["TTL"]), (&json!(id), &json!("60")));
    assert!(kept.end().await.is_empty(), "one question, one answer");
    // A lease that is not there has no time left, which is left out.
    let mut unknown = side
        .stream("/v3/lease/keepalive", &json!({"ID": self::id()}))
        .await;
    let answer = unknown.next().await;
    assert!(answer.get("TTL").is_none(), "{answer}");
});

case!(negative_leases_are_leases, |side| {
    let id = format!("-{}", id());
    side.call("/v3/lease/grant", &json!({"ID": id, "TTL": 60}))
        .await;
    let answer = side.call("/v3/lease/timetolive", &json!({"ID": id})).await;
    assert_eq!(
        (&answer["ID"], &answer["grantedTTL"]),
        (&json!(id), &json!("60"))
    );
    side.call("/v3/lease/revoke", &json!({"ID": id})).await;
});
