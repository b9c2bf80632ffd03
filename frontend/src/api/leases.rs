//! Leases.

use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::ev;
use leptos::prelude::{WindowListenerHandle, window, window_event_listener};
use leptos::task::spawn_local;
use shared::{GrantRequest, LeaseId, LeaseResponse};

use super::base::api_url;
use super::{ApiError, Call, ErrorKind, Method};

/// A lease with its remaining TTL, without its keys: there may be 100,000 of them.
pub(crate) async fn time_to_live(id: LeaseId) -> Result<LeaseResponse, ApiError> {
    let path = format!("leases/{id}?keys=none");
    Call::new(Method::Get, &path).send().await
}

/// A lease with the number of its keys, if the account may read them. etcd lists all of them for that: do not
/// poll it every second.
pub(crate) async fn with_key_count(id: LeaseId) -> Result<LeaseResponse, ApiError> {
    let path = format!("leases/{id}?keys=count");
    Call::new(Method::Get, &path).send().await
}

/// A lease with its first keys and their total number.
pub(crate) async fn first_keys(id: LeaseId, limit: usize) -> Result<LeaseResponse, ApiError> {
    let path = format!("leases/{id}?keys=page&limit={limit}");
    Call::new(Method::Get, &path).send().await
}

/// A lease granted for an action that is not finished yet. Unless [`Self::keep`] is called, it is revoked when this is
/// dropped or the page is left.
pub(crate) struct GrantedLease {
    id: LeaseId,
    revoke: bool,
    page_hide: Option<WindowListenerHandle>,
}

impl GrantedLease {
    /// Grants a lease of `ttl` seconds.
    pub(crate) async fn grant(ttl: i64) -> Result<Self, ApiError> {
        // The id is chosen here, so that a lease whose grant had no response can be revoked, too.
        let id = fresh_id();
        let mut lease = Self {
            id,
            revoke: true,
            page_hide: Some(window_event_listener(ev::pagehide, move |_| {
                revoke_on_page_hide(id);
            })),
        };
        let granted: Result<LeaseResponse, ApiError> = Call::new(Method::Post, "leases")
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

    /// The id of the lease.
    pub(crate) fn id(&self) -> LeaseId {
        self.id
    }

    /// Keeps the lease: the action it was granted for has succeeded.
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
            // Detached: the view that granted the lease may have been removed.
            spawn_local(revoke_with_retries(self.id));
        }
    }
}

/// Whether a failed request certainly had no effect.
fn certainly_refused(error: &ApiError) -> bool {
    error.problem().is_some()
        && !matches!(
            error.kind(),
            ErrorKind::OutcomeUnknown | ErrorKind::Unreachable
        )
}

/// Seconds before each attempt to revoke. If all fail, the lease expires by its TTL.
const RETRY_DELAYS_S: [u64; 4] = [0, 1, 4, 15];

/// Revokes an unneeded lease; retries where the attempt may have failed.
async fn revoke_with_retries(id: LeaseId) {
    for delay in RETRY_DELAYS_S {
        sleep(Duration::from_secs(delay)).await;
        match revoke(id).await {
            Err(error) if !certainly_refused(&error) => {}
            _ => return,
        }
    }
}

/// Revokes a lease while the page is being left; the response is ignored.
fn revoke_on_page_hide(id: LeaseId) {
    let request = web_sys::RequestInit::new();
    request.set_method("DELETE");
    // The request outlives the page. Never fails: the object is our own.
    let _ = js_sys::Reflect::set(&request, &"keepalive".into(), &true.into());
    let _ = window().fetch_with_str_and_init(&api_url(&format!("leases/{id}")), &request);
}

/// A random unused id, positive as etcd's own are.
fn fresh_id() -> LeaseId {
    let mut bytes = [0; 8];
    if let Ok(crypto) = window().crypto() {
        // Fails only for requests of more than 65,536 bytes.
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    LeaseId((i64::from_be_bytes(bytes) & i64::MAX).max(1))
}

/// Revokes a lease and deletes its keys.
pub(crate) async fn revoke(id: LeaseId) -> Result<LeaseResponse, ApiError> {
    Call::new(Method::Delete, &format!("leases/{id}"))
        .send()
        .await
}
