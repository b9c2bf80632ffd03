//! One queue, or one single-key lock, read as it is now.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt as _, stream};
use shared::{Candidate, Code, Entry, Header, LeaseId, Lock, LockKind, LockResponse};

use super::Inner;
use super::names::{lease_in_name, queue_of, queue_prefix, rw_of};
use super::shape::{self, LeaseTime, LeasedKey};
use crate::etcd::{Etcd, Get, KeyValue, Op, OpResponse, Range, Txn};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Keys below a queue's prefix that one call lists.
const PAGE: i64 = 10_000;
/// The limit on keys read that are named like claims: the oldest, since the others wait for them.
/// Ordinary keys may have such names too, and there may be a million of them.
const DIRECT: usize = 1_000;
/// The limit on nested keys shown: the oldest, since they block.
const NESTED: usize = 100;
/// Keys read in one transaction, etcd's own limit.
const BATCH: usize = 128;
/// The limit on claims whose TTL is requested: the first of the queue.
const TIMED: usize = 100;
/// Concurrent requests about leases.
const CONCURRENCY: usize = 16;

/// The keys of a lock's name, at one revision.
#[derive(Debug)]
pub(in crate::service) struct Queue {
    pub(in crate::service) header: Header,
    pub(super) direct: Vec<LeasedKey>,
    /// Keys of a readers-writer lock of that name, each with whether it is a writer's.
    pub(super) rw: Vec<(LeasedKey, bool)>,
    pub(super) nested: Vec<LeasedKey>,
    /// The oldest key without a lease among the nested ones read, with its create revision: it blocks like
    /// any other.
    pub(super) ordinary: Option<(i64, Vec<u8>)>,
    /// The key that has exactly that name, if it has a lease.
    pub(super) single: Option<LeasedKey>,
}

/// Reads keys with their values and leases, now or at a revision.
pub(in crate::service) async fn read_keys(
    etcd: &Etcd,
    caller: &Caller,
    keys: &[Vec<u8>],
    revision: i64,
) -> Result<(Option<Header>, Vec<KeyValue>)> {
    let (mut header, mut found) = (None, Vec::new());
    for batch in keys.chunks(BATCH) {
        let get = |key: &Vec<u8>| Op::Get(Range::single(key.clone()), Get::default().at(revision));
        let txn = Txn {
            then: batch.iter().map(get).collect(),
            ..Txn::default()
        };
        let response = etcd.txn(caller, txn).await?;
        header = Some(response.header);
        found.extend(
            response
                .responses
                .into_iter()
                .filter_map(OpResponse::into_entry),
        );
    }
    Ok((header, found))
}

/// Reads the keys of a lock's name. Nested keys count only if they are older than `until` or, without it,
/// older than the last claim of the queue itself.
pub(in crate::service) async fn read(
    inner: &Inner,
    caller: &Caller,
    name: &[u8],
    until: Option<i64>,
) -> Result<Queue> {
    let etcd = &inner.etcd;
    let range = Range::prefix(&queue_prefix(name));
    let first = Txn {
        // Without values: keys below a name may be large, and need not be locks.
        then: vec![
            Op::Get(range.clone(), Get::keys_only().limit(PAGE)),
            Op::peek(name),
        ],
        ..Txn::default()
    };
    let response = etcd.txn(caller, first).await?;
    let header = response.header;
    let mut responses = response.responses.into_iter();
    let (mut kvs, mut more) = match responses.next() {
        Some(OpResponse::Get(kvs, _, more)) => (kvs, more),
        _ => (Vec::new(), false),
    };
    let single = responses.next().and_then(OpResponse::into_entry);
    let mut direct = Oldest::new(DIRECT);
    let mut nested = Oldest::new(NESTED);
    loop {
        let last = kvs.last().map(|kv| [&kv.key[..], &[0]].concat());
        for kv in kvs {
            let of_rw = rw_of(&kv.key).is_some_and(|rw| rw.name == name);
            if of_rw || lease_in_name(name, &kv.key).is_some() {
                direct.add(kv);
            } else if until.is_none_or(|until| kv.create_revision < until) {
                nested.add(kv);
            }
        }
        let Some(from) = last.filter(|_| more) else {
            break;
        };
        let rest = Range::between(from, range.upper_bound().map(<[u8]>::to_vec));
        let get = Get::keys_only().limit(PAGE).at(header.revision);
        let page = etcd.range(caller, &rest, &get).await?;
        (kvs, more) = (page.kvs, page.more);
    }
    let (direct, mut nested) = (direct.keys, nested.keys);
    let until = until.or_else(|| direct.last().map(|(created, _)| *created));
    nested.retain(|(created, _)| until.is_some_and(|until| *created < until));
    let claims = direct.into_iter().chain(nested).map(|(_, key)| key);
    let keys: Vec<_> = single.into_iter().map(|kv| kv.key).chain(claims).collect();
    let (_, found) = read_keys(etcd, caller, &keys, header.revision).await?;
    let mut queue = Queue {
        header,
        direct: Vec::new(),
        rw: Vec::new(),
        nested: Vec::new(),
        ordinary: None,
        single: None,
    };
    let ordinary = found.iter().filter(|kv| kv.lease == 0 && kv.key != name);
    let ordinary = ordinary.min_by_key(|kv| kv.create_revision);
    queue.ordinary = ordinary.map(|kv| (kv.create_revision, kv.key.clone()));
    for kv in found.into_iter().filter(|kv| kv.lease != 0) {
        let leased = leased(inner, caller, kv);
        if leased.key == name {
            queue.single = Some(leased);
        } else if queue_of(&leased.key, leased.lease) == Some(name) {
            queue.direct.push(leased);
        } else if let Some(rw) = rw_of(&leased.key).filter(|rw| rw.name == name) {
            let writes = rw.writes;
            queue.rw.push((leased, writes));
        } else {
            queue.nested.push(leased);
        }
    }
    Ok(queue)
}

