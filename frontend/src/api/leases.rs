//! Leases.

use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::ev;
use leptos::prelude::{WindowListenerHandle, window, window_event_listener};
use leptos::task::spawn_local;
use shared::{GrantRequest, LeaseAnswer, LeaseId};

use super::base::api_url;
use super::{ApiError, Call, ErrorKind, Method};

/// A lease with its seconds left, without its keys: there may be 100,000 of them.
pub(crate) async fn time_to_live(id: LeaseId) -> Result<LeaseAnswer, ApiError> {
    let path = format!("leases/{id}?keys=none");
    Call::new(Method::Get, &path).send().await
}

/// A lease with the number of its keys, where the account may read them. etcd lists all of them for that: not to
/// be asked every second.
pub(crate) async fn with_key_count(id: LeaseId) -> Result<LeaseAnswer, ApiError> {
    let path = format!("leases/{id}?keys=count");
    Call::new(Method::Get, &path).send().await
}

/// A lease with its first keys, and how many there are.
pub(crate) async fn first_keys(id: LeaseId, limit: usize) -> Result<LeaseAnswer, ApiError> {
    let path = format!("leases/{id}?keys=page&limit={limit}");
    Call::new(Method::Get, &path).send().await
}

/// A lease granted for something that is not done yet. Unless it is kept, it is revoked: when this is
/// dropped, and when the page goes.
pub(crate) struct GrantedLease {
    id: LeaseId,
    revoke: bool,
    page_hide: Option<WindowListenerHandle>,
}

impl GrantedLease {
    /// Grants a lease, for so many seconds.
    pub(crate) async fn grant(ttl: i64) -> Result<Self, ApiError> {
        // The id is chosen here: then a lease whose granting had no answer can be revoked as well.
        let id = fresh_id();
        let mut lease = Self {
            id,
            revoke: true,
            page_hide: Some(window_event_listener(ev::pagehide, move |_| {
                revoke_on_page_hide(id);
            })),
        };
        let granted: Result<LeaseAnswer, ApiError> = Call::new(Method::Post, "leases")
            .json(&GrantRequest { ttl, id: Some(id) })
            .send()
            .await;
        match granted {
            Ok(_) => Ok(lease),
            Err(error) => {
                lease.revoke = !certainly_refused(&error);
                Err(error)
            }
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> LeaseId {
        self.id
    }

    /// What it was granted for is done.
    pub(crate) fn keep(mut self) {
        self.revoke = false;
    }
}

impl Drop for GrantedLease {
    fn drop(&mut self) {
        if let Some(page_hide) = self.page_hide.take() {
            page_hide.remove();
        }
        if self.revoke {
            // On its own: what it was granted for may have gone with its view.
            spawn_local(revoke_with_retries(self.id));
        }
    }
}

/// Whether nothing came of a request for certain.
fn certainly_refused(error: &ApiError) -> bool {
    error.problem().is_some()
        && !matches!(
            error.kind(),
            ErrorKind::OutcomeUnknown | ErrorKind::Unreachable
        )
}

/// Pauses between the attempts to revoke, in seconds. What is left then ends by its time to live.
const RETRY_DELAYS_S: [u64; 4] = [0, 1, 4, 15];

/// Revokes a lease that nobody needs, as well as the network allows.
async fn revoke_with_retries(id: LeaseId) {
    for delay in RETRY_DELAYS_S {
        sleep(Duration::from_secs(delay)).await;
        match revoke(id).await {
            Err(error) if !certainly_refused(&error) => {}
            _ => return,
        }
    }
}

/// Revokes a lease while the page goes: nobody hears the answer.
fn revoke_on_page_hide(id: LeaseId) {
    let request = web_sys::RequestInit::new();
    request.set_method("DELETE");
    // Goes on after the page. Fails never: it is an object of ours.
    let _ = js_sys::Reflect::set(&request, &"keepalive".into(), &true.into());
    let _ = window().fetch_with_str_and_init(&api_url(&format!("leases/{id}")), &request);
}

/// An id that nobody has, positive as etcd's own are.
fn fresh_id() -> LeaseId {
    let mut bytes = [0; 8];
    if let Ok(crypto) = window().crypto() {
        // Fails only for more bytes than these.
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    LeaseId((i64::from_be_bytes(bytes) & i64::MAX).max(1))
}

/// Revokes a lease and deletes its keys.
pub(crate) async fn revoke(id: LeaseId) -> Result<LeaseAnswer, ApiError> {
    Call::new(Method::Delete, &format!("leases/{id}"))
        .send()
        .await
}
