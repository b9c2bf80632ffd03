//! The HTTP status of each code: the one table.

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
mod tests {
    use super::*;

    fn check(code: Code, expected: u16) {
        assert_eq!(status(&Failure::new(code, "")).as_u16(), expected, "{code}");
    }

    #[test]
    fn every_code_has_its_status() {
        for (expected, codes) in [
            (400, &[Code::BadRequest, Code::UnknownParameter][..]),
            (401, &[Code::Unauthenticated]),
            (403, &[Code::Forbidden, Code::ReadOnly, Code::ForeignOrigin]),
            (
                404,
                &[
                    Code::NotFound,
                    Code::ClusterNotFound,
                    Code::KeyNotFound,
                    Code::LeaseNotFound,
                    Code::LockNotFound,
                    Code::ElectionNotFound,
                    Code::MemberNotFound,
                    Code::UserNotFound,
                    Code::RoleNotFound,
                ],
            ),
            (405, &[Code::MethodNotAllowed]),
            (
                409,
                &[
                    Code::AlreadyExists,
                    Code::DuplicateKey,
                    Code::Conflict,
                    Code::StmConflict,
                ],
            ),
            (410, &[Code::Compacted, Code::SessionExpired]),
            (
                412,
                &[
                    Code::PreconditionFailed,
                    Code::CountChanged,
                    Code::NotHolder,
                    Code::NotLeader,
                ],
            ),
            (413, &[Code::TooLarge]),
            (415, &[Code::UnsupportedMediaType]),
            (416, &[Code::FutureRevision]),
            (421, &[Code::ForeignHost]),
            (422, &[Code::Unprocessable, Code::TooManyOps]),
            (423, &[Code::Locked]),
            (428, &[Code::ConfirmRequired]),
            (429, &[Code::RateLimited]),
            (500, &[Code::Internal]),
            (501, &[Code::Unsupported]),
            (
                503,
                &[Code::Unavailable, Code::NoLeader, Code::OutcomeUnknown],
            ),
            (504, &[Code::Timeout]),
            (507, &[Code::NoSpace]),
        ] {
            for code in codes {
                check(*code, expected);
            }
        }
    }

    #[test]
    fn what_the_body_names_is_unprocessable() {
        let missing = Failure::new(Code::LeaseNotFound, "").named_elsewhere();
        assert_eq!(status(&missing).as_u16(), 422);
    }

    #[test]
    fn a_write_out_of_time_is_a_gateway_timeout() {
        let late = Failure::new(Code::OutcomeUnknown, "").with(|facts| facts.timed_out = true);
        assert_eq!(status(&late).as_u16(), 504);
    }
}
