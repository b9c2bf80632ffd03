//! The environment of actors: etcd calls and pauses, both ended at shutdown, and the loop that restarts
//! an actor after any error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shared::Code;
use tokio_util::sync::CancellationToken;

use super::random::Random;
use crate::etcd::{Compare, Delete, Etcd, Get, KeyValue, Op, Order, Put, Range, Sort, Txn};
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::tasks::Tasks;

/// Timeout of etcd calls; etcd is on this machine.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The delay after a failure, doubled with each further one up to the maximum.
const RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(15);

/// Why an actor ended its round.
#[derive(Debug)]
pub(super) enum Exit {
    /// The gateway shuts down.
    Stop,
    /// The actor's lease is lost: a visitor revoked it, or etcd was unavailable for longer than its
    /// TTL.
    LeaseLost,
    /// etcd returned an error.
    Failed(Failure),
}

impl From<Failure> for Exit {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The result of a step of an actor.
pub(super) type Step<T> = std::result::Result<T, Exit>;

/// A small program that runs round after round.
pub(super) trait Actor: Send + 'static {
    /// Its name in the log.
    fn name(&self) -> String;

    /// Runs one round. It may end anywhere, so the next round accepts the keys as they are.
    fn round(&mut self, context: &mut Context) -> impl Future<Output = Step<()>> + Send;
}

/// All the actors of a demo.
#[derive(Debug)]
pub(super) struct Actors {
    etcd: Etcd,
    tasks: Tasks,
    started: Arc<AtomicU64>,
}

impl Actors {
    pub(super) fn new(etcd: Etcd, tasks: Tasks) -> Self {
        Self {
            etcd,
            tasks,
            started: Arc::default(),
        }
    }

    /// A context for one actor.
    pub(super) fn context(&self) -> Context {
        Context {
            etcd: self.etcd.clone(),
            stop: self.tasks.stop().child_token(),
            random: Random::new(self.started.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Runs the actor until shutdown.
    pub(super) fn spawn(&self, actor: impl Actor) {
        self.tasks.spawn(run(actor, self.context()));
    }
}

async fn run(mut actor: impl Actor, mut context: Context) {
    let mut delay = RETRY_DELAY;
    loop {
        match actor.round(&mut context).await {
            Ok(()) => {
                delay = RETRY_DELAY;
                continue;
            }
            Err(Exit::Stop) => return,
            Err(Exit::LeaseLost) => {
                tracing::debug!(actor = actor.name(), "a demo actor lost its lease");
            }
            Err(Exit::Failed(failure)) => {
                tracing::warn!(
                    actor = actor.name(),
                    error = failure.chain(),
                    "a demo actor failed"
                );
            }
        }
        if context.sleep(delay).await.is_err() {
            return;
        }
        delay = (delay * 2).min(MAX_RETRY_DELAY);
    }
}

/// The environment of one actor.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) etcd: Etcd,
    stop: CancellationToken,
    pub(super) random: Random,
}

impl Context {
    /// The caller of the actor's requests, with a timeout from now.
    pub(super) fn caller() -> Caller {
        Caller::gateway(TIMEOUT)
    }

    /// Sleeps, or returns early at shutdown.
    pub(super) async fn sleep(&self, time: Duration) -> Step<()> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Exit::Stop),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// Runs an etcd call, cancelled at shutdown.
    pub(super) fn call<T>(
        &self,
        call: impl Future<Output = Result<T>> + Send,
    ) -> impl Future<Output = Step<T>> + Send {
        // The client's futures are large, and actors nest them deep.
        let call = Box::pin(call);
        async move {
            tokio::select! {
                () = self.stop.cancelled() => Err(Exit::Stop),
                response = call => response.map_err(Exit::from),
            }
        }
    }

    /// Writes a key without a lease.
    pub(super) async fn put(&self, key: &str, value: &str) -> Step<()> {
        self.call(self.etcd.put(&Self::caller(), put(key, value, 0)))
            .await?;
        Ok(())
    }

    /// Creates a key with a lease; returns its create revision, or `None` if it exists.
    pub(super) async fn create(&self, key: &str, value: &str, lease: i64) -> Step<Option<i64>> {
        let txn = Txn {
            compare: vec![Compare::created_at(key.as_bytes(), 0)],
            then: vec![Op::Put(put(key, value, lease))],
            or_else: Vec::new(),
        };
        let response = self.call(self.etcd.txn(&Self::caller(), txn)).await?;
        Ok(response.succeeded.then_some(response.header.revision))
    }

    /// Writes a key without a lease, unless it was changed after `revision` (0: unless it exists);
    /// returns its new revision, or `None` if it was.
    pub(super) async fn replace(&self, key: &str, value: &str, revision: i64) -> Step<Option<i64>> {
        let txn = Txn {
            compare: vec![Compare::modified_at(key.as_bytes(), revision)],
            then: vec![Op::Put(put(key, value, 0))],
            or_else: Vec::new(),
        };
        let response = self.call(self.etcd.txn(&Self::caller(), txn)).await?;
        Ok(response.succeeded.then_some(response.header.revision))
    }

    /// Reads a key.
    pub(super) async fn get(&self, key: &str) -> Step<Option<KeyValue>> {
        let range = Range::single(key);
        let (caller, get) = (Self::caller(), Get::default());
        let response = self.call(self.etcd.range(&caller, &range, &get)).await?;
        Ok(response.kvs.into_iter().next())
    }

    /// Deletes a key; no error if it does not exist.
    pub(super) async fn delete(&self, key: &str) -> Step<()> {
        self.delete_range(Range::single(key)).await
    }

    /// Deletes every key with a prefix, in one revision.
    pub(super) async fn delete_prefix(&self, prefix: &str) -> Step<()> {
        self.delete_range(Range::prefix(prefix.as_bytes())).await
    }

    /// Revokes a lease; no error if it does not exist.
    pub(super) async fn revoke(&self, lease: i64) -> Step<()> {
        let caller = Self::caller();
        match self.call(self.etcd.lease_revoke(&caller, lease)).await {
            Err(Exit::Failed(failure)) if failure.code == Code::LeaseNotFound => Ok(()),
            other => other.map(drop),
        }
    }

    async fn delete_range(&self, range: Range) -> Step<()> {
        let delete = Delete { range, prev: false };
        self.call(self.etcd.delete(&Self::caller(), delete)).await?;
        Ok(())
    }
}

/// A plain put; lease 0 means none.
pub(super) fn put(key: &str, value: &str, lease: i64) -> Put {
    Put {
        key: key.into(),
        value: value.into(),
        lease,
        ..Put::default()
    }
}

/// The first key of a range by create revision.
pub(super) fn oldest() -> Get {
    Get {
        limit: 1,
        sort: Some((Sort::CreateRevision, Order::Asc)),
        ..Get::default()
    }
}
