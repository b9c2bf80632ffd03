//! Locks of one key: whoever creates it has it, for as long as its lease lives; the others try again
//! each second. No queue, so etcd does not know who waits.

use std::time::Duration;

use super::session::Session;
use super::stage::{Actor, Exit, Stage, Step};

/// Seconds.
const TTL: i64 = 5;
const SECOND: Duration = Duration::from_secs(1);

/// How a holder goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It revokes its lease.
    Revoke,
    /// It stops renewing, as a process that hangs: the key lives on until the lease has run out.
    Vanish,
}

/// One that wants the key.
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

    /// Holds the key for its time; less when a visitor takes it away.
    async fn hold(&self, stage: &Stage, created: i64) -> Step<()> {
        let mut left = self.holds;
        while !left.is_zero() {
            stage.rest(SECOND.min(left)).await?;
            left = left.saturating_sub(SECOND);
            if stage
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

    async fn round(&mut self, stage: &mut Stage) -> Step<()> {
        let mut session = Session::open(stage, TTL).await?;
        let Some(created) = stage.create(self.key, self.holder, session.lease()).await? else {
            session.close(stage).await?;
            return stage.rest(SECOND).await;
        };
        match session.during(stage, self.hold(stage, created)).await {
            Err(Exit::LeaseLost) => {}
            held => {
                held?;
                if self.ending == Ending::Revoke {
                    session.close(stage).await?;
                }
            }
        }
        // Long enough for somebody else to get it: the lease's end, and each other's next attempt.
        let away = match self.ending {
            Ending::Revoke => 2 * SECOND,
            Ending::Vanish => Duration::from_secs(TTL.unsigned_abs()) + 4 * SECOND,
        };
        stage.rest(away).await
    }
}
