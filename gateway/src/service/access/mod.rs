//! etcd's authentication: on and off, users, roles, permissions, and effective permissions.

mod checks;
mod permissions;
mod reach;

use shared::{
    Access, AuthResponse, Done, Header, PasswordRequest, Permission, ReachResponse, RoleList,
    RoleResponse, SelfResponse, UserAddRequest, UserList, UserResponse,
};

use crate::etcd::{Etcd, PermissionFact, Range};
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use shared::Code;

/// The role that may do everything, and the user that must have it.
const ROOT: &str = "root";

/// Users and roles of one cluster.
#[derive(Clone, Debug)]
pub struct AccessService {
    etcd: Etcd,
}

impl AccessService {
    /// The service over a cluster's connections.
    pub fn new(etcd: Etcd) -> Self {
        Self { etcd }
    }

    /// Whether authentication is on.
    pub async fn status(&self, caller: &Caller) -> Result<AuthResponse> {
        let fact = self.etcd.auth_status(caller).await?;
        Ok(AuthResponse {
            header: fact.header,
            enabled: fact.enabled,
            auth_revision: fact.revision,
        })
    }

    /// Turns authentication on. From then on requests without credentials are refused, this
    /// gateway's own included.
    pub async fn enable(&self, caller: &Caller) -> Result<AuthResponse> {
        let header = self.etcd.auth_enable(caller).await?;
        Ok(auth_response(header, true))
    }

    /// Turns authentication off: from then on every client may do everything.
    pub async fn disable(&self, caller: &Caller) -> Result<AuthResponse> {
        let header = self.etcd.auth_disable(caller).await?;
        Ok(auth_response(header, false))
    }

    /// The users' names.
    pub async fn users(&self, caller: &Caller) -> Result<UserList> {
        let (header, mut users) = self.etcd.users(caller).await?;
        users.sort_unstable();
        Ok(UserList { header, users })
    }

    /// A user with its roles.
    pub async fn user(&self, caller: &Caller, name: String) -> Result<UserResponse> {
        let response = self.etcd.user(caller, &name).await;
        let (header, roles) = response.map_err(|failure| name_user_and_role(failure, &name, ""))?;
        Ok(UserResponse {
            header,
            name,
            roles,
        })
    }

    /// Adds a user without roles.
    pub async fn add_user(&self, caller: &Caller, request: UserAddRequest) -> Result<UserResponse> {
        let UserAddRequest {
            name,
            password,
            no_password,
        } = request;
        require_name(&name)?;
        match (&password, no_password) {
            (Some(password), false) if password.0.is_empty() => return Err(empty_password()),
            (Some(_), false) | (None, true) => {}
            _ => {
                return Err(Failure::bad_request(
                    "exactly one of `password` and `no_password` is required",
                ));
            }
        }
        let added = self.etcd.user_add(caller, &name, password.as_ref()).await;
        let header = added.map_err(|failure| name_user_and_role(failure, &name, ""))?;
        Ok(UserResponse {
            header,
            name,
            roles: Vec::new(),
        })
    }

    /// Changes a user's password, which invalidates its tokens.
    pub async fn set_password(
        &self,
        caller: &Caller,
        name: &str,
        request: PasswordRequest,
    ) -> Result<Done> {
        if request.password.0.is_empty() {
            return Err(empty_password());
        }
        let changed = self.etcd.user_password(caller, name, &request.password);
        finish_change(changed.await, name, "")
    }

    /// Deletes a user.
    pub async fn delete_user(&self, caller: &Caller, name: &str) -> Result<Done> {
        finish_change(self.etcd.user_delete(caller, name).await, name, "")
    }

    /// Grants a role to a user; granting it again is not an error.
    pub async fn grant_role(&self, caller: &Caller, user: &str, role: &str) -> Result<Done> {
        finish_change(self.etcd.user_grant(caller, user, role).await, user, role)
    }

    /// Revokes a role from a user.
    pub async fn revoke_role(&self, caller: &Caller, user: &str, role: &str) -> Result<Done> {
        finish_change(self.etcd.user_revoke(caller, user, role).await, user, role)
    }

    /// The roles' names.
    pub async fn roles(&self, caller: &Caller) -> Result<RoleList> {
        let (header, mut roles) = self.etcd.roles(caller).await?;
        roles.sort_unstable();
        Ok(RoleList { header, roles })
    }

    /// A role with its permissions.
    pub async fn role(&self, caller: &Caller, name: String) -> Result<RoleResponse> {
        let response = self.etcd.role(caller, &name).await;
        let (header, permissions) =
            response.map_err(|failure| name_user_and_role(failure, "", &name))?;
        let permissions = permissions.into_iter().map(|fact| Permission {
            access: fact.access,
            range: reach::spec(&fact.range),
        });
        Ok(RoleResponse {
            header,
            name,
            permissions: permissions.collect(),
        })
    }

