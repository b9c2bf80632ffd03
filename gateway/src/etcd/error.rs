//! etcd's codes and messages, translated in one table.
//!
//! By message before code: what runs through etcd's own in-process client (Lock, Election, some of
//! Maintenance) loses its code and arrives as `Unknown`.

use etcd_client::Error;
use shared::Code as Api;
use tonic::{Code as Grpc, Status};

use super::Effect;
use crate::failure::Failure;

/// The client's own refusal to read an answer.
pub(super) const ANSWER_TOO_LARGE: &str = "decoded message length too large";

/// What a role lacks.
const NOT_GRANTED: &str = "permission is not granted to the role";
/// etcd changes its members only while the others answer.
const UNHEALTHY: &str = "unhealthy cluster";

/// What etcd says to everything while its CORRUPT alarm is raised.
const CORRUPT: &str = "corrupt cluster";

/// What etcd says to a change of members that would leave too few who run, the last one's removal included.
const NOT_STARTED: &str = "not enough started members";

/// What a message says, wherever it stands. The first row that is contained wins.
const BY_MESSAGE: &[(&str, Api)] = &[
    ("required revision has been compacted", Api::Compacted),
    (
        "required revision is a future revision",
        Api::FutureRevision,
    ),
    ("requested lease not found", Api::LeaseNotFound),
    ("lease already exists", Api::AlreadyExists),
    ("too large lease TTL", Api::Unprocessable),
    ("too many operations in txn request", Api::TooManyOps),
    ("duplicate key given in txn request", Api::DuplicateKey),
    ("request is too large", Api::TooLarge),
    ("received message larger than max", Api::TooLarge),
    (ANSWER_TOO_LARGE, Api::TooLarge),
    ("database space exceeded", Api::NoSpace),
    ("too many requests", Api::RateLimited),
    ("permission denied", Api::Forbidden),
    ("user name is empty", Api::Unauthenticated),
    ("invalid auth token", Api::Unauthenticated),
    ("authentication failed", Api::Unauthenticated),
    ("revision of auth store is old", Api::Unauthenticated),
    ("authentication is not enabled", Api::Unauthenticated),
    ("user name not found", Api::UserNotFound),
    ("role name not found", Api::RoleNotFound),
    ("user name already exists", Api::AlreadyExists),
    ("role name already exists", Api::AlreadyExists),
    ("role is not granted to the user", Api::RoleNotFound),
    (NOT_GRANTED, Api::Unprocessable),
    ("invalid auth management", Api::Conflict),
    ("election: no leader", Api::ElectionNotFound),
    ("member not found", Api::MemberNotFound),
    ("member ID already exist", Api::AlreadyExists),
    ("Peer URLs already exists", Api::AlreadyExists),
    // Said before anything was proposed, so nothing is in doubt.
    (UNHEALTHY, Api::Conflict),
    (NOT_STARTED, Api::Conflict),
    ("key not found", Api::KeyNotFound),
    ("key is not provided", Api::BadRequest),
    ("no leader", Api::NoLeader),
    ("rpc not supported for learner", Api::Unsupported),
    ("not capable", Api::Unsupported),
    // Refused while that alarm is raised, before anything was proposed.
    (CORRUPT, Api::Unavailable),
];

/// What etcd's status means to the API.
pub(super) fn code(grpc: Grpc, message: &str) -> Api {
    if let Some((_, code)) = BY_MESSAGE.iter().find(|(part, _)| message.contains(part)) {
        return *code;
    }
    match grpc {
        Grpc::InvalidArgument => Api::BadRequest,
        Grpc::OutOfRange => Api::Unprocessable,
        Grpc::NotFound => Api::NotFound,
        Grpc::AlreadyExists => Api::AlreadyExists,
        Grpc::FailedPrecondition | Grpc::Aborted => Api::Conflict,
        Grpc::PermissionDenied => Api::Forbidden,
        Grpc::Unauthenticated => Api::Unauthenticated,
        Grpc::ResourceExhausted => Api::RateLimited,
        Grpc::Unimplemented => Api::Unsupported,
        Grpc::DeadlineExceeded => Api::Timeout,
        Grpc::Unavailable | Grpc::Cancelled => Api::Unavailable,
        Grpc::Ok | Grpc::Unknown | Grpc::Internal | Grpc::DataLoss => Api::Internal,
    }
}

