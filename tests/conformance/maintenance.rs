//! The member itself (etcd's own cases 25 to 32).

use serde_json::json;

use crate::case;
use crate::differences::Difference;

case!(an_alarm_of_no_kind_breaks_nothing, alone, |side| {
    if !side.from(3, 5) {
        // etcd 3.4 dies of it, whoever asks.
        return;
    }
    let activate = json!({"action": "ACTIVATE"});
    let raised = side.call("/v3/maintenance/alarm", &activate).await;
    assert!(raised["header"].is_object(), "{raised}");
    side.put("k", "v").await;
    let answer = side.call("/v3/maintenance/alarm", &json!({})).await;
    assert!(answer["header"].is_object());
});

case!(an_alarm_is_raised_and_taken_back, alone, |side| {
    let status = side.call("/v3/maintenance/status", &json!({})).await;
    let member = status["header"]["member_id"].clone();
    let alarm = |action: &str| json!({"action": action, "memberID": member, "alarm": "NOSPACE"});
    let answer = side.call("/v3/maintenance/alarm", &alarm("ACTIVATE")).await;
    let raised = json!([{"memberID": member, "alarm": "NOSPACE"}]);
    assert_eq!(answer["alarms"], raised);
    let put = json!({"key": side.key("k")});
    let message = side.refused("/v3/kv/put", &put, 429, 8).await;
    assert_eq!(message, "etcdserver: mvcc: database space exceeded");
    side.call("/v3/maintenance/alarm", &alarm("DEACTIVATE"))
        .await;
    side.put("k", "v").await;
});

case!(a_member_says_how_it_is, |side| {
    let answer = side.call("/v3/maintenance/status", &json!({})).await;
    let mut members = vec![
        "version",
        "dbSize",
        "leader",
        "raftIndex",
        "raftTerm",
        "raftAppliedIndex",
        "dbSizeInUse",
    ];
    if side.from(3, 6) {
        members.push("storageVersion");
    }
    for member in members {
        assert!(answer[member].is_string(), "{member} in {answer}");
    }
    assert_eq!(answer["version"], side.version.to_string());
});

case!(a_member_defragments, alone, |side| {
    let answer = side.call("/v3/maintenance/defragment", &json!({})).await;
    let members = answer.as_object().expect("an object");
    assert!(members.keys().all(|member| member == "header"), "{answer}");
});

case!(a_member_says_its_hash, |side| {
    let answer = side.call("/v3/maintenance/hash", &json!({})).await;
    assert!(answer["header"].is_object());
    assert!(
        answer["hash"].is_number(),
        "a small number is a number: {answer}"
    );
});

case!(a_member_says_the_hash_of_its_keys, alone, |side| {
    if side.has(Difference::NoHashKv) {
        return;
    }
    let revision = side.put("k", "1").await;
    side.put("k", "2").await;
    let compact = json!({"revision": revision.to_string(), "physical": true});
    side.call("/v3/kv/compaction", &compact).await;
    let answer = side.call("/v3/maintenance/hashkv", &json!({})).await;
    assert!(
        answer["header"].is_object() && answer["hash"].is_number(),
        "{answer}"
    );
    assert_eq!(answer["compact_revision"], revision.to_string());
    assert_eq!(
        answer["hash_revision"].is_string(),
        side.from(3, 6),
        "{answer}"
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

case!(leadership_is_not_moved_to_nobody, |side| {
    let asked = json!({"targetID": 123});
    let message = side
        .refused("/v3/maintenance/transfer-leadership", &asked, 400, 9)
        .await;
    assert_eq!(message, "etcdserver: bad leader transferee");
});

case!(nothing_is_downgraded_to_what_it_cannot_be, |side| {
    if side.has(Difference::NoStatusNorDowngrade) {
        return;
    }
    let asked = json!({"action": 0, "version": "3.0"});
    if !side.from(3, 5) {
        // Ours has the path, and etcd has no such call.
        side.refused("/v3/maintenance/downgrade", &asked, 501, 12)
            .await;
        return;
    }
    let message = side
        .refused("/v3/maintenance/downgrade", &asked, 400, 3)
        .await;
    assert_eq!(message, "etcdserver: invalid downgrade target version");
});
