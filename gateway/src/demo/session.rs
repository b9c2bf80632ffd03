//! A lease that an actor keeps alive while it works or waits, like etcd's sessions.

use std::pin::pin;
use std::time::Duration;

use shared::LeaseId;
use tokio::time::{Instant, sleep_until};

use super::context::{Context, Exit, Step};

/// A granted lease.
#[derive(Debug)]
pub(super) struct Session {
    id: i64,
    /// The renewal interval: a third of the TTL, as in the Go client.
    every: Duration,
    next: Instant,
}

impl Session {
    /// Grants a lease of `ttl` seconds.
    pub(super) async fn open(context: &Context, ttl: i64) -> Step<Self> {
        let caller = Context::caller();
        let (_, id, granted) = context
            .call(context.etcd.lease_grant(&caller, ttl, 0))
            .await?;
        let every = Duration::from_secs(granted.max(1).unsigned_abs()) / 3;
        Ok(Self {
            id,
            every,
            next: Instant::now() + every,
        })
    }

    /// The lease.
    pub(super) fn lease(&self) -> i64 {
        self.id
    }

    /// The lease id as it ends a lock's key.
    pub(super) fn hex(&self) -> String {
        LeaseId(self.id).to_string()
    }

    /// Runs `work` while keeping the lease alive; the work is dropped when the lease is lost.
    pub(super) async fn during<T>(
        &mut self,
        context: &Context,
        work: impl Future<Output = Step<T>>,
    ) -> Step<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = work.as_mut() => return done,
                () = sleep_until(self.next) => self.renew(context).await?,
            }
        }
    }

    async fn renew(&mut self, context: &Context) -> Step<()> {
        let caller = Context::caller();
        let ttl = context
            .call(context.etcd.lease_keep_alive(&caller, self.id))
            .await?;
        self.next = Instant::now() + self.every;
        if ttl > 0 {
            Ok(())
        } else {
            Err(Exit::LeaseLost)
        }
    }

    /// Revokes the lease, which deletes its keys. No error if it has ended already.
    pub(super) async fn close(self, context: &Context) -> Step<()> {
        context.revoke(self.id).await
    }
}
