//! etcd's authentication: its state, users, roles and permissions.

use etcd_client as ec;
use etcd_client::proto::PbResponseHeader;
use http::uri::PathAndQuery;
use shared::{Access, Code, Header, Password};

use super::Caller;
use super::kv::header;
use super::range::Range;
use super::{Effect, Etcd, Use, error};
use crate::failure::Result;

/// etcd's authentication state.
#[derive(Clone, Copy, Debug)]
pub struct AuthFact {
    /// The store's header; empty if only a refusal showed that auth is on.
    pub header: Header,
    /// Whether authentication is on.
    pub enabled: bool,
    /// Increases with each change of users and roles; `None` before etcd 3.5.
    pub revision: Option<u64>,
}

/// A permission of a role. Permissions of an unknown kind are omitted from lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionFact {
    /// What it allows.
    pub access: Access,
    /// The keys it is for.
    pub range: Range,
}

/// etcd's `AuthStatusRequest` and `AuthStatusResponse`, which the client library lacks.
#[derive(Clone, PartialEq, prost::Message)]
struct StatusRequest {}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<PbResponseHeader>,
    #[prost(bool, tag = "2")]
    enabled: bool,
    #[prost(uint64, tag = "3")]
    auth_revision: u64,
}

const STATUS: &str = "/etcdserverpb.Auth/AuthStatus";

fn permission_type(access: Access) -> ec::PermissionType {
    match access {
        Access::Read => ec::PermissionType::Read,
        Access::Write => ec::PermissionType::Write,
        Access::ReadWrite => ec::PermissionType::Readwrite,
    }
}

/// A permission as etcd stores it; an empty key stands for the smallest key.
fn permission(kind: i32, key: Vec<u8>, end: Vec<u8>) -> Option<PermissionFact> {
    let access = [Access::Read, Access::Write, Access::ReadWrite];
    let access = access
        .into_iter()
        .find(|access| permission_type(*access) as i32 == kind)?;
    let range = if end.is_empty() {
        Range::single(key)
    } else {
        Range {
            key: if key.is_empty() { vec![0] } else { key },
            end: Some(end),
        }
    };
    Some(PermissionFact { access, range })
}

