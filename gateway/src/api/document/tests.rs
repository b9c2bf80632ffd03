//! The completed OpenAPI document.

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
fn every_reference_resolves() {
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
fn a_reply_may_match_several_alternatives() {
    let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
    for (name, forms) in [("DeletionReply", 2), ("KeyReply", 2), ("PageReply", 3)] {
        let schema = &api["components"]["schemas"][name];
        let any = schema["anyOf"].as_array().map(Vec::len);
        assert_eq!(any, Some(forms), "{schema}");
    }
}

#[test]
fn operations_that_do_not_stream_have_one_timeout() {
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
fn the_forms_of_credentials_are_described_and_none_is_required() {
    let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
    let schemes = &api["components"]["securitySchemes"];
    assert_eq!(schemes["session"]["in"], "cookie");
    assert_eq!(schemes["basic"]["scheme"], "basic");
    assert_eq!(schemes["token"]["scheme"], "bearer");
    let security = serde_json::json!([{}, {"basic": []}, {"token": []}, {"session": []}]);
    assert_eq!(api["security"], security);
}

#[test]
fn every_code_is_listed_by_its_name_in_json() {
    let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
    let listed = &api["components"]["schemas"]["Code"]["enum"];
    let all = Code::ALL.iter().chain([&Code::Unknown]);
    let sent: Vec<_> = all.map(|code| serde_json::json!(code)).collect();
    assert_eq!(listed.as_array(), Some(&sent));
}

#[test]
fn every_operation_lists_the_statuses_of_middleware_and_etcd() {
    let api = serde_json::to_value(crate::router::openapi()).expect("serialises");
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let calls_etcd = path.starts_with(API);
            for status in if calls_etcd {
                &API_REQUEST[..]
            } else {
                &MIDDLEWARE[..]
            } {
                let described = &operation["responses"][status.to_string()];
                assert!(described.is_object(), "{method} {path}: {status}");
            }
        }
    }
    let compacted = &api["paths"]["/api/v1/txn"]["post"]["responses"]["410"]["content"];
    assert!(
        compacted[PROBLEM].is_object() && compacted.as_object().is_some_and(|it| it.len() == 1)
    );
    let described = &api["components"]["responses"]["Problem504"]["description"];
    assert_eq!(described, "`outcome_unknown`, `timeout`");
}
