//! Users of etcd: an etcd with auth on, and users who may do this and not that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use etcd_client::{
    Client, ConnectOptions, Permission, PermissionType, RoleRevokePermissionOptions,
};

use crate::Etcd;

/// root's password in tests.
pub const ROOT: &str = "root's own";

/// What a role lets its users do below a prefix.
#[derive(Clone, Copy, Debug)]
pub enum Grant {
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Both.
    Both,
}

/// The header of a name and password.
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

impl Etcd {
    /// Turns auth on, with a root; gives root's client.
    pub async fn enable_auth(&self) -> Client {
        let mut client = self.client().await;
        client.role_add("root").await.expect("etcd adds a role");
        client
            .user_add("root", ROOT, None)
            .await
            .expect("etcd adds a user");
        client
            .user_grant_role("root", "root")
            .await
            .expect("etcd grants a role");
        client.auth_enable().await.expect("etcd turns auth on");
        self.client_of("root", ROOT).await
    }

    /// The client of a user, past the proxy.
    pub async fn client_of(&self, name: &str, password: &str) -> Client {
        let options = ConnectOptions::new()
            .with_user(name, password)
            .with_auto_token_refresh(true);
        Client::connect([self.direct_url()], Some(options))
            .await
            .expect("etcd lets the user in")
    }

    /// A token for a user, as any client of etcd's gets one.
    pub async fn token_of(&self, name: &str, password: &str) -> String {
        let client = self.client().await;
        let mut auth = client.auth_client();
        let answer = auth
            .authenticate(name.to_owned(), password.to_owned())
            .await;
        answer.expect("etcd signs in").token().to_owned()
    }
}

/// Adds a user with a role of the same name, which may do this below these prefixes.
pub async fn user(root: &mut Client, name: &str, password: &str, grants: &[(Grant, &str)]) {
    root.role_add(name).await.expect("etcd adds a role");
    root.user_add(name, password, None)
        .await
        .expect("etcd adds a user");
    root.user_grant_role(name, name)
        .await
        .expect("etcd grants a role");
    for (grant, prefix) in grants {
        self::grant(root, name, *grant, prefix).await;
    }
}

/// Lets a role do this below a prefix.
pub async fn grant(root: &mut Client, role: &str, grant: Grant, prefix: &str) {
    let kind = match grant {
        Grant::Read => PermissionType::Read,
        Grant::Write => PermissionType::Write,
        Grant::Both => PermissionType::Readwrite,
    };
    let permission = Permission::new(kind, prefix).with_prefix();
    root.role_grant_permission(role, permission)
        .await
        .expect("etcd grants a permission");
}

/// Takes a role's permission below a prefix back.
pub async fn revoke(root: &mut Client, role: &str, prefix: &str) {
    let options = RoleRevokePermissionOptions::new().with_prefix();
    root.role_revoke_permission(role, prefix, Some(options))
        .await
        .expect("etcd takes a permission back");
}
