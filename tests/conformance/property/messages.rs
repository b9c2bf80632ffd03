//! The generated calls and the fields of their messages.

/// The kind of a field's values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Key,
    Value,
    Small,
    Lease,
    /// A TTL, in seconds, that outlasts the test.
    Ttl,
    /// The name of a user or a role.
    Name,
    Flag,
    /// An enum: one of these names, or its index.
    Names(&'static [&'static str]),
    /// One of these strings.
    Text(&'static [&'static str]),
    List(&'static Message),
    One(&'static Message),
}

/// A message's fields: the name in the protos, the name in JSON, the kind of its values.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) fields: &'static [(&'static str, &'static str, Kind)],
    /// Fields from this index on are alternatives of a oneof.
    pub(super) oneof_from: usize,
}

static RANGE: Message = Message {
    fields: &[
        ("key", "key", Kind::Key),
        ("range_end", "rangeEnd", Kind::Key),
        ("limit", "limit", Kind::Small),
        ("revision", "revision", Kind::Small),
        (
            "sort_order",
            "sortOrder",
            Kind::Names(&["NONE", "ASCEND", "DESCEND"]),
        ),
        (
            "sort_target",
            "sortTarget",
            Kind::Names(&["KEY", "VERSION", "CREATE", "MOD", "VALUE"]),
        ),
        ("serializable", "serializable", Kind::Flag),
        ("count_only", "countOnly", Kind::Flag),
        ("min_mod_revision", "minModRevision", Kind::Small),
        ("max_create_revision", "maxCreateRevision", Kind::Small),
    ],
    oneof_from: 10,
};
static PUT: Message = Message {
    fields: &[
        ("key", "key", Kind::Key),
        ("value", "value", Kind::Value),
        ("lease", "lease", Kind::Lease),
        ("prev_kv", "prevKv", Kind::Flag),
        ("ignore_value", "ignoreValue", Kind::Flag),
        ("ignore_lease", "ignoreLease", Kind::Flag),
    ],
    oneof_from: 6,
};
static DELETE: Message = Message {
    fields: &[
        ("key", "key", Kind::Key),
        ("range_end", "rangeEnd", Kind::Key),
        ("prev_kv", "prevKv", Kind::Flag),
    ],
    oneof_from: 3,
};
static COMPARE: Message = Message {
    fields: &[
        (
            "result",
            "result",
            Kind::Names(&["EQUAL", "GREATER", "LESS", "NOT_EQUAL"]),
        ),
        (
            "target",
            "target",
            Kind::Names(&["VERSION", "CREATE", "MOD", "VALUE", "LEASE"]),
        ),
        ("key", "key", Kind::Key),
        ("range_end", "rangeEnd", Kind::Key),
        ("version", "version", Kind::Small),
        ("create_revision", "createRevision", Kind::Small),
        ("mod_revision", "modRevision", Kind::Small),
        ("value", "value", Kind::Value),
        ("lease", "lease", Kind::Lease),
    ],
    oneof_from: 4,
};
static INNER: Message = Message {
    fields: &[
        ("compare", "compare", Kind::List(&COMPARE)),
        ("success", "success", Kind::List(&LEAF)),
        ("failure", "failure", Kind::List(&LEAF)),
    ],
    oneof_from: 3,
};
static LEAF: Message = Message {
    fields: &[
        ("request_range", "requestRange", Kind::One(&RANGE)),
        ("request_put", "requestPut", Kind::One(&PUT)),
        (
            "request_delete_range",
            "requestDeleteRange",
            Kind::One(&DELETE),
        ),
    ],
    oneof_from: 0,
};
static OP: Message = Message {
    fields: &[
        ("request_range", "requestRange", Kind::One(&RANGE)),
        ("request_put", "requestPut", Kind::One(&PUT)),
        (
            "request_delete_range",
            "requestDeleteRange",
            Kind::One(&DELETE),
        ),
        ("request_txn", "requestTxn", Kind::One(&INNER)),
    ],
    oneof_from: 0,
};
static TXN: Message = Message {
    fields: &[
        ("compare", "compare", Kind::List(&COMPARE)),
        ("success", "success", Kind::List(&OP)),
        ("failure", "failure", Kind::List(&OP)),
    ],
    oneof_from: 3,
};
static LEASE: Message = Message {
    fields: &[("ID", "ID", Kind::Lease)],
    oneof_from: 1,
};
static NAME: Message = Message {
    fields: &[("name", "name", Kind::Key)],
    oneof_from: 1,
};