    /// Adds a role without permissions.
    pub async fn add_role(&self, caller: &Caller, name: String) -> Result<RoleResponse> {
        require_name(&name)?;
        let added = self.etcd.role_add(caller, &name).await;
        let header = added.map_err(|failure| name_user_and_role(failure, "", &name))?;
        Ok(RoleResponse {
            header,
            name,
            permissions: Vec::new(),
        })
    }

    /// Deletes a role; its users lose it.
    pub async fn delete_role(&self, caller: &Caller, name: &str) -> Result<Done> {
        finish_change(self.etcd.role_delete(caller, name).await, "", name)
    }

    /// Grants a permission to a role; a permission for exactly this range is replaced.
    pub async fn grant_permission(
        &self,
        caller: &Caller,
        role: &str,
        access: Access,
        range: Range,
    ) -> Result<Done> {
        let grant = PermissionFact { access, range };
        finish_change(self.etcd.role_grant(caller, role, grant).await, "", role)
    }

    /// Revokes the permission for exactly this range from a role.
    pub async fn revoke_permission(
        &self,
        caller: &Caller,
        role: &str,
        range: Range,
    ) -> Result<Done> {
        finish_change(self.etcd.role_revoke(caller, role, range).await, "", role)
    }

    /// The caller's name, and the ranges that the caller may read and write. Requires no permission: etcd shows every
    /// user its own roles.
    pub async fn own_reach(&self, caller: &Caller) -> Result<SelfResponse> {
        let enabled = self.etcd.auth_is_on(caller).await?;
        let name = self.etcd.user_name(caller).filter(|_| enabled);
        if let Some(name) = name {
            match self.reach(caller, name, None).await {
                // The name in a certificate may not be a user's.
                Err(failure) if failure.code == Code::UserNotFound => {}
                reach => {
                    let reach = reach?;
                    return Ok(SelfResponse {
                        header: reach.header,
                        enabled,
                        name: Some(reach.name),
                        roles: reach.roles,
                        root: reach.root,
                        read: Some(reach.read),
                        write: Some(reach.write),
                    });
                }
            }
        }
        // Refuses callers that are unknown to etcd.
        let reads_all = match self.etcd.may_read(caller, &Range::prefix(b"")).await {
            Ok(()) => true,
            Err(failure) if failure.code == Code::Forbidden => false,
            Err(failure) => return Err(failure),
        };
        let everything = || vec![reach::spec(&Range::prefix(b""))];
        Ok(SelfResponse {
            header: self.etcd.header_without_key(caller).await?,
            enabled,
            name: None,
            roles: Vec::new(),
            root: false,
            read: reads_all.then(everything),
            write: (!enabled).then(everything),
        })
    }

    /// The effective permissions of a user's roles, merged as etcd merges them: adjacent ranges become
    /// one. They do not depend on whether authentication is on. With a range, also whether the user may
    /// read and write that.
    pub async fn reach(
        &self,
        caller: &Caller,
        name: String,
        range: Option<Range>,
    ) -> Result<ReachResponse> {
        let UserResponse { header, roles, .. } = self.user(caller, name.clone()).await?;
        let permissions = self.permissions(caller, &roles).await?;
        let merged = |wanted| {
            let ranges = permissions.ranges(&roles, wanted);
            ranges.iter().map(reach::spec).collect()
        };
        Ok(ReachResponse {
            header,
            name,
            root: roles.iter().any(|role| role == ROOT),
            read: merged(Access::Read),
            write: merged(Access::Write),
            answer: range.map(|range| permissions.answer(&roles, &range)),
            roles,
        })
    }
}

fn auth_response(header: Header, enabled: bool) -> AuthResponse {
    AuthResponse {
        header,
        enabled,
        auth_revision: None,
    }
}

fn finish_change(changed: Result<Header>, user: &str, role: &str) -> Result<Done> {
    let header = changed.map_err(|failure| name_user_and_role(failure, user, role))?;
    Ok(Done { header })
}

fn require_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Failure::bad_request("`name` must not be empty"));
    }
    Ok(())
}

fn empty_password() -> Failure {
    Failure::bad_request("`password` must not be empty")
        .hint("{\"no_password\":true} adds a user that can sign in by client certificate only")
}

/// etcd's error with the user's and role's names added.
fn name_user_and_role(mut failure: Failure, user: &str, role: &str) -> Failure {
    let granted = failure.detail.contains("not granted");
    match failure.code {
        Code::UserNotFound => failure.detail = format!("no such user: `{user}`"),
        Code::RoleNotFound if granted => {
            failure.detail = format!("user `{user}` does not have the role `{role}`");
        }
        Code::RoleNotFound => failure.detail = format!("no such role: `{role}`"),
        Code::AlreadyExists if role.is_empty() => {
            failure.detail = format!("user `{user}` already exists");
        }
        Code::AlreadyExists => failure.detail = format!("role `{role}` already exists"),
        _ => {}
    }
    failure
}
