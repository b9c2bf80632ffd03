//! Wire types of Watchgate's REST and live API (`/api/v1`), used by the gateway and the dashboard.
//!
//! Types only: the form of messages, never their handling. No tokio, axum or leptos here.
//! Conventions: bytes are a string if valid UTF-8, else `{"base64": "…"}` ([`Bytes`]); ids are
//! lower-case hex strings ([`LeaseId`], [`MemberId`]); revisions, counts, TTLs (seconds) and sizes
//! (bytes) are JSON numbers; an optional member is absent, except the few documented as `null`.

mod access;
mod access_checks;
mod bytes;
mod cluster;
mod doctor;
mod election;
mod id;
mod kv;
mod lease;
mod live;
mod lock;
mod maintenance;
mod problem;
mod samples;
mod session;
mod stm;
mod transfer;
mod txn;

pub use access::*;
pub use access_checks::*;
pub use bytes::Bytes;
pub use cluster::*;
pub use doctor::*;
pub use election::*;
pub use id::{LeaseId, MemberId, ParseIdError};
pub use kv::*;
pub use lease::*;
pub use live::*;
pub use lock::*;
pub use maintenance::*;
pub use problem::{Code, Problem};
pub use samples::*;
pub use session::*;
pub use stm::*;
pub use transfer::*;
pub use txn::*;

/// Serde helper for members that are `null` if requested but empty, and absent if not requested:
/// `None` is absent, `Some(None)` is `null`.
pub(crate) mod nullable {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(
        clippy::option_option,
        clippy::ref_option,
        reason = "absent and null differ on the wire; serde's `with` gives the field by reference"
    )]
    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value
            .as_ref()
            .and_then(Option::as_ref)
            .serialize(serializer)
    }

    #[expect(clippy::option_option, reason = "absent and null differ on the wire")]
    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }
}
