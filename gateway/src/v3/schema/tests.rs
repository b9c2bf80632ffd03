use super::*;

#[test]
fn every_path_of_etcds_gateway_is_known() {
    // The number of paths in the gateway of etcd 3.7.
    assert_eq!(SCHEMA.methods.len(), 51);
    for (path, rpc) in [
        ("/v3/kv/range", "/etcdserverpb.KV/Range"),
        ("/v3/watch", "/etcdserverpb.Watch/Watch"),
        ("/v3/kv/lease/revoke", "/etcdserverpb.Lease/LeaseRevoke"),
        ("/v3/lease/leases", "/etcdserverpb.Lease/LeaseLeases"),
        ("/v3/lock/lock", "/v3lockpb.Lock/Lock"),
        ("/v3/election/observe", "/v3electionpb.Election/Observe"),
        ("/v3/maintenance/hashkv", "/etcdserverpb.Maintenance/HashKV"),
        (
            "/v3/auth/role/revoke",
            "/etcdserverpb.Auth/RoleRevokePermission",
        ),
    ] {
        assert_eq!(method(path).expect(path).path, rpc);
    }
    let unmapped = |method: &Method| method.path.ends_with("/RangeStream");
    assert!(!SCHEMA.methods.values().any(unmapped));
    assert!(method("/v3/kv/nothing").is_none() && method("/v3").is_none());
}

#[test]
fn streaming_methods_are_marked() {
    let streams = |path| {
        let method = method(path).expect(path);
        (method.client_streaming, method.server_streaming)
    };
    assert_eq!(streams("/v3/watch"), (true, true));
    assert_eq!(streams("/v3/lease/keepalive"), (true, true));
    assert_eq!(streams("/v3/maintenance/snapshot"), (false, true));
    assert_eq!(streams("/v3/election/observe"), (false, true));
    assert_eq!(streams("/v3/kv/txn"), (false, false));
}

#[test]
fn fields_are_found_by_both_names() {
    let range = method("/v3/kv/range").expect("a method").input.get();
    assert_eq!(range.name, "etcdserverpb.RangeRequest");
    let field = range.by_name("rangeEnd").expect("camel case");
    assert_eq!(field.name, "range_end");
    assert_eq!(
        range.by_number(field.number).expect("by number").name,
        "range_end"
    );
    assert!(range.by_name("RangeEnd").is_none());
    let Kind::Enum(order) = &range.by_name("sort_order").expect("sorted").kind else {
        panic!("an order is an enum");
    };
    assert_eq!(order.number("DESCEND"), Some(2));
    assert_eq!(order.name(1), Some("ASCEND"));
}

#[test]
fn members_of_a_oneof_share_its_index() {
    let txn = method("/v3/kv/txn").expect("a method").input.get();
    let Kind::Message(op) = txn.by_name("success").expect("ops").kind else {
        panic!("an op is a message");
    };
    let oneof = |name| op.get().by_name(name).expect(name).oneof;
    assert!(oneof("request_put").is_some());
    assert_eq!(oneof("request_put"), oneof("requestTxn"));
    assert_eq!(txn.by_name("compare").expect("comparisons").oneof, None);
}