/// Whether the request certainly never left this machine, so that nothing can have happened.
pub(super) fn never_sent(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        // tonic's own ConnectError is private; its transport error names it only in this way.
        if error.to_string() == "tcp connect error" || error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether the connection, not etcd, ended the call.
pub(super) fn connection_lost(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    match status.code() {
        Grpc::Unknown | Grpc::Unavailable | Grpc::Internal => return cause.is_some(),
        Grpc::Cancelled => {}
        _ => return false,
    }
    // hyper gave a request up because its connection had ended; etcd's own word for it has no such cause.
    while let Some(error) = cause {
        let hyper = error.downcast_ref::<hyper::Error>();
        if hyper.is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error of the client as a failure.
pub(super) fn failure(effect: Effect, error: Error) -> Failure {
    match error {
        Error::GRpcStatus(status) => from_status(effect, status),
        Error::TransportError(source) => {
            Failure::new(Api::Unavailable, "etcd cannot be reached").source(source)
        }
        other => Failure::new(Api::Internal, "the etcd client failed").source(other),
    }
}

/// A gRPC status as a failure.
pub(super) fn from_status(effect: Effect, status: Status) -> Failure {
    if never_sent(&status) {
        return Failure::new(Api::Unavailable, "etcd cannot be reached").source(status);
    }
    let lost = connection_lost(&status);
    let mut code = if lost {
        Api::Unavailable
    } else {
        code(status.code(), status.message())
    };
    let refused = status.message().contains(CORRUPT);
    let undecided = !refused && matches!(code, Api::Unavailable | Api::Timeout)
        || status.message().contains("leader changed")
        || status.message().contains("request timed out")
        // etcd did it, and its answer (previous values) is more than is read.
        || status.message().contains(ANSWER_TOO_LARGE);
    if effect == Effect::Write && undecided {
        code = Api::OutcomeUnknown;
    }
    let detail = match code {
        Api::OutcomeUnknown => {
            "the answer of etcd was lost: the write may have taken effect".to_owned()
        }
        Api::Unavailable if lost => "the connection to etcd was lost".to_owned(),
        Api::Internal => "etcd failed; its message is in the log".to_owned(),
        // Lock and Election wrap the message of the inner status in their own.
        _ => plain(status.message()).to_owned(),
    };
    let mut failure = Failure::new(code, detail);
    failure.hint = hint_by_message(&failure.detail)
        .or_else(|| hint(code))
        .map(str::to_owned);
    failure.source(status)
}

/// etcd's sentence without the names of its packages.
fn plain(message: &str) -> &str {
    let message = message
        .rsplit_once("desc = ")
        .map_or(message, |(_, inner)| inner);
    message
        .strip_prefix("etcdserver: mvcc: ")
        .or_else(|| message.strip_prefix("etcdserver: "))
        .unwrap_or(message)
}

fn hint_by_message(detail: &str) -> Option<&'static str> {
    let hints = [
        (
            ANSWER_TOO_LARGE,
            "ask for fewer keys: a smaller limit, or Accept: application/x-ndjson",
        ),
        (
            UNHEALTHY,
            "etcd changes its members only while most of them answer each other",
        ),
        (
            NOT_STARTED,
            "a majority of the members that stay must have started: start those that were added; the last one is \
             never removed",
        ),
        (
            "invalid auth management",
            "root keeps its user and its role while authentication is on",
        ),
        (
            "root user does not",
            "add the user root and grant it the role root first",
        ),
        (
            CORRUPT,
            "a member holds other data than the rest: GET /cluster/hash says which; GET /cluster/alarms, and DELETE disarms",
        ),
        (
            NOT_GRANTED,
            "a permission is named by exactly the range it was granted for",
        ),
    ];
    let found = hints.iter().find(|(part, _)| detail.contains(part));
    found.map(|(_, hint)| *hint)
}

fn hint(code: Api) -> Option<&'static str> {
    Some(match code {
        Api::Compacted => "start again at the present, or at a revision that is left",
        Api::TooLarge => "etcd's own limit is --max-request-bytes (1.5 MiB by default)",
        Api::NoSpace => "compact, defragment, then disarm the NOSPACE alarm",
        Api::Forbidden => {
            "the account lacks the permission in etcd; GET /auth/self says what it may read and write"
        }
        Api::Unauthenticated => {
            "sign in with an etcd user: Authorization: Basic, or Bearer with an etcd token"
        }
        Api::OutcomeUnknown => "read the key before writing again",
        Api::TooManyOps => "etcd's limit is --max-txn-ops (128 by default)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of the table: what etcd says → the API's code for a read.
    fn check(grpc: Grpc, message: &str, expected: Api) {
        let failure = from_status(Effect::Read, Status::new(grpc, message));
        assert_eq!(failure.code, expected, "{grpc:?} {message}");
    }

    #[tokio::test]
    async fn a_request_that_its_connection_gave_up_is_lost() {
        use hyper_util::rt::{TokioExecutor, TokioIo};

        let (io, _other) = tokio::io::duplex(64);
        let begun = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io));
        let (mut sender, connection) = begun.await.expect("it begins");
        drop(connection);
        let request = http::Request::new(http_body_util::Empty::<bytes::Bytes>::new());
        let error = sender.send_request(request).await;
        let status = Status::from_error(Box::new(error.expect_err("nobody sends it")));
        assert_eq!(status.code(), Grpc::Cancelled);
        assert!(connection_lost(&status) && !connection_lost(&Status::cancelled("by etcd")));
    }

    #[test]
    fn invalid_arguments() {
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
    fn revisions_and_leases() {
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
    fn failed_preconditions() {
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
    fn exhausted_denied_and_away() {
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
    fn what_a_corrupt_cluster_refuses_has_not_happened() {
        let status = Status::new(Grpc::DataLoss, "etcdserver: corrupt cluster");
        let refused = from_status(Effect::Write, status);
        assert_eq!(refused.code, Api::Unavailable);
        assert!(refused.hint.is_some_and(|hint| hint.contains("alarms")));
    }

    #[test]
    fn what_lost_its_code_is_known_by_its_message() {
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

    #[test]
    fn a_write_without_an_answer_has_an_unknown_outcome() {
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
    fn the_detail_is_etcds_sentence_alone() {
        let status = Status::new(Grpc::NotFound, "etcdserver: requested lease not found");
        assert_eq!(
            from_status(Effect::Read, status).detail,
            "requested lease not found"
        );
        let wrapped = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
        assert_eq!(plain(wrapped), "permission denied");
    }
}
