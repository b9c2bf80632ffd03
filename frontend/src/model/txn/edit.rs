//! Changes of a document by the builder.

use super::read;
use super::{
    Body, Branch, CompareForm, DeleteForm, Document, Form, GetForm, Mode, OpForm, OpKind, PutForm,
    RangeForm, RangeKind, Row, RowId, WrongAt,
};

/// Numbers the rows.
pub(super) struct Ids<'a>(&'a mut RowId);

impl Ids<'_> {
    pub(super) fn next(&mut self) -> RowId {
        *self.0 += 1;
        *self.0
    }
}

impl Default for Document {
    fn default() -> Self {
        let mut document = Self {
            mode: Mode::default(),
            txn: Form::default(),
            single: Form::default(),
            next_id: 0,
        };
        document.reset_single();
        document
    }
}

impl Document {
    /// Shows the transaction or the single op; each is kept while the other is shown.
    pub(crate) fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    fn form_mut(&mut self) -> &mut Form {
        match self.mode {
            Mode::Txn => &mut self.txn,
            Mode::Single => &mut self.single,
        }
    }

    /// Replaces what is shown; a fault changes nothing. Rows are kept if the request means the same.
    pub(crate) fn replace(&mut self, body: &Body) -> Result<(), WrongAt> {
        let form = read::form(body, &mut Ids(&mut self.next_id))?;
        self.mode = match body {
            Body::Txn(_) => Mode::Txn,
            Body::Single(_) => Mode::Single,
        };
        if self.body().ok().as_ref() != Some(body) {
            *self.form_mut() = form;
        }
        Ok(())
    }

    /// Empties what is shown; a single op becomes an empty get.
    pub(crate) fn clear(&mut self) {
        match self.mode {
            Mode::Txn => self.txn = Form::default(),
            Mode::Single => self.reset_single(),
        }
    }

    fn reset_single(&mut self) {
        let id = Ids(&mut self.next_id).next();
        self.single.then = vec![Row {
            id,
            body: OpForm::Get(GetForm::default()),
        }];
    }

    /// A comparison.
    pub(crate) fn compare(&self, id: RowId) -> Option<&CompareForm> {
        self.form().find_compare(id)
    }

    /// An op.
    pub(crate) fn op(&self, id: RowId) -> Option<&OpForm> {
        self.form().find_op(id)
    }

    /// The outermost transaction, or the nested one of a row.
    pub(crate) fn txn(&self, owner: Option<RowId>) -> Option<&Form> {
        match owner {
            None => Some(self.form()),
            Some(id) => match self.op(id)? {
                OpForm::Txn(form) => Some(form),
                _ => None,
            },
        }
    }

    fn txn_mut(&mut self, owner: Option<RowId>) -> Option<&mut Form> {
        match owner {
            None => Some(self.form_mut()),
            Some(id) => {
                let (rows, at) = self.form_mut().op_list_mut(id)?;
                match &mut rows[at].body {
                    OpForm::Txn(form) => Some(form),
                    _ => None,
                }
            }
        }
    }

    /// Adds a comparison to a transaction.
    pub(crate) fn add_compare(&mut self, owner: Option<RowId>) {
        let id = Ids(&mut self.next_id).next();
        if let Some(form) = self.txn_mut(owner) {
            form.compare.push(Row {
                id,
                body: CompareForm::default(),
            });
        }
    }

    /// Adds an op to a branch of a transaction.
    pub(crate) fn add_op(&mut self, owner: Option<RowId>, branch: Branch, kind: OpKind) {
        let id = Ids(&mut self.next_id).next();
        if let Some(form) = self.txn_mut(owner) {
            let rows = match branch {
                Branch::Then => &mut form.then,
                Branch::Else => &mut form.or_else,
            };
            rows.push(Row {
                id,
                body: op_of_kind(kind, RangeForm::default()),
            });
        }
    }

    /// Updates a comparison.
    pub(crate) fn set_compare(&mut self, id: RowId, form: CompareForm) {
        if let Some((rows, at)) = self.form_mut().compare_list_mut(id) {
            rows[at].body = form;
        }
    }

    /// Updates an op.
    pub(crate) fn set_op(&mut self, id: RowId, form: OpForm) {
        if let Some((rows, at)) = self.form_mut().op_list_mut(id) {
            rows[at].body = form;
        }
    }

