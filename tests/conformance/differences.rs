//! Where etcd's own gateway differs from Watchgate, by version: the complete list. All else is equal, and
//! [`crate::probes`] tests each row.
//!
//! Watchgate behaves as the gateway of etcd 3.6 and later, whatever the version of the etcd it serves. Its
//! intended differences from those versions are listed in `gateway/src/v3/mod.rs` and tested in `ours.rs`.

pub(crate) use gateway::etcd::Version;

/// A way in which etcd's gateway differs from Watchgate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Errors of its router are plain text: 404 for an unknown path, 405 for a method other than POST.
    PlainTextRouterErrors,
    /// An error in a stream has `grpc_code`, `http_code` and `http_status`, and no `code`.
    OldStreamErrors,
    /// `/v3/maintenance/hashkv` does not exist: both hashes are at `/hash`, where the first one wins.
    NoHashKv,
    /// `/v3/auth/status` and `/v3/maintenance/downgrade` do not exist.
    NoStatusOrDowngrade,
    /// Some malformed JSON is accepted: duplicate fields, several members of a oneof, floats, field names
    /// in either case.
    LaxJson,
    /// Base64 is accepted only in the standard alphabet and with padding.
    StandardBase64Only,
    /// A failed precondition is 412 instead of 400.
    PreconditionsAre412,
    /// A Bearer token is not recognised.
    NoBearer,
    /// A unary request over a WebSocket is sent to etcd only once the socket is closed, and then not
    /// always.
    SocketsRespondAfterClose,
    /// A client that closes its socket while waiting for a lock stays in the queue.
    ClosedSocketsKeepWaiting,
    /// Headers of a WebSocket upgrade are ignored, except the token.
    SocketsIgnoreHeaders,
    /// While auth is on, a client certificate with a name is refused, in plain text. Watchgate, which
    /// presents its own certificate to etcd, gives that name's permissions to requests without a token.
    RefusesNamedCertificates,
}

/// Each difference, with the first version that has it and the first that no longer has it.
const TABLE: [(Difference, Version, Version); 13] = {
    use Difference::{
        ClosedSocketsKeepWaiting, LaxJson, NoBearer, NoHashKv, NoStatusOrDowngrade,
        OldStreamErrors, PlainTextRouterErrors, PreconditionsAre412, RefusesNamedCertificates,
        SocketsIgnoreHeaders, SocketsRespondAfterClose, StandardBase64Only,
    };
    const ALWAYS: Version = Version(0, 0, 0);
    const NEVER: Version = Version(99, 0, 0);
    [
        (PlainTextRouterErrors, ALWAYS, Version(3, 6, 0)),
        (OldStreamErrors, ALWAYS, Version(3, 6, 0)),
        (LaxJson, ALWAYS, Version(3, 6, 0)),
        (StandardBase64Only, ALWAYS, Version(3, 6, 0)),
        (NoHashKv, ALWAYS, Version(3, 5, 0)),
        (NoStatusOrDowngrade, ALWAYS, Version(3, 5, 0)),
        (PreconditionsAre412, ALWAYS, Version(3, 5, 0)),
        (ClosedSocketsKeepWaiting, ALWAYS, Version(3, 5, 0)),
        (NoBearer, ALWAYS, Version(3, 5, 32)),
        (NoBearer, Version(3, 6, 0), Version(3, 6, 13)),
        (SocketsRespondAfterClose, Version(3, 5, 0), NEVER),
        (SocketsIgnoreHeaders, ALWAYS, NEVER),
        (RefusesNamedCertificates, ALWAYS, NEVER),
    ]
};

/// Whether etcd's gateway of this version has the difference.
pub(crate) fn has(version: Version, difference: Difference) -> bool {
    TABLE
        .iter()
        .any(|(one, from, until)| *one == difference && (*from..*until).contains(&version))
}

#[test]
fn differences_are_found_by_version() {
    assert!(has(Version(3, 5, 9), Difference::NoBearer));
    assert!(!has(Version(3, 5, 35), Difference::NoBearer));
    assert!(has(Version(3, 6, 9), Difference::NoBearer));
    assert!(!has(Version(3, 7, 3), Difference::NoBearer));
}
