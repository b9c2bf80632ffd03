//! Common transactions to start from.

use shared::{
    Bytes, CompareOp, CompareRequest, CompareTarget, CompareValue, DeleteOp, Entry, GetOp,
    OpRequest, PutOp, TxnRequest,
};

/// A common transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// Creates a key unless it exists.
    Create,
    /// Replaces a value if it is still the same.
    CompareAndSet,
    /// Replaces a value if the key has not changed since it was read.
    OptimisticLock,
    /// Renames a key: it is at one place or the other, never at both or none.
    Move,
}

impl Template {
    pub(crate) const ALL: [Self; 4] = [
        Self::Create,
        Self::CompareAndSet,
        Self::OptimisticLock,
        Self::Move,
    ];

    /// Whether it starts from what the key has now.
    pub(crate) fn reads(self) -> bool {
        self != Self::Create
    }
}

fn compare(key: &[u8], target: CompareTarget, value: CompareValue) -> CompareRequest {
    CompareRequest {
        key: Some(key.into()),
        prefix: None,
        start: None,
        end: None,
        from: None,
        target,
        op: CompareOp::Equal,
        value,
    }
}

fn absent(key: &[u8]) -> CompareRequest {
    compare(key, CompareTarget::CreateRevision, CompareValue::Number(0))
}

fn get(key: &[u8]) -> OpRequest {
    OpRequest {
        get: Some(GetOp {
            key: Some(key.into()),
            ..GetOp::default()
        }),
        ..OpRequest::default()
    }
}

fn put(key: &[u8], value: Bytes, lease: Option<String>) -> OpRequest {
    OpRequest {
        put: Some(PutOp {
            key: key.into(),
            value,
            lease,
            prev: false,
        }),
        ..OpRequest::default()
    }
}

/// Creates a key unless it exists.
pub(crate) fn create(key: &[u8]) -> TxnRequest {
    TxnRequest {
        compare: vec![absent(key)],
        then: vec![put(key, Bytes::default(), None)],
        or_else: vec![get(key)],
    }
}

/// A template for an existing entry; `to` is the new key of a move.
pub(crate) fn existing(template: Template, entry: &Entry, to: &[u8]) -> TxnRequest {
    let key = &entry.key.0[..];
    let value = entry.value.clone().unwrap_or_default();
    let unchanged = || {
        let revision = CompareValue::Number(entry.mod_revision);
        compare(key, CompareTarget::ModRevision, revision)
    };
    match template {
        Template::Create => create(key),
        Template::CompareAndSet => {
            let same = CompareValue::Bytes(value.clone());
            TxnRequest {
                compare: vec![compare(key, CompareTarget::Value, same)],
                then: vec![put(key, value, Some("keep".to_owned()))],
                or_else: vec![get(key)],
            }
        }
        Template::OptimisticLock => TxnRequest {
            compare: vec![unchanged()],
            then: vec![put(key, value, Some("keep".to_owned()))],
            or_else: vec![get(key)],
        },
        Template::Move => TxnRequest {
            compare: vec![unchanged(), absent(to)],
            then: vec![
                put(to, value, entry.lease.map(|lease| lease.to_string())),
                OpRequest {
                    delete: Some(DeleteOp {
                        key: Some(key.into()),
                        ..DeleteOp::default()
                    }),
                    ..OpRequest::default()
                },
            ],
            or_else: vec![get(key), get(to)],
        },
    }
}
