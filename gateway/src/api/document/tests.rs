//! Tests.

use super::*;

fn references<'a>(value: &'a serde_json::Value, found: &mut Vec<&'a str>) {
    if let Some(path) = value["$ref"].as_str() {
        found.push(path);
    }
    let items = value.as_array().into_iter().flatten();
    let members = value
        .as_object()
        .into_iter()
        .flat_map(|object| object.values());
    for inner in items.chain(members) {
        references(inner, found);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
    let mut found = Vec::new();
    references(&api, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for path in found {
        let pointer = path.strip_prefix('#').expect("within the document");
        assert!(api.pointer(pointer).is_some(), "{path}");
    }
}

#[test]
fn a_page_may_be_a_count_too() {
    let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
    for (name, forms) in [("DeletionReply", 2), ("KeyReply", 2), ("PageReply", 3)] {
        let schema = &api["components"]["schemas"][name];
        let any = schema["anyOf"].as_array().map(Vec::len);
        assert_eq!(any, Some(forms), "{schema}");
    }
}

#[test]
fn what_does_not_stream_takes_a_timeout_once() {
    let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
    let times = |path: &str, method: &str| {
        let parameters = api["paths"][path][method]["parameters"].as_array();
        let named = |parameter: &&serde_json::Value| parameter["name"] == "timeout";
        parameters.into_iter().flatten().filter(named).count()
    };
    assert_eq!(times("/api/v1/kv/{key}", "delete"), 1);
    assert_eq!(times("/api/v1/locks/{name}", "post"), 1);
    assert_eq!(times("/api/v1/cluster/defragment", "post"), 1);
    assert_eq!(times("/api/v1/locks/{name}/hold", "post"), 0);
    assert_eq!(times("/api/v1/clusters", "get"), 0);
    assert_eq!(times("/healthz", "get"), 0);
}

#[test]
fn codes_are_listed_as_they_are_sent() {
    let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
    let listed = &api["components"]["schemas"]["Code"]["enum"];
    let all = Code::ALL.iter().chain([&Code::Unknown]);
    let sent: Vec<_> = all.map(|code| serde_json::json!(code)).collect();
    assert_eq!(listed.as_array(), Some(&sent));
}

#[test]
fn every_operation_lists_what_the_door_and_etcd_may_answer() {
    let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let of_etcd = path.starts_with(API);
            for status in if of_etcd { &ALWAYS[..] } else { &DOOR[..] } {
                let described = &operation["responses"][status.to_string()];
                assert!(described.is_object(), "{method} {path}: {status}");
            }
        }
    }
    let gone = &api["paths"]["/api/v1/txn"]["post"]["responses"]["410"]["content"];
    assert!(gone[PROBLEM].is_object() && gone.as_object().is_some_and(|it| it.len() == 1));
    let described = &api["components"]["responses"]["Problem504"]["description"];
    assert_eq!(described, "`outcome_unknown`, `timeout`");
}
