//! What a change of users, roles or authentication would do, without doing it.

use shared::{AuthCheckResponse, Code, Finding, Header, LossResponse, Outcome};

use super::{AccessService, ROOT, name_user_and_role};
use crate::etcd::Range;
use crate::failure::{Failure, Result};
use crate::identity::Caller;

impl AccessService {
    /// Who would lose what if a role were deleted.
    pub async fn delete_role_preview(&self, caller: &Caller, role: &str) -> Result<LossResponse> {
        let header = self.existing_role(caller, role).await?;
        let users = self.users_with(caller, role).await?;
        let permissions = self
            .permissions(caller, users.iter().flat_map(|(_, roles)| roles))
            .await?;
        let losses = users
            .iter()
            .map(|(user, roles)| permissions.loss(user, roles, without(roles, role), &permissions));
        let mut response = LossResponse {
            header,
            users: losses.collect(),
            notes: Vec::new(),
        };
        if role == ROOT && self.etcd.auth_is_on(caller).await? {
            response.notes.push(refused("the role"));
        }
        self.add_notes(caller, &mut response);
        Ok(response)
    }

    /// What a user would lose if it were deleted.
    pub async fn delete_user_preview(&self, caller: &Caller, user: &str) -> Result<LossResponse> {
        let mut response = self.loss_of_user(caller, user, |_| Vec::new()).await?;
        if user == ROOT && self.etcd.auth_is_on(caller).await? {
            response.notes.push(refused("the user"));
        }
        Ok(response)
    }

    /// What a user would lose if a role were revoked from it.
    pub async fn revoke_role_preview(
        &self,
        caller: &Caller,
        user: &str,
        role: &str,
    ) -> Result<LossResponse> {
        let (_, roles) = self.existing_user(caller, user).await?;
        if !roles.iter().any(|one| one == role) {
            let detail = format!("user `{user}` does not have the role `{role}`");
            return Err(Failure::new(Code::RoleNotFound, detail));
        }
        let left = |roles: &[String]| without(roles, role);
        let mut response = self.loss_of_user(caller, user, left).await?;
        if user == ROOT && role == ROOT && self.etcd.auth_is_on(caller).await? {
            response.notes.push(refused("the role of the user"));
        }
        Ok(response)
    }

    /// Who would lose what if a role's permission for exactly this range were revoked.
    pub async fn revoke_permission_preview(
        &self,
        caller: &Caller,
        role: &str,
        range: &Range,
    ) -> Result<LossResponse> {
        let header = self.existing_role(caller, role).await?;
        let users = self.users_with(caller, role).await?;
        let role_name = role.to_owned();
        let roles = users.iter().flat_map(|(_, roles)| roles);
        let before = self.permissions(caller, roles.chain([&role_name])).await?;
        if !before.has(role, range) {
            let detail = format!("the role `{role}` has no permission for this range");
            return Err(Failure::new(Code::Unprocessable, detail)
                .hint("GET /auth/roles/{role} lists its permissions"));
        }
        let after = before.without(role, range);
        let losses = users
            .iter()
            .map(|(user, roles)| before.loss(user, roles, roles.clone(), &after));
        let mut response = LossResponse {
            header,
            users: losses.collect(),
            notes: Vec::new(),
        };
        self.add_notes(caller, &mut response);
        Ok(response)
    }

    async fn loss_of_user(
        &self,
        caller: &Caller,
        user: &str,
        left: impl FnOnce(&[String]) -> Vec<String>,
    ) -> Result<LossResponse> {
        let (header, roles) = self.existing_user(caller, user).await?;
        let permissions = self.permissions(caller, &roles).await?;
        let loss = permissions.loss(user, &roles, left(&roles), &permissions);
        let mut response = LossResponse {
            header,
            users: vec![loss],
            notes: Vec::new(),
        };
        self.add_notes(caller, &mut response);
        Ok(response)
    }

