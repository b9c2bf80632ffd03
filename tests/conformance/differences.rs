//! What etcd's own gateway does otherwise, by version: the whole list. What is not in it is the same, and
//! each line of it is tried in [`crate::probes`].
//!
//! Ours answers as etcd 3.6 and later do, whatever etcd is behind it. Where ours differs from those too,
//! on purpose, is said in `gateway/src/v3/mod.rs` and tested in `ours.rs`.

pub(crate) use gateway::etcd::Version;

/// A way in which etcd's gateway is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Refusals of its router (unknown path, another method than POST) are plain text: 404 and 405.
    RouterSpeaksText,
    /// An error in a stream has `grpc_code`, `http_code` and `http_status`, and no `code`.
    OldStreamErrors,
    /// `/v3/maintenance/hashkv` is not there: both hashes are at `/hash`, and the first one answers.
    NoHashKv,
    /// `/v3/auth/status` and `/v3/maintenance/downgrade` are not there.
    NoStatusNorDowngrade,
    /// Malformed JSON of some kinds is understood: fields given twice, alternatives given together,
    /// floats, letters of either case.
    LaxJson,
    /// Base64 is read in its standard alphabet alone, and with its padding.
    PlainBase64,
    /// What a precondition refuses is 412.
    PreconditionsAre412,
    /// A Bearer token is not recognised.
    NoBearer,
    /// A question to a unary call over a WebSocket is asked only once the socket is closed, and then not
    /// always.
    SocketsWaitForTheirEnd,
    /// Who closes a socket while waiting for a lock goes on waiting.
    SocketsLeaveWaiters,
    /// What is said beside the question over a WebSocket, but for the token, is not heard.
    SocketsHearNoHeaders,
    /// While auth is on, whoever shows a certificate with a name is refused, in plain text. Ours, which
    /// shows its own to etcd, has that name's permissions for whoever asks without a token.
    RefusesNamedCertificates,
}

/// Each difference, with the first version that has it and the first that has not any more.
const TABLE: [(Difference, Version, Version); 13] = {
    use Difference::{
        LaxJson, NoBearer, NoHashKv, NoStatusNorDowngrade, OldStreamErrors, PlainBase64,
        PreconditionsAre412, RefusesNamedCertificates, RouterSpeaksText, SocketsHearNoHeaders,
        SocketsLeaveWaiters, SocketsWaitForTheirEnd,
    };
    const EVER: Version = Version(0, 0, 0);
    const NEVER: Version = Version(99, 0, 0);
    [
        (RouterSpeaksText, EVER, Version(3, 6, 0)),
        (OldStreamErrors, EVER, Version(3, 6, 0)),
        (LaxJson, EVER, Version(3, 6, 0)),
        (PlainBase64, EVER, Version(3, 6, 0)),
        (NoHashKv, EVER, Version(3, 5, 0)),
        (NoStatusNorDowngrade, EVER, Version(3, 5, 0)),
        (PreconditionsAre412, EVER, Version(3, 5, 0)),
        (SocketsLeaveWaiters, EVER, Version(3, 5, 0)),
        (NoBearer, EVER, Version(3, 5, 32)),
        (NoBearer, Version(3, 6, 0), Version(3, 6, 13)),
        (SocketsWaitForTheirEnd, Version(3, 5, 0), NEVER),
        (SocketsHearNoHeaders, EVER, NEVER),
        (RefusesNamedCertificates, EVER, NEVER),
    ]
};

/// Whether etcd's gateway of this version differs so.
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
