//! Range, put, delete and transactions, in the gateway's types.

use etcd_client as ec;
use etcd_client::proto::{
    PbKeyValue, PbRangeResponse, PbResponseHeader, PbResponseOp, PbTxnOpResponse, PbTxnResponse,
};
use shared::{CompareOp, CompareTarget, Entry, Header, LeaseId, MemberId, SortOrder, SortTarget};

use super::Caller;
use super::channel::MAX_RESPONSE;
use super::range::Range;
use super::{Effect, Etcd};
use crate::failure::Result;

/// A stored key as etcd returns it; keys-only reads fill every field except `value` and `lease`.
pub type KeyValue = PbKeyValue;

/// Order of a sorted read.
pub type Order = SortOrder;
/// What a sorted read sorts by.
pub type Sort = SortTarget;

/// Options of a range read.
#[derive(Clone, Debug, Default)]
pub struct Get {
    /// The limit on entries; 0 is all.
    pub limit: i64,
    /// At this revision; 0 is now.
    pub revision: i64,
    /// Member-local, possibly stale.
    pub serializable: bool,
    /// Without values (and on etcd 3.7 without leases).
    pub keys_only: bool,
    /// Only the count.
    pub count_only: bool,
    /// Sorted by the server, which loads the whole range first.
    pub sort: Option<(Sort, Order)>,
    /// Only keys created at this revision or later; 0 is any.
    pub min_create_revision: i64,
    /// Only keys created at this revision or earlier; 0 is any.
    pub max_create_revision: i64,
    /// Only keys last changed at this revision or later; 0 is any.
    pub min_mod_revision: i64,
    /// Only keys last changed at this revision or earlier; 0 is any.
    pub max_mod_revision: i64,
}

impl Get {
    /// Without values.
    pub fn keys_only() -> Self {
        Self {
            keys_only: true,
            ..Self::default()
        }
    }

    /// Only the count.
    pub fn count_only() -> Self {
        Self {
            count_only: true,
            ..Self::default()
        }
    }

    /// At most `limit` entries.
    #[must_use]
    pub fn limit(mut self, limit: i64) -> Self {
        self.limit = limit;
        self
    }

    /// At a revision; 0 is now.
    #[must_use]
    pub fn at(mut self, revision: i64) -> Self {
        self.revision = revision;
        self
    }

    fn options(&self, range: &Range) -> ec::GetOptions {
        let mut options = ec::GetOptions::new()
            .with_limit(self.limit)
            .with_revision(self.revision)
            .with_min_create_revision(self.min_create_revision)
            .with_max_create_revision(self.max_create_revision)
            .with_min_mod_revision(self.min_mod_revision)
            .with_max_mod_revision(self.max_mod_revision);
        if let Some(end) = &range.end {
            options = options.with_range(end.clone());
        }
        if self.serializable {
            options = options.with_serializable();
        }
        if self.keys_only {
            options = options.with_keys_only();
        }
        if self.count_only {
            options = options.with_count_only();
        }
        if let Some((target, order)) = self.sort {
            options = options.with_sort(sort_target(target), sort_order(order));
        }
        options
    }
}

fn sort_target(target: Sort) -> ec::SortTarget {
    match target {
        Sort::Key => ec::SortTarget::Key,
        Sort::Version => ec::SortTarget::Version,
        Sort::CreateRevision => ec::SortTarget::Create,
        Sort::ModRevision => ec::SortTarget::Mod,
        Sort::Value => ec::SortTarget::Value,
    }
}

fn sort_order(order: Order) -> ec::SortOrder {
    match order {
        Order::Asc => ec::SortOrder::Ascend,
        Order::Desc => ec::SortOrder::Descend,
    }
}

/// A put.
#[derive(Clone, Debug, Default)]
pub struct Put {
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The lease to attach; 0 is none.
    pub lease: i64,
    /// Keep the key's lease; the key must exist.
    pub ignore_lease: bool,
    /// Return the previous entry.
    pub prev: bool,
}

