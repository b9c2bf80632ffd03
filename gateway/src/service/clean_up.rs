//! Clean-up that is retried while etcd is unavailable.

use std::time::Duration;

use shared::Code;
use tokio::time::{Instant, sleep};

use crate::failure::Result;
use crate::tasks::Tasks;

/// Timeout of one attempt.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a clean-up is retried.
const GIVE_UP_AFTER: Duration = Duration::from_mins(1);
/// Delay between two attempts.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Retries a clean-up until it succeeds, for a minute at most, and once more when the gateway shuts down. Returns
/// the last failure. `forbidden` is not retried: a lost permission is not granted again.
pub(super) async fn retry_clean_up<F>(tasks: &Tasks, mut attempt: impl FnMut() -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let give_up = Instant::now() + GIVE_UP_AFTER;
    loop {
        let stopping = tasks.stop().is_cancelled();
        let Err(failure) = attempt().await else {
            return Ok(());
        };
        if stopping || failure.code == Code::Forbidden || Instant::now() >= give_up {
            return Err(failure);
        }
        tokio::select! {
            () = sleep(RETRY_DELAY) => {}
            () = tasks.stop().cancelled() => {}
        }
    }
}
