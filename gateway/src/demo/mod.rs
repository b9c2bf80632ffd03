//! The demo keyspace: small programs like typical first uses of etcd, running continuously so that
//! every page of the dashboard shows live data.
//!
//! Each actor is an ordinary etcd client with its own leases, independent of the gateway. Actors
//! tolerate any change that a visitor makes to their keys and leases, data of an earlier run, and
//! errors: they log them and start again. The data is the demo's own; it never runs on an external
//! cluster.

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

/// Fills the keyspace and keeps changing it until the tasks are stopped.
pub fn start(etcd: &Etcd, tasks: &Tasks) {
    let troupe = Troupe::new(etcd.clone(), tasks.clone());
    tasks.spawn(async move {
        // Leased keys of an earlier run would stay in the queues for up to a minute.
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
