//! Maintenance of a member: the cases of etcd's own tests.

use serde_json::json;

use crate::case;
use crate::differences::Difference;

case!(an_alarm_of_type_none_is_accepted, own_etcd, |side| {
    if !side.at_least(3, 5) {
        // etcd 3.4 crashes on it, through either gateway.
        return;
    }
    let activate = json!({"action": "ACTIVATE"});
    let raised = side.call("/v3/maintenance/alarm", &activate).await;
    assert!(raised["header"].is_object(), "{raised}");
    side.put("k", "v").await;
    let response = side.call("/v3/maintenance/alarm", &json!({})).await;
    assert!(response["header"].is_object());
});

case!(an_alarm_is_raised_and_disarmed, own_etcd, |side| {
    let status = side.call("/v3/maintenance/status", &json!({})).await;
    let member = status["header"]["member_id"].clone();
    let alarm = |action: &str| json!({"action": action, "memberID": member, "alarm": "NOSPACE"});
    let response = side.call("/v3/maintenance/alarm", &alarm("ACTIVATE")).await;
    let raised = json!([{"memberID": member, "alarm": "NOSPACE"}]);
    assert_eq!(response["alarms"], raised);
    let put = json!({"key": side.key("k")});
    let message = side.expect_error("/v3/kv/put", &put, 429, 8).await;
    assert_eq!(message, "etcdserver: mvcc: database space exceeded");
    side.call("/v3/maintenance/alarm", &alarm("DEACTIVATE"))
        .await;
    side.put("k", "v").await;
});

case!(a_member_reports_its_status, |side| {
    let response = side.call("/v3/maintenance/status", &json!({})).await;
    let mut members = vec![
        "version",
        "dbSize",
        "leader",
        "raftIndex",
        "raftTerm",
        "raftAppliedIndex",
        "dbSizeInUse",
    ];
    if side.at_least(3, 6) {
        members.push("storageVersion");
    }
    for member in members {
        assert!(response[member].is_string(), "{member} in {response}");
    }
    assert_eq!(response["version"], side.version.to_string());
});

case!(a_member_defragments, own_etcd, |side| {
    let response = side.call("/v3/maintenance/defragment", &json!({})).await;
    let members = response.as_object().expect("an object");
    assert!(
        members.keys().all(|member| member == "header"),
        "{response}"
    );
});

case!(a_member_reports_its_hash, |side| {
    let response = side.call("/v3/maintenance/hash", &json!({})).await;
    assert!(response["header"].is_object());
    assert!(
        response["hash"].is_number(),
        "a 32-bit integer is a JSON number: {response}"
    );
});

case!(a_member_reports_the_hash_of_its_keys, own_etcd, |side| {
    if side.has(Difference::NoHashKv) {
        return;
    }
    let revision = side.put("k", "1").await;
    side.put("k", "2").await;
    let compact = json!({"revision": revision.to_string(), "physical": true});
    side.call("/v3/kv/compaction", &compact).await;
    let response = side.call("/v3/maintenance/hashkv", &json!({})).await;
    assert!(
        response["header"].is_object() && response["hash"].is_number(),
        "{response}"
    );
    assert_eq!(response["compact_revision"], revision.to_string());
    assert_eq!(
        response["hash_revision"].is_string(),
        side.at_least(3, 6),
        "{response}"
    );
});

case!(a_snapshot_is_streamed, tls, |side| {
    let mut snapshot = side.stream("/v3/maintenance/snapshot", &json!({})).await;
    let first = snapshot.next().await;
    assert!(first["blob"].is_string(), "{first}");
    let rest = snapshot.end().await;
    let last = rest.last().expect("a database has more than one piece");
    assert!(
        last["result"].get("remaining_bytes").is_none(),
        "{last:.200}"
    );
});

case!(leadership_cannot_move_to_an_unknown_member, |side| {
    let body = json!({"targetID": 123});
    let message = side
        .expect_error("/v3/maintenance/transfer-leadership", &body, 400, 9)
        .await;
    assert_eq!(message, "etcdserver: bad leader transferee");
});

case!(an_invalid_downgrade_target_is_refused, |side| {
    if side.has(Difference::NoStatusOrDowngrade) {
        return;
    }
    let body = json!({"action": 0, "version": "3.0"});
    if !side.at_least(3, 5) {
        // Watchgate has the path, but etcd does not have the call.
        side.expect_error("/v3/maintenance/downgrade", &body, 501, 12)
            .await;
        return;
    }
    let message = side
        .expect_error("/v3/maintenance/downgrade", &body, 400, 3)
        .await;
    assert_eq!(message, "etcdserver: invalid downgrade target version");
});
