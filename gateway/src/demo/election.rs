//! etcd's election recipe, as in its Go client: the candidates queue, the first one leads and makes
//! proclamations. One of them fails now and then while it leads.

use std::time::Duration;

use tokio::time::Instant;

use super::context::{Actor, Context, Exit, Step, put};
use super::queue::{Queue, deleted};
use super::session::Session;
use crate::etcd::{Compare, Op, Txn};

const NAME: &str = "/my-election/";
/// The time between winning and proclaiming, and between proclaiming and resigning.
const HALF: Duration = Duration::from_secs(4);
/// The interval between failures of the failing candidate.
const FAILS_EVERY: Duration = Duration::from_mins(1);

/// A candidate, which campaigns again after each term.
#[derive(Debug)]
pub(super) struct Candidate {
    queue: Queue,
    name: &'static str,
    /// The TTL of its lease, in seconds.
    ttl: i64,
    /// When it next stops renewing its lease while it leads; `None` if it never fails.
    fails: Option<Instant>,
    session: Option<Session>,
}

impl Candidate {
    pub(super) fn new(name: &'static str, ttl: i64) -> Self {
        Self {
            queue: Queue::new(NAME),
            name,
            ttl,
            fails: None,
            session: None,
        }
    }

    /// Makes it stop renewing its lease while it leads, once a minute.
    pub(super) fn failing(mut self) -> Self {
        self.fails = Some(Instant::now());
        self
    }

    /// Campaigns, leads for a while and resigns; or, if it should fail, stops while it leads.
    async fn lead(&self, context: &Context, key: &str, lease: i64, fails: bool) -> Step<()> {
        let created = self.queue.enter(context, key, self.name, lease).await?;
        let Some(revision) = self.queue.wait(context, key, created).await? else {
            return Ok(());
        };
        let leads = async {
            context.sleep(HALF).await?;
            let proclamation = Op::Put(put(key, &format!("{}-bis", self.name), lease));
            if !if_created_at(context, key, created, proclamation).await? || fails {
                return Ok(());
            }
            context.sleep(HALF).await?;
            if_created_at(context, key, created, Op::delete(key.as_bytes())).await?;
            Ok(())
        };
        tokio::select! {
            led = leads => led,
            taken = deleted(context, key.as_bytes(), revision + 1) => taken,
        }
    }
}

/// Runs an op on the key unless another candidate owns it now; returns whether it ran.
async fn if_created_at(context: &Context, key: &str, created: i64, op: Op) -> Step<bool> {
    let txn = Txn {
        compare: vec![Compare::created_at(key.as_bytes(), created)],
        then: vec![op],
        or_else: Vec::new(),
    };
    let response = context
        .call(context.etcd.txn(&Context::caller(), txn))
        .await?;
    Ok(response.succeeded)
}

impl Actor for Candidate {
    fn name(&self) -> String {
        format!("{NAME} {}", self.name)
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(context, self.ttl).await?,
        };
        let key = self.queue.key(&session);
        let lease = session.lease();
        let fails = self.fails.is_some_and(|at| Instant::now() >= at);
        let work = self.lead(context, &key, lease, fails);
        match session.during(context, work).await {
            Ok(()) if fails => {
                // The session is dropped, not closed: its key leads until the lease has expired.
                self.fails = Some(Instant::now() + FAILS_EVERY);
                context
                    .sleep(Duration::from_secs(self.ttl.unsigned_abs() + 2))
                    .await
            }
            Ok(()) => {
                self.session = Some(session);
                Ok(())
            }
            Err(Exit::Failed(failure)) => {
                // Revoking the lease removes its key from the queue.
                session.close(context).await?;
                Err(Exit::Failed(failure))
            }
            Err(exit) => Err(exit),
        }
    }
}
