//! The HTTP status of each code, in one table.

use http::StatusCode;
use shared::Code;

use crate::failure::Failure;

/// The status of a failure.
pub fn status(failure: &Failure) -> StatusCode {
    let status = match failure.code {
        Code::BadRequest | Code::UnknownParameter => 400,
        Code::Unauthenticated => 401,
        Code::Forbidden | Code::ReadOnly | Code::ForeignOrigin => 403,
        Code::KeyNotFound | Code::LeaseNotFound if failure.facts.named_elsewhere => 422,
        Code::NotFound
        | Code::ClusterNotFound
        | Code::KeyNotFound
        | Code::LeaseNotFound
        | Code::LockNotFound
        | Code::ElectionNotFound
        | Code::MemberNotFound
        | Code::UserNotFound
        | Code::RoleNotFound => 404,
        Code::MethodNotAllowed => 405,
        Code::AlreadyExists | Code::DuplicateKey | Code::Conflict | Code::StmConflict => 409,
        Code::Compacted | Code::SessionExpired => 410,
        Code::PreconditionFailed | Code::CountChanged | Code::NotHolder | Code::NotLeader => 412,
        Code::TooLarge => 413,
        Code::UnsupportedMediaType => 415,
        Code::FutureRevision => 416,
        Code::ForeignHost => 421,
        Code::Unprocessable | Code::TooManyOps => 422,
        Code::Locked => 423,
        Code::ConfirmRequired => 428,
        Code::RateLimited => 429,
        Code::Internal | Code::Unknown => 500,
        Code::Unsupported => 501,
        Code::OutcomeUnknown if failure.facts.timed_out => 504,
        Code::Unavailable | Code::NoLeader | Code::OutcomeUnknown => 503,
        Code::Timeout => 504,
        Code::NoSpace => 507,
    };
    StatusCode::from_u16(status).expect("every status of the table is valid")
}

#[cfg(test)]
mod tests;
