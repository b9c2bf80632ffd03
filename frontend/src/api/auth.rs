//! `GET /auth/self`.

use shared::SelfResponse;

use super::{ApiError, Call, Method};

/// The user that this page acts as, and the ranges that it may read and write.
pub(crate) async fn current_user() -> Result<SelfResponse, ApiError> {
    Call::new(Method::Get, "auth/self").send().await
}
