//! `GET /auth/self`.

use shared::SelfAnswer;

use super::{ApiError, Call, Method};

/// Who this page acts as, and what that account may read and write.
pub(crate) async fn current_user() -> Result<SelfAnswer, ApiError> {
    Call::new(Method::Get, "auth/self").send().await
}
