//! `/session`: which account requests act as, sign-in and sign-out.

use shared::{Password, SessionRequest, SessionResponse};

use super::{ApiError, Call, Method, Refused, refusal};

/// Which account requests act as. Renews the session if the user is active.
pub(crate) async fn current() -> Result<SessionResponse, ApiError> {
    Call::new(Method::Get, "session").send().await
}

/// Which account requests act as, and renews the session: the user has asked to stay signed in.
pub(crate) async fn renew() -> Result<SessionResponse, ApiError> {
    Call::new(Method::Get, "session").by_user().send().await
}

/// Signs in. The error has the seconds to wait where the gateway counted too many attempts.
pub(crate) async fn sign_in(name: String, password: String) -> Result<SessionResponse, Refused> {
    let request = SessionRequest {
        name,
        password: Password(password),
    };
    let call = Call::new(Method::Post, "session").json(&request);
    drop(request);
    let session = call.by_user().without_refusal().send_or_wait().await?;
    refusal::credentials_changed();
    Ok(session)
}

/// Signs out.
pub(crate) async fn sign_out() -> Result<(), ApiError> {
    Call::new(Method::Delete, "session").by_user().done().await
}
