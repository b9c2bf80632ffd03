//! Paths of members in a body, such as `then[3].put.key` or `then[0].txn.compare[1].value`.

use std::collections::HashMap;

use super::{Document, Form, Mode, OpForm, RowId};

/// The path of an item of a list, in the transaction at `place`; the outermost one has none.
pub(super) fn child(place: &str, name: &str, n: usize) -> String {
    let dot = if place.is_empty() { "" } else { "." };
    format!("{place}{dot}{name}[{n}]")
}

/// The path of the single op.
pub(super) fn root(mode: Mode) -> &'static str {
    match mode {
        Mode::Txn => "",
        Mode::Single => "op",
    }
}

/// The path of every row of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Places {
    by_row: HashMap<RowId, String>,
}

impl Places {
    pub(super) fn of(document: &Document) -> Self {
        let mut places = Self::default();
        match (document.mode(), document.form().then.first()) {
            (Mode::Txn, _) => places.add(document.form(), ""),
            (Mode::Single, Some(row)) => {
                let place = root(Mode::Single).to_owned();
                if let OpForm::Txn(form) = &row.body {
                    places.add(form, &format!("{place}.txn"));
                }
                places.by_row.insert(row.id, place);
            }
            (Mode::Single, None) => {}
        }
        places
    }

    fn add(&mut self, form: &Form, place: &str) {
        for (n, row) in form.compare.iter().enumerate() {
            self.by_row.insert(row.id, child(place, "compare", n));
        }
        for (name, rows) in [("then", &form.then), ("else", &form.or_else)] {
            for (n, row) in rows.iter().enumerate() {
                let place = child(place, name, n);
                if let OpForm::Txn(nested) = &row.body {
                    self.add(nested, &format!("{place}.txn"));
                }
                self.by_row.insert(row.id, place);
            }
        }
    }

    /// The path of a row.
    pub(crate) fn get(&self, row: RowId) -> Option<&str> {
        self.by_row.get(&row).map(String::as_str)
    }

    /// The row that a path leads to: the innermost one that contains it.
    pub(crate) fn row_at(&self, place: &str) -> Option<RowId> {
        let contains = |row: &str| {
            place
                .strip_prefix(row)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.by_row
            .iter()
            .filter(|(_, row)| contains(row))
            .max_by_key(|(_, row)| row.len())
            .map(|(id, _)| *id)
    }
}

/// Splits the path from a message of the gateway, `then[3].put.key: must not be empty`.
pub(crate) fn split_place(detail: &str) -> Option<(&str, &str)> {
    let (place, message) = detail.split_once(": ")?;
    let first = place.split(['[', '.']).next()?;
    let rest = &place[first.len()..];
    let is_path = matches!(first, "compare" | "then" | "else" | "op")
        && place
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"[]._".contains(&byte))
        // `else: …` could be the beginning of a sentence.
        && (first == "op" || !rest.is_empty() || first != "else");
    is_path.then_some((place, message))
}