    /// Warns if the caller itself or the gateway's own account is concerned.
    fn add_notes(&self, caller: &Caller, response: &mut LossResponse) {
        let concerned = |name: &String| response.users.iter().any(|loss| loss.user == *name);
        let own = self.gateway_name(caller).filter(concerned);
        let caller = self.etcd.user_name(caller).filter(concerned);
        let mut notes = Vec::new();
        if let Some(name) = caller.filter(|name| own.as_ref() != Some(name)) {
            notes.push(finding(
                "self",
                Outcome::Warning,
                format!("you are signed in as `{name}`: this changes what you may do yourself"),
                None,
            ));
        }
        if let Some(name) = own {
            notes.push(finding(
                "gateway_account",
                Outcome::Warning,
                format!(
                    "`{name}` is the gateway's own account: this changes what the gateway and requests \
                     without credentials may do"
                ),
                Some("give the gateway another --user first"),
            ));
        }
        response.notes.extend(notes);
    }

    fn gateway_name(&self, caller: &Caller) -> Option<String> {
        self.etcd.user_name(&caller.as_gateway())
    }

    async fn existing_user(&self, caller: &Caller, user: &str) -> Result<(Header, Vec<String>)> {
        let found = self.etcd.user(caller, user).await;
        found.map_err(|failure| name_user_and_role(failure, user, ""))
    }

    async fn existing_role(&self, caller: &Caller, role: &str) -> Result<Header> {
        let found = self.etcd.role(caller, role).await;
        let (header, _) = found.map_err(|failure| name_user_and_role(failure, "", role))?;
        Ok(header)
    }

    /// Whether authentication can be enabled, and who would be locked out.
    pub async fn enable_preview(&self, caller: &Caller) -> Result<AuthCheckResponse> {
        let enabled = self.etcd.auth_is_on(caller).await?;
        let (header, users) = self.etcd.users(caller).await?;
        let root = self.roles_if_user(caller, ROOT).await?;
        let mut checks = root_checks(root.as_deref());
        checks.push(self.check_gateway_account(caller).await?);
        checks.push(finding(
            "anonymous",
            Outcome::Note,
            format!(
                "from then on etcd refuses clients without credentials; {} users can sign in",
                users.len()
            ),
            Some("add a user for each client first"),
        ));
        Ok(response(header, enabled, checks))
    }

    async fn check_gateway_account(&self, caller: &Caller) -> Result<Finding> {
        let step = "gateway_account";
        let Some(name) = self.gateway_name(caller) else {
            return Ok(finding(
                step,
                Outcome::Warning,
                "the gateway has no account: etcd will refuse its own requests, and requests without \
                 credentials"
                    .to_owned(),
                Some("start it with --user NAME and the password of an etcd user"),
            ));
        };
        Ok(match self.roles_if_user(caller, &name).await? {
            None => finding(
                step,
                Outcome::Warning,
                format!("the gateway's account `{name}` is not a user of etcd"),
                Some("add the user, or start the gateway with another --user"),
            ),
            Some(roles) if roles.iter().any(|role| role == ROOT) => finding(
                step,
                Outcome::Ok,
                format!("the gateway's account `{name}` has the role root"),
                None,
            ),
            Some(_) => finding(
                step,
                Outcome::Note,
                format!(
                    "the gateway's account `{name}` has not the role root: it may do what its roles allow"
                ),
                None,
            ),
        })
    }

