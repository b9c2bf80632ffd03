//! `GET /auth/self`.

use shared::SelfAnswer;

use super::{ApiError, Call, Method};

/// The user that this page acts as, and the ranges that it may read and write.
pub(crate) async fn current_user() -> Result<SelfAnswer, ApiError> {
    Call::new(Method::Get, "auth/self").send().await
}
