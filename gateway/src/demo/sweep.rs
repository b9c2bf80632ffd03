//! Cleans up leased keys of an earlier run.

use super::context::{Context, Step};

/// The prefixes below which every leased key is an actor's.
const PREFIXES: [&[u8]; 6] = [
    b"/cron/lock/",
    b"/my-lock/",
    b"/my-election/",
    b"deploy/prod/",
    b"/dev/lock",
    b"/services/",
];

/// Revokes the leases of an earlier run's actors. etcd renews every lease when it starts, so without
/// this a lock held at the end of a run would stay held for its whole TTL.
pub(super) async fn leftovers(context: &Context) -> Step<()> {
    let caller = Context::caller();
    let (_, leases) = context.call(context.etcd.leases(&caller)).await?;
    for lease in leases {
        let caller = Context::caller();
        let about = context
            .call(context.etcd.lease_time_to_live(&caller, lease, true))
            .await?;
        let is_demo_key = |key: &Vec<u8>| PREFIXES.iter().any(|prefix| key.starts_with(prefix));
        if about.keys.iter().any(is_demo_key) {
            context.revoke(lease).await?;
        }
    }
    Ok(())
}
