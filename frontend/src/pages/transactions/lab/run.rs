//! A run of the lab: creates the accounts under a lease, lets the clients transfer, reads all balances now and then,
//! and revokes the lease.

use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::prelude::*;
use shared::{Bytes, Code, LeaseId, StmCommitRequest, StmRead, StmReadRequest};

use crate::api::leases::GrantedLease;
use crate::api::{self, ApiError, ErrorKind};
use crate::clock::now_ms;
use crate::model::bank::{self, Random, Settings, Step, Tally};
use crate::state::{Redraw, Scope};

/// TTL of the accounts' lease in seconds; they outlive a closed browser by no more.
const TTL: i64 = 60;

/// Interval of reading all balances.
const OBSERVE: Duration = Duration::from_millis(250);

/// Interval of renewing the lease, in milliseconds.
const RENEW: f64 = 15_000.0;

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Phase {
    /// Not started yet.
    #[default]
    Idle,
    Opening,
    Running,
    Cleaning,
    /// Ended; whether the accounts were deleted, and why it ended early.
    Ended {
        cleaned: bool,
        why: Option<Why>,
    },
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Why {
    /// A key of an account exists.
    Exists,
    /// Another client changed an account.
    Disturbed(Bytes),
    Failed(ApiError),
}

/// A run; a handle.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) phase: RwSignal<Phase>,
    pub(super) settings: RwSignal<Option<Settings>>,
    /// The last commit that was sent.
    pub(super) last: StoredValue<Option<StmCommitRequest>>,
    tally: StoredValue<Tally>,
    why: StoredValue<Option<Why>>,
    clients: StoredValue<usize>,
    stopped: StoredValue<bool>,
    redraw: Redraw,
    scope: Scope,
}

impl Run {
    pub(super) fn new() -> Self {
        Self {
            phase: RwSignal::new(Phase::Idle),
            settings: RwSignal::new(None),
            last: StoredValue::new(None),
            tally: StoredValue::new(Tally::default()),
            why: StoredValue::new(None),
            clients: StoredValue::new(0),
            stopped: StoredValue::new(false),
            redraw: Redraw::new(),
            scope: Scope::here(),
        }
    }

    /// Reads the tally; tracked.
    pub(super) fn read<T>(self, read: impl FnOnce(&Tally) -> T) -> Option<T> {
        self.redraw.track();
        self.tally.try_with_value(read)
    }

    /// Whether a run is under way; tracked.
    pub(super) fn is_busy(self) -> bool {
        self.phase
            .with(|phase| !matches!(phase, Phase::Idle | Phase::Ended { .. }))
    }

    /// Lets the clients finish what they are doing.
    pub(super) fn stop(self) {
        self.stopped.try_set_value(true);
    }

    /// Starts a run.
    pub(super) fn start(self, settings: Settings) {
        self.tally.set_value(Tally::new(&settings));
        self.why.set_value(None);
        self.last.set_value(None);
        self.stopped.set_value(false);
        self.settings.set(Some(settings.clone()));
        self.phase.set(Phase::Opening);
        self.redraw.now();
        self.scope.spawn(async move {
            let cleaned = self.drive(&settings).await;
            let why = self.why.try_get_value().flatten();
            self.phase.try_set(Phase::Ended { cleaned, why });
            self.redraw.now();
        });
    }

    /// The whole run. Returns whether no account is left. If the page is left, this is dropped, and with it the lease.
    async fn drive(self, settings: &Settings) -> bool {
        let lease = match GrantedLease::grant(TTL).await {
            Ok(lease) => lease,
            Err(error) => {
                self.end(Why::Failed(error));
                return true;
            }
        };
        let id = lease.id();
        match api::transactions::txn(&settings.open(id)).await {
            Ok(response) if response.result.succeeded => {}
            Ok(_) => self.end(Why::Exists),
            Err(error) => self.end(Why::Failed(error)),
        }
        if self.is_running() {
            self.phase.try_set(Phase::Running);
            self.clients.try_set_value(settings.clients);
            for client in 0..settings.clients {
                let settings = settings.clone();
                self.scope.spawn(async move {
                    self.client(client, &settings, id).await;
                    self.clients.try_update_value(|clients| *clients -= 1);
                });
            }
            self.observe_until_the_end(settings, id).await;
        }
        self.phase.try_set(Phase::Cleaning);
        // A lease that has expired took its keys along.
        let cleaned = match api::leases::revoke(id).await {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::NotFound,
        };
        if cleaned {
            lease.keep();
        }
        cleaned
    }

