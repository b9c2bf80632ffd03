//! etcd's errors, as etcd 3.7.3 and its client library report them.

use super::*;

/// A row of the table: etcd's error → the API's code for a read.
fn check(grpc: Grpc, message: &str, expected: Api) {
    let failure = from_status(Effect::Read, Status::new(grpc, message));
    assert_eq!(failure.code, expected, "{grpc:?} {message}");
}

#[tokio::test]
async fn a_request_cancelled_by_its_connection_is_lost() {
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let (io, _other) = tokio::io::duplex(64);
    let begun = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io));
    let (mut sender, connection) = begun.await.expect("the handshake succeeds");
    drop(connection);
    let request = http::Request::new(http_body_util::Empty::<bytes::Bytes>::new());
    let error = sender.send_request(request).await;
    let status = Status::from_error(Box::new(error.expect_err("the connection is closed")));
    assert_eq!(status.code(), Grpc::Cancelled);
    assert!(connection_lost(&status) && !connection_lost(&Status::cancelled("by etcd")));
}

#[test]
fn invalid_arguments_have_their_api_code() {
    check(
        Grpc::InvalidArgument,
        "etcdserver: key is not provided",
        Api::BadRequest,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: key not found",
        Api::KeyNotFound,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: value is provided",
        Api::BadRequest,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: lease is provided",
        Api::BadRequest,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: too many operations in txn request",
        Api::TooManyOps,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: duplicate key given in txn request",
        Api::DuplicateKey,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: invalid sort option",
        Api::BadRequest,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: request is too large",
        Api::TooLarge,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: user name is empty",
        Api::Unauthenticated,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: authentication failed, invalid user ID or password",
        Api::Unauthenticated,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: revision of auth store is old",
        Api::Unauthenticated,
    );
}

#[test]
fn revision_and_lease_errors_have_their_api_code() {
    check(
        Grpc::OutOfRange,
        "etcdserver: mvcc: required revision has been compacted",
        Api::Compacted,
    );
    check(
        Grpc::OutOfRange,
        "etcdserver: mvcc: required revision is a future revision",
        Api::FutureRevision,
    );
    check(
        Grpc::OutOfRange,
        "etcdserver: too large lease TTL",
        Api::Unprocessable,
    );
    check(
        Grpc::NotFound,
        "etcdserver: requested lease not found",
        Api::LeaseNotFound,
    );
    check(
        Grpc::NotFound,
        "etcdserver: member not found",
        Api::MemberNotFound,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: lease already exists",
        Api::AlreadyExists,
    );
}

#[test]
fn failed_preconditions_have_their_api_code() {
    check(
        Grpc::FailedPrecondition,
        "etcdserver: member ID already exist",
        Api::AlreadyExists,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: Peer URLs already exists",
        Api::AlreadyExists,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: user name already exists",
        Api::AlreadyExists,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: user name not found",
        Api::UserNotFound,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: role name already exists",
        Api::AlreadyExists,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: role name not found",
        Api::RoleNotFound,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: authentication is not enabled",
        Api::Unauthenticated,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: role is not granted to the user",
        Api::RoleNotFound,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: permission is not granted to the role",
        Api::Unprocessable,
    );
    check(
        Grpc::InvalidArgument,
        "etcdserver: invalid auth management",
        Api::Conflict,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: root user does not exist",
        Api::Conflict,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: cluster ID mismatch",
        Api::Conflict,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: bad leader transferee",
        Api::Conflict,
    );
    check(
        Grpc::FailedPrecondition,
        "etcdserver: rpc not supported for learner",
        Api::Unsupported,
    );
}

#[test]
fn limits_refusals_and_outages_have_their_api_code() {
    check(
        Grpc::ResourceExhausted,
        "etcdserver: mvcc: database space exceeded",
        Api::NoSpace,
    );
    check(
        Grpc::ResourceExhausted,
        "etcdserver: too many requests",
        Api::RateLimited,
    );
    check(
        Grpc::ResourceExhausted,
        "grpc: received message larger than max (2500013 vs. 2097152)",
        Api::TooLarge,
    );
    check(
        Grpc::PermissionDenied,
        "etcdserver: permission denied",
        Api::Forbidden,
    );
    check(
        Grpc::Unauthenticated,
        "etcdserver: invalid auth token",
        Api::Unauthenticated,
    );
    check(Grpc::Unavailable, "etcdserver: no leader", Api::NoLeader);
    check(
        Grpc::Unavailable,
        "etcdserver: server stopped",
        Api::Unavailable,
    );
    check(
        Grpc::Unavailable,
        "etcdserver: request timed out",
        Api::Unavailable,
    );
    check(
        Grpc::DeadlineExceeded,
        "context deadline exceeded",
        Api::Timeout,
    );
    check(Grpc::Unimplemented, "unknown method", Api::Unsupported);
    check(
        Grpc::DataLoss,
        "etcdserver: corrupt cluster",
        Api::Unavailable,
    );
    check(Grpc::DataLoss, "something else", Api::Internal);
}

