//! The demo keyspace: small programs like typical first uses of etcd, running continuously so that
//! every page of the dashboard shows live data.
//!
//! Each actor is an ordinary etcd client with its own leases, independent of the gateway. Actors
//! tolerate any change that a visitor makes to their keys and leases, data of an earlier run, and
//! errors: they log them and start again. The data is the demo's own: the demo never runs on an
//! external cluster.

mod bank;
mod context;
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
mod sweep;

use std::time::Duration;

use self::context::Actors;
use self::mutex::Contender;
use self::services::Instance;
use self::single_key::{Candidate, Ending};
use crate::etcd::Etcd;
use crate::tasks::Tasks;

/// Fills the keyspace and keeps changing it until the tasks are stopped.
pub fn start(etcd: &Etcd, tasks: &Tasks) {
    let actors = Actors::new(etcd.clone(), tasks.clone());
    tasks.spawn(async move {
        // Leased keys of an earlier run would stay in the queues for up to a minute.
        let context = actors.context();
        while let Err(exit) = sweep::leftovers(&context).await {
            tracing::warn!(?exit, "the demo's old leases could not be revoked");
            if context.sleep(Duration::from_secs(1)).await.is_err() {
                return;
            }
        }
        spawn_all(&actors);
    });
}

fn spawn_all(actors: &Actors) {
    let seconds = Duration::from_secs;

    actors.spawn(crontab::Jobs);
    actors.spawn(prefix::Keys);
    actors.spawn(cron::Jobs);
    actors.spawn(cron::Ado);
    actors.spawn(cron::Lease::default());

    for holder in ["duzhenxun", "duzhenxun-b"] {
        let ending = Ending::Revoke;
        actors.spawn(Candidate::new(
            "/cron/lock/ado",
            holder,
            seconds(10),
            ending,
        ));
    }
    for holder in ["node1", "node2", "node3"] {
        let ending = Ending::Vanish;
        actors.spawn(Candidate::new("/dev/lock", holder, seconds(30), ending));
    }

    for holder in ["s1", "s2", "s3"] {
        actors.spawn(Contender::new("/my-lock/", holder, seconds(5)..=seconds(5)));
    }
    for holder in ["api-7", "api-2", "node-1", "node-3"] {
        actors.spawn(Contender::new(
            "deploy/prod",
            holder,
            seconds(40)..=seconds(90),
        ));
    }

    for name in ["e1", "e2"] {
        actors.spawn(election::Candidate::new(name, 60));
    }
    actors.spawn(election::Candidate::new("e3", 5).failing());

    actors.spawn(bank::Bank);

    for host in [11, 12, 13] {
        actors.spawn(Instance::new("checkout", host, 8080));
    }
    for host in [21, 22] {
        actors.spawn(Instance::new("search", host, 9200));
    }

    actors.spawn(settings::File::new("limits.json", settings::limits));
    actors.spawn(settings::File::new(
        "feature-flags",
        settings::feature_flags,
    ));
    actors.spawn(settings::File::new("routes.yaml", settings::routes));
}