static GRANT: Message = Message {
    fields: &[("TTL", "TTL", Kind::Ttl), ("ID", "ID", Kind::Lease)],
    oneof_from: 2,
};
static NOTHING: Message = Message {
    fields: &[],
    oneof_from: 0,
};
static USER: Message = Message {
    fields: &[
        ("name", "name", Kind::Name),
        ("password", "password", Kind::Name),
        ("role", "role", Kind::Name),
        ("options", "options", Kind::One(&OPTIONS)),
    ],
    oneof_from: 4,
};
static OPTIONS: Message = Message {
    fields: &[("no_password", "noPassword", Kind::Flag)],
    oneof_from: 1,
};
/// `role/add` takes the role in `name`, all other calls in `role`.
static ROLE: Message = Message {
    fields: &[("name", "name", Kind::Name), ("role", "role", Kind::Name)],
    oneof_from: 2,
};
static PERMISSION: Message = Message {
    fields: &[
        (
            "permType",
            "permType",
            Kind::Names(&["READ", "WRITE", "READWRITE"]),
        ),
        ("key", "key", Kind::Key),
        ("range_end", "rangeEnd", Kind::Key),
    ],
    oneof_from: 3,
};
static ROLE_GRANT: Message = Message {
    fields: &[
        ("name", "name", Kind::Name),
        ("perm", "perm", Kind::One(&PERMISSION)),
    ],
    oneof_from: 2,
};
static ROLE_REVOKE: Message = Message {
    fields: &[
        ("role", "role", Kind::Name),
        ("key", "key", Kind::Key),
        ("range_end", "rangeEnd", Kind::Key),
    ],
    oneof_from: 3,
};
static USER_GRANT: Message = Message {
    fields: &[
        ("user", "user", Kind::Name),
        ("name", "name", Kind::Name),
        ("role", "role", Kind::Name),
    ],
    oneof_from: 3,
};

/// Only versions that no cluster can be downgraded to, and invalid ones, so that nothing is downgraded.
static DOWNGRADE: Message = Message {
    fields: &[
        ("action", "action", Kind::Names(&["VALIDATE"])),
        (
            "version",
            "version",
            Kind::Text(&["3.0", "3.0.0", "1.7", "99.0", "x", "3", ""]),
        ),
    ],
    oneof_from: 2,
};
static MEMBERS: Message = Message {
    fields: &[("linearizable", "linearizable", Kind::Flag)],
    oneof_from: 1,
};
/// Without the required `leader`.
static PROCLAIM: Message = Message {
    fields: &[("value", "value", Kind::Value)],
    oneof_from: 1,
};

/// Calls that exist since etcd 3.5.
pub(super) const SINCE_3_5: [&str; 2] = ["/v3/auth/status", "/v3/maintenance/downgrade"];

/// Calls whose responses depend only on the requests before them, with their weights.
pub(super) static CALLS: [(u32, &str, &Message); 30] = [
    (2, "/v3/lease/grant", &GRANT),
    (2, "/v3/auth/user/add", &USER),
    (1, "/v3/auth/user/get", &USER),
    (1, "/v3/auth/user/list", &NOTHING),
    (1, "/v3/auth/user/changepw", &USER),
    (1, "/v3/auth/user/delete", &USER),
    (1, "/v3/auth/user/grant", &USER_GRANT),
    (1, "/v3/auth/user/revoke", &USER_GRANT),
    (2, "/v3/auth/role/add", &ROLE),
    (1, "/v3/auth/role/get", &ROLE),
    (1, "/v3/auth/role/list", &NOTHING),
    (1, "/v3/auth/role/delete", &ROLE),
    (2, "/v3/auth/role/grant", &ROLE_GRANT),
    (1, "/v3/auth/role/revoke", &ROLE_REVOKE),
    (1, "/v3/auth/enable", &NOTHING),
    (1, "/v3/auth/status", &NOTHING),
    (1, "/v3/cluster/member/list", &MEMBERS),
    (1, "/v3/maintenance/downgrade", &DOWNGRADE),
    (6, "/v3/kv/range", &RANGE),
    (6, "/v3/kv/put", &PUT),
    (3, "/v3/kv/deleterange", &DELETE),
    (6, "/v3/kv/txn", &TXN),
    (1, "/v3beta/kv/range", &RANGE),
    (1, "/v3/lease/timetolive", &LEASE),
    (1, "/v3/lease/leases", &NOTHING),
    (1, "/v3/kv/lease/revoke", &LEASE),
    (1, "/v3/election/leader", &NAME),
    (1, "/v3/election/proclaim", &PROCLAIM),
    (1, "/v3/election/resign", &NOTHING),
    (1, "/v3/nothing/here", &NAME),
];