    async fn roles_if_user(&self, caller: &Caller, name: &str) -> Result<Option<Vec<String>>> {
        match self.etcd.user(caller, name).await {
            Ok((_, roles)) => Ok(Some(roles)),
            Err(failure) if failure.code == Code::UserNotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// What disabling authentication would do. `sign_in_required`: whether the gateway refuses requests
    /// without credentials.
    pub async fn disable_preview(
        &self,
        caller: &Caller,
        sign_in_required: bool,
    ) -> Result<AuthCheckResponse> {
        let enabled = self.etcd.auth_is_on(caller).await?;
        // Refuses all but root, as disabling does.
        let (header, _) = self.etcd.users(caller).await?;
        let open = finding(
            "open",
            Outcome::Warning,
            "from then on every client that can connect to etcd may do everything".to_owned(),
            Some("restrict who can connect: firewall, client certificates"),
        );
        let sign_in = if sign_in_required {
            finding(
                "sign_in",
                Outcome::Warning,
                "this gateway refuses requests without credentials, and credentials while authentication \
                 is off: it will refuse every request, also the one that turns authentication on again"
                    .to_owned(),
                Some(
                    "start it with --anonymous gateway first, or turn authentication on again with \
                     `etcdctl auth enable`",
                ),
            )
        } else {
            finding(
                "sign_in",
                Outcome::Ok,
                "this gateway serves requests without credentials; sessions and credentials end"
                    .to_owned(),
                None,
            )
        };
        Ok(response(header, enabled, vec![open, sign_in]))
    }
}

/// What etcd requires of root before it enables authentication, and what cannot be known.
fn root_checks(roles: Option<&[String]>) -> Vec<Finding> {
    let user = match roles {
        Some(_) => finding(
            "root_user",
            Outcome::Ok,
            "the user root exists".to_owned(),
            None,
        ),
        None => finding(
            "root_user",
            Outcome::Failed,
            "there is no user root".to_owned(),
            Some("add the user root with a password"),
        ),
    };
    let has_role = roles.is_some_and(|roles| roles.iter().any(|role| role == ROOT));
    let role = if has_role {
        let detail = "the user root has the role root";
        finding("root_role", Outcome::Ok, detail.to_owned(), None)
    } else {
        finding(
            "root_role",
            Outcome::Failed,
            "the user root does not have the role root".to_owned(),
            Some("add the role root and grant it to the user root"),
        )
    };
    let mut checks = vec![user, role];
    if roles.is_some() {
        checks.push(finding(
            "root_password",
            Outcome::Note,
            "etcd does not show whether root has a password; without a known one only a client certificate \
             can turn authentication off again"
                .to_owned(),
            Some("set root's password now, to be certain"),
        ));
    }
    checks
}

fn response(header: Header, enabled: bool, checks: Vec<Finding>) -> AuthCheckResponse {
    let failed = |check: &Finding| check.outcome == Outcome::Failed;
    AuthCheckResponse {
        header,
        enabled,
        ready: !checks.iter().any(failed),
        checks,
    }
}

fn refused(what: &str) -> Finding {
    finding(
        "root",
        Outcome::Failed,
        format!("etcd refuses this for {what} root while authentication is on"),
        None,
    )
}

fn finding(step: &str, outcome: Outcome, detail: String, fix: Option<&str>) -> Finding {
    Finding {
        endpoint: None,
        step: step.to_owned(),
        outcome,
        detail,
        fix: fix.map(str::to_owned),
    }
}

fn without(roles: &[String], role: &str) -> Vec<String> {
    roles.iter().filter(|one| *one != role).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_needs_its_role_and_its_password_is_unknown() {
        let check = |roles: Option<&[&str]>| {
            let roles: Option<Vec<String>> =
                roles.map(|roles| roles.iter().map(ToString::to_string).collect());
            let checks = root_checks(roles.as_deref());
            let outcomes: Vec<Outcome> = checks.iter().map(|check| check.outcome).collect();
            outcomes
        };
        assert_eq!(check(None), [Outcome::Failed, Outcome::Failed]);
        let no_role = [Outcome::Ok, Outcome::Failed, Outcome::Note];
        assert_eq!(check(Some(&["other"])), no_role);
        let ready = [Outcome::Ok, Outcome::Ok, Outcome::Note];
        assert_eq!(check(Some(&["other", "root"])), ready);
    }
}
