//! Errors of a request, by kind, so that views can branch on them.

use shared::{Code, Problem};

use crate::i18n::{Common, Text as _, fill};
use crate::model::Lang;
use crate::model::key_text::escape_invisible;
use crate::model::sentence::sentences;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ApiError {
    /// The gateway responded with a problem.
    Problem(Box<Problem>),
    /// No response: the gateway is stopped or the network is down.
    Unreachable,
    /// A response that cannot be parsed, with its status.
    Unreadable(u16),
}

/// Kinds of errors that views branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// A precondition failed: another client was faster.
    Conflict,
    /// The key, lease or lock does not exist.
    NotFound,
    /// Sign-in is needed.
    Unauthenticated,
    /// Permission denied; trying again does not help.
    Forbidden,
    /// Gateway or etcd cannot be reached; trying again may help.
    Unreachable,
    /// A write may or may not have taken effect.
    OutcomeUnknown,
    /// The revision is compacted.
    Compacted,
    /// Anything else.
    Other,
}

impl ApiError {
    /// The kind of error.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable => ErrorKind::Unreachable,
            Self::Unreadable(_) => ErrorKind::Other,
            Self::Problem(problem) => match problem.code {
                Code::PreconditionFailed | Code::CountChanged => ErrorKind::Conflict,
                Code::KeyNotFound | Code::LeaseNotFound | Code::LockNotFound | Code::NotFound => {
                    ErrorKind::NotFound
                }
                Code::Unauthenticated => ErrorKind::Unauthenticated,
                Code::Forbidden | Code::ReadOnly | Code::ForeignOrigin => ErrorKind::Forbidden,
                Code::Unavailable | Code::NoLeader | Code::Timeout => ErrorKind::Unreachable,
                Code::OutcomeUnknown => ErrorKind::OutcomeUnknown,
                Code::Compacted => ErrorKind::Compacted,
                _ => ErrorKind::Other,
            },
        }
    }

    /// The problem, if the gateway responded with one.
    pub(crate) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// The error in one line.
    pub(crate) fn title(&self, lang: Lang) -> String {
        let problem = match self {
            Self::Unreachable => return Common::ErrUnreachable.text(lang).to_owned(),
            Self::Unreadable(_) => return Common::ErrUnreadable.text(lang).to_owned(),
            Self::Problem(problem) => problem,
        };
        let known = match problem.code {
            Code::Unavailable => Common::ErrUnavailable,
            Code::NoLeader => Common::ErrNoLeader,
            Code::Timeout => Common::ErrTimeout,
            Code::OutcomeUnknown => Common::ErrOutcomeUnknown,
            Code::Unauthenticated => Common::ErrUnauthenticated,
            Code::Forbidden => Common::ErrForbidden,
            Code::ReadOnly => Common::ErrReadOnly,
            Code::NoSpace => Common::ErrNoSpace,
            Code::TooLarge => Common::ErrTooLarge,
            Code::Compacted => Common::ErrCompacted,
            Code::KeyNotFound => Common::ErrKeyNotFound,
            Code::LeaseNotFound => Common::ErrLeaseNotFound,
            Code::PreconditionFailed | Code::CountChanged => Common::ErrConflict,
            _ => return problem.title.clone(),
        };
        known.text(lang).to_owned()
    }

    /// Title and detail as sentences.
    pub(crate) fn in_full(&self, lang: Lang) -> String {
        sentences(&[&self.title(lang), &self.detail(lang)])
    }

    /// Why the gateway ended or refused a watch, by the code and the detail of its message.
    pub(crate) fn watch_detail(code: &str, detail: &str, lang: Lang) -> String {
        if code == Code::Unauthenticated.as_str() {
            Common::ErrUnauthenticatedDetail.text(lang).to_owned()
        } else if code == Code::Forbidden.as_str() {
            Common::ErrForbiddenDetail.text(lang).to_owned()
        } else {
            escape_invisible(detail)
        }
    }

    /// The affected object and the next step, in the gateway's own words, as sentences.
    pub(crate) fn detail(&self, lang: Lang) -> String {
        match self {
            Self::Unreachable => Common::ErrUnreachableDetail.text(lang).to_owned(),
            Self::Unreadable(status) => fill(
                Common::ErrUnreadableDetail.text(lang),
                &[&status.to_string()],
            ),
            // The gateway's own text is for programs: it names headers that this page cannot set.
            Self::Problem(problem) if problem.code == Code::Unauthenticated => {
                Common::ErrUnauthenticatedDetail.text(lang).to_owned()
            }
            Self::Problem(problem) if problem.code == Code::Forbidden => {
                Common::ErrForbiddenDetail.text(lang).to_owned()
            }
            Self::Problem(problem) => {
                let hint = problem.hint.as_deref().unwrap_or_default();
                escape_invisible(&sentences(&[&problem.detail, hint]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ApiError;
    use crate::model::Lang;

    #[test]
    fn a_watch_without_credentials_names_the_way_in_not_the_text_of_etcd() {
        for (code, etcd) in [
            ("unauthenticated", "user name is empty"),
            ("forbidden", "permission denied"),
        ] {
            for lang in [Lang::En, Lang::Zh] {
                let shown = ApiError::watch_detail(code, etcd, lang);
                assert!(!shown.is_empty() && !shown.contains(etcd), "{shown}");
            }
        }
        let other = ApiError::watch_detail("internal", "a\u{202e}b", Lang::En);
        assert_eq!(other, r"a\u{202E}b");
    }
}
