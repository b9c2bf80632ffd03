//! The Transactions page's model: a transaction as a form, its JSON, and everything that can be derived from it.
//!
//! The form holds what is typed, also while it is incomplete; [`Document::body`] reads it into a request, and
//! [`Document::replace`] turns a request into a form. Both name a faulty member by its path in the body, as the
//! gateway does: `then[3].put.key`.

mod bytes_form;
mod check;
pub(crate) mod command;
mod edit;
mod json;
pub(crate) mod link;
mod place;
mod read;
pub(crate) mod saved;
pub(crate) mod template;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};
use shared::{CompareOp, CompareTarget, OpRequest, RangeSpec, SortOrder, SortTarget, TxnRequest};

pub(crate) use bytes_form::ValueForm;
pub(crate) use check::{Wrong, WrongAt};
pub(crate) use json::{JsonError, compact, parse, print};
pub(crate) use place::{Places, split_place};

use super::value::Encoding;

/// Identifies a row of the builder for as long as it is on screen.
pub(crate) type RowId = u32;

/// Limit of rows that the builder draws; a larger transaction is edited as JSON.
pub(crate) const MAX_ROWS: usize = 256;

/// What the page edits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// If, then, else: `POST /txn`.
    #[default]
    Txn,
    /// One op: `POST /do`.
    Single,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    target_arch = "wasm32",
    expect(clippy::large_enum_variant, reason = "there is one, of the page")
)]
pub(crate) enum Body {
    Txn(TxnRequest),
    Single(OpRequest),
}

/// A list of ops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Branch {
    Then,
    Else,
}

/// A row of the builder. Rows are equal if their contents are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row<T> {
    pub(crate) id: RowId,
    pub(crate) body: T,
}

impl<T: PartialEq> PartialEq for Row<T> {
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body
    }
}

/// A transaction as typed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Form {
    pub(crate) compare: Vec<Row<CompareForm>>,
    pub(crate) then: Vec<Row<OpForm>>,
    pub(crate) or_else: Vec<Row<OpForm>>,
}

/// The ways to give a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RangeKind {
    #[default]
    Key,
    Prefix,
    /// From a key to another one, exclusive.
    Between,
    /// From a key to the end of the keyspace.
    From,
}

/// A range as typed: keys in display form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RangeForm {
    pub(crate) kind: RangeKind,
    pub(crate) first: String,
    pub(crate) end: String,
}

/// A comparison as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CompareForm {
    pub(crate) range: RangeForm,
    pub(crate) target: CompareTarget,
    pub(crate) op: CompareOp,
    /// A number, or a lease id; empty is no lease.
    pub(crate) operand: String,
    /// The operand of a comparison of values.
    pub(crate) value: ValueForm,
}

impl Default for CompareForm {
    fn default() -> Self {
        Self {
            range: RangeForm::default(),
            target: CompareTarget::ModRevision,
            op: CompareOp::Equal,
            operand: String::new(),
            value: ValueForm::default(),
        }
    }
}

/// The lease of a put.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LeaseForm {
    #[default]
    None,
    /// The one that the key has.
    Keep,
    /// An id as typed.
    Id(String),
}

/// A put as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PutForm {
    pub(crate) key: String,
    pub(crate) value: ValueForm,
    pub(crate) lease: LeaseForm,
    pub(crate) prev: bool,
}

/// A get as typed; empty numbers are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GetForm {
    pub(crate) range: RangeForm,
    pub(crate) limit: String,
    pub(crate) revision: String,
    pub(crate) keys_only: bool,
    pub(crate) count_only: bool,
    pub(crate) serializable: bool,
    pub(crate) sort: Option<SortTarget>,
    pub(crate) order: Option<SortOrder>,
    /// `min_create_revision`, `max_create_revision`, `min_mod_revision`, `max_mod_revision`.
    pub(crate) bounds: [String; 4],
}

/// The members of [`GetForm::bounds`].
pub(crate) const BOUNDS: [&str; 4] = [
    "min_create_revision",
    "max_create_revision",
    "min_mod_revision",
    "max_mod_revision",
];

/// A delete as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeleteForm {
    pub(crate) range: RangeForm,
    pub(crate) prev: bool,
}

/// An op as typed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum OpForm {
    Put(PutForm),
    Get(GetForm),
    Delete(DeleteForm),
    Txn(Form),
}

/// The kinds of ops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OpKind {
    Put,
    Get,
    Delete,
    Txn,
}

impl OpForm {
    pub(crate) fn kind(&self) -> OpKind {
        match self {
            Self::Put(_) => OpKind::Put,
            Self::Get(_) => OpKind::Get,
            Self::Delete(_) => OpKind::Delete,
            Self::Txn(_) => OpKind::Txn,
        }
    }
}

/// The transaction and the single op that the page edits; one of them is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    mode: Mode,
    txn: Form,
    /// `then` has the op; the rest is empty.
    single: Form,
    next_id: RowId,
}

impl Document {
    /// The shown one.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// The shown form.
    pub(crate) fn form(&self) -> &Form {
        match self.mode {
            Mode::Txn => &self.txn,
            Mode::Single => &self.single,
        }
    }

    /// Whether nothing has been entered.
    pub(crate) fn is_empty(&self) -> bool {
        let form = self.form();
        match self.mode {
            Mode::Txn => form.compare.is_empty() && form.then.is_empty() && form.or_else.is_empty(),
            Mode::Single => {
                let untouched = OpForm::Get(GetForm::default());
                form.then.iter().all(|row| row.body == untouched)
            }
        }
    }

    /// The paths of all rows.
    pub(crate) fn places(&self) -> Places {
        Places::of(self)
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.form().rows()
    }
}

impl Form {
    fn rows(&self) -> usize {
        let ops = self.then.iter().chain(&self.or_else);
        let below = ops.map(|row| match &row.body {
            OpForm::Txn(form) => 1 + form.rows(),
            _ => 1,
        });
        self.compare.len() + below.sum::<usize>()
    }
}

/// The ranges that the deletes of a body name, except single keys.
pub(crate) fn deleted_ranges(body: &Body) -> Vec<RangeSpec> {
    fn of_op(op: &OpRequest, found: &mut Vec<RangeSpec>) {
        if let Some(delete) = &op.delete
            && delete.key.is_none()
        {
            found.push(RangeSpec {
                key: None,
                prefix: delete.prefix.clone(),
                start: delete.start.clone(),
                end: delete.end.clone(),
                from: delete.from.clone(),
            });
        }
        if let Some(txn) = &op.txn {
            of_txn(txn, found);
        }
    }
    fn of_txn(txn: &TxnRequest, found: &mut Vec<RangeSpec>) {
        for op in txn.then.iter().chain(&txn.or_else) {
            of_op(op, found);
        }
    }
    let mut found = Vec::new();
    match body {
        Body::Txn(txn) => of_txn(txn, &mut found),
        Body::Single(op) => of_op(op, &mut found),
    }
    found
}
