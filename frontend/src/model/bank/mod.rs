//! The STM lab: a bank whose clients transfer money between accounts, concurrently, by software transactional memory.
//! The sum of all balances never changes if the isolation level prevents lost updates.
//!
//! Decides what each client does next; requests are sent by the page.

use shared::{
    Bytes, CompareOp, CompareRequest, CompareTarget, CompareValue, Isolation, LeaseId, OpRequest,
    PutOp, ReadMark, StmCommitRequest, StmRead, StmReadRequest, StmWrite, TxnRequest,
};

use crate::model::format;

#[cfg(test)]
mod tests;

/// The limits of a run, inclusive.
pub(crate) const CLIENTS: (i64, i64) = (1, 32);
pub(crate) const ACCOUNTS: (i64, i64) = (2, 16);
pub(crate) const TRANSFERS: (i64, i64) = (1, 10_000);

/// The initial balance of each account.
pub(crate) const BALANCE: i64 = 100;

/// The largest transfer.
const MAX_AMOUNT: u64 = 20;

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) prefix: Vec<u8>,
    pub(crate) clients: usize,
    pub(crate) accounts: usize,
    pub(crate) transfers: u32,
    pub(crate) isolation: Isolation,
}

impl Settings {
    /// The key of an account.
    pub(crate) fn account(&self, n: usize) -> Bytes {
        Bytes([&self.prefix[..], n.to_string().as_bytes()].concat())
    }

    /// The keys of all accounts.
    pub(crate) fn keys(&self) -> Vec<Bytes> {
        (0..self.accounts).map(|n| self.account(n)).collect()
    }

    /// The sum that a correct bank keeps.
    pub(crate) fn sum(&self) -> i64 {
        self.accounts as i64 * BALANCE
    }

    /// Creates every account, unless one of the keys exists. The keys are deleted with the lease.
    pub(crate) fn open(&self, lease: LeaseId) -> TxnRequest {
        let absent = |key: Bytes| CompareRequest {
            key: Some(key),
            prefix: None,
            start: None,
            end: None,
            from: None,
            target: CompareTarget::CreateRevision,
            op: CompareOp::Equal,
            value: CompareValue::Number(0),
        };
        TxnRequest {
            compare: self.keys().into_iter().map(absent).collect(),
            then: self
                .keys()
                .into_iter()
                .map(|key| OpRequest {
                    put: Some(put(key, BALANCE, lease)),
                    ..OpRequest::default()
                })
                .collect(),
            or_else: Vec::new(),
        }
    }

    /// Reads of a transfer: at one revision where the isolation level requires that, else one after the other,
    /// each at its own revision, which is where a weak level goes wrong.
    pub(crate) fn reads(&self, from: usize, to: usize) -> Vec<StmReadRequest> {
        let read = |keys: Vec<Bytes>| StmReadRequest {
            keys,
            revision: None,
        };
        let (from, to) = (self.account(from), self.account(to));
        match self.isolation {
            Isolation::SerializableSnapshot | Isolation::Serializable => vec![read(vec![from, to])],
            Isolation::RepeatableReads | Isolation::ReadCommitted => {
                vec![read(vec![from]), read(vec![to])]
            }
        }
    }
}

fn put(key: Bytes, balance: i64, lease: LeaseId) -> PutOp {
    PutOp {
        key,
        value: balance.to_string().into(),
        lease: Some(lease.to_string()),
        prev: false,
    }
}

/// A balance; `None` if the key is absent or another client wrote something else.
pub(crate) fn balance(read: &StmRead) -> Option<i64> {
    read.value.as_ref()?.as_str()?.parse().ok()
}

/// Random numbers (xorshift): which accounts and amounts, nothing secret.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit.max(1)
    }

    /// Two different accounts.
    pub(crate) fn two(&mut self, accounts: usize) -> (usize, usize) {
        let from = self.below(accounts as u64);
        let step = 1 + self.below(accounts as u64 - 1);
        (from as usize, ((from + step) % accounts as u64) as usize)
    }
}

/// The next step of a transfer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Commit(Box<StmCommitRequest>),
    /// Both accounts are empty: there is nothing to transfer.
    Nothing,
    /// A key is absent or not a number: somebody else changed it.
    Disturbed(Bytes),
}

