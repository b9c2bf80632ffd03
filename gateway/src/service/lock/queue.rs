//! One queue, or one key that is a lock by itself, read as it is now.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt as _, stream};
use shared::{Candidate, Code, Entry, Header, LeaseId, Lock, LockAnswer, LockKind};

use super::Inner;
use super::names::{lease_named, queue_of, queue_prefix, rw_of};
use super::shape::{self, Held, LeaseTime};
use crate::caller::Caller;
use crate::etcd::{Etcd, Get, KeyValue, Op, OpAnswer, Range, Txn};
use crate::failure::{Failure, Result};

/// Keys of a queue's prefix looked at in one call.
const PAGE: i64 = 10_000;
/// Keys named as claims that are read: the oldest, since the others wait behind them. Ordinary keys may
/// be named so too, and there may be a million of them.
const DIRECT: usize = 1_000;
/// Nested keys that are shown: the oldest, since they block.
const NESTED: usize = 100;
/// Keys read in one transaction, etcd's own limit.
const BATCH: usize = 128;
/// Claims whose time to live is asked for: the first of the queue.
const TIMED: usize = 100;
/// Leases asked about at the same time.
const CONCURRENCY: usize = 16;

/// What stands under a name, at one revision.
#[derive(Debug)]
pub(in crate::service) struct Queue {
    pub(in crate::service) header: Header,
    pub(super) direct: Vec<Held>,
    /// Keys of a readers-writer lock of that name, with whether each asks to write.
    pub(super) rw: Vec<(Held, bool)>,
    pub(super) nested: Vec<Held>,
    /// The oldest key without a lease among the nested ones looked at, with its create revision: it
    /// blocks like any other.
    pub(super) ordinary: Option<(i64, Vec<u8>)>,
    /// The key of that very name, where it has a lease.
    pub(super) single: Option<Held>,
}

/// Keys with their values and leases, as they are now or were at a revision.
pub(in crate::service) async fn read_keys(
    etcd: &Etcd,
    caller: &Caller,
    keys: &[Vec<u8>],
    revision: i64,
) -> Result<(Option<Header>, Vec<KeyValue>)> {
    let (mut header, mut found) = (None, Vec::new());
    for batch in keys.chunks(BATCH) {
        let get = |key: &Vec<u8>| Op::Get(Range::one(key.clone()), Get::default().at(revision));
        let txn = Txn {
            then: batch.iter().map(get).collect(),
            ..Txn::default()
        };
        let answer = etcd.txn(caller, txn).await?;
        header = Some(answer.header);
        found.extend(
            answer
                .responses
                .into_iter()
                .filter_map(OpAnswer::into_entry),
        );
    }
    Ok((header, found))
}