impl Put {
    fn options(&self) -> ec::PutOptions {
        let mut options = ec::PutOptions::new().with_lease(self.lease);
        if self.ignore_lease {
            options = options.with_ignore_lease();
        }
        if self.prev {
            options = options.with_prev_key();
        }
        options
    }
}

/// A deletion of a range.
#[derive(Clone, Debug)]
pub struct Delete {
    /// What to delete.
    pub range: Range,
    /// Return the deleted entries.
    pub prev: bool,
}

impl Delete {
    fn options(&self) -> ec::DeleteOptions {
        let mut options = ec::DeleteOptions::new();
        if let Some(end) = &self.range.end {
            options = options.with_range(end.clone());
        }
        if self.prev {
            options = options.with_prev_key();
        }
        options
    }
}

/// The target of a comparison, with the expected value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The value.
    Value(Vec<u8>),
    /// A number: version, create or mod revision, or lease.
    Number(CompareTarget, i64),
}

/// A comparison of a transaction, over a key or (all of) a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// The keys compared; an absent key has version and revisions 0.
    pub range: Range,
    /// The operator.
    pub op: CompareOp,
    /// The target and the expected value.
    pub condition: Condition,
}

impl Compare {
    /// `create_revision(key) = revision`; 0 means that the key is absent.
    pub fn created_at(key: &[u8], revision: i64) -> Self {
        Self::number(
            Range::single(key),
            CompareTarget::CreateRevision,
            CompareOp::Equal,
            revision,
        )
    }

    /// `mod_revision(key) = revision`.
    pub fn modified_at(key: &[u8], revision: i64) -> Self {
        Self::number(
            Range::single(key),
            CompareTarget::ModRevision,
            CompareOp::Equal,
            revision,
        )
    }

    /// A comparison that never holds.
    pub fn never(key: &[u8]) -> Self {
        Self::number(
            Range::single(key),
            CompareTarget::ModRevision,
            CompareOp::Less,
            0,
        )
    }

    /// `version(key) > 0`.
    pub fn exists(key: &[u8]) -> Self {
        Self::number(
            Range::single(key),
            CompareTarget::Version,
            CompareOp::Greater,
            0,
        )
    }

    /// `version(key) = 0`.
    pub fn absent(key: &[u8]) -> Self {
        Self::number(
            Range::single(key),
            CompareTarget::Version,
            CompareOp::Equal,
            0,
        )
    }

    /// A comparison of a number.
    pub fn number(range: Range, target: CompareTarget, op: CompareOp, value: i64) -> Self {
        Self {
            range,
            op,
            condition: Condition::Number(target, value),
        }
    }

    fn into_client(self) -> ec::Compare {
        let op = match self.op {
            CompareOp::Equal => ec::CompareOp::Equal,
            CompareOp::NotEqual => ec::CompareOp::NotEqual,
            CompareOp::Less => ec::CompareOp::Less,
            CompareOp::Greater => ec::CompareOp::Greater,
        };
        let key = self.range.key;
        let compare = match self.condition {
            Condition::Value(value) => ec::Compare::value(key, op, value),
            Condition::Number(CompareTarget::Version, n) => ec::Compare::version(key, op, n),
            Condition::Number(CompareTarget::CreateRevision, n) => {
                ec::Compare::create_revision(key, op, n)
            }
            Condition::Number(CompareTarget::Lease, n) => ec::Compare::lease(key, op, n),
            Condition::Number(CompareTarget::ModRevision | CompareTarget::Value, n) => {
                ec::Compare::mod_revision(key, op, n)
            }
        };
        match self.range.end {
            Some(end) => compare.with_range(end),
            None => compare,
        }
    }
}

/// One operation of a transaction.
#[derive(Clone, Debug)]
pub enum Op {
    /// Writes a key.
    Put(Put),
    /// Reads a range.
    Get(Range, Get),
    /// Deletes a range.
    Delete(Delete),
    /// A nested transaction.
    Txn(Txn),
}

