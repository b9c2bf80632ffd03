//! All tasks of the process: counted by one tracker, stopped by one token.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Spawns tasks that shutdown waits for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// The token that is cancelled when the process stops. Use a child of it for a narrower scope.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Spawns `task`, which must end soon after `stop` (give it the token, or a child).
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(task)
    }

    /// Runs a computation that would block an executor's thread. It must end soon after `stop`, as a task.
    pub fn spawn_blocking<F, T>(&self, computation: F) -> tokio::task::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.tracker.spawn_blocking(computation)
    }

    /// Signals every task to stop.
    pub fn cancel(&self) {
        self.stop.cancel();
    }

    /// Waits until every task has ended, for at most `grace`; returns whether all did.
    pub async fn wait(&self, grace: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait())
            .await
            .is_ok()
    }
}
