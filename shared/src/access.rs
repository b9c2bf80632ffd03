//! etcd's authentication: its state, users, roles and permissions.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Header, RangeSpec, ReachAnswer};

/// Response of `/auth/status`, `/auth/enable` and `/auth/disable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuthResponse {
    /// etcd's response header.
    pub header: Header,
    /// Whether authentication is on.
    pub enabled: bool,
    /// Increases with each change of users and roles (reported by etcd 3.5 and later).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_revision: Option<u64>,
}

/// Response to a change of users or roles: the header only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Done {
    /// etcd's response header.
    pub header: Header,
}

/// A password for etcd. It is never shown: not in logs, not in errors.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, format = Password))]
#[serde(transparent)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde's own error message would include the value.
        String::deserialize(deserializer)
            .map(Self)
            .map_err(|_| de::Error::custom("password must be a string"))
    }
}

/// Body of `POST /auth/users`: exactly one of `password` and `no_password`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UserAddRequest {
    /// The user's name.
    pub name: String,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Password))]
    pub password: Option<Password>,
    /// No password: the user can only sign in with a client certificate.
    #[serde(default)]
    pub no_password: bool,
}

/// Body of `PUT /auth/users/{user}/password`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The new password; the user's tokens become invalid.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Password))]
    pub password: Password,
}

/// Response of `GET /auth/users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UserList {
    /// etcd's response header.
    pub header: Header,
    /// The names, in order.
    pub users: Vec<String>,
}

/// Response of `POST /auth/users` and `GET /auth/users/{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UserResponse {
    /// etcd's response header.
    pub header: Header,
    /// The user's name.
    pub name: String,
    /// The roles granted to it, in order.
    pub roles: Vec<String>,
}

/// Body of `POST /auth/roles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleAddRequest {
    /// The role's name.
    pub name: String,
}

/// Response of `GET /auth/roles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoleList {
    /// etcd's response header.
    pub header: Header,
    /// The names, in order.
    pub roles: Vec<String>,
}

/// Response of `POST /auth/roles` and `GET /auth/roles/{role}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RoleResponse {
    /// etcd's response header.
    pub header: Header,
    /// The role's name.
    pub name: String,
    /// Its permissions, by key.
    pub permissions: Vec<Permission>,
}

/// What a permission allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Reads and watches.
    Read,
    /// Puts and deletes.
    Write,
    /// Both.
    ReadWrite,
}

/// A permission of a role: an access, and a range of keys in one of the API's forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Permission {
    /// What it allows.
    pub access: Access,
    /// The keys it applies to: `key`, `prefix`, `start` with `end`, or `from`.
    #[serde(flatten)]
    pub range: RangeSpec,
}

/// Response of `GET /auth/users/{user}/reach`: the effective permissions of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReachResponse {
    /// etcd's response header.
    pub header: Header,
    /// The user's name.
    pub name: String,
    /// The roles that were combined.
    pub roles: Vec<String>,
    /// Whether the user has the role `root`, which may do everything.
    pub root: bool,
    /// The ranges it may read, in order; none of them overlap or are adjacent.
    pub read: Vec<RangeSpec>,
    /// The ranges it may write, in order; none of them overlap or are adjacent.
    pub write: Vec<RangeSpec>,
    /// With `key`, `prefix`, `start` and `end`, or `from`: whether it may read and write that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<ReachAnswer>,
}

/// Response of `GET /auth/self`: the caller's user in etcd, and what the caller may read and write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SelfResponse {
    /// etcd's response header.
    pub header: Header,
    /// Whether etcd's authentication is on. While it is off, every caller may do everything.
    pub enabled: bool,
    /// The user's name; null while authentication is off, and for a token, which does not identify its user.
    pub name: Option<String>,
    /// The user's roles; empty without a name.
    pub roles: Vec<String>,
    /// Whether the user has the role `root`, which may do everything.
    pub root: bool,
    /// The ranges the caller may read, in order; none of them overlap or are adjacent. Null if they are
    /// unknown: for a token that may not read every key.
    pub read: Option<Vec<RangeSpec>>,
    /// The ranges the caller may write, in order; none of them overlap or are adjacent. Null if they are
    /// unknown: for a token.
    pub write: Option<Vec<RangeSpec>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let secret = Password("s3cret".to_owned());
        assert_eq!(format!("{secret:?}"), "Password(…)");
        let request = PasswordRequest { password: secret };
        assert!(!format!("{request:?}").contains("s3cret"));
        for wrong in [r#"{"password":8315}"#, r#"{"password":["8315"]}"#] {
            let error = serde_json::from_str::<PasswordRequest>(wrong).expect_err(wrong);
            assert!(!error.to_string().contains("8315"), "{error}");
        }
    }

    #[test]
    fn a_permission_is_flat() {
        let json = r#"{"access":"readwrite","prefix":"/a/"}"#;
        let permission: Permission = serde_json::from_str(json).expect("deserialises");
        assert_eq!(permission.access, Access::ReadWrite);
        assert_eq!(
            serde_json::to_string(&permission).expect("serialises"),
            json
        );
    }
}
