//! Clean-up that is tried again while etcd is away.

use std::time::Duration;

use shared::Code;
use tokio::time::{Instant, sleep};

use crate::failure::Result;
use crate::tasks::Tasks;

/// How long etcd may take for one attempt.
pub(super) const ATTEMPT: Duration = Duration::from_secs(5);
/// How long it is tried again.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Tries until it succeeds, for a minute at most; once more when the gateway stops. The last failure: a
/// permission that is gone does not come back by itself.
pub(super) async fn insist<F>(tasks: &Tasks, mut attempt: impl FnMut() -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let give_up = Instant::now() + PATIENCE;
    loop {
        let stopping = tasks.stop().is_cancelled();
        let Err(failure) = attempt().await else {
            return Ok(());
        };
        if stopping || failure.code == Code::Forbidden || Instant::now() >= give_up {
            return Err(failure);
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = tasks.stop().cancelled() => {}
        }
    }
}