impl Etcd {
    /// Whether authentication is on. etcd before 3.5 has no RPC for this; there an anonymous sign-in
    /// reveals it.
    pub async fn auth_status(&self, caller: &Caller) -> Result<AuthFact> {
        let response = self.raw_auth_status(caller).await;
        match response {
            Ok(response) => Ok(AuthFact {
                header: header(response.header),
                enabled: response.enabled,
                revision: Some(response.auth_revision),
            }),
            Err(failure) if failure.code == Code::Unsupported => {
                let enabled = self.requires_sign_in(caller).await?;
                Ok(AuthFact {
                    header: self.header_here(caller).await?,
                    enabled,
                    revision: None,
                })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn raw_auth_status(&self, caller: &Caller) -> Result<StatusResponse> {
        let channel = self.transport(caller, Use::Unary);
        let call = async move {
            let mut grpc = tonic::client::Grpc::new(channel);
            grpc.ready().await.map_err(|error| {
                let source: tower::BoxError = error;
                tonic::Status::from_error(source)
            })?;
            let path = PathAndQuery::from_static(STATUS);
            let codec = tonic_prost::ProstCodec::default();
            let request = tonic::Request::new(StatusRequest {});
            let response: tonic::Response<StatusResponse> =
                grpc.unary(request, path, codec).await?;
            Ok(response.into_inner())
        };
        self.call(caller, Effect::Read, async {
            call.await.map_err(ec::Error::GRpcStatus)
        })
        .await
    }

    async fn requires_sign_in(&self, caller: &Caller) -> Result<bool> {
        let mut client = self.unary(caller).auth_client();
        match client.authenticate(String::new(), String::new()).await {
            Ok(_) => Ok(true),
            Err(ec::Error::GRpcStatus(status)) => {
                let message = status.message();
                if message.contains("authentication is not enabled") {
                    Ok(false)
                } else if message.contains("authentication failed")
                    || message.contains("user name is empty")
                {
                    Ok(true)
                } else {
                    Err(error::from_status(Effect::Read, status))
                }
            }
            Err(other) => Err(error::failure(Effect::Read, other)),
        }
    }

    /// Turns authentication on.
    pub async fn auth_enable(&self, caller: &Caller) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let call = client.auth_enable();
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// Turns authentication off.
    pub async fn auth_disable(&self, caller: &Caller) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let call = client.auth_disable();
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// The names of the users.
    pub async fn users(&self, caller: &Caller) -> Result<(Header, Vec<String>)> {
        let mut client = self.unary(caller).auth_client();
        let response = self.call(caller, Effect::Read, client.user_list()).await?.0;
        Ok((header(response.header), response.users))
    }

    /// The roles of a user.
    pub async fn user(&self, caller: &Caller, name: &str) -> Result<(Header, Vec<String>)> {
        let mut client = self.unary(caller).auth_client();
        let call = client.user_get(name);
        let response = self.call(caller, Effect::Read, call).await?.0;
        Ok((header(response.header), response.roles))
    }

    /// Adds a user; without a password it can only sign in with a certificate.
    pub async fn user_add(
        &self,
        caller: &Caller,
        name: &str,
        password: Option<&Password>,
    ) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let options = password
            .is_none()
            .then(|| ec::UserAddOptions::new().with_no_pwd());
        let secret = password.map_or("", |password| &password.0);
        let call = client.user_add(name, secret, options);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// Changes a user's password, which invalidates its tokens.
    pub async fn user_password(
        &self,
        caller: &Caller,
        name: &str,
        password: &Password,
    ) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let call = client.user_change_password(name, password.0.as_str());
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// Deletes a user, which invalidates its tokens.
    pub async fn user_delete(&self, caller: &Caller, name: &str) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let call = client.user_delete(name);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// Grants a role to a user.
    pub async fn user_grant(&self, caller: &Caller, user: &str, role: &str) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let call = client.user_grant_role(user, role);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// Revokes a role from a user.
    pub async fn user_revoke(&self, caller: &Caller, user: &str, role: &str) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let call = client.user_revoke_role(user, role);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// The names of the roles.
    pub async fn roles(&self, caller: &Caller) -> Result<(Header, Vec<String>)> {
        let mut client = self.unary(caller).auth_client();
        let response = self.call(caller, Effect::Read, client.role_list()).await?.0;
        Ok((header(response.header), response.roles))
    }

    /// The permissions of a role.
    pub async fn role(&self, caller: &Caller, name: &str) -> Result<(Header, Vec<PermissionFact>)> {
        let mut client = self.unary(caller).auth_client();
        let call = client.role_get(name);
        let response = self.call(caller, Effect::Read, call).await?.0;
        let permissions = response.perm.into_iter();
        let permissions =
            permissions.filter_map(|one| permission(one.perm_type, one.key, one.range_end));
        Ok((header(response.header), permissions.collect()))
    }

    /// Adds a role without permissions.
    pub async fn role_add(&self, caller: &Caller, name: &str) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let call = client.role_add(name);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// Deletes a role; its users lose it.
    pub async fn role_delete(&self, caller: &Caller, name: &str) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let call = client.role_delete(name);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// Grants a permission to a role; a permission for the same range is replaced.
    pub async fn role_grant(
        &self,
        caller: &Caller,
        role: &str,
        grant: PermissionFact,
    ) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let Range { key, end } = grant.range;
        let mut wanted = ec::Permission::new(permission_type(grant.access), key);
        if let Some(end) = end {
            wanted = wanted.with_range_end(end);
        }
        let call = client.role_grant_permission(role, wanted);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }

    /// Revokes the permission for exactly this range from a role.
    pub async fn role_revoke(&self, caller: &Caller, role: &str, range: Range) -> Result<Header> {
        let mut client = self.unary(caller).auth_client();
        let options = range
            .end
            .map(|end| ec::RoleRevokePermissionOptions::new().with_range_end(end));
        let call = client.role_revoke_permission(role, range.key, options);
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok(header(response.header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: i32, key: &[u8], end: &[u8], expected: Option<(Access, Range)>) {
        let read = permission(kind, key.to_vec(), end.to_vec());
        let expected = expected.map(|(access, range)| PermissionFact { access, range });
        assert_eq!(read, expected);
    }

    #[test]
    fn permissions_are_decoded_as_etcd_stores_them() {
        check(0, b"a", b"", Some((Access::Read, Range::single("a"))));
        check(1, b"a", b"b", Some((Access::Write, Range::prefix(b"a"))));
        // etcd reports the role `root` like this.
        check(2, b"", b"\0", Some((Access::ReadWrite, Range::prefix(b""))));
        check(3, b"a", b"", None);
    }
}
