//! What can go wrong with a request, so that views can tell one from the other.

use shared::{Code, Problem};

use crate::i18n::{Common, Text as _, fill};
use crate::model::Lang;
use crate::model::key_text::escape_invisible;
use crate::model::sentence::sentences;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ApiError {
    /// The gateway answered with an error.
    Problem(Box<Problem>),
    /// No answer: gateway stopped, network gone.
    Unreachable,
    /// An answer of another shape than agreed, with its status.
    Unreadable(u16),
}

/// What a view may want to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// A precondition failed: somebody else was faster.
    Conflict,
    /// The key, lease or lock is not there.
    NotFound,
    /// Sign-in is needed.
    Unauthenticated,
    /// Not allowed, whoever asks again.
    Forbidden,
    /// Gateway or etcd cannot be reached; trying again may help.
    Unreachable,
    /// A write may or may not have taken effect.
    OutcomeUnknown,
    /// The revision is gone.
    Compacted,
    /// Anything else.
    Other,
}

impl ApiError {
    /// The kind of kind.
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

    /// The problem, where the gateway answered with one.
    pub(crate) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// What happened, in a line.
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

    /// All of it, as sentences.
    pub(crate) fn in_full(&self, lang: Lang) -> String {
        sentences(&[&self.title(lang), &self.detail(lang)])
    }

    /// To what it happened, and the next step, in the gateway's own words, as sentences.
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
