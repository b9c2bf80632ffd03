//! `/cron/`: jobs with their owners, a key that is created and deleted repeatedly, and a lease that is
//! kept alive in every other round.

use std::time::Duration;

use super::context::{Actor, Context, Step};
use super::session::Session;

/// Rewrites job1 every 30 s; job2 does not change.
#[derive(Debug)]
pub(super) struct Jobs;

impl Actor for Jobs {
    fn name(&self) -> String {
        "cron jobs".to_owned()
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        context.put("/cron/jobs/job1", "job1,ado").await?;
        context.create("/cron/jobs/job2", "job2,zhangsa", 0).await?;
        context.sleep(Duration::from_secs(30)).await
    }
}

/// Puts and deletes its key every second for 5 s, then pauses for 10 s.
#[derive(Debug)]
pub(super) struct Ado;

impl Actor for Ado {
    fn name(&self) -> String {
        "cron ado".to_owned()
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        let half = Duration::from_millis(500);
        for _ in 0..5 {
            context.put("/cron/jobs/ado", "watch ado").await?;
            context.sleep(half).await?;
            context.delete("/cron/jobs/ado").await?;
            context.sleep(half).await?;
        }
        context.sleep(Duration::from_secs(10)).await
    }
}

const LEASED: &str = "/cron/lock/job1";
/// Seconds.
const TTL: i64 = 10;

/// An empty key on a lease of 10 s: in odd rounds the lease expires, in even ones it is renewed for
/// 30 s and then revoked.
#[derive(Debug, Default)]
pub(super) struct Lease {
    rounds: u64,
}

impl Actor for Lease {
    fn name(&self) -> String {
        "cron lease".to_owned()
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        self.rounds += 1;
        let mut session = Session::open(context, TTL).await?;
        let lease = session.lease();
        context
            .call(
                context
                    .etcd
                    .put(&Context::caller(), super::context::put(LEASED, "", lease)),
            )
            .await?;
        if self.rounds.is_multiple_of(2) {
            session
                .during(context, context.sleep(Duration::from_secs(30)))
                .await?;
            session.close(context).await?;
        } else {
            // etcd deletes it up to a second late; a visitor may delete it early.
            while context
                .get(LEASED)
                .await?
                .is_some_and(|kv| kv.lease == lease)
            {
                context.sleep(Duration::from_millis(500)).await?;
            }
        }
        context.sleep(Duration::from_secs(3)).await
    }
}
