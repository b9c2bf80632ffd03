//! Checks the permissions of open watches periodically.
//!
//! etcd checks a permission only when a watch is created: an open one keeps delivering when the role is
//! revoked, the token has expired, even when the user is deleted. So permissions are checked
//! periodically, once per identity and range however many watches share them, and not at all while
//! etcd's auth is disabled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use shared::Code;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::etcd::{Caller, Etcd, Identity, Range};
use crate::failure::{Failure, Result};
use crate::tasks::Tasks;

/// Between two rounds of checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(3);
/// Checks in flight.
const CONCURRENCY: usize = 8;
/// Timeout of one check.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The subject of a check: whether the identity may read the range.
type Subject = (Identity, Range);

/// The open watches of one cluster, by what they need permission for. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Permits {
    etcd: Etcd,
    tasks: Tasks,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Subject, Entry>,
    /// Distinguishes a revoked entry from the next one of the same subject.
    next_number: u64,
    /// Whether a task checks the entries.
    checking: bool,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    watches: usize,
    /// etcd's refusal, once there is one.
    refusal: watch::Sender<Option<Failure>>,
}

impl Permits {
    pub(super) fn new(etcd: Etcd, tasks: Tasks) -> Self {
        Self {
            etcd,
            tasks,
            state: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers an open watch: its permission is checked until the permit is dropped.
    pub(super) fn register(&self, identity: &Identity, range: &Range) -> Permit {
        let subject = (identity.clone(), range.clone());
        let mut guard = self.state();
        let state = &mut *guard;
        let entry = state.entries.entry(subject.clone()).or_insert_with(|| {
            state.next_number += 1;
            Entry {
                number: state.next_number,
                watches: 0,
                refusal: watch::Sender::default(),
            }
        });
        entry.watches += 1;
        let (number, refusal) = (entry.number, entry.refusal.subscribe());
        if !std::mem::replace(&mut state.checking, true) {
            let permits = self.clone();
            let stop = self.tasks.stop().clone();
            self.tasks.spawn(async move {
                stop.run_until_cancelled(permits.check_periodically()).await;
            });
        }
        drop(guard);
        Permit {
            permits: self.clone(),
            subject,
            number,
            refusal,
        }
    }

    /// Checks every entry, for as long as any watch is open.
    async fn check_periodically(self) {
        loop {
            sleep(CHECK_INTERVAL).await;
            let subjects: Vec<Subject> = {
                let mut state = self.state();
                if state.entries.is_empty() {
                    state.checking = false;
                    return;
                }
                state.entries.keys().cloned().collect()
            };
            if !matches!(
                self.etcd.auth_is_on(&Caller::gateway(TIMEOUT)).await,
                Ok(true)
            ) {
                continue;
            }
            let checks = stream::iter(subjects).map(|subject| async {
                let caller = Caller::new(subject.0.clone(), Some(TIMEOUT));
                let checked = self.etcd.may_read(&caller, &subject.1).await;
                (subject, checked)
            });
            let mut checks = std::pin::pin!(checks.buffer_unordered(CONCURRENCY));
            while let Some((subject, checked)) = checks.next().await {
                self.revoke_if_refused(&subject, checked);
            }
        }
    }

    fn revoke_if_refused(&self, subject: &Subject, checked: Result<()>) {
        let refusal = match checked {
            Err(failure) if failure.code == Code::Forbidden => failure,
            Err(failure) if failure.code == Code::Unauthenticated => account_refused(failure),
            // etcd is unavailable: the watch waits for it as well.
            Ok(()) | Err(_) => return,
        };
        // etcd itself checks a watch of the same subject that is opened from now on.
        if let Some(entry) = self.state().entries.remove(subject) {
            entry.refusal.send_replace(Some(refusal));
        }
    }
}

/// The refusal of a watch that etcd had accepted: always `forbidden`.
pub(super) fn account_refused(failure: Failure) -> Failure {
    Failure::new(
        Code::Forbidden,
        format!("the account is no longer accepted: {}", failure.detail),
    )
    .hint("sign in again")
    .source(failure)
}

/// A registered watch.
#[derive(Debug)]
pub(super) struct Permit {
    permits: Permits,
    subject: Subject,
    number: u64,
    refusal: watch::Receiver<Option<Failure>>,
}

impl Permit {
    /// Resolves when etcd no longer permits the watch.
    pub(super) async fn revoked(&mut self) -> Failure {
        let refusal = self.refusal.wait_for(Option::is_some).await;
        let refusal = refusal.ok().and_then(|refusal| refusal.clone());
        match refusal {
            Some(refusal) => refusal,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.permits.state();
        // After a refusal, the entry may already be a newer one.
        if let Some(entry) = state.entries.get_mut(&self.subject)
            && entry.number == self.number
        {
            entry.watches -= 1;
            if entry.watches == 0 {
                state.entries.remove(&self.subject);
            }
        }
    }
}