    async fn observe_until_the_end(self, settings: &Settings, lease: LeaseId) {
        let request = StmReadRequest {
            keys: settings.keys(),
            revision: None,
        };
        let mut renewed = now_ms();
        loop {
            // The last read is after the last commit.
            let last = self.clients.try_get_value().unwrap_or_default() == 0;
            match api::transactions::stm_read(&request).await {
                Ok(response) => {
                    let revision = response.header.revision;
                    self.tally
                        .try_update_value(|tally| tally.observe(revision, &response.reads));
                    self.redraw.schedule();
                }
                Err(error) => self.end(Why::Failed(error)),
            }
            if last {
                return;
            }
            // By the clock: the clients' requests may delay this loop's by seconds.
            if now_ms() - renewed > RENEW {
                renewed = now_ms();
                if let Err(error) = api::transactions::keep_alive(lease).await {
                    self.end(Why::Failed(error));
                }
            }
            sleep(OBSERVE).await;
        }
    }

    fn is_running(self) -> bool {
        self.stopped.try_get_value() == Some(false)
    }

    /// Ends the run; the first reason counts.
    fn end(self, why: Why) {
        self.why.try_update_value(|first| {
            if first.is_none() {
                *first = Some(why);
            }
        });
        self.stop();
    }

    async fn client(self, client: usize, settings: &Settings, lease: LeaseId) {
        let mut random = Random::new(seed());
        while self.is_running()
            && self.tally.try_update_value(|tally| tally.begin(settings)) == Some(true)
        {
            if let Err(why) = self.transfer(client, settings, lease, &mut random).await {
                self.end(why);
            }
        }
    }

    /// One transfer, tried again until it is committed.
    async fn transfer(
        self,
        client: usize,
        settings: &Settings,
        lease: LeaseId,
        random: &mut Random,
    ) -> Result<(), Why> {
        let (from, to) = random.two(settings.accounts);
        let mut known = None;
        while self.is_running() {
            let (revision, reads) = match known.take() {
                Some(known) => known,
                None => read_two(settings, from, to).await?,
            };
            let commit = match bank::transfer(settings, revision, &reads, lease, random) {
                Step::Commit(commit) => commit,
                Step::Nothing => {
                    self.tally.try_update_value(|tally| tally.skipped += 1);
                    return Ok(());
                }
                Step::Disturbed(key) => return Err(Why::Disturbed(key)),
            };
            let result = api::transactions::stm_commit(&commit).await;
            let committed = result.is_ok();
            match result {
                Ok(_) => {}
                Err(ApiError::Problem(problem)) if problem.code == Code::StmConflict => {
                    let reads = problem.reads.unwrap_or_default();
                    let reads = bank::reads_after_conflict(&commit, reads);
                    known = problem.revision.zip(reads);
                }
                Err(error) => return Err(Why::Failed(error)),
            }
            self.tally
                .try_update_value(|tally| tally.attempted(client, committed));
            self.last.try_set_value(Some(*commit));
            self.redraw.schedule();
            if committed {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Reads both accounts; the revision is that of the first read.
async fn read_two(settings: &Settings, from: usize, to: usize) -> Result<(i64, Vec<StmRead>), Why> {
    let mut first = None;
    let mut reads = Vec::with_capacity(2);
    for request in settings.reads(from, to) {
        let response = api::transactions::stm_read(&request).await;
        let response = response.map_err(Why::Failed)?;
        first.get_or_insert(response.header.revision);
        reads.extend(response.reads);
    }
    Ok((first.unwrap_or_default(), reads))
}

/// A seed from the browser's random numbers.
pub(super) fn seed() -> u64 {
    (js_sys::Math::random() * 9e15) as u64
}
