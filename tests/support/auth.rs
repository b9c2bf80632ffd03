//! Authentication in etcd: users, roles and permissions, and a gateway for an etcd that has them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use etcd_client::{
    Client, ConnectOptions, Permission, PermissionType, RoleRevokePermissionOptions,
};

use crate::gateway::InProcess;
use crate::{Client as HttpClient, Etcd};

/// root's password in tests.
pub const ROOT: &str = "root's own";

/// The permission of a role below a prefix.
#[derive(Clone, Copy, Debug)]
pub enum Grant {
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Both.
    Both,
}

/// The value of an `Authorization` header with a name and password.
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

impl Etcd {
    /// Enables authentication; returns root's client.
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
        client
            .auth_enable()
            .await
            .expect("etcd enables authentication");
        self.client_of("root", ROOT).await
    }

    /// A user's client, connected without the proxy.
    pub async fn client_of(&self, name: &str, password: &str) -> Client {
        let options = ConnectOptions::new()
            .with_user(name, password)
            .with_auto_token_refresh(true);
        Client::connect([self.direct_url()], Some(options))
            .await
            .expect("etcd accepts the user")
    }

    /// A user's token, from etcd's `Authenticate` call.
    pub async fn token_of(&self, name: &str, password: &str) -> String {
        let client = self.client().await;
        let mut auth = client.auth_client();
        let response = auth
            .authenticate(name.to_owned(), password.to_owned())
            .await;
        response.expect("etcd signs in").token().to_owned()
    }
}

/// An etcd with authentication enabled, a gateway for it, and two of its users.
pub struct AuthWorld {
    /// The etcd of this test.
    pub etcd: Etcd,
    /// root's client of etcd.
    pub root: Client,
    /// The gateway, without an account of its own.
    pub gateway: InProcess,
    /// Signed in as `app`, password `secret`, who may read and write below `/app/`.
    pub app: HttpClient,
    /// Signed in as root.
    pub all: HttpClient,
}

impl AuthWorld {
    /// Starts both; the flags are etcd's.
    pub async fn start(etcd_flags: &[&str]) -> Self {
        let etcd = Etcd::start_with(etcd_flags).await;
        let mut root = etcd.enable_auth().await;
        user(&mut root, "app", "secret", &[(Grant::Both, "/app/")]).await;
        let gateway = InProcess::start(&etcd.url(), &[]).await;
        Self {
            etcd,
            root,
            app: gateway.api().with_password("app", "secret"),
            all: gateway.api().with_password("root", ROOT),
            gateway,
        }
    }

    /// `app`, signed in by a token.
    pub async fn bearer(&self) -> HttpClient {
        let token = self.etcd.token_of("app", "secret").await;
        let header = format!("Bearer {token}");
        self.gateway.api().with_header("authorization", &header)
    }
}

/// Adds a user, and a role of the same name with these permissions.
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

/// Grants a role a permission below a prefix.
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

/// Revokes a role's permission below a prefix.
pub async fn revoke(root: &mut Client, role: &str, prefix: &str) {
    let options = RoleRevokePermissionOptions::new().with_prefix();
    root.role_revoke_permission(role, prefix, Some(options))
        .await
        .expect("etcd revokes a permission");
}