#[test]
fn a_write_refused_by_a_corrupt_cluster_has_a_certain_outcome() {
    let status = Status::new(Grpc::DataLoss, "etcdserver: corrupt cluster");
    let refused = from_status(Effect::Write, status);
    assert_eq!(refused.code, Api::Unavailable);
    assert!(refused.hint.is_some_and(|hint| hint.contains("alarms")));
}

#[test]
fn an_error_without_its_code_is_classified_by_message() {
    check(
        Grpc::Unknown,
        "etcdserver: requested lease not found",
        Api::LeaseNotFound,
    );
    check(
        Grpc::Unknown,
        "etcdserver: permission denied",
        Api::Forbidden,
    );
    check(Grpc::Unknown, "auth: permission denied", Api::Forbidden);
    check(
        Grpc::Unknown,
        "etcdserver: user name is empty",
        Api::Unauthenticated,
    );
    check(Grpc::Unknown, "election: no leader", Api::ElectionNotFound);
    check(
        Grpc::Unknown,
        "etcdserver: re-configuration failed due to not enough started members",
        Api::Conflict,
    );
    check(Grpc::Unknown, "something else", Api::Internal);
}

/// The errors of etcd 3.7.3 for clients (`rpctypes/error.go`), and those that its server passes on
/// without a code (`togRPCError`).
const CLIENT_ERRORS: &[(Grpc, &str)] = &[
    (Grpc::InvalidArgument, "etcdserver: key is not provided"),
    (Grpc::InvalidArgument, "etcdserver: key not found"),
    (Grpc::InvalidArgument, "etcdserver: value is provided"),
    (Grpc::InvalidArgument, "etcdserver: lease is provided"),
    (
        Grpc::InvalidArgument,
        "etcdserver: too many operations in txn request",
    ),
    (
        Grpc::InvalidArgument,
        "etcdserver: duplicate key given in txn request",
    ),
    (
        Grpc::InvalidArgument,
        "etcdserver: invalid client api version",
    ),
    (Grpc::InvalidArgument, "etcdserver: invalid sort option"),
    (
        Grpc::OutOfRange,
        "etcdserver: mvcc: required revision has been compacted",
    ),
    (
        Grpc::OutOfRange,
        "etcdserver: mvcc: required revision is a future revision",
    ),
    (
        Grpc::ResourceExhausted,
        "etcdserver: mvcc: database space exceeded",
    ),
    (Grpc::NotFound, "etcdserver: requested lease not found"),
    (Grpc::FailedPrecondition, "etcdserver: lease already exists"),
    (Grpc::OutOfRange, "etcdserver: too large lease TTL"),
    (Grpc::Cancelled, "etcdserver: watch canceled"),
    (
        Grpc::FailedPrecondition,
        "etcdserver: member ID already exist",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: Peer URLs already exists",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: re-configuration failed due to not enough started members",
    ),
    (
        Grpc::InvalidArgument,
        "etcdserver: given member URLs are invalid",
    ),
    (Grpc::NotFound, "etcdserver: member not found"),
    (
        Grpc::FailedPrecondition,
        "etcdserver: can only promote a learner member",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: can only promote a learner member which is in sync with leader",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: too many learner members in cluster",
    ),
    (Grpc::FailedPrecondition, "etcdserver: cluster ID mismatch"),
    (Grpc::InvalidArgument, "etcdserver: request is too large"),
    (Grpc::ResourceExhausted, "etcdserver: too many requests"),
    (
        Grpc::FailedPrecondition,
        "etcdserver: root user does not exist",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: root user does not have root role",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: user name already exists",
    ),
    (Grpc::InvalidArgument, "etcdserver: user name is empty"),
    (Grpc::FailedPrecondition, "etcdserver: user name not found"),
    (
        Grpc::FailedPrecondition,
        "etcdserver: role name already exists",
    ),
    (Grpc::FailedPrecondition, "etcdserver: role name not found"),
    (Grpc::InvalidArgument, "etcdserver: role name is empty"),
    (
        Grpc::InvalidArgument,
        "etcdserver: authentication failed, invalid user ID or password",
    ),
    (Grpc::InvalidArgument, "etcdserver: permission not given"),
    (Grpc::PermissionDenied, "etcdserver: permission denied"),
    (
        Grpc::FailedPrecondition,
        "etcdserver: role is not granted to the user",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: permission is not granted to the role",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: authentication is not enabled",
    ),
    (Grpc::Unauthenticated, "etcdserver: invalid auth token"),
    (Grpc::InvalidArgument, "etcdserver: invalid auth management"),
    (
        Grpc::InvalidArgument,
        "etcdserver: revision of auth store is old",
    ),
    (Grpc::Unavailable, "etcdserver: no leader"),
    (Grpc::FailedPrecondition, "etcdserver: not leader"),
    (Grpc::Unavailable, "etcdserver: leader changed"),
    (Grpc::FailedPrecondition, "etcdserver: not capable"),
    (Grpc::Unavailable, "etcdserver: server stopped"),
    (Grpc::Unavailable, "etcdserver: request timed out"),
    (
        Grpc::Unavailable,
        "etcdserver: request timed out, possibly due to previous leader failure",
    ),
    (
        Grpc::Unavailable,
        "etcdserver: request timed out, possibly due to connection lost",
    ),
    (
        Grpc::Unavailable,
        "etcdserver: request timed out, waiting for the applied index took too long",
    ),
    (Grpc::Unavailable, "etcdserver: unhealthy cluster"),
    (Grpc::DataLoss, "etcdserver: corrupt cluster"),
    (
        Grpc::FailedPrecondition,
        "etcdserver: rpc not supported for learner",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: bad leader transferee",
    ),
    (
        Grpc::InvalidArgument,
        "etcdserver: wrong downgrade target version format",
    ),
    (
        Grpc::InvalidArgument,
        "etcdserver: invalid downgrade target version",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: cluster version not found during downgrade",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: cluster has a downgrade job in progress",
    ),
    (
        Grpc::FailedPrecondition,
        "etcdserver: no inflight downgrade job",
    ),
    (Grpc::Cancelled, "etcdserver: request canceled"),
    (
        Grpc::DeadlineExceeded,
        "etcdserver: context deadline exceeded",
    ),
];
const CODELESS_ERRORS: &[(&str, Api)] = &[
    ("raft proposal dropped", Api::NoLeader),
    ("raft: stopped", Api::Unavailable),
    ("etcdserver: request cancelled", Api::Unavailable),
    (
        "etcdserver: request timed out, leader transfer took too long",
        Api::Unavailable,
    ),
    ("etcdserver: unknown method", Api::Unsupported),
    (
        "waiting for node to catch up its applied index has timed out",
        Api::Unavailable,
    ),
    ("not a primary lessor", Api::Unavailable),
    ("context canceled", Api::Unavailable),
    ("context deadline exceeded", Api::Timeout),
    // etcd 3.4 has no code for these two.
    ("auth: role name is empty", Api::BadRequest),
    ("auth: permission not given", Api::BadRequest),
    ("election: not leader", Api::Conflict),
];

