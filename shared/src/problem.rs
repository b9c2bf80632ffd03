//! Errors as RFC 9457 problems, with a stable machine-readable code.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Bytes, Entry, Lock, StmRead, nullable};

macro_rules! codes {
    // `tt` instead of `literal` for the name: the schema's macro does not see into a `literal`.
    ($($(#[$doc:meta])* $variant:ident = $name:tt, $title:literal;)*) => {
        /// The kind of an error, for programs: stable, and listed with its status in `/api/docs`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
            /// A code of a newer gateway.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code as on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* Self::Unknown => "unknown" }
            }

            /// A short description, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* Self::Unknown => "Unknown error" }
            }
        }
    };
}

codes! {
    /// 400
    BadRequest = "bad_request", "The request is malformed";
    /// 400
    UnknownParameter = "unknown_parameter", "A parameter is unknown or repeated";
    /// 401
    Unauthenticated = "unauthenticated", "Sign-in is required";
    /// 403
    Forbidden = "forbidden", "The account may not do this";
    /// 403
    ReadOnly = "read_only", "This gateway is read-only";
    /// 403
    ForeignOrigin = "foreign_origin", "The request comes from another site";
    /// 404
    NotFound = "not_found", "No such resource";
    /// 404
    ClusterNotFound = "cluster_not_found", "No such cluster";
    /// 404 for the path's key, 422 for one named only by the body or query
    KeyNotFound = "key_not_found", "The key does not exist";
    /// 404 for the path's lease, 422 for one named only by the body or query
    LeaseNotFound = "lease_not_found", "The lease does not exist";
    /// 404
    LockNotFound = "lock_not_found", "The lock has no holder and no waiter";
    /// 404
    ElectionNotFound = "election_not_found", "The election has no candidate";
    /// 404
    MemberNotFound = "member_not_found", "The member does not exist";
    /// 404
    UserNotFound = "user_not_found", "The user does not exist";
    /// 404
    RoleNotFound = "role_not_found", "The role does not exist";
    /// 405
    MethodNotAllowed = "method_not_allowed", "Method not allowed";
    /// 409
    AlreadyExists = "already_exists", "Already exists";
    /// 409
    DuplicateKey = "duplicate_key", "A key is written twice in one transaction";
    /// 409
    Conflict = "conflict", "The request conflicts with the cluster's state";
    /// 409
    StmConflict = "stm_conflict", "Another transaction changed the keys";
    /// 410
    Compacted = "compacted", "The revision has been compacted";
    /// 410
    SessionExpired = "session_expired", "The lease ended while waiting";
    /// 412
    PreconditionFailed = "precondition_failed", "The precondition does not hold";
    /// 412
    CountChanged = "count_changed", "The range changed since it was counted";
    /// 412
    NotHolder = "not_holder", "The lock is not held by that token or lease";
    /// 412
    NotLeader = "not_leader", "The leadership is not held by that key and revision";
    /// 413
    TooLarge = "too_large", "The body is too large";
    /// 415
    UnsupportedMediaType = "unsupported_media_type", "The body's type is not accepted";
    /// 416
    FutureRevision = "future_revision", "The revision does not exist yet";
    /// 421
    ForeignHost = "foreign_host", "The Host is not a name of this gateway";
    /// 422
    Unprocessable = "unprocessable", "etcd refused the request";
    /// 422
    TooManyOps = "too_many_ops", "The transaction has too many operations";
    /// 423
    Locked = "locked", "The lock is held";
    /// 428
    ConfirmRequired = "confirm_required", "The number of keys must be confirmed";
    /// 429
    RateLimited = "rate_limited", "Too many requests";
    /// 500
    Internal = "internal", "Internal error of the gateway";
    /// 501
    Unsupported = "unsupported", "The cluster does not support this";
    /// 503
    Unavailable = "unavailable", "etcd cannot be reached";
    /// 503
    NoLeader = "no_leader", "The cluster has no leader";
    /// 503 or 504
    OutcomeUnknown = "outcome_unknown", "Whether the write took effect is not known";
    /// 504
    Timeout = "timeout", "etcd did not respond in time";
    /// 507
    NoSpace = "no_space", "The cluster's space quota is exceeded";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error, as RFC 9457 `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// The URL of the code's description, relative to the gateway's base.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of error, the same text for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence of the error.
    pub detail: String,
    /// The kind of error, for programs.
    pub code: Code,
    /// The request's id in the gateway's log.
    pub request_id: String,
    /// How to fix it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// With `precondition_failed`: the current entry, `null` if the key is absent.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Entry>))]
    pub current: Option<Option<Entry>>,
    /// With `confirm_required` and `count_changed`: the number of keys in the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// The revision that `count` was read at; with `stm_conflict` that of `reads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// With `stm_conflict`: the keys that others changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<Vec<Bytes>>,
    /// With `stm_conflict`: the current state of every compared key, for the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Vec<StmRead>>,
    /// With `bad_request` for an invalid regular expression: where, in bytes from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// With `locked`: the lock and its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<Lock>>,
}
