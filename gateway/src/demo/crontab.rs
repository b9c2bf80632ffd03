//! `/crontab/jobs/`: one job that is rewritten and deleted, and one that does not change.

use std::time::Duration;

use super::context::{Actor, Context, Step};

const MOVING: &str = "/crontab/jobs/job1";
const STAYING: &str = "/crontab/jobs/job2";

/// Puts job1 three times, deletes it, and repeats.
#[derive(Debug)]
pub(super) struct Jobs;

impl Actor for Jobs {
    fn name(&self) -> String {
        "crontab".to_owned()
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        // Only if it is missing: a visitor may have changed its value.
        context.create(STAYING, "job2", 0).await?;
        for value in ["job1", "job11", "job11111"] {
            context.put(MOVING, value).await?;
            context.sleep(Duration::from_secs(2)).await?;
        }
        context.delete(MOVING).await?;
        context.sleep(Duration::from_secs(1)).await
    }
}