/// The oldest of the added keys, up to a limit.
struct Oldest {
    most: usize,
    /// With their create revisions.
    keys: BTreeSet<(i64, Vec<u8>)>,
}

impl Oldest {
    fn new(most: usize) -> Self {
        let keys = BTreeSet::new();
        Self { most, keys }
    }

    fn add(&mut self, kv: KeyValue) {
        self.keys.insert((kv.create_revision, kv.key));
        if self.keys.len() > self.most {
            self.keys.pop_last();
        }
    }
}

fn leased(inner: &Inner, caller: &Caller, kv: KeyValue) -> LeasedKey {
    LeasedKey {
        first_seen: inner.seen.at(&caller.identity, &kv.key, kv.create_revision),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
        value: Some(kv.value),
        key: kv.key,
    }
}

impl Queue {
    /// Every key, as it is stored.
    pub(in crate::service) fn into_entries(self) -> Vec<Entry> {
        let leased = self
            .direct
            .into_iter()
            .chain(self.rw.into_iter().map(|(leased, _)| leased))
            .chain(self.nested)
            .chain(self.single);
        leased
            .map(|leased| Entry {
                key: leased.key.into(),
                value: leased.value.map(Into::into),
                create_revision: leased.create_revision,
                mod_revision: leased.mod_revision,
                version: leased.version,
                lease: LeaseId::from_raw(leased.lease),
            })
            .collect()
    }

    /// Whether the queue has a claim, or the key of that name is a lock.
    pub(super) fn exists(&self, inner: &Inner) -> bool {
        !self.direct.is_empty() || !self.rw.is_empty() || self.single(inner).is_some()
    }

    /// Keys that block the queue without being its claims.
    fn nested(&self) -> Vec<&LeasedKey> {
        let rw = self.rw.iter().map(|(leased, _)| leased);
        self.nested.iter().chain(rw).collect()
    }

    /// The key of that name if it is a lock, and whether that is certain.
    pub(super) fn single(&self, inner: &Inner) -> Option<(&LeasedKey, bool)> {
        let leased = self.single.as_ref()?;
        let value = leased.value.as_deref().unwrap_or_default();
        Some((leased, inner.single_key_rules.single(&leased.key, value)?))
    }

    async fn times(&self, inner: &Inner, caller: &Caller) -> HashMap<i64, LeaseTime> {
        let mut order: Vec<&LeasedKey> = self.nested();
        order.extend(&self.direct);
        if order.is_empty() {
            order.extend(&self.single);
        }
        order.sort_by_key(|leased| leased.create_revision);
        let leases: BTreeSet<i64> = order
            .iter()
            .take(TIMED)
            .map(|leased| leased.lease)
            .collect();
        stream::iter(leases)
            .map(|lease| async move {
                let response = inner
                    .etcd
                    .lease_time_to_live(caller, lease, false)
                    .await
                    .ok()?;
                let (ttl, granted) = (response.ttl, response.granted_ttl);
                (ttl >= 0).then_some((lease, LeaseTime { ttl, granted }))
            })
            .buffer_unordered(CONCURRENCY)
            .filter_map(std::future::ready)
            .collect()
            .await
    }

