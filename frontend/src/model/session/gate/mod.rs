//! Whether the pages can be used, or the user must sign in first.

use shared::{ActsAs, SessionResponse};

#[cfg(test)]
mod tests;

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
