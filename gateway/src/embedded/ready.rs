//! Readiness of the private etcd: it serves, and is the one that this gateway started.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use shared::Code;
use tokio::time::{Instant, sleep, sleep_until};

use super::Options;
use super::error::Ended;
use super::launch::{Launch, Process};
use crate::etcd::{Etcd, Settings};
use crate::identity::Caller;

/// Interval between readiness checks.
const POLL: Duration = Duration::from_millis(25);
/// Timeout of one check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Why it is not ready.
pub(super) enum Unready {
    /// A process ended.
    Ended(Ended),
    /// The time limit has passed; what was still missing.
    TimedOut(String),
}

/// Waits until every member knows a leader and lists all members by their new names.
pub(super) async fn ready(
    options: &Options,
    launches: &[Launch],
    processes: &mut [Process],
    deadline: Instant,
) -> Result<(), Unready> {
    let names: Vec<&str> = launches
        .iter()
        .filter_map(|launch| launch.name.as_deref())
        .collect();
    let why = Mutex::new(String::new());
    let serving = launches
        .iter()
        .map(|launch| serves(options, launch, &names, &why));
    let ended = processes
        .iter_mut()
        .map(|process| Box::pin(process.ended()));
    tokio::select! {
        _ = join_all(serving) => Ok(()),
        (ended, ..) = select_all(ended) => Err(Unready::Ended(ended)),
        () = sleep_until(deadline) => {
            Err(Unready::TimedOut(why.lock().unwrap_or_else(PoisonError::into_inner).clone()))
        }
    }
}

async fn serves(options: &Options, launch: &Launch, names: &[&str], why: &Mutex<String>) {
    let settings = Settings {
        endpoints: vec![launch.client.clone()],
        dial_timeout: CHECK_TIMEOUT,
        ..options.settings.clone()
    };
    loop {
        // A new connection each time: a file that the connection needs may be missing.
        let missing = match Etcd::new(settings.clone()).await {
            Ok(etcd) => check(&etcd, names).await,
            Err(error) => Err(error.to_string()),
        };
        match missing {
            Ok(()) => return,
            Err(missing) => {
                let missing = format!("{}: {missing}", launch.client);
                *why.lock().unwrap_or_else(PoisonError::into_inner) = missing;
            }
        }
        sleep(POLL).await;
    }
}

/// Checks once; returns what is missing.
async fn check(etcd: &Etcd, names: &[&str]) -> Result<(), String> {
    let caller = Caller::gateway(CHECK_TIMEOUT);
    match etcd.status(&caller).await {
        Ok(status) if status.leader == 0 => return Err("no leader is known yet".to_owned()),
        Ok(_) => {}
        // With a configuration file auth may be on, without an account for the gateway: etcd is ready
        // nevertheless.
        Err(failure)
            if names.is_empty()
                && matches!(failure.code, Code::Unauthenticated | Code::Forbidden) => {}
        Err(failure) => return Err(failure.chain()),
    }
    if names.is_empty() {
        return Ok(());
    }
    // A member publishes its name once it has a leader, so it serves writes as well.
    let (_, members) = etcd
        .members(&caller)
        .await
        .map_err(|failure| failure.chain())?;
    match names
        .iter()
        .find(|name| !members.iter().any(|member| member.name == **name))
    {
        None => Ok(()),
        Some(name) => Err(format!("{name} has not joined yet")),
    }
}