#[test]
fn every_etcd_error_is_classified_with_or_without_its_code() {
    for (grpc, message) in CLIENT_ERRORS {
        assert_ne!(code(*grpc, message), Api::Internal, "{message}");
        // As the in-process client passes it on.
        let bare = code(Grpc::Unknown, message);
        assert_eq!(bare, code(*grpc, message), "{message}");
    }
    for (message, expected) in CODELESS_ERRORS {
        check(Grpc::Unknown, message, *expected);
    }
}

#[test]
fn a_dropped_proposal_was_not_applied_but_a_timed_out_one_may_be() {
    let write = |message| from_status(Effect::Write, Status::new(Grpc::Unknown, message));
    let dropped = write("raft proposal dropped");
    assert_eq!(dropped.code, Api::NoLeader);
    assert!(dropped.hint.is_some_and(|hint| hint.contains("retry")));
    for message in [
        "raft: stopped",
        "etcdserver: request cancelled",
        "etcdserver: request timed out, leader transfer took too long",
        "context canceled",
        "context deadline exceeded",
    ] {
        assert_eq!(write(message).code, Api::OutcomeUnknown, "{message}");
    }
}

#[test]
fn a_write_without_a_response_has_an_unknown_outcome() {
    for message in [
        "etcdserver: leader changed",
        "etcdserver: request timed out",
        "etcdserver: server stopped",
        "Error, decoded message length too large: found 600000000 bytes, the limit is: 536870912 bytes",
    ] {
        let failure = from_status(Effect::Write, Status::new(Grpc::Unavailable, message));
        assert_eq!(failure.code, Api::OutcomeUnknown, "{message}");
    }
    let refused = from_status(
        Effect::Write,
        Status::new(Grpc::Unavailable, "etcdserver: unhealthy cluster"),
    );
    assert_eq!(refused.code, Api::Conflict);
    let refused = from_status(
        Effect::Write,
        Status::new(Grpc::PermissionDenied, "etcdserver: permission denied"),
    );
    assert_eq!(refused.code, Api::Forbidden);
}

#[test]
fn the_detail_is_etcds_message_without_package_names() {
    let status = Status::new(Grpc::NotFound, "etcdserver: requested lease not found");
    assert_eq!(
        from_status(Effect::Read, status).detail,
        "requested lease not found"
    );
    let wrapped = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
    assert_eq!(without_package_names(wrapped), "permission denied");
}
