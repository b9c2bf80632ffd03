//! What a change of users, roles or authentication would do, before it is done.

use serde::{Deserialize, Serialize};

use crate::{Access, Finding, Header, RangeSpec};

/// How much of a range is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// All of it: etcd serves the request.
    All,
    /// Some of it: etcd refuses a request for the whole range.
    Part,
    /// Nothing.
    Nothing,
}

/// Whether a user may read and write a key or a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReachAnswer {
    /// The key or range in question.
    pub range: RangeSpec,
    /// Whether it may be read.
    pub read: Coverage,
    /// Whether it may be written.
    pub write: Coverage,
    /// The parts that may be read, in order.
    pub readable: Vec<RangeSpec>,
    /// The parts that may be written, in order.
    pub writable: Vec<RangeSpec>,
    /// The permissions that decide: those that have a key in common with the range.
    pub granted_by: Vec<RoleGrant>,
}

/// A permission, and the role that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoleGrant {
    /// The role.
    pub role: String,
    /// What it allows.
    pub access: Access,
    /// The keys it applies to: `key`, `prefix`, `start` with `end`, or `from`.
    #[serde(flatten)]
    pub range: RangeSpec,
}

/// What a user would lose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UserLoss {
    /// The user.
    pub user: String,
    /// The roles that it would have left.
    pub roles: Vec<String>,
    /// Whether it would lose the role `root`, which may do everything.
    pub root: bool,
    /// The ranges that it could no longer read: what none of its other roles allows. In order.
    pub read: Vec<RangeSpec>,
    /// The ranges that it could no longer write: what none of its other roles allows. In order.
    pub write: Vec<RangeSpec>,
}

/// Response to `?dry_run` of the routes that delete a user or role, or revoke a role or permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LossResponse {
    /// etcd's response header.
    pub header: Header,
    /// The users concerned, by name, also those that would lose nothing because another role allows the
    /// same.
    pub users: Vec<UserLoss>,
    /// Notes and warnings: whether etcd would refuse it, and whether it concerns the caller itself or
    /// the gateway's own account. Steps: `root`, `self`, `gateway_account`.
    pub notes: Vec<Finding>,
}

/// Response to `?dry_run` of `POST /auth/enable` and `POST /auth/disable`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuthCheckResponse {
    /// etcd's response header.
    pub header: Header,
    /// Whether authentication is on now.
    pub enabled: bool,
    /// Whether etcd would do it: no check has failed.
    pub ready: bool,
    /// The checks, in order. A failed one means that etcd would refuse; a warning, that somebody would
    /// be locked out. Steps of enabling: `root_user`, `root_role`, `root_password`, `gateway_account`,
    /// `anonymous`; of disabling: `open`, `sign_in`.
    pub checks: Vec<Finding>,
}