impl Op {
    /// Reads one key, without its value.
    pub fn peek(key: &[u8]) -> Self {
        Self::Get(Range::single(key), Get::keys_only())
    }

    /// Reads one key.
    pub fn get(key: &[u8]) -> Self {
        Self::Get(Range::single(key), Get::default())
    }

    /// Deletes one key.
    pub fn delete(key: &[u8]) -> Self {
        Self::Delete(Delete {
            range: Range::single(key),
            prev: false,
        })
    }

    fn into_client(self) -> ec::TxnOp {
        match self {
            Self::Put(put) => {
                let options = put.options();
                ec::TxnOp::put(put.key, put.value, Some(options))
            }
            Self::Get(range, get) => {
                let options = get.options(&range);
                ec::TxnOp::get(range.key, Some(options))
            }
            Self::Delete(delete) => {
                let options = delete.options();
                ec::TxnOp::delete(delete.range.key, Some(options))
            }
            Self::Txn(txn) => ec::TxnOp::txn(txn.into_client()),
        }
    }

    fn effect(&self) -> Effect {
        match self {
            Self::Get(..) => Effect::Read,
            Self::Txn(txn) => txn.effect(),
            Self::Put(_) | Self::Delete(_) => Effect::Write,
        }
    }
}

/// If / then / else, in one revision.
#[derive(Clone, Debug, Default)]
pub struct Txn {
    /// All must hold.
    pub compare: Vec<Compare>,
    /// The ops if all hold.
    pub then: Vec<Op>,
    /// The ops otherwise.
    pub or_else: Vec<Op>,
}

impl Txn {
    fn into_client(self) -> ec::Txn {
        let ops = |ops: Vec<Op>| ops.into_iter().map(Op::into_client).collect::<Vec<_>>();
        let compares = self
            .compare
            .into_iter()
            .map(Compare::into_client)
            .collect::<Vec<_>>();
        ec::Txn::new()
            .when(compares)
            .and_then(ops(self.then))
            .or_else(ops(self.or_else))
    }

    fn effect(&self) -> Effect {
        let writes = |op: &Op| op.effect() == Effect::Write;
        if self.then.iter().chain(&self.or_else).any(writes) {
            Effect::Write
        } else {
            Effect::Read
        }
    }
}

/// The response to a range read.
#[derive(Clone, Debug)]
pub struct RangeResponse {
    /// The store's header; `revision` is the current one, also for a read of the past.
    pub header: Header,
    /// The entries.
    pub kvs: Vec<KeyValue>,
    /// The limit was reached; there are more entries.
    pub more: bool,
    /// Keys in the range, whatever the limit.
    pub count: i64,
}

/// The result of one operation of a transaction.
#[derive(Clone, Debug)]
pub enum OpResponse {
    /// Of a put: the previous entry, if requested.
    Put(Option<KeyValue>),
    /// Of a get: the entries, the count, and whether there are more entries than the limit.
    Get(Vec<KeyValue>, i64, bool),
    /// Of a delete: the number of deleted entries, and the entries if requested.
    Delete(i64, Vec<KeyValue>),
    /// Of a nested transaction.
    Txn(bool, Vec<OpResponse>),
}

impl OpResponse {
    /// The first entry of a get.
    pub fn into_entry(self) -> Option<KeyValue> {
        match self {
            Self::Get(kvs, _, _) => kvs.into_iter().next(),
            _ => None,
        }
    }
}

/// The response to a transaction.
#[derive(Clone, Debug)]
pub struct TxnResponse {
    /// The store's header.
    pub header: Header,
    /// Whether every comparison held.
    pub succeeded: bool,
    /// One result per operation of the branch that ran.
    pub responses: Vec<OpResponse>,
}

pub(super) fn header(header: Option<PbResponseHeader>) -> Header {
    let header = header.unwrap_or_default();
    Header {
        cluster_id: MemberId(header.cluster_id),
        member_id: MemberId(header.member_id),
        revision: header.revision,
        raft_term: header.raft_term,
    }
}

