//! Whether the pages can be used, or the user must sign in first.

use shared::{ActsAs, SessionResponse};

/// Whether requests are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Requests are served, or the gateway has not responded yet.
    #[default]
    Open,
    /// A request was refused with 401.
    Refused,
    /// The session has ended. A page that was used by one account does not continue as another one unless the
    /// user chooses to, even where requests without credentials are served.
    Ended {
        /// The name that was signed in.
        name: Option<String>,
    },
}

impl Gate {
    /// A request was refused with 401; `last` is what the gateway last reported.
    pub(crate) fn on_refusal(&self, last: Option<&SessionResponse>) -> Self {
        match (self, last) {
            (Self::Open, Some(last)) if last.acts_as == ActsAs::Session => Self::Ended {
                name: last.name.clone(),
            },
            (Self::Open, _) => Self::Refused,
            (gate, _) => gate.clone(),
        }
    }

    /// The gateway reports which account requests act as.
    pub(crate) fn on_report(&self, last: Option<&SessionResponse>, new: &SessionResponse) -> Self {
        match new.acts_as {
            ActsAs::Session | ActsAs::Authorization => Self::Open,
            ActsAs::Nobody | ActsAs::Closed => self.on_refusal(last),
            ActsAs::Gateway => match (self, self.on_refusal(last)) {
                (Self::Ended { .. }, _) => self.clone(),
                (Self::Open, ended @ Self::Ended { .. }) => ended,
                _ => Self::Open,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::{ActsAs, SessionResponse};

    use super::Gate;

    fn report(acts_as: ActsAs) -> SessionResponse {
        let name = (acts_as == ActsAs::Session).then(|| "app".to_owned());
        SessionResponse {
            acts_as,
            name,
            roles: Vec::new(),
            auth_enabled: Some(true),
            expires_at: None,
            idle_expires_at: None,
            hint: None,
        }
    }

    fn ended() -> Gate {
        let name = Some("app".to_owned());
        Gate::Ended { name }
    }

    #[test]
    fn a_refusal_leads_to_the_sign_in_page() {
        let session = report(ActsAs::Session);
        for (gate, last, then) in [
            (Gate::Open, None, Gate::Refused),
            (Gate::Open, Some(report(ActsAs::Gateway)), Gate::Refused),
            (Gate::Open, Some(session.clone()), ended()),
            (ended(), Some(report(ActsAs::Gateway)), ended()),
            (Gate::Refused, Some(session), Gate::Refused),
        ] {
            assert_eq!(gate.on_refusal(last.as_ref()), then, "{gate:?} {last:?}");
        }
    }

    #[test]
    fn no_other_account_silently_replaces_a_session() {
        let (session, gateway) = (report(ActsAs::Session), report(ActsAs::Gateway));
        let nobody = report(ActsAs::Nobody);
        for (gate, last, new, then) in [
            (Gate::Open, None, &gateway, Gate::Open),
            (Gate::Open, Some(&session), &gateway, ended()),
            (Gate::Open, Some(&session), &nobody, ended()),
            (ended(), Some(&gateway), &gateway, ended()),
            (ended(), Some(&gateway), &session, Gate::Open),
            // Auth was turned off, or the gateway got an account.
            (Gate::Refused, Some(&nobody), &gateway, Gate::Open),
            // Auth was turned on.
            (Gate::Open, Some(&gateway), &nobody, Gate::Refused),
            (Gate::Open, None, &report(ActsAs::Closed), Gate::Refused),
            (
                Gate::Refused,
                None,
                &report(ActsAs::Authorization),
                Gate::Open,
            ),
        ] {
            assert_eq!(gate.on_report(last, new), then, "{gate:?} {last:?} {new:?}");
        }
    }
}
