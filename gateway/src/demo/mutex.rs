//! etcd's mutex recipe, as in its Go client. The value names the holder; the recipe leaves it empty.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::context::{Actor, Context, Exit, Step};
use super::queue::{Queue, deleted};
use super::session::Session;

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
    async fn once(&self, context: &Context, holds: Duration, key: &str, lease: i64) -> Step<()> {
        let value = format!(r#"{{"holder":"{}"}}"#, self.holder);
        let created = self.queue.enter(context, key, &value, lease).await?;
        let Some(revision) = self.queue.wait(context, key, created).await? else {
            return Ok(());
        };
        tokio::select! {
            held = context.sleep(holds) => held?,
            taken = deleted(context, key.as_bytes(), revision + 1) => return taken,
        }
        context.delete(key).await
    }
}

impl Actor for Contender {
    fn name(&self) -> String {
        format!("{} {}", self.queue.name(), self.holder)
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(context, TTL).await?,
        };
        let key = self.queue.key(&session);
        let holds = context.random.time(self.holds.clone());
        let lease = session.lease();
        let work = self.once(context, holds, &key, lease);
        match session.during(context, work).await {
            Ok(()) => self.session = Some(session),
            Err(Exit::Failed(failure)) => {
                // Revoking the lease removes its key from the queue.
                session.close(context).await?;
                return Err(Exit::Failed(failure));
            }
            Err(exit) => return Err(exit),
        }
        Ok(())
    }
}
