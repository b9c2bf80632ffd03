//! `accts/`: ten concurrent transfers between five accounts, each an optimistic transaction that is
//! retried after a conflict. The sum never changes.

use std::time::Duration;

use futures_util::future::try_join_all;

use super::context::{Actor, Context, Step, put};
use crate::etcd::{Compare, KeyValue, Op, OpResponse, Txn};

const ACCOUNTS: u64 = 5;
const BALANCE: u64 = 100;
const TRANSFERS: usize = 10;
const EVERY: Duration = Duration::from_secs(2);
/// Attempts of one transfer, many more than ten concurrent ones can need.
const TRIES: usize = 100;

fn account(number: u64) -> String {
    format!("accts/{number}")
}

/// A payment from one account to another.
#[derive(Clone, Copy, Debug)]
struct Transfer {
    from: u64,
    to: u64,
    amount: u64,
}

/// The balance of an account; `None` if a visitor overwrote or deleted it.
fn balance(kv: Option<&KeyValue>) -> Option<u64> {
    std::str::from_utf8(&kv?.value).ok()?.parse().ok()
}

/// Transfers money every 2 s.
#[derive(Debug)]
pub(super) struct Bank;

impl Bank {
    /// Creates every account with its initial balance, unless all exist.
    async fn open(context: &Context) -> Step<()> {
        for number in 0..ACCOUNTS {
            let kv = context.get(&account(number)).await?;
            if balance(kv.as_ref()).is_none() {
                let all = (0..ACCOUNTS)
                    .map(|number| Op::Put(put(&account(number), &BALANCE.to_string(), 0)));
                let txn = Txn {
                    then: all.collect(),
                    ..Txn::default()
                };
                context
                    .call(context.etcd.txn(&Context::caller(), txn))
                    .await?;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Makes a transfer, unless the balance is too low.
    async fn pay(context: &Context, transfer: Transfer) -> Step<()> {
        let keys = [account(transfer.from), account(transfer.to)];
        let reads = || keys.iter().map(|key| Op::get(key.as_bytes())).collect();
        let first = Txn {
            then: reads(),
            ..Txn::default()
        };
        let mut read = context
            .call(context.etcd.txn(&Context::caller(), first))
            .await?;
        for _ in 0..TRIES {
            let kvs = read.responses.into_iter().map(OpResponse::into_entry);
            let kvs: Vec<_> = kvs.collect();
            let balances: Option<Vec<u64>> = kvs.iter().map(|kv| balance(kv.as_ref())).collect();
            let Some([from, to]) = balances.as_deref() else {
                return Ok(());
            };
            let after = (
                from.checked_sub(transfer.amount),
                to.checked_add(transfer.amount),
            );
            let (Some(rest), Some(sum)) = after else {
                return Ok(());
            };
            let after = [rest, sum];
            let unchanged = keys.iter().zip(&kvs).map(|(key, kv)| {
                let revision = kv.as_ref().map_or(0, |kv| kv.mod_revision);
                Compare::modified_at(key.as_bytes(), revision)
            });
            let writes = keys
                .iter()
                .zip(after)
                .map(|(key, balance)| Op::Put(put(key, &balance.to_string(), 0)));
            let txn = Txn {
                compare: unchanged.collect(),
                then: writes.collect(),
                or_else: reads(),
            };
            read = context
                .call(context.etcd.txn(&Context::caller(), txn))
                .await?;
            if read.succeeded {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Actor for Bank {
    fn name(&self) -> String {
        "bank".to_owned()
    }

    async fn round(&mut self, context: &mut Context) -> Step<()> {
        Self::open(context).await?;
        let transfers: Vec<_> = (0..TRANSFERS)
            .map(|_| {
                let from = context.random.number(0..=ACCOUNTS - 1);
                let further = context.random.number(1..=ACCOUNTS - 1);
                Transfer {
                    from,
                    to: (from + further) % ACCOUNTS,
                    amount: context.random.number(1..=30),
                }
            })
            .collect();
        let context = &*context;
        try_join_all(
            transfers
                .into_iter()
                .map(|transfer| Self::pay(context, transfer)),
        )
        .await?;
        context.sleep(EVERY).await
    }
}
