//! Whether those who watch still may.
//!
//! etcd checks a permission only when a watch is created: an open one goes on delivering when the role
//! is revoked, the token has expired, even when the user is deleted. So whoever watches is asked
//! about again, once for each identity and range however many sockets there are, and not at all while
//! etcd's auth is off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use shared::Code;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::etcd::{Etcd, Range};
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::tasks::Tasks;

/// Between two rounds of questions.
const ROUND: Duration = Duration::from_secs(3);
/// Questions at the same time.
const CONCURRENCY: usize = 8;
/// How long etcd may take for one.
const ANSWER: Duration = Duration::from_secs(10);

type Place = (Identity, Range);

/// Who watches what, at one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Permits {
    etcd: Etcd,
    tasks: Tasks,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<Place, Held>,
    /// Tells one that was refused from the next of the same place.
    next: u64,
    /// A task asks.
    asking: bool,
}

#[derive(Debug)]
struct Held {
    number: u64,
    watches: usize,
    /// The refusal, once there is one.
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

    /// Asks about a range from now on, until the permit is dropped.
    pub(super) fn hold(&self, identity: &Identity, range: &Range) -> Permit {
        let place = (identity.clone(), range.clone());
        let mut guard = self.state();
        let state = &mut *guard;
        let held = state.held.entry(place.clone()).or_insert_with(|| {
            state.next += 1;
            Held {
                number: state.next,
                watches: 0,
                refusal: watch::Sender::default(),
            }
        });
        held.watches += 1;
        let (number, refusal) = (held.number, held.refusal.subscribe());
        if !std::mem::replace(&mut state.asking, true) {
            let asking = self.clone();
            let stop = self.tasks.stop().clone();
            self.tasks.spawn(async move {
                stop.run_until_cancelled(asking.ask()).await;
            });
        }
        drop(guard);
        Permit {
            permits: self.clone(),
            place,
            number,
            refusal,
        }
    }

    /// Asks for as long as anybody watches.
    async fn ask(self) {
        loop {
            sleep(ROUND).await;
            let places: Vec<Place> = {
                let mut state = self.state();
                if state.held.is_empty() {
                    state.asking = false;
                    return;
                }
                state.held.keys().cloned().collect()
            };
            if !matches!(
                self.etcd.auth_is_on(&Caller::gateway(ANSWER)).await,
                Ok(true)
            ) {
                continue;
            }
            let questions = stream::iter(places).map(|place| async {
                let caller = Caller::new(place.0.clone(), Some(ANSWER));
                let answer = self.etcd.may_read(&caller, &place.1).await;
                (place, answer)
            });
            let mut answers = std::pin::pin!(questions.buffer_unordered(CONCURRENCY));
            while let Some((place, answer)) = answers.next().await {
                self.answered(&place, answer);
            }
        }
    }

    fn answered(&self, place: &Place, answer: Result<()>) {
        let refusal = match answer {
            Err(failure) if failure.code == Code::Forbidden => failure,
            Err(failure) if failure.code == Code::Unauthenticated => no_longer(failure),
            // etcd is away: whoever watches waits for it as well.
            Ok(()) | Err(_) => return,
        };
        // Whoever watches the same from now on is checked by etcd.
        if let Some(held) = self.state().held.remove(place) {
            held.refusal.send_replace(Some(refusal));
        }
    }
}

/// A watch that etcd has once accepted is forbidden, whatever became of the account.
pub(super) fn no_longer(failure: Failure) -> Failure {
    Failure::new(
        Code::Forbidden,
        format!("the account is no longer accepted: {}", failure.detail),
    )
    .hint("sign in again")
    .source(failure)
}

/// One watch's part in it.
#[derive(Debug)]
pub(super) struct Permit {
    permits: Permits,
    place: Place,
    number: u64,
    refusal: watch::Receiver<Option<Failure>>,
}

impl Permit {
    /// Resolves when the permission is gone.
    pub(super) async fn lost(&mut self) -> Failure {
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
        // Another may stand in its place already, after a refusal.
        if let Some(held) = state.held.get_mut(&self.place)
            && held.number == self.number
        {
            held.watches -= 1;
            if held.watches == 0 {
                state.held.remove(&self.place);
            }
        }
    }
}
