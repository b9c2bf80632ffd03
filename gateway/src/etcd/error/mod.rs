//! etcd's codes and messages, translated in one table.
//!
//! The message takes precedence over the code: errors from etcd's own in-process client (Lock, Election,
//! some of Maintenance) lose their code and arrive as `Unknown`, and so do errors that etcd has no code
//! for, such as raft's own (`togRPCError` in etcd's `v3rpc/util.go`).

use etcd_client::Error;
use shared::Code as Api;
use tonic::{Code as Grpc, Status};

use super::Effect;
use crate::failure::Failure;

/// The client library's error for a response above its size limit.
pub(super) const RESPONSE_TOO_LARGE: &str = "decoded message length too large";

/// The role does not have the permission to be revoked.
const NOT_GRANTED: &str = "permission is not granted to the role";
/// etcd changes its members only while the others respond.
const UNHEALTHY: &str = "unhealthy cluster";

/// etcd's error for every request while its CORRUPT alarm is raised.
const CORRUPT: &str = "corrupt cluster";

/// etcd's error for a change of members that would leave too few running members, including the removal
/// of the last one.
const NOT_STARTED: &str = "not enough started members";

/// raft accepts no proposals while leadership is transferred, or on a member that knows no leader. It
/// refuses before anything is appended, so the outcome is certain.
const DROPPED: &str = "raft proposal dropped";

/// Codes by message. The first row whose text the message contains applies.
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
    (RESPONSE_TOO_LARGE, Api::TooLarge),
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
    // Refused before anything was proposed, so the outcome is certain.
    (UNHEALTHY, Api::Conflict),
    (NOT_STARTED, Api::Conflict),
    ("key not found", Api::KeyNotFound),
    ("key is not provided", Api::BadRequest),
    ("no leader", Api::NoLeader),
    (DROPPED, Api::NoLeader),
    ("leader changed", Api::Unavailable),
    ("not leader", Api::Conflict),
    ("request timed out", Api::Unavailable),
    ("applied index has timed out", Api::Unavailable),
    ("not a primary lessor", Api::Unavailable),
    ("server stopped", Api::Unavailable),
    // raft's own error for the same.
    ("raft: stopped", Api::Unavailable),
    // Both spellings are etcd's.
    ("request cancelled", Api::Unavailable),
    ("request canceled", Api::Unavailable),
    ("watch canceled", Api::Unavailable),
    ("context canceled", Api::Unavailable),
    ("context deadline exceeded", Api::Timeout),
    ("can only promote a learner member", Api::Conflict),
    ("too many learner members", Api::Conflict),
    ("cluster ID mismatch", Api::Conflict),
    ("bad leader transferee", Api::Conflict),
    ("a downgrade job in progress", Api::Conflict),
    ("no inflight downgrade job", Api::Conflict),
    ("cluster version not found", Api::Conflict),
    ("downgrade target version", Api::BadRequest),
    ("root user does not", Api::Conflict),
    ("role name is empty", Api::BadRequest),
    ("permission not given", Api::BadRequest),
    ("member URLs are invalid", Api::BadRequest),
    ("value is provided", Api::BadRequest),
    ("lease is provided", Api::BadRequest),
    ("invalid sort option", Api::BadRequest),
    ("invalid client api version", Api::BadRequest),
    ("unknown method", Api::Unsupported),
    ("rpc not supported for learner", Api::Unsupported),
    ("not capable", Api::Unsupported),
    // Refused while that alarm is raised, before anything was proposed.
    (CORRUPT, Api::Unavailable),
];

/// The API's code for a status of etcd.
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
    // hyper cancels a request if its connection has ended; etcd's own `Cancelled` has no such cause.
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
        // etcd applied it, but its response (with previous values) is above the size limit.
        || status.message().contains(RESPONSE_TOO_LARGE);
    if effect == Effect::Write && undecided {
        code = Api::OutcomeUnknown;
    }
    let detail = match code {
        Api::OutcomeUnknown => {
            "the response of etcd was lost: the write may have taken effect".to_owned()
        }
        Api::Unavailable if lost => "the connection to etcd was lost".to_owned(),
        Api::Internal => "etcd failed; its message is in the log".to_owned(),
        // Lock and Election wrap the message of the inner status in their own.
        _ => without_package_names(status.message()).to_owned(),
    };
    let mut failure = Failure::new(code, detail);
    failure.hint = hint_by_message(&failure.detail)
        .or_else(|| hint(code))
        .map(str::to_owned);
    failure.source(status)
}

/// etcd's message without the names of its packages.
fn without_package_names(message: &str) -> &str {
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
            RESPONSE_TOO_LARGE,
            "request fewer keys: a smaller limit, or Accept: application/x-ndjson",
        ),
        (
            UNHEALTHY,
            "etcd changes its members only while a majority of them is connected",
        ),
        (
            NOT_STARTED,
            "a majority of the remaining members must be running: start the ones that were added; the last member \
             cannot be removed",
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
            "a member's data differs from the others': GET /cluster/hash shows which; GET /cluster/alarms lists the \
             alarms, DELETE disarms them",
        ),
        (
            DROPPED,
            "nothing was written: the leader is being moved or elected; retry in a moment",
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
        Api::Compacted => "start again at the present, or at a revision that is not compacted",
        Api::TooLarge => "etcd's own limit is --max-request-bytes (1.5 MiB by default)",
        Api::NoSpace => "compact, defragment, then disarm the NOSPACE alarm",
        Api::Forbidden => {
            "the account lacks the permission in etcd; GET /auth/self shows what it may read and write"
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
mod tests;
