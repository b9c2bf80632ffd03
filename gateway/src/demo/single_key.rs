//! Single-key locks: the client that creates the key holds the lock while its lease lives; the others
//! retry every second. There is no queue, so etcd does not know who waits.

use std::time::Duration;

use super::context::{Actor, Context, Exit, Step};
use super::session::Session;

/// Seconds.
const TTL: i64 = 5;
const SECOND: Duration = Duration::from_secs(1);

/// How a holder gives up the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Revoke the lease.
    Revoke,
    /// Stop renewing, like a process that hangs: the key stays until the lease has expired.
    Vanish,
}

/// A contender for the key.
#[derive(Debug)]
pub(super) struct Candidate {
    key: &'static str,
    holder: &'static str,
    holds: Duration,
    ending: Ending,
}

impl Candidate {
    pub(super) fn new(
        key: &'static str,
        holder: &'static str,
        holds: Duration,
        ending: Ending,
    ) -> Self {
        Self {
            key,
            holder,
            holds,
            ending,
        }
    }

    /// Holds the key for its time; less if a visitor deletes it.
    async fn hold(&self, context: &Context, created: i64) -> Step<()> {
        let mut left = self.holds;
        while !left.is_zero() {
            context.sleep(SECOND.min(left)).await?;
            left = left.saturating_sub(SECOND);
            if context
                .get(self.key)
                .await?
                .is_none_or(|kv| kv.create_revision != created)
            {
                break;
            }
        }
        Ok(())
    }
}

impl Actor for Candidate {
    fn name(&self) -> String {
        format!("{} {}", self.key, self.holder)
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        let mut session = Session::open(context, TTL).await?;
        let Some(created) = context
            .create(self.key, self.holder, session.lease())
            .await?
        else {
            session.close(context).await?;
            return context.sleep(SECOND).await;
        };
        match session.during(context, self.hold(context, created)).await {
            Err(Exit::LeaseLost) => {}
            held => {
                held?;
                if self.ending == Ending::Revoke {
                    session.close(context).await?;
                }
            }
        }
        // Long enough for another contender to get it: the lease's end, and the others' next attempt.
        let pause = match self.ending {
            Ending::Revoke => 2 * SECOND,
            Ending::Vanish => Duration::from_secs(TTL.unsigned_abs()) + 4 * SECOND,
        };
        context.sleep(pause).await
    }
}
