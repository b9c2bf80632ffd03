//! Every code, and the codes whose status depends on facts.

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
fn a_missing_object_named_by_the_body_is_unprocessable() {
    let missing = Failure::new(Code::LeaseNotFound, "").named_elsewhere();
    assert_eq!(status(&missing).as_u16(), 422);
}

#[test]
fn a_write_that_timed_out_is_a_gateway_timeout() {
    let timed_out = Failure::new(Code::OutcomeUnknown, "").with(|facts| facts.timed_out = true);
    assert_eq!(status(&timed_out).as_u16(), 504);
}