    /// The lock, with the keys that block it.
    pub(super) async fn lock(&self, inner: &Inner, caller: &Caller, name: &[u8]) -> Option<Lock> {
        if !self.exists(inner) {
            return None;
        }
        let times = self.times(inner, caller).await;
        let time = |lease: i64| times.get(&lease).copied();
        let direct: Vec<&LeasedKey> = self.direct.iter().collect();
        if !direct.is_empty() {
            return shape::queue(name, &direct, &self.nested(), time);
        }
        let rw: Vec<_> = self
            .rw
            .iter()
            .map(|(leased, writes)| (leased, *writes))
            .collect();
        let nested: Vec<&LeasedKey> = self.nested.iter().collect();
        shape::rwmutex(name, &rw, &nested, time).or_else(|| {
            let (leased, certain) = self.single(inner)?;
            Some(shape::single(leased, certain, time(leased.lease)))
        })
    }

    /// The candidates of an election: the leader, and the others in order. There is no leader while an older
    /// key that does not belong to a candidate blocks the queue.
    pub(in crate::service) async fn candidates(
        mut self,
        inner: &Inner,
        caller: &Caller,
    ) -> (Option<Candidate>, Vec<Candidate>) {
        let times = self.times(inner, caller).await;
        self.direct.sort_by_key(|leased| leased.create_revision);
        let first = self.direct.first().map(|leased| leased.create_revision);
        let nested = self.nested();
        let blocking = nested.iter().map(|leased| leased.create_revision);
        let blocking = blocking.chain(self.ordinary.iter().map(|(created, _)| *created));
        let blocked = blocking
            .min()
            .is_some_and(|oldest| first.is_some_and(|first| oldest < first));
        let mut candidates = self.direct.into_iter().map(|leased| Candidate {
            ttl: times.get(&leased.lease).map(|time| time.ttl),
            key: leased.key.into(),
            value: leased.value.unwrap_or_default().into(),
            lease: LeaseId(leased.lease),
            revision: leased.create_revision,
        });
        let leader = if blocked { None } else { candidates.next() };
        (leader, candidates.collect())
    }

    /// The part of the queue that blocks a claim created at the revision `until`.
    pub(super) async fn before(
        &self,
        inner: &Inner,
        caller: &Caller,
        name: &[u8],
        until: i64,
    ) -> Lock {
        let times = self.times(inner, caller).await;
        let direct: Vec<&LeasedKey> = self.direct.iter().collect();
        let nested = self.nested();
        if direct.is_empty() {
            let older = self
                .rw
                .iter()
                .filter(|(leased, _)| leased.create_revision < until);
            let rw: Vec<_> = older.map(|(leased, writes)| (leased, *writes)).collect();
            let others: Vec<&LeasedKey> = self.nested.iter().collect();
            let time = |lease: i64| times.get(&lease).copied();
            if let Some(lock) = shape::rwmutex(name, &rw, &others, time) {
                return lock;
            }
        }
        if direct.is_empty() && nested.is_empty() {
            return shape::unheld(name, LockKind::Mutex, true);
        }
        shape::queue_until(name, &direct, &nested, until, |lease| {
            times.get(&lease).copied()
        })
    }
}

/// See [`super::LockService::get`].
pub(super) async fn get(inner: &Inner, caller: &Caller, name: &[u8]) -> Result<LockResponse> {
    let queue = read(inner, caller, name, None).await?;
    let header = queue.header;
    match queue.lock(inner, caller, name).await {
        Some(mut lock) => {
            inner.set_held_since(&caller.identity, &mut lock, true);
            Ok(LockResponse { header, lock })
        }
        None => Err(lock_not_found(name, header.revision)),
    }
}

/// The lock has neither a holder nor a waiter.
pub(super) fn lock_not_found(name: &[u8], revision: i64) -> Failure {
    let detail = format!(
        "no such lock `{}`: it has no holder and no waiters",
        String::from_utf8_lossy(name)
    );
    Failure::new(Code::LockNotFound, detail)
        .hint("a name is never trimmed: `a` and `a/` are two locks")
        .with(|facts| facts.store_revision = Some(revision))
}
