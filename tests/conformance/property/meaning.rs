//! Answers by their meaning, to be compared.

use serde_json::Value;

/// An answer without what must differ between two clusters.
pub(super) fn meaning(status: u16, body: &[u8], path: &str) -> (u16, Value) {
    let mut value = serde_json::from_slice(body).unwrap_or(Value::Null);
    mask(&mut value);
    if value.get("message").is_some() {
        let message = value["message"].as_str().unwrap_or_default().to_owned();
        // What is wrong with the JSON each says in its own words.
        let etcds = ["etcdserver:", "election:", "\"leader\" field"];
        let own = etcds.iter().any(|start| message.starts_with(start));
        let code = value["code"].clone();
        value =
            serde_json::json!({"code": code, "message": if own { message } else { String::new() }});
    }
    if path.contains("nothing") {
        value = Value::Null;
    }
    if path.contains("lease") {
        // An id that was not asked for is a random one; what is left of a time is a matter of the clock.
        for name in ["ID", "TTL"] {
            value.as_object_mut().map(|value| value.remove(name));
        }
    }
    if let Some(leases) = value.get_mut("leases").and_then(Value::as_array_mut) {
        leases.retain(was_chosen);
        // They come in the order of their ends, which may be the same.
        leases.sort_by_key(Value::to_string);
    }
    if let Some(members) = value.get_mut("members").and_then(Value::as_array_mut) {
        for member in members.iter_mut().filter_map(Value::as_object_mut) {
            // Where it is.
            for name in ["ID", "clientURLs"] {
                assert!(member.remove(name).is_some(), "no {name} in {member:?}");
            }
        }
    }
    (status, value)
}

/// Whether a lease has an id that was asked for: all others are random, and large.
fn was_chosen(lease: &Value) -> bool {
    let id = lease["ID"].as_str().and_then(|id| id.parse().ok());
    id.is_some_and(|id: i64| id.abs() < 1000)
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for id in ["cluster_id", "member_id", "raft_term"] {
                members.remove(id);
            }
            members.values_mut().for_each(mask);
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}