/// Reads what stands under a name. Nested keys count only when older than `until`, without it when
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
        // Without values: what lies below a name may be large and no lock at all.
        then: vec![
            Op::Get(range.clone(), Get::keys_only().limit(PAGE)),
            Op::peek(name),
        ],
        ..Txn::default()
    };
    let answer = etcd.txn(caller, first).await?;
    let header = answer.header;
    let mut responses = answer.responses.into_iter();
    let (mut kvs, mut more) = match responses.next() {
        Some(OpAnswer::Get(kvs, _, more)) => (kvs, more),
        _ => (Vec::new(), false),
    };
    let single = responses.next().and_then(OpAnswer::into_entry);
    let mut direct = Oldest::new(DIRECT);
    let mut nested = Oldest::new(NESTED);
    loop {
        let last = kvs.last().map(|kv| [&kv.key[..], &[0]].concat());
        for kv in kvs {
            let of_rw = rw_of(&kv.key).is_some_and(|rw| rw.name == name);
            if of_rw || lease_named(name, &kv.key).is_some() {
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
        let held = held(inner, caller, kv);
        if held.key == name {
            queue.single = Some(held);
        } else if queue_of(&held.key, held.lease) == Some(name) {
            queue.direct.push(held);
        } else if let Some(rw) = rw_of(&held.key).filter(|rw| rw.name == name) {
            let writes = rw.writes;
            queue.rw.push((held, writes));
        } else {
            queue.nested.push(held);
        }
    }
    Ok(queue)
}

/// The keys created first of those that were added, so many at most.
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

fn held(inner: &Inner, caller: &Caller, kv: KeyValue) -> Held {
    Held {
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
    /// Every key found, as it is stored.
    pub(in crate::service) fn into_entries(self) -> Vec<Entry> {
        let held = self
            .direct
            .into_iter()
            .chain(self.rw.into_iter().map(|(held, _)| held))
            .chain(self.nested)
            .chain(self.single);
        held.map(|held| Entry {
            key: held.key.into(),
            value: held.value.map(Into::into),
            create_revision: held.create_revision,
            mod_revision: held.mod_revision,
            version: held.version,
            lease: LeaseId::from_raw(held.lease),
        })
        .collect()
    }

    /// Whether somebody stands in the queue, or the key of that name is a lock.
    pub(super) fn exists(&self, inner: &Inner) -> bool {
        !self.direct.is_empty() || !self.rw.is_empty() || self.single(inner).is_some()
    }

    /// What stands in the queue's way without being a claim of it.
    fn nested(&self) -> Vec<&Held> {
        let rw = self.rw.iter().map(|(held, _)| held);
        self.nested.iter().chain(rw).collect()
    }

    /// The key of that name and whether it is certainly a lock, where it is one.
    pub(super) fn single(&self, inner: &Inner) -> Option<(&Held, bool)> {
        let held = self.single.as_ref()?;
        let value = held.value.as_deref().unwrap_or_default();
        Some((held, inner.marks.single(&held.key, value)?))
    }

    async fn times(&self, inner: &Inner, caller: &Caller) -> HashMap<i64, LeaseTime> {
        let mut order: Vec<&Held> = self.nested();
        order.extend(&self.direct);
        if order.is_empty() {
            order.extend(&self.single);
        }
        order.sort_by_key(|held| held.create_revision);
        let leases: BTreeSet<i64> = order.iter().take(TIMED).map(|held| held.lease).collect();
        stream::iter(leases)
            .map(|lease| async move {
                let answer = inner
                    .etcd
                    .lease_time_to_live(caller, lease, false)
                    .await
                    .ok()?;
                let (ttl, granted) = (answer.ttl, answer.granted_ttl);
                (ttl >= 0).then_some((lease, LeaseTime { ttl, granted }))
            })
            .buffer_unordered(CONCURRENCY)
            .filter_map(std::future::ready)
            .collect()
            .await
    }

    /// The lock, with what blocks it.
    pub(super) async fn lock(&self, inner: &Inner, caller: &Caller, name: &[u8]) -> Option<Lock> {
        if !self.exists(inner) {
            return None;
        }
        let times = self.times(inner, caller).await;
        let time = |lease: i64| times.get(&lease).copied();
        let direct: Vec<&Held> = self.direct.iter().collect();
        if !direct.is_empty() {
            return shape::queue(name, &direct, &self.nested(), time);
        }
        let rw: Vec<_> = self
            .rw
            .iter()
            .map(|(held, writes)| (held, *writes))
            .collect();
        let nested: Vec<&Held> = self.nested.iter().collect();
        shape::rwmutex(name, &rw, &nested, time).or_else(|| {
            let (held, certain) = self.single(inner)?;
            Some(shape::single(held, certain, time(held.lease)))
        })
    }

    /// The candidates of an election: who leads, and the others in order. Nobody leads while an older
    /// key stands in the way that is no candidate's.
    pub(in crate::service) async fn candidates(
        mut self,
        inner: &Inner,
        caller: &Caller,
    ) -> (Option<Candidate>, Vec<Candidate>) {
        let times = self.times(inner, caller).await;
        self.direct.sort_by_key(|held| held.create_revision);
        let first = self.direct.first().map(|held| held.create_revision);
        let nested = self.nested();
        let blocking = nested.iter().map(|held| held.create_revision);
        let blocking = blocking.chain(self.ordinary.iter().map(|(created, _)| *created));
        let blocked = blocking
            .min()
            .is_some_and(|oldest| first.is_some_and(|first| oldest < first));
        let mut candidates = self.direct.into_iter().map(|held| Candidate {
            ttl: times.get(&held.lease).map(|time| time.ttl),
            key: held.key.into(),
            value: held.value.unwrap_or_default().into(),
            lease: LeaseId(held.lease),
            revision: held.create_revision,
        });
        let leader = if blocked { None } else { candidates.next() };
        (leader, candidates.collect())
    }

    /// The queue as it stands in the way of whoever came at the revision `until`.
    pub(super) async fn before(
        &self,
        inner: &Inner,
        caller: &Caller,
        name: &[u8],
        until: i64,
    ) -> Lock {
        let times = self.times(inner, caller).await;
        let direct: Vec<&Held> = self.direct.iter().collect();
        let nested = self.nested();
        if direct.is_empty() {
            let older = self
                .rw
                .iter()
                .filter(|(held, _)| held.create_revision < until);
            let rw: Vec<_> = older.map(|(held, writes)| (held, *writes)).collect();
            let others: Vec<&Held> = self.nested.iter().collect();
            let time = |lease: i64| times.get(&lease).copied();
            if let Some(lock) = shape::rwmutex(name, &rw, &others, time) {
                return lock;
            }
        }
        if direct.is_empty() && nested.is_empty() {
            return shape::gone(name, LockKind::Mutex, true);
        }
        shape::queue_until(name, &direct, &nested, until, |lease| {
            times.get(&lease).copied()
        })
    }
}

/// The answer of `GET /locks/{name}`.
pub(super) async fn answer(inner: &Inner, caller: &Caller, name: &[u8]) -> Result<LockAnswer> {
    let queue = read(inner, caller, name, None).await?;
    let header = queue.header;
    match queue.lock(inner, caller, name).await {
        Some(mut lock) => {
            inner.note_held(&caller.identity, &mut lock, true);
            Ok(LockAnswer { header, lock })
        }
        None => Err(nobody(name, header.revision)),
    }
}

/// Nobody holds or waits for it.
pub(super) fn nobody(name: &[u8], revision: i64) -> Failure {
    let detail = format!(
        "nobody holds or waits for `{}`",
        String::from_utf8_lossy(name)
    );
    Failure::new(Code::LockNotFound, detail)
        .hint("a name is never trimmed: `a` and `a/` are two locks")
        .with(|facts| facts.store_revision = Some(revision))
}
