//! The queue of etcd's mutex and election, with the key layout of its Go client's recipes: each
//! contender has the key `<name>/<lease in hex>`, and the oldest key holds the lock.

use shared::Event;

use super::context::{Context, Exit, Step, oldest, put};
use super::session::Session;
use crate::etcd::{Compare, Get, KeyValue, Op, OpResponse, Order, Range, Sort, Txn};
use crate::etcd::{Update, WatchOptions};
use crate::identity::{Caller, Identity};

/// The keys of a lock or an election.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    name: &'static str,
}

impl Queue {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The key of a session.
    pub(super) fn key(&self, session: &Session) -> String {
        format!("{}/{}", self.name, session.hex())
    }

    fn keys(&self) -> Range {
        Range::prefix(format!("{}/", self.name).as_bytes())
    }

    /// Creates the key if it does not exist; returns its create revision.
    pub(super) async fn enter(
        &self,
        context: &Context,
        key: &str,
        value: &str,
        lease: i64,
    ) -> Step<i64> {
        let owner = || Op::Get(self.keys(), oldest());
        let txn = Txn {
            compare: vec![Compare::created_at(key.as_bytes(), 0)],
            then: vec![Op::Put(put(key, value, lease)), owner()],
            or_else: vec![Op::get(key.as_bytes()), owner()],
        };
        let response = context
            .call(context.etcd.txn(&Context::caller(), txn))
            .await?;
        if response.succeeded {
            return Ok(response.header.revision);
        }
        let own = response
            .responses
            .into_iter()
            .next()
            .and_then(OpResponse::into_entry);
        // The key exists from an earlier attempt with the same lease, and keeps its place.
        own.map(|kv| kv.create_revision).ok_or(Exit::LeaseLost)
    }

    /// Waits until no older key is left; returns the revision of the read that still found our key.
    /// `None` if a visitor has deleted it meanwhile: then the place is lost.
    pub(super) async fn wait(
        &self,
        context: &Context,
        key: &str,
        created: i64,
    ) -> Step<Option<i64>> {
        while let Some((before, revision)) = self.before(context, created).await? {
            deleted(context, &before.key, revision).await?;
        }
        let range = Range::single(key);
        let get = Get::keys_only();
        let own = context
            .call(context.etcd.range(&Context::caller(), &range, &get))
            .await?;
        let still = own.kvs.first().map(|kv| kv.create_revision) == Some(created);
        Ok(still.then_some(own.header.revision))
    }

    /// The next older key, with the revision of the read.
    async fn before(&self, context: &Context, created: i64) -> Step<Option<(KeyValue, i64)>> {
        let get = Get {
            limit: 1,
            sort: Some((Sort::CreateRevision, Order::Desc)),
            max_create_revision: created - 1,
            ..Get::default()
        };
        let keys = self.keys();
        let response = context
            .call(context.etcd.range(&Context::caller(), &keys, &get))
            .await?;
        let revision = response.header.revision;
        Ok(response.kvs.into_iter().next().map(|kv| (kv, revision)))
    }
}

/// Waits until the key is deleted at `revision` or later.
pub(super) async fn deleted(context: &Context, key: &[u8], revision: i64) -> Step<()> {
    let caller = Caller::new(Identity::Gateway, None);
    let options = WatchOptions {
        start_revision: revision,
        ..WatchOptions::default()
    };
    let range = Range::single(key);
    let mut watch = context
        .call(context.etcd.watch(&caller, &range, options))
        .await?;
    loop {
        match context.call(watch.next()).await? {
            Update::Batch { events, .. } => {
                if events
                    .iter()
                    .any(|event| matches!(event, Event::Delete { .. }))
                {
                    return Ok(());
                }
            }
            // The revision is compacted: the caller reads again.
            Update::Compacted(_) => return Ok(()),
            Update::Cancelled(failure) => return Err(Exit::Failed(failure)),
            Update::Created(_) | Update::Progress(_) => {}
        }
    }
}
