//! What the sign-in page says.

use shared::{ActsAs, SessionResponse};

/// Why a user is at the sign-in page, and what can be done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Situation {
    /// Nothing is served without credentials.
    Required,
    /// Requests without credentials are served as the gateway's account: sign-in is offered.
    Offered,
    /// Signed in already: another user can sign in.
    SignedIn,
    /// A header that a proxy adds decides; signing in has no effect.
    ByHeader,
    /// etcd's authentication is off: there is nothing to sign in to, and everything is served.
    AuthOff,
    /// etcd's authentication is off, and the gateway refuses requests without credentials.
    Closed,
}

impl Situation {
    /// The situation by what the gateway reports.
    pub(crate) fn of(session: &SessionResponse) -> Self {
        match session.acts_as {
            ActsAs::Session => Self::SignedIn,
            ActsAs::Authorization => Self::ByHeader,
            ActsAs::Closed => Self::Closed,
            ActsAs::Gateway if session.auth_enabled == Some(false) => Self::AuthOff,
            ActsAs::Gateway => Self::Offered,
            ActsAs::Nobody => Self::Required,
        }
    }

    /// Whether there is a form.
    pub(crate) fn has_form(self) -> bool {
        matches!(self, Self::Required | Self::Offered | Self::SignedIn)
    }
}

#[cfg(test)]
mod tests {
    use shared::{ActsAs, SessionResponse};

    use super::Situation;

    #[test]
    fn the_page_offers_a_form_where_signing_in_has_an_effect() {
        for (acts_as, auth_enabled, situation, form) in [
            (ActsAs::Nobody, Some(true), Situation::Required, true),
            (ActsAs::Nobody, None, Situation::Required, true),
            (ActsAs::Gateway, Some(true), Situation::Offered, true),
            (ActsAs::Gateway, None, Situation::Offered, true),
            (ActsAs::Gateway, Some(false), Situation::AuthOff, false),
            (ActsAs::Session, Some(true), Situation::SignedIn, true),
            (
                ActsAs::Authorization,
                Some(true),
                Situation::ByHeader,
                false,
            ),
            (ActsAs::Closed, Some(false), Situation::Closed, false),
        ] {
            let session = SessionResponse {
                acts_as,
                name: None,
                roles: Vec::new(),
                auth_enabled,
                expires_at: None,
                idle_expires_at: None,
                hint: None,
            };
            let found = Situation::of(&session);
            assert_eq!(found, situation, "{session:?}");
            assert_eq!(found.has_form(), form, "{session:?}");
        }
    }
}
