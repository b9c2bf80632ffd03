//! How etcd's own recipes name their keys, and which leased keys are locks. Pure.
//!
//! The queue named `N` consists of all keys `N/<its own lease in hex>`. A name is never trimmed:
//! `/my-lock` and `/my-lock/` are two queues, and since the recipe searches by a byte prefix, claims of
//! the second block the first. The readers-writer lock named `N` consists of all keys
//! `N/read/<nanoseconds>` and `N/write/<nanoseconds>`; the hex form of a lease is always shorter.

mod registration;

use shared::LeaseId;

pub(in crate::service) use self::registration::is_registration;

/// The prefix that the recipe searches: every key under it blocks the queue.
pub(in crate::service) fn queue_prefix(name: &[u8]) -> Vec<u8> {
    let mut prefix = name.to_vec();
    prefix.push(b'/');
    prefix
}

/// The key of a lease's claim in a queue.
pub(super) fn claim_key(name: &[u8], lease: LeaseId) -> Vec<u8> {
    let mut key = queue_prefix(name);
    key.extend_from_slice(lease.to_string().as_bytes());
    key
}

/// The queue that a key is a claim of; `None` unless its last segment is exactly its own lease.
pub(in crate::service) fn queue_of(key: &[u8], lease: i64) -> Option<&[u8]> {
    let slash = key.iter().rposition(|byte| *byte == b'/')?;
    let lease = LeaseId::from_raw(lease)?;
    (&key[slash + 1..] == lease.to_string().as_bytes()).then(|| &key[..slash])
}

/// The lease in the name of a key directly under the queue's prefix, if written as the recipe does.
pub(in crate::service) fn lease_in_name(name: &[u8], key: &[u8]) -> Option<LeaseId> {
    let segment = key.strip_prefix(name)?.strip_prefix(b"/")?;
    let lease: LeaseId = std::str::from_utf8(segment).ok()?.parse().ok()?;
    (lease.0 != 0 && lease.to_string().as_bytes() == segment).then_some(lease)
}

/// A key of etcd's readers-writer recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) struct Rw<'a> {
    /// The lock's name.
    pub(in crate::service) name: &'a [u8],
    /// Whether it is a writer's.
    pub(in crate::service) writes: bool,
}

/// Decimal digits of a time in nanoseconds, from 1973 to 2286; more than any lease has hex digits.
const NANOSECONDS: std::ops::RangeInclusive<usize> = 18..=19;

/// The readers-writer lock that a leased key belongs to.
pub(in crate::service) fn rw_of(key: &[u8]) -> Option<Rw<'_>> {
    let slash = key.iter().rposition(|byte| *byte == b'/')?;
    let (rest, time) = (&key[..slash], &key[slash + 1..]);
    if !NANOSECONDS.contains(&time.len()) || !time.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (name, writes) = match (rest.strip_suffix(b"/read"), rest.strip_suffix(b"/write")) {
        (Some(name), _) => (name, false),
        (None, Some(name)) => (name, true),
        (None, None) => return None,
    };
    Some(Rw { name, writes })
}

/// Every name whose queue a key blocks, shortest first: the part before each `/` in it.
pub(in crate::service) fn blocked_names(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| &key[..at])
}

/// Decides which leased keys outside a queue are locks.
#[derive(Clone, Debug, Default)]
pub(in crate::service) struct SingleKeyRules {
    prefixes: Vec<Vec<u8>>,
}

/// Words in a leased key's name that suggest a lock.
const WORDS: [&str; 4] = ["lock", "locks", "leader", "master"];

impl SingleKeyRules {
    /// Keys under these prefixes (`--lock-prefix`) are certainly locks.
    pub(in crate::service) fn new(prefixes: Vec<Vec<u8>>) -> Self {
        Self { prefixes }
    }

    /// Whether a leased key outside a queue is a lock, and if so whether that is certain.
    pub(in crate::service) fn single(&self, key: &[u8], value: &[u8]) -> Option<bool> {
        if self.prefixes.iter().any(|prefix| key.starts_with(prefix)) {
            return Some(true);
        }
        if is_kubernetes_object(value) {
            return None;
        }
        let text = String::from_utf8_lossy(key);
        text.split(|c: char| !c.is_alphanumeric())
            .any(|word| WORDS.contains(&word))
            .then_some(false)
    }
}

/// Bytes of a JSON value that are searched for the fields of a Kubernetes object.
const JSON_HEAD: usize = 256;

/// Whether Kubernetes' API server wrote this value: protobuf objects begin with `k8s` and a zero byte,
/// encrypted ones with `k8s:enc:`, and JSON ones have `kind` and `apiVersion` first.
///
/// Kubernetes attaches etcd leases to events (whose names contain those of nodes, such as `master`) and to the
/// addresses of API servers. None of them is a lock: Kubernetes' own locks are objects without an etcd
/// lease. The value identifies them under any `--etcd-prefix`.
fn is_kubernetes_object(value: &[u8]) -> bool {
    let head = &value[..value.len().min(JSON_HEAD)];
    let has = |field: &[u8]| head.windows(field.len()).any(|part| part == field);
    value.starts_with(b"k8s\0")
        || value.starts_with(b"k8s:enc:")
        || (value.first() == Some(&b'{') && has(b"\"kind\":") && has(b"\"apiVersion\":"))
}

#[cfg(test)]
mod tests;
