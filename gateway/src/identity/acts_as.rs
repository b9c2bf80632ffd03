//! Which account requests act as, described for a page; and the sign-in of that page's user.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderValue;
use http::request::Parts;
use shared::{ActsAs, Code, SessionRequest, SessionResponse};

use super::SignIn;
use super::credential::Credential;
use super::identify::in_time;
use super::session::{self, EndReason, Presented, Session, Sessions};
use crate::config::Config;
use crate::etcd::{Caller, Credentials, Identity, Range, Secret};
use crate::failure::{Failure, Result};

/// How long etcd may take to report whether its auth is on; without a response that is unknown.
const AUTH_STATE_TIMEOUT: Duration = Duration::from_secs(3);

/// A started session, and its cookie.
#[derive(Debug)]
pub struct SignedIn {
    /// The account.
    pub response: SessionResponse,
    /// The header that sets the cookie.
    pub cookie: HeaderValue,
}

impl SignIn {
    /// Checks a name and password as [`SignIn::with_password`] does, and starts a session of the cluster
    /// `name`, whose cookie is `secure` if the user's page is.
    ///
    /// # Errors
    /// `unauthenticated` in one wording for every name and password that etcd refuses, `conflict` while etcd's
    /// auth is off, `rate_limited`, `too_large`, `timeout`.
    pub async fn start_session(
        &self,
        sessions: &Sessions,
        cluster: &str,
        from: IpAddr,
        request: SessionRequest,
        secure: bool,
        within: Duration,
    ) -> Result<SignedIn> {
        if request.name.is_empty() {
            return Err(Failure::bad_request("`name` must not be empty"));
        }
        in_time(within, async {
            if !self.auth_is_enabled().await? {
                // It may just have been turned on, by this page.
                self.auth.forget();
                if !self.auth_is_enabled().await? {
                    return Err(nothing_to_sign_in_to());
                }
            }
            let credentials = Credentials {
                name: request.name,
                password: Secret::new(request.password.0),
            };
            let checking = Box::pin(self.with_password(from, credentials.clone()));
            let identity = checking.await.map_err(|failure| match failure.code {
                Code::Unauthenticated => wrong_name_or_password().source(failure),
                _ => failure,
            })?;
            let roles = self.roles(&identity, &credentials.name).await?;
            let name = credentials.name.clone();
            let (session, cookie) = sessions.start(cluster, credentials, secure)?;
            let mut response = response(ActsAs::Session, Some(name), roles, Some(true));
            set_limits(&mut response, &session, false);
            Ok(SignedIn { response, cookie })
        })
        .await
    }

    /// Which account requests like this one act as: that of its header, of its session, or of a request without
    /// credentials. An ended session counts as none.
    ///
    /// # Errors
    /// As [`SignIn::identify`] for what the request has.
    pub async fn describe(
        &self,
        config: &Config,
        parts: &Parts,
        from_header: Credential,
        within: Duration,
    ) -> Result<SessionResponse> {
        if !matches!(from_header, Credential::None) {
            let identity = self.identify(config, parts, from_header, within).await?;
            let name = self.etcd.user_name(&Caller::new(identity.clone(), None));
            let roles = match &name {
                Some(name) => self.roles(&identity, name).await?,
                None => Vec::new(),
            };
            return Ok(response(ActsAs::Authorization, name, roles, Some(true)));
        }
        if let Some(session) = Presented::of(parts).session() {
            let credential = Sessions::credential(parts, Credential::None)?;
            let described = async {
                let identity = self.identify(config, parts, credential, within).await?;
                let name = session.credentials().name.clone();
                let roles = self.roles(&identity, &name).await?;
                let mut response = response(ActsAs::Session, Some(name), roles, Some(true));
                set_limits(&mut response, session, session::is_activity(parts));
                Ok(response)
            };
            match Box::pin(described).await {
                Err(_) if session.end().reason().is_some() => {}
                Err(_) if session.is_refused() => session.end().signal(EndReason::Refused),
                described => return described,
            }
        }
        Box::pin(self.describe_anonymous(config, parts, within)).await
    }

    /// Which account a request without credentials acts as.
    async fn describe_anonymous(
        &self,
        config: &Config,
        parts: &Parts,
        within: Duration,
    ) -> Result<SessionResponse> {
        let responded = in_time(within.min(AUTH_STATE_TIMEOUT), self.auth_is_enabled()).await;
        let auth = responded.ok();
        match (self.anonymous(config, parts), auth) {
            (Ok(_), Some(true)) => in_time(within, self.describe_gateway()).await,
            (Ok(_), _) => Ok(response(ActsAs::Gateway, None, Vec::new(), auth)),
            (Err(_), Some(false)) => {
                let mut closed = response(ActsAs::Closed, None, Vec::new(), auth);
                closed.hint = Some(
                    "etcd's auth is off, so there is nothing to sign in to, and requests from other machines \
                     are refused: enable auth in etcd, or start the gateway with --anonymous gateway to give \
                     everyone who can reach it the gateway's rights"
                        .to_owned(),
                );
                Ok(closed)
            }
            (Err(refused), _) => {
                let mut nobody = response(ActsAs::Nobody, None, Vec::new(), auth);
                nobody.hint = refused.hint;
                Ok(nobody)
            }
        }
    }

    /// The gateway's own account while etcd's auth is on; etcd may refuse it, or there may be none.
    async fn describe_gateway(&self) -> Result<SessionResponse> {
        let gateway = Caller::gateway(super::TIMEOUT);
        match self.etcd.may_read(&gateway, &Range::single([0])).await {
            Ok(()) => {}
            Err(failure) if failure.code == Code::Forbidden => {}
            Err(failure) if failure.code == Code::Unauthenticated => {
                return Ok(response(ActsAs::Nobody, None, Vec::new(), Some(true)));
            }
            Err(failure) => return Err(failure),
        }
        let name = self.etcd.user_name(&gateway);
        let roles = match &name {
            Some(name) => self.roles(&Identity::Gateway, name).await?,
            None => Vec::new(),
        };
        Ok(response(ActsAs::Gateway, name, roles, Some(true)))
    }

    /// A user's roles; none if etcd shows no such user, since the name in a certificate may not be a user's.
    async fn roles(&self, identity: &Identity, name: &str) -> Result<Vec<String>> {
        let caller = Caller::new(identity.clone(), Some(super::TIMEOUT));
        match self.etcd.user(&caller, name).await {
            Ok((_, roles)) => Ok(roles),
            Err(failure) if failure.code == Code::UserNotFound => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }
}

fn response(
    acts_as: ActsAs,
    name: Option<String>,
    roles: Vec<String>,
    auth_enabled: Option<bool>,
) -> SessionResponse {
    SessionResponse {
        acts_as,
        name,
        roles,
        auth_enabled,
        expires_at: None,
        idle_expires_at: None,
        hint: None,
    }
}

fn set_limits(response: &mut SessionResponse, session: &Session, active: bool) {
    response.expires_at = Some(session.expires_at());
    response.idle_expires_at = Some(session.idle_expires_at(active));
}

fn wrong_name_or_password() -> Failure {
    Failure::new(Code::Unauthenticated, "wrong name or password")
        .hint("the name is that of a user in etcd; the number of failed attempts is limited")
}

fn nothing_to_sign_in_to() -> Failure {
    Failure::new(
        Code::Conflict,
        "etcd's auth is off, so there are no users to sign in as",
    )
    .hint("GET /session shows which account requests act as; POST /auth/enable turns auth on")
}