fn op_responses(responses: Vec<PbResponseOp>) -> Vec<OpResponse> {
    responses
        .into_iter()
        .filter_map(|op| op.response)
        .map(|response| match response {
            PbTxnOpResponse::ResponsePut(put) => OpResponse::Put(put.prev_kv),
            PbTxnOpResponse::ResponseRange(PbRangeResponse {
                kvs, count, more, ..
            }) => OpResponse::Get(kvs, count, more),
            PbTxnOpResponse::ResponseDeleteRange(delete) => {
                OpResponse::Delete(delete.deleted, delete.prev_kvs)
            }
            PbTxnOpResponse::ResponseTxn(PbTxnResponse {
                succeeded,
                responses,
                ..
            }) => OpResponse::Txn(succeeded, op_responses(responses)),
        })
        .collect()
}

/// A key-value as the API's entry; without value and lease where only keys were read.
pub(crate) fn entry(kv: KeyValue, keys_only: bool) -> Entry {
    Entry {
        key: kv.key.into(),
        value: (!keys_only).then(|| kv.value.into()),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: LeaseId::from_raw(kv.lease).filter(|_| !keys_only),
    }
}

impl Etcd {
    fn kv(&self, caller: &Caller) -> ec::KvClient {
        self.unary(caller)
            .kv_client()
            .max_decoding_message_size(MAX_RESPONSE)
    }

    /// Reads a range.
    pub async fn range(&self, caller: &Caller, range: &Range, get: &Get) -> Result<RangeResponse> {
        self.range_within(caller, range, get, MAX_RESPONSE).await
    }

    /// The store's current header, by a linearizable read of the range's first key: a count over the
    /// range would walk all of it.
    pub async fn current_header(&self, caller: &Caller, range: &Range) -> Result<Header> {
        let first_key = Range::single(range.key.clone());
        let response = self.range(caller, &first_key, &Get::count_only()).await?;
        Ok(response.header)
    }

    /// Reads a range whose response may have `most` bytes; a larger one is `too_large` before any of it is
    /// read.
    pub async fn range_within(
        &self,
        caller: &Caller,
        range: &Range,
        get: &Get,
        most: usize,
    ) -> Result<RangeResponse> {
        let mut kv = self
            .kv(caller)
            .max_decoding_message_size(most.min(MAX_RESPONSE));
        let call = kv.get(range.key.clone(), Some(get.options(range)));
        let response = self.call(caller, Effect::Read, call).await?.0;
        Ok(RangeResponse {
            header: header(response.header),
            kvs: response.kvs,
            more: response.more,
            count: response.count,
        })
    }

    /// Writes one key unconditionally; returns the header, and the previous entry if requested.
    pub async fn put(&self, caller: &Caller, put: Put) -> Result<(Header, Option<KeyValue>)> {
        let mut kv = self.kv(caller);
        let options = put.options();
        let call = kv.put(put.key, put.value, Some(options));
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok((header(response.header), response.prev_kv))
    }

    /// Deletes a range; returns the header, the number of deleted keys, and the entries if requested.
    pub async fn delete(
        &self,
        caller: &Caller,
        delete: Delete,
    ) -> Result<(Header, i64, Vec<KeyValue>)> {
        let mut kv = self.kv(caller);
        let options = delete.options();
        let call = kv.delete(delete.range.key, Some(options));
        let response = self.call(caller, Effect::Write, call).await?.0;
        Ok((header(response.header), response.deleted, response.prev_kvs))
    }

    /// Runs a transaction.
    pub async fn txn(&self, caller: &Caller, txn: Txn) -> Result<TxnResponse> {
        let effect = txn.effect();
        let mut kv = self.kv(caller);
        let response = self
            .call(caller, effect, kv.txn(txn.into_client()))
            .await?
            .0;
        Ok(TxnResponse {
            header: header(response.header),
            succeeded: response.succeeded,
            responses: op_responses(response.responses),
        })
    }
}
