//! etcd's mutex recipe, as in its Go client. The value names the holder; the recipe leaves it empty.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::queue::{Queue, deleted};
use super::session::Session;
use super::stage::{Actor, Exit, Stage, Step};

/// Seconds; the default of Go's sessions.
const TTL: i64 = 60;

/// A contender for the lock, which queues again as soon as it has released it.
#[derive(Debug)]
pub(super) struct Contender {
    queue: Queue,
    holder: &'static str,
    holds: RangeInclusive<Duration>,
    session: Option<Session>,
}

impl Contender {
    pub(super) fn new(
        name: &'static str,
        holder: &'static str,
        holds: RangeInclusive<Duration>,
    ) -> Self {
        Self {
            queue: Queue::new(name),
            holder,
            holds,
            session: None,
        }
    }

    /// Acquires the lock, holds it, releases it.
    async fn once(&self, stage: &Stage, holds: Duration, key: &str, lease: i64) -> Step<()> {
        let value = format!(r#"{{"holder":"{}"}}"#, self.holder);
        let created = self.queue.enter(stage, key, &value, lease).await?;
        let Some(revision) = self.queue.wait(stage, key, created).await? else {
            return Ok(());
        };
        tokio::select! {
            held = stage.rest(holds) => held?,
            taken = deleted(stage, key.as_bytes(), revision + 1) => return taken,
        }
        stage.delete(key).await
    }
}

impl Actor for Contender {
    fn name(&self) -> String {
        format!("{} {}", self.queue.name(), self.holder)
    }

    async fn round(&mut self, stage: &mut Stage) -> Step<()> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(stage, TTL).await?,
        };
        let key = self.queue.key(&session);
        let holds = stage.random.time(self.holds.clone());
        let lease = session.lease();
        let work = self.once(stage, holds, &key, lease);
        match session.during(stage, work).await {
            Ok(()) => self.session = Some(session),
            Err(Exit::Failed(failure)) => {
                // Revoking the lease removes its key from the queue.
                session.close(stage).await?;
                return Err(Exit::Failed(failure));
            }
            Err(exit) => return Err(exit),
        }
        Ok(())
    }
}
