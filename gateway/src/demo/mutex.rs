//! etcd's own mutex, key by key as the recipe of its Go client lays it out: each contender has the
//! key `<name>/<lease in hex>`, and the one created first holds the lock. The value names the holder,
//! which the recipe leaves empty.

use std::ops::RangeInclusive;
use std::time::Duration;

use shared::Event;

use super::session::Session;
use super::stage::{Actor, Exit, Stage, Step, oldest, put};
use crate::caller::{Caller, Identity};
use crate::etcd::{Compare, Get, KeyValue, Op, OpAnswer, Order, Range, Sort, Txn};
use crate::etcd::{Update, WatchOptions};

/// Seconds; the default of Go's sessions.
const TTL: i64 = 60;

/// One of those who want the lock, for ever: it queues again as soon as it has released.
#[derive(Debug)]
pub(super) struct Contender {
    name: &'static str,
    holder: &'static str,
    holds: RangeInclusive<Duration>,
    session: Option<Session>,
}

impl Contender {
    pub(super) fn new(
        name: &'static str,
        holder: &'static str,
        holds: RangeInclusive<Duration>,
    ) -> Self {
        Self {
            name,
            holder,
            holds,
            session: None,
        }
    }

    fn prefix(&self) -> Range {
        Range::prefix(format!("{}/", self.name).as_bytes())
    }

    /// Gets the lock, holds it, releases it.
    async fn once(&self, stage: &Stage, holds: Duration, key: &str, lease: i64) -> Step<()> {
        let created = self.enqueue(stage, key, lease).await?;
        while let Some((before, revision)) = self.before(stage, created).await? {
            deleted(stage, &before.key, revision).await?;
        }
        // A visitor may have taken the key away while it waited, or may do so now: then this is no
        // longer the holder, and queues again.
        let range = Range::one(key);
        let get = Get::keys_only();
        let own = stage
            .ask(stage.etcd.range(&Stage::caller(), &range, &get))
            .await?;
        if own
            .kvs
            .first()
            .is_none_or(|kv| kv.create_revision != created)
        {
            return Ok(());
        }
        tokio::select! {
            held = stage.rest(holds) => held?,
            taken = deleted(stage, key.as_bytes(), own.header.revision + 1) => return taken,
        }
        stage.delete(key).await
    }

    /// Puts the key where it is not there yet; its create revision.
    async fn enqueue(&self, stage: &Stage, key: &str, lease: i64) -> Step<i64> {
        let value = format!(r#"{{"holder":"{}"}}"#, self.holder);
        let owner = || Op::Get(self.prefix(), oldest());
        let txn = Txn {
            compare: vec![Compare::created_at(key.as_bytes(), 0)],
            then: vec![Op::Put(put(key, &value, lease)), owner()],
            or_else: vec![Op::get(key.as_bytes()), owner()],
        };
        let answer = stage.ask(stage.etcd.txn(&Stage::caller(), txn)).await?;
        if answer.succeeded {
            return Ok(answer.header.revision);
        }
        let own = answer
            .responses
            .into_iter()
            .next()
            .and_then(OpAnswer::into_entry);
        // It was there: that of an earlier attempt with the same lease, whose place is kept.
        own.map(|kv| kv.create_revision).ok_or(Exit::LeaseLost)
    }

    /// The next one ahead in the queue, with the revision of this look.
    async fn before(&self, stage: &Stage, created: i64) -> Step<Option<(KeyValue, i64)>> {
        let get = Get {
            limit: 1,
            sort: Some((Sort::CreateRevision, Order::Desc)),
            max_create_revision: created - 1,
            ..Get::default()
        };
        let prefix = self.prefix();
        let answer = stage
            .ask(stage.etcd.range(&Stage::caller(), &prefix, &get))
            .await?;
        let revision = answer.header.revision;
        Ok(answer.kvs.into_iter().next().map(|kv| (kv, revision)))
    }
}

/// Waits until the key is deleted at `revision` or later.
async fn deleted(stage: &Stage, key: &[u8], revision: i64) -> Step<()> {
    let caller = Caller::new(Identity::Gateway, None);
    let options = WatchOptions {
        start_revision: revision,
        ..WatchOptions::default()
    };
    let range = Range::one(key);
    let mut watch = stage
        .ask(stage.etcd.watch(&caller, &range, options))
        .await?;
    loop {
        match stage.ask(watch.next()).await? {
            Update::Batch { events, .. } => {
                if events
                    .iter()
                    .any(|event| matches!(event, Event::Delete { .. }))
                {
                    return Ok(());
                }
            }
            // Too long ago: the caller looks again.
            Update::Compacted(_) => return Ok(()),
            Update::Cancelled(failure) => return Err(Exit::Failed(failure)),
            Update::Created(_) | Update::Progress(_) => {}
        }
    }
}

impl Actor for Contender {
    fn name(&self) -> String {
        format!("{} {}", self.name, self.holder)
    }

    async fn round(&mut self, stage: &mut Stage) -> Step<()> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(stage, TTL).await?,
        };
        let key = format!("{}/{}", self.name, session.hex());
        let holds = stage.random.time(self.holds.clone());
        let lease = session.lease();
        let work = self.once(stage, holds, &key, lease);
        match session.during(stage, work).await {
            Ok(()) => self.session = Some(session),
            Err(Exit::Failed(failure)) => {
                // Whatever it left in the queue goes with the lease.
                session.close(stage).await?;
                return Err(Exit::Failed(failure));
            }
            Err(exit) => return Err(exit),
        }
        Ok(())
    }
}
