//! The live list of leases: one board per identity, shared by its viewers.
//!
//! [`state`] is the data, [`keeper`] the task that maintains it, [`stream`] a viewer's stream of it. What the keys of a
//! lease show is read from the lock index, which knows every leased key.
//!
//! A board starts with its first viewer and ends with its last.

mod keeper;
mod state;
mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::{Code, LeaseId, LeasesProgress};
use tokio::sync::watch;

use self::state::State;
pub use self::stream::LeaseStream;
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::service::lock::LockService;
use crate::service::lock::wait::is_transient;
use crate::service::lock_index;

/// The limit on identities with a board at the same time.
const MAX_BOARDS: usize = 64;
/// How long a stream waits for etcd before it opens without.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// The limit on leases that a viewer shows at a time.
const MAX_VISIBLE: usize = 256;

/// The live lists of one cluster's leases. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LeaseBoardService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    locks: LockService,
    boards: Mutex<HashMap<Identity, Arc<Board>>>,
}

/// The state of a board, beside its leases.
#[derive(Clone, Debug, Default)]
struct Status {
    progress: LeasesProgress,
    /// Whether the leases have been listed at least once.
    listed: bool,
    /// Why they cannot be listed now.
    failure: Option<Failure>,
    /// The task has ended.
    ended: bool,
}

/// One identity's list of leases.
#[derive(Debug)]
struct Board {
    state: Mutex<State>,
    status: watch::Sender<Status>,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn boards(&self) -> MutexGuard<'_, HashMap<Identity, Arc<Board>>> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a board without viewers; returns whether it did.
    fn close_unused(&self, identity: &Identity, board: &Arc<Board>) -> bool {
        // Lock order everywhere: the map, then the board.
        let mut boards = self.boards();
        let unused = !board.state().has_viewers();
        if unused {
            Self::remove(&mut boards, identity, board);
        }
        unused
    }

    #[expect(
        clippy::mutable_key_type,
        reason = "an identity is compared by its user or its token's hash, which never change"
    )]
    fn remove(boards: &mut HashMap<Identity, Arc<Board>>, identity: &Identity, board: &Arc<Board>) {
        if boards
            .get(identity)
            .is_some_and(|current| Arc::ptr_eq(current, board))
        {
            boards.remove(identity);
        }
    }
}

impl LeaseBoardService {
    /// The service over the locks of a cluster, whose index knows the keys of leases, and whose rate of requests about
    /// leases it shares.
    pub fn new(locks: LockService) -> Self {
        Self {
            inner: Arc::new(Inner {
                locks,
                boards: Mutex::default(),
            }),
        }
    }

    /// All leases that the caller may see, then each change. TTLs of the `visible` ones are read often.
    ///
    /// An account that may not list leases gets the leases of the keys that it may read; `forbidden` if there can be
    /// none.
    pub async fn follow(&self, caller: &Caller, visible: Vec<LeaseId>) -> Result<LeaseStream> {
        check_visible(&visible)?;
        let locks = self.inner.locks.parts();
        let in_time = caller.with_timeout(OPEN_TIMEOUT);
        match locks.etcd.leases(&in_time).await {
            Err(failure) if failure.code == Code::Forbidden => {
                lock_index::index_of(locks, &in_time).await?;
            }
            // A stream opens even while etcd is unavailable.
            Err(failure) if !is_transient(&failure) => return Err(failure),
            _ => {}
        }
        let mut boards = self.inner.boards();
        let full = boards.len() >= MAX_BOARDS;
        let board = match boards.get(&caller.identity) {
            Some(board) => Arc::clone(board),
            None if full => {
                let detail = "too many accounts follow leases at the same time";
                return Err(Failure::new(Code::RateLimited, detail));
            }
            None => {
                let board = Arc::new(Board {
                    state: Mutex::new(State::default()),
                    status: watch::Sender::default(),
                });
                boards.insert(caller.identity.clone(), Arc::clone(&board));
                locks.tasks.spawn(keeper::run(
                    Arc::clone(&self.inner),
                    caller.identity.clone(),
                    Arc::clone(&board),
                ));
                board
            }
        };
        // Under the lock of the map: a board with a viewer is not closed.
        Ok(LeaseStream::open(board, &visible))
    }
}

fn check_visible(visible: &[LeaseId]) -> Result<()> {
    if visible.len() > MAX_VISIBLE {
        return Err(Failure::bad_request(format!(
            "{} visible leases; the limit is {MAX_VISIBLE}",
            visible.len()
        )));
    }
    Ok(())
}
