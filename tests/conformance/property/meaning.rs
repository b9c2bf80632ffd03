//! Normalizes responses, so that those of two clusters can be compared.

use serde_json::Value;

/// A response without what must differ between two clusters.
pub(super) fn normalized(status: u16, body: &[u8], path: &str) -> (u16, Value) {
    let mut value = serde_json::from_slice(body).unwrap_or(Value::Null);
    mask(&mut value);
    if value.get("message").is_some() {
        let message = value["message"].as_str().unwrap_or_default().to_owned();
        // Messages about invalid JSON are worded differently by each gateway.
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
        // An id that the request did not choose is random; a remaining TTL depends on the clock.
        for name in ["ID", "TTL"] {
            value.as_object_mut().map(|value| value.remove(name));
        }
    }
    if let Some(leases) = value.get_mut("leases").and_then(Value::as_array_mut) {
        leases.retain(has_chosen_id);
        // Leases are sorted by expiry, which may be equal.
        leases.sort_by_key(Value::to_string);
    }
    if let Some(members) = value.get_mut("members").and_then(Value::as_array_mut) {
        for member in members.iter_mut().filter_map(Value::as_object_mut) {
            // Ids and client URLs depend on the address.
            for name in ["ID", "clientURLs"] {
                assert!(member.remove(name).is_some(), "no {name} in {member:?}");
            }
        }
    }
    (status, value)
}

/// Whether a lease's id was chosen by a request: assigned ids are random and large.
fn has_chosen_id(lease: &Value) -> bool {
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
