use super::*;

#[test]
fn every_path_of_etcds_gateway_is_there() {
    // The paths of etcd 3.7, counted in its own gateway.
    assert_eq!(SCHEMA.bindings.len(), 51);
    for (path, call) in [
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
        assert_eq!(method(path).expect(path).path, call);
    }
    let unmapped = |method: &Method| method.path.ends_with("/RangeStream");
    assert!(!SCHEMA.bindings.values().any(unmapped));
    assert!(method("/v3/kv/nothing").is_none() && method("/v3").is_none());
}

#[test]
fn streams_are_known_as_such() {
    let streams = |path| {
        let method = method(path).expect(path);
        (method.asks_many, method.answers_many)
    };
    assert_eq!(streams("/v3/watch"), (true, true));
    assert_eq!(streams("/v3/lease/keepalive"), (true, true));
    assert_eq!(streams("/v3/maintenance/snapshot"), (false, true));
    assert_eq!(streams("/v3/election/observe"), (false, true));
    assert_eq!(streams("/v3/kv/txn"), (false, false));
}

#[test]
fn fields_have_two_names_and_one_of_them_is_answered() {
    let range = method("/v3/kv/range").expect("it is served").input.get();
    assert_eq!(range.name, "etcdserverpb.RangeRequest");
    let field = range.by_name("rangeEnd").expect("camel case");
    assert_eq!(field.name, "range_end");
    assert_eq!(
        range.by_number(field.number).expect("numbered").name,
        "range_end"
    );
    assert!(range.by_name("RangeEnd").is_none());
    let Kind::Enum(order) = &range.by_name("sort_order").expect("sorted").kind else {
        panic!("an order has names");
    };
    assert_eq!(order.number("DESCEND"), Some(2));
    assert_eq!(order.name(1), Some("ASCEND"));
}

#[test]
fn alternatives_know_each_other() {
    let txn = method("/v3/kv/txn").expect("it is served").input.get();
    let Kind::Message(op) = txn.by_name("success").expect("ops").kind else {
        panic!("an op is a message");
    };
    let oneof = |name| op.get().by_name(name).expect(name).oneof;
    assert!(oneof("request_put").is_some());
    assert_eq!(oneof("request_put"), oneof("requestTxn"));
    assert_eq!(txn.by_name("compare").expect("compares").oneof, None);
}
