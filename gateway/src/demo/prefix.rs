//! `/prefix/keys/`: one key that is put and deleted with a new value each time, until the prefix is
//! deleted.

use std::time::Duration;

use super::context::{Actor, Context, Step};

const PREFIX: &str = "/prefix/keys/";

/// Puts and deletes k1 every second, v1 to v11; then deletes the prefix.
#[derive(Debug)]
pub(super) struct Keys;

impl Actor for Keys {
    fn name(&self) -> String {
        "prefix".to_owned()
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        let half = Duration::from_millis(500);
        let k1 = format!("{PREFIX}k1");
        for other in ["k2", "k3"] {
            context.put(&format!("{PREFIX}{other}"), "v2").await?;
        }
        for n in 1..=11 {
            // Before the put, so that v11 exists for the prefix delete.
            context.delete(&k1).await?;
            context.sleep(half).await?;
            context.put(&k1, &format!("v{n}")).await?;
            context.sleep(half).await?;
        }
        context.delete_prefix(PREFIX).await?;
        context.sleep(half * 4).await
    }
}