    /// Makes an op one of another kind, with the same key or range. It is a new row.
    pub(crate) fn set_kind(&mut self, id: RowId, kind: OpKind) {
        let new_id = Ids(&mut self.next_id).next();
        if let Some((rows, at)) = self.form_mut().op_list_mut(id) {
            let range = match &rows[at].body {
                OpForm::Put(put) => RangeForm {
                    first: put.key.clone(),
                    ..RangeForm::default()
                },
                OpForm::Get(get) => get.range.clone(),
                OpForm::Delete(delete) => delete.range.clone(),
                OpForm::Txn(_) => RangeForm::default(),
            };
            rows[at] = Row {
                id: new_id,
                body: op_of_kind(kind, range),
            };
        }
    }

    /// Removes a row.
    pub(crate) fn remove(&mut self, id: RowId) {
        let form = self.form_mut();
        if let Some((rows, at)) = form.compare_list_mut(id) {
            rows.remove(at);
        } else if let Some((rows, at)) = form.op_list_mut(id) {
            rows.remove(at);
        }
    }

    /// Moves a row up or down in its list.
    pub(crate) fn shift(&mut self, id: RowId, up: bool) {
        fn shift<T>(rows: &mut [Row<T>], at: usize, up: bool) {
            let to = if up { at.checked_sub(1) } else { Some(at + 1) };
            if let Some(to) = to.filter(|to| *to < rows.len()) {
                rows.swap(at, to);
            }
        }
        let form = self.form_mut();
        if let Some((rows, at)) = form.compare_list_mut(id) {
            shift(rows, at, up);
        } else if let Some((rows, at)) = form.op_list_mut(id) {
            shift(rows, at, up);
        }
    }
}

fn op_of_kind(kind: OpKind, range: RangeForm) -> OpForm {
    match kind {
        OpKind::Put => OpForm::Put(PutForm {
            // A prefix is a good beginning of a key, the start of a range is not.
            key: match range.kind {
                RangeKind::Key | RangeKind::Prefix => range.first,
                RangeKind::Between | RangeKind::From => String::new(),
            },
            ..PutForm::default()
        }),
        OpKind::Get => OpForm::Get(GetForm {
            range,
            ..GetForm::default()
        }),
        OpKind::Delete => OpForm::Delete(DeleteForm { range, prev: false }),
        OpKind::Txn => OpForm::Txn(Form::default()),
    }
}

impl Form {
    fn nested(&self) -> impl Iterator<Item = &Self> {
        let ops = self.then.iter().chain(&self.or_else);
        ops.filter_map(|row| match &row.body {
            OpForm::Txn(form) => Some(form),
            _ => None,
        })
    }

    fn find_compare(&self, id: RowId) -> Option<&CompareForm> {
        let row = self.compare.iter().find(|row| row.id == id);
        row.map(|row| &row.body)
            .or_else(|| self.nested().find_map(|form| form.find_compare(id)))
    }

    fn find_op(&self, id: RowId) -> Option<&OpForm> {
        let row = self
            .then
            .iter()
            .chain(&self.or_else)
            .find(|row| row.id == id);
        row.map(|row| &row.body)
            .or_else(|| self.nested().find_map(|form| form.find_op(id)))
    }

    fn nested_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        let ops = self.then.iter_mut().chain(&mut self.or_else);
        ops.filter_map(|row| match &mut row.body {
            OpForm::Txn(form) => Some(form),
            _ => None,
        })
    }

    /// The list that has this comparison, and its index.
    fn compare_list_mut(&mut self, id: RowId) -> Option<(&mut Vec<Row<CompareForm>>, usize)> {
        if let Some(at) = self.compare.iter().position(|row| row.id == id) {
            return Some((&mut self.compare, at));
        }
        self.nested_mut().find_map(|form| form.compare_list_mut(id))
    }

    /// The list that has this op, and its index.
    fn op_list_mut(&mut self, id: RowId) -> Option<(&mut Vec<Row<OpForm>>, usize)> {
        if let Some(at) = self.then.iter().position(|row| row.id == id) {
            return Some((&mut self.then, at));
        }
        if let Some(at) = self.or_else.iter().position(|row| row.id == id) {
            return Some((&mut self.or_else, at));
        }
        self.nested_mut().find_map(|form| form.op_list_mut(id))
    }
}
