//! Sign-in by cookie: the session of a browser, and which account requests act as.

use serde::{Deserialize, Serialize};

use crate::Password;

/// Body of `POST /session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// The user's name in etcd.
    pub name: String,
    /// The user's password.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Password))]
    pub password: Password,
}

/// Response of `POST /session` and `GET /session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionResponse {
    /// Which account requests like this one act as.
    pub acts_as: ActsAs,
    /// The account's user in etcd; null if requests act as no user, or if a token hides its name.
    pub name: Option<String>,
    /// The user's roles; empty without a name.
    pub roles: Vec<String>,
    /// Whether etcd's authentication is on: while it is off, there is nothing to sign in to. Null if etcd
    /// did not respond.
    pub auth_enabled: Option<bool>,
    /// When the session ends however active it is (RFC 3339); only for `session`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// When the session ends if no further request renews it (RFC 3339); only for `session`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_expires_at: Option<String>,
    /// What to do where requests are refused, as text for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl SessionResponse {
    /// Whether signing in has an effect: auth is on, or may be, and no header decides already.
    pub fn can_sign_in(&self) -> bool {
        self.auth_enabled != Some(false) && self.acts_as != ActsAs::Authorization
    }
}

/// Which account requests act as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActsAs {
    /// The user who signed in: the request has a session cookie.
    Session,
    /// The user of the request's `Authorization` header. It takes precedence over a session, so if a proxy
    /// adds it, signing in or out has no effect.
    Authorization,
    /// The gateway's own account, as a request without credentials. While etcd's authentication is off,
    /// nothing else exists.
    Gateway,
    /// No account: requests are 401 until the user signs in.
    Nobody,
    /// No account, and none can be signed in to: etcd's authentication is off, and this gateway refuses
    /// requests without credentials. `hint` names the flag.
    Closed,
}