/// Computes a transfer from what was read. `revision` is that of the first read.
pub(crate) fn transfer(
    settings: &Settings,
    revision: i64,
    reads: &[StmRead],
    lease: LeaseId,
    random: &mut Random,
) -> Step {
    let balances: Option<Vec<i64>> = reads.iter().map(balance).collect();
    let (Some(balances), [first, second]) = (balances, reads) else {
        let disturbed = reads.iter().find(|read| balance(read).is_none());
        return Step::Disturbed(disturbed.map(|read| read.key.clone()).unwrap_or_default());
    };
    let ((from, has), (to, gets)) = match (balances[0], balances[1]) {
        (..=0, ..=0) => return Step::Nothing,
        (..=0, more) => ((second, more), (first, balances[0])),
        (more, other) => ((first, more), (second, other)),
    };
    let amount = 1 + random.below(MAX_AMOUNT.min(has as u64)) as i64;
    let write = |read: &StmRead, balance: i64| StmWrite {
        put: Some(put(read.key.clone(), balance, lease)),
        delete: None,
    };
    let mark = |read: &StmRead| ReadMark {
        key: read.key.clone(),
        mod_revision: read.mod_revision,
        value: None,
    };
    Step::Commit(Box::new(StmCommitRequest {
        isolation: settings.isolation,
        revision: Some(revision),
        reads: reads.iter().map(mark).collect(),
        writes: vec![write(from, has - amount), write(to, gets + amount)],
    }))
}

/// The two keys of a conflict's `reads`, in the order of the attempt; `None` if they must be read again.
pub(crate) fn reads_after_conflict(
    attempt: &StmCommitRequest,
    reads: Vec<StmRead>,
) -> Option<Vec<StmRead>> {
    let find = |mark: &ReadMark| reads.iter().find(|read| read.key == mark.key).cloned();
    attempt.reads.iter().map(find).collect()
}

/// What one client has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientTally {
    pub(crate) commits: u32,
    pub(crate) conflicts: u32,
}

/// A run as seen by the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Transfers that a client has begun.
    begun: u32,
    pub(crate) commits: u32,
    pub(crate) attempts: u32,
    pub(crate) conflicts: u32,
    /// Transfers between empty accounts.
    pub(crate) skipped: u32,
    pub(crate) clients: Vec<ClientTally>,
    /// All balances at one revision.
    pub(crate) balances: Vec<Option<i64>>,
    pub(crate) revision: i64,
}

impl Tally {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            clients: vec![ClientTally::default(); settings.clients],
            ..Self::default()
        }
    }

    /// Takes one of the transfers; false if all are taken.
    pub(crate) fn begin(&mut self, settings: &Settings) -> bool {
        let free = self.begun < settings.transfers;
        self.begun += u32::from(free);
        free
    }

    /// A commit was sent and its result is known.
    pub(crate) fn attempted(&mut self, client: usize, committed: bool) {
        self.attempts += 1;
        self.commits += u32::from(committed);
        self.conflicts += u32::from(!committed);
        if let Some(tally) = self.clients.get_mut(client) {
            tally.commits += u32::from(committed);
            tally.conflicts += u32::from(!committed);
        }
    }

    /// All accounts were read at one revision. An older read than the last one is ignored.
    pub(crate) fn observe(&mut self, revision: i64, reads: &[StmRead]) {
        if revision >= self.revision {
            self.revision = revision;
            self.balances = reads.iter().map(balance).collect();
        }
    }

    /// The sum of all balances; `None` before the first read, or if a balance is missing.
    pub(crate) fn sum(&self) -> Option<i64> {
        let all: Option<Vec<i64>> = self.balances.iter().copied().collect();
        all.filter(|all| !all.is_empty())
            .map(|all| all.iter().sum())
    }

    /// Conflicts of all attempts, in percent.
    pub(crate) fn conflict_rate(&self) -> Option<String> {
        (self.attempts > 0).then(|| {
            let rate = f64::from(self.conflicts) * 100.0 / f64::from(self.attempts);
            format!("{} %", format::count(rate.round() as i64))
        })
    }
}

/// A number field's content within limits.
pub(crate) fn within(text: &str, limits: (i64, i64)) -> Option<i64> {
    let number = text.trim().replace([',', ' '], "").parse().ok()?;
    (limits.0..=limits.1).contains(&number).then_some(number)
}

/// A commit as the transaction that the gateway makes of it, for tools without STM.
pub(crate) fn as_txn(commit: &StmCommitRequest) -> TxnRequest {
    let compare = |key: &Bytes, op: CompareOp, revision: i64| CompareRequest {
        key: Some(key.clone()),
        prefix: None,
        start: None,
        end: None,
        from: None,
        target: CompareTarget::ModRevision,
        op,
        value: CompareValue::Number(revision),
    };
    let puts = || commit.writes.iter().filter_map(|write| write.put.as_ref());
    let mut compares = Vec::new();
    if commit.isolation != Isolation::ReadCommitted {
        let reads = commit.reads.iter();
        compares.extend(reads.map(|read| compare(&read.key, CompareOp::Equal, read.mod_revision)));
    }
    if let (Isolation::SerializableSnapshot, Some(revision)) = (commit.isolation, commit.revision) {
        compares.extend(puts().map(|put| compare(&put.key, CompareOp::Less, revision + 1)));
    }
    let then = puts().map(|put| OpRequest {
        put: Some(put.clone()),
        ..OpRequest::default()
    });
    TxnRequest {
        compare: compares,
        then: then.collect(),
        or_else: Vec::new(),
    }
}
