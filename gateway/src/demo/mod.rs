//! The demo keyspace: small programs like those that everybody starts etcd with, run for ever so that
//! the first look at the dashboard shows everything alive.
//!
//! Each actor is an ordinary etcd client with leases of its own: it knows nothing of the gateway, and
//! the gateway nothing of it. Actors put up with whatever a visitor does to their keys and leases,
//! with data of an earlier run, and with errors: they say so in the log and begin again. The data is
//! the demo's own; this never runs on somebody else's cluster.

mod bank;
mod cron;
mod crontab;
mod election;
mod mutex;
mod prefix;
mod queue;
mod random;
mod services;
mod session;
mod settings;
mod single_key;
mod stage;
mod sweep;

use std::time::Duration;

use self::mutex::Contender;
use self::services::Instance;
use self::single_key::{Candidate, Ending};
use self::stage::Troupe;
use crate::etcd::Etcd;
use crate::tasks::Tasks;

/// Fills the keyspace and keeps it moving until the tasks are told to stop.
pub fn start(etcd: &Etcd, tasks: &Tasks) {
    let troupe = Troupe::new(etcd.clone(), tasks.clone());
    tasks.spawn(async move {
        // What an earlier run left on leases would stand in the queues for up to a minute.
        let stage = troupe.stage();
        while let Err(exit) = sweep::leftovers(&stage).await {
            tracing::warn!(?exit, "the demo's old leases could not be revoked");
            if stage.rest(Duration::from_secs(1)).await.is_err() {
                return;
            }
        }
        enter(&troupe);
    });
}

fn enter(troupe: &Troupe) {
    let seconds = Duration::from_secs;

    troupe.play(crontab::Jobs);
    troupe.play(prefix::Keys);
    troupe.play(cron::Jobs);
    troupe.play(cron::Ado);
    troupe.play(cron::Lease::default());

    for holder in ["duzhenxun", "duzhenxun-b"] {
        let ending = Ending::Revoke;
        troupe.play(Candidate::new(
            "/cron/lock/ado",
            holder,
            seconds(10),
            ending,
        ));
    }
    for holder in ["node1", "node2", "node3"] {
        let ending = Ending::Vanish;
        troupe.play(Candidate::new("/dev/lock", holder, seconds(30), ending));
    }

    for holder in ["s1", "s2", "s3"] {
        troupe.play(Contender::new("/my-lock/", holder, seconds(5)..=seconds(5)));
    }
    for holder in ["api-7", "api-2", "node-1", "node-3"] {
        troupe.play(Contender::new(
            "deploy/prod",
            holder,
            seconds(40)..=seconds(90),
        ));
    }

    for name in ["e1", "e2"] {
        troupe.play(election::Candidate::new(name, 60));
    }
    troupe.play(election::Candidate::new("e3", 5).failing());

    troupe.play(bank::Bank);

    for host in [11, 12, 13] {
        troupe.play(Instance::new("checkout", host, 8080));
    }
    for host in [21, 22] {
        troupe.play(Instance::new("search", host, 9200));
    }

    troupe.play(settings::File::new("limits.json", settings::limits));
    troupe.play(settings::File::new(
        "feature-flags",
        settings::feature_flags,
    ));
    troupe.play(settings::File::new("routes.yaml", settings::routes));
}
