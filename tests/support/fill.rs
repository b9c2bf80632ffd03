//! Writes many keys directly to etcd.

use etcd_client::{Client, PutOptions, Txn, TxnOp};

/// etcd's limit of operations in a transaction.
const OPS: usize = 128;
/// Limit of bytes in a transaction; etcd's is 1.5 MiB.
const BYTES: usize = 1 << 20;

/// Puts every key, many in each revision; returns the last revision.
pub async fn fill(client: &Client, entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> i64 {
    let (mut batch, mut size, mut revision) = (Vec::new(), 0, 0);
    for (key, value) in entries {
        if batch.len() == OPS || size + value.len() > BYTES {
            revision = commit(client, std::mem::take(&mut batch)).await;
            size = 0;
        }
        size += key.len() + value.len();
        batch.push(TxnOp::put(key, value, None));
    }
    if batch.is_empty() {
        return revision;
    }
    commit(client, batch).await
}

/// Puts every key with an empty value, attached to a lease.
pub async fn fill_leased(client: &Client, keys: &[String], lease: i64) {
    for keys in keys.chunks(OPS) {
        let leased = || Some(PutOptions::new().with_lease(lease));
        let puts = keys
            .iter()
            .map(|key| TxnOp::put(key.as_str(), "", leased()));
        commit(client, puts.collect()).await;
    }
}

async fn commit(client: &Client, batch: Vec<TxnOp>) -> i64 {
    let response = client
        .kv_client()
        .txn(Txn::new().and_then(batch))
        .await
        .expect("etcd runs a transaction");
    response.header().expect("etcd sends a header").revision()
}

/// Pseudorandom numbers, the same in every run.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one.
    pub fn draw(&mut self) -> u64 {
        // SplitMix64: a full period from any seed, and no dependency for a dozen lines.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A random element.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.draw() as usize % from.len()]
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.draw() as u8).collect()
    }
}
