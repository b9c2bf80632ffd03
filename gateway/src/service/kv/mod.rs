//! Keys: read, write with conditions, delete.

mod delete;
mod export;
mod filter;
mod page;
mod put;

pub use export::Export;
pub use filter::{Filter, MAX_SELECTED};
pub use page::{MAX_LIMIT, PageQuery, PageRequest};
pub use put::{LeaseChoice, PutRequest};

use shared::{Code, CountResponse, Entry, Header};

use crate::etcd::{Compare, Etcd, Get, Op, OpResponse, Range, entry};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Keys of one cluster.
#[derive(Clone, Debug)]
pub struct KvService {
    etcd: Etcd,
}

/// A condition on a key, for reading, writing or deleting it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// No condition.
    None,
    /// `If-Match: *`: the key must exist.
    Exists,
    /// `If-Match: "1", "2"`: the key must be at one of these revisions. Tags that are not numbers never
    /// match and are omitted.
    ModifiedAt(Vec<i64>),
    /// `If-None-Match: *`: the key must not exist.
    Absent,
}

impl Precondition {
    /// Whether a key as it was read meets the condition.
    fn holds(&self, entry: Option<&Entry>) -> bool {
        match self {
            Self::None => true,
            Self::Exists => entry.is_some(),
            Self::ModifiedAt(revisions) => {
                entry.is_some_and(|entry| revisions.contains(&entry.mod_revision))
            }
            Self::Absent => entry.is_none(),
        }
    }
}

/// A fencing condition, `<lock key>:<token>`: write only while this lock is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The lock key.
    pub key: Vec<u8>,
    /// Its create revision.
    pub token: i64,
}

impl Guard {
    /// Splits at the last colon, since keys may contain colons.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let invalid = || {
            Failure::bad_request("the guard must be <lock key>:<token>")
                .hint("the token is the lock's fencing_token, 1 or more")
        };
        let colon = text
            .iter()
            .rposition(|byte| *byte == b':')
            .ok_or_else(invalid)?;
        let (key, digits) = (&text[..colon], &text[colon + 1..]);
        let token: Option<i64> = std::str::from_utf8(digits)
            .ok()
            .and_then(|d| d.parse().ok());
        match token {
            Some(token) if token >= 1 && !key.is_empty() => Ok(Self {
                key: key.to_vec(),
                token,
            }),
            _ => Err(invalid()),
        }
    }

    fn compare(&self) -> Compare {
        Compare::created_at(&self.key, self.token)
    }

    /// Whether the lock key, as read by the failed transaction, is still the guard's.
    fn is_held(&self, lock_key: Option<&Entry>) -> bool {
        lock_key.is_some_and(|entry| entry.create_revision == self.token)
    }

    fn not_holder(&self, header: &Header) -> Failure {
        let revision = header.revision;
        let key = String::from_utf8_lossy(&self.key);
        let detail = format!(
            "the lock key {key} does not exist with fencing token {}",
            self.token
        );
        Failure::new(Code::NotHolder, detail)
            .hint("the lock was lost: acquire it again")
            .with(|facts| facts.store_revision = Some(revision))
    }
}

/// The key as a failed conditional transaction read it, after the guard was checked.
fn read_current(
    guard: Option<&Guard>,
    header: &Header,
    responses: Vec<OpResponse>,
    keys_only: bool,
) -> Result<Option<Entry>> {
    let mut entries = responses
        .into_iter()
        .map(|op| op.into_entry().map(|kv| entry(kv, keys_only)));
    if let Some(guard) = guard {
        let lock_key = entries.next().flatten();
        if !guard.is_held(lock_key.as_ref()) {
            return Err(guard.not_holder(header));
        }
    }
    Ok(entries.next().flatten())
}

/// The reads of the branch that runs when a condition fails, in the order [`read_current`] expects.
fn read_on_failure(key: &[u8], guard: Option<&Guard>, keys_only: bool) -> Vec<Op> {
    let own = if keys_only {
        Op::peek(key)
    } else {
        Op::get(key)
    };
    guard
        .map(|guard| Op::peek(&guard.key))
        .into_iter()
        .chain([own])
        .collect()
}

fn precondition_failed(current: Option<Entry>, header: &Header) -> Failure {
    let revision = header.revision;
    let detail = match &current {
        Some(entry) => format!("the key is at revision {}", entry.mod_revision),
        None => "the key does not exist".to_owned(),
    };
    Failure::new(Code::PreconditionFailed, detail).with(|facts| {
        facts.current = Some(current);
        facts.store_revision = Some(revision);
    })
}

fn absent(key: &[u8], header: &Header) -> Failure {
    let detail = format!("no such key {}", String::from_utf8_lossy(key));
    let revision = header.revision;
    Failure::new(Code::KeyNotFound, detail).with(|facts| facts.store_revision = Some(revision))
}

impl KvService {
    /// The service over one cluster.
    pub fn new(etcd: Etcd) -> Self {
        Self { etcd }
    }

    /// One key, now or at a revision, if the precondition holds.
    pub async fn get(
        &self,
        caller: &Caller,
        key: &[u8],
        get: Get,
        precondition: &Precondition,
    ) -> Result<(Header, Entry)> {
        let response = self.etcd.range(caller, &Range::single(key), &get).await?;
        let (header, found) = (response.header, response.kvs.into_iter().next());
        let found = found.map(|kv| entry(kv, get.keys_only));
        if !precondition.holds(found.as_ref()) {
            return Err(precondition_failed(found, &header));
        }
        match found {
            Some(entry) => Ok((header, entry)),
            None => Err(absent(key, &header)),
        }
    }

    /// The number of keys in a range.
    pub async fn count(&self, caller: &Caller, range: &Range, get: Get) -> Result<CountResponse> {
        let get = Get {
            count_only: true,
            ..get
        };
        let response = self.etcd.range(caller, range, &get).await?;
        Ok(CountResponse {
            header: response.header,
            count: response.count,
        })
    }

    /// The comparison for a precondition. There is one even if the list is known not to match, so that the
    /// guard is checked in the same transaction and takes precedence.
    async fn comparison(
        &self,
        caller: &Caller,
        key: &[u8],
        precondition: &Precondition,
    ) -> Result<Option<Compare>> {
        Ok(match precondition {
            Precondition::None => None,
            Precondition::Exists => Some(Compare::exists(key)),
            Precondition::Absent => Some(Compare::absent(key)),
            Precondition::ModifiedAt(revisions) => Some(match revisions[..] {
                [] => Compare::never(key),
                [revision] => Compare::modified_at(key, revision),
                [first, ..] => {
                    let range = Range::single(key);
                    let now = self.etcd.range(caller, &range, &Get::keys_only()).await?;
                    let current = now.kvs.first().map(|kv| kv.mod_revision);
                    let listed = current.filter(|revision| revisions.contains(revision));
                    // A key that has left a listed revision never returns to it.
                    Compare::modified_at(key, listed.unwrap_or(first))
                }
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Guard;

    #[test]
    fn a_guard_splits_at_the_last_colon() {
        let guard = Guard::parse(b"/services/10.0.0.1:80/a:17").expect("parses");
        assert_eq!(
            (guard.key, guard.token),
            (b"/services/10.0.0.1:80/a".to_vec(), 17)
        );
        for invalid in [
            &b""[..],
            b"key",
            b"key:",
            b"key:0",
            b"key:-1",
            b":5",
            b"key:x",
        ] {
            assert!(Guard::parse(invalid).is_err(), "{}", invalid.escape_ascii());
        }
    }
}
