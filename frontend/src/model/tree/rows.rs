//! The rows of the tree.

use super::{Item, Level, Loading, Name, SEPARATOR, Tree};
use crate::model::key_text::{KeyFilter, display};

/// The kind of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RowKind {
    Folder {
        open: bool,
    },
    Key,
    /// The level has another page; it is requested as soon as the row is in view.
    More,
    /// The level has more pages; they are requested when the user presses the row.
    Rest,
    /// The request of a page of the level failed.
    Failed,
}

/// A row of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) kind: RowKind,
    /// The key, the folder's prefix, or the prefix of the level that a note such as [`RowKind::More`] is about.
    pub(crate) name: Name,
    /// The offset in `name` at which the label begins.
    pub(crate) label: usize,
    /// The number of drawn folders above it.
    pub(crate) depth: usize,
}

impl Row {
    /// Whether it is a folder or a key; `None` for a note about a page.
    pub(crate) fn is_folder(&self) -> Option<bool> {
        match self.kind {
            RowKind::Folder { .. } => Some(true),
            RowKind::Key => Some(false),
            RowKind::More | RowKind::Rest | RowKind::Failed => None,
        }
    }

    /// The bytes of the label. A folder's label has no trailing separator, unless there is nothing else.
    pub(crate) fn label(&self) -> &[u8] {
        let label = &self.name[self.label..];
        match (self.kind, label) {
            (RowKind::Folder { .. }, [rest @ .., SEPARATOR]) if !rest.is_empty() => rest,
            _ => label,
        }
    }
}

/// Limit of items of a level that a filter loads automatically, page by page; a folder may have millions.
const AUTO_SEARCH_LIMIT: usize = 100_000;

impl Tree {
    /// The rows, in order. With a `filter`, a case-insensitive part of a key, only the items that contain it and the
    /// folders above them; then every loaded folder counts as open.
    ///
    /// A root folder `/` is not drawn: its children replace it, as `/config`.
    pub(crate) fn rows(&self, filter: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        let filter = KeyFilter::new(filter);
        self.push_level(&[], 0, 0, &filter, &mut rows);
        rows
    }

    /// Pushes the rows of a level; false if there are none.
    fn push_level(
        &self,
        prefix: &[u8],
        label: usize,
        depth: usize,
        filter: &KeyFilter,
        rows: &mut Vec<Row>,
    ) -> bool {
        let Some(level) = self.levels.get(prefix) else {
            return false;
        };
        let before = rows.len();
        for (name, item) in level.items() {
            self.push_item(prefix, (name, item), (label, depth), filter, rows);
        }
        // A filter continues in open levels, as long as the note is in view.
        let searched = filter.is_empty() || rows.len() > before || self.is_open(prefix);
        if let Some(kind) = level.note(!filter.is_empty())
            && searched
        {
            rows.push(Row {
                kind,
                name: prefix.into(),
                label: prefix.len(),
                depth,
            });
        }
        for (name, item) in level.beyond() {
            self.push_item(prefix, (name, item), (label, depth), filter, rows);
        }
        rows.len() > before
    }

    /// Pushes the row of an item on the level of a prefix, and the rows below it.
    fn push_item(
        &self,
        prefix: &[u8],
        (name, item): (&Name, &Item),
        (label, depth): (usize, usize),
        filter: &KeyFilter,
        rows: &mut Vec<Row>,
    ) {
        let own = Row {
            kind: RowKind::Key,
            name: Name::clone(name),
            label,
            depth,
        };
        match item {
            Item::Key(_) => {
                if matches(&own, filter) {
                    rows.push(own);
                }
            }
            Item::Folder { .. } if prefix.is_empty() && **name == [SEPARATOR] => {
                self.push_level(name, 0, 0, filter, rows);
            }
            Item::Folder { .. } => {
                let open = if filter.is_empty() {
                    self.is_expanded(name)
                } else {
                    self.levels.contains_key(name)
                };
                let row = Row {
                    kind: RowKind::Folder { open },
                    ..own
                };
                let at = rows.len();
                let found = matches(&row, filter);
                rows.push(row);
                let inside = open && self.push_level(name, name.len(), depth + 1, filter, rows);
                if !found && !inside {
                    rows.truncate(at);
                }
            }
        }
    }
}

impl Level {
    /// The note about pages that are not loaded.
    fn note(&self, filtered: bool) -> Option<RowKind> {
        match self.loading {
            Loading::Failed => Some(RowKind::Failed),
            Loading::Requested if !self.loaded => Some(RowKind::More),
            _ if self.complete() || self.stale => None,
            // The rows after the note are in view: loading a page between would push them out.
            Loading::Idle if !filtered && !self.found.is_empty() => Some(RowKind::Rest),
            Loading::Idle if filtered && self.items.len() >= AUTO_SEARCH_LIMIT => {
                Some(RowKind::Rest)
            }
            Loading::Requested | Loading::Idle => Some(RowKind::More),
        }
    }
}

fn matches(row: &Row, filter: &KeyFilter) -> bool {
    // A filter with a separator spans more than one level.
    filter.matches(row.label()) || (filter.has_separator() && filter.matches(&row.name))
}

/// A move of the cursor by a key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Next,
    Previous,
    First,
    Last,
    Parent,
}

/// The index that a move from `at` leads to; `None` if there is none. Only `Next` may
/// lead to a note: moving there requests its page.
pub(crate) fn step(rows: &[Row], at: Option<usize>, by: Move) -> Option<usize> {
    let is_item = |row: &Row| row.is_folder().is_some();
    let first = rows.iter().position(is_item)?;
    let last = rows.iter().rposition(is_item)?;
    let Some(at) = at.filter(|at| *at < rows.len()) else {
        return Some(if by == Move::Last { last } else { first });
    };
    Some(match by {
        Move::Next => (at + 1).min(rows.len() - 1),
        Move::Previous => rows[..at].iter().rposition(is_item).unwrap_or(at),
        Move::First => first,
        Move::Last => last,
        Move::Parent => rows[..at]
            .iter()
            .rposition(|row| row.depth < rows[at].depth)?,
    })
}

/// The row that a typed name opens: the one with exactly that name, else the first key, else the first folder.
pub(crate) fn best(rows: &[Row], name: &[u8]) -> Option<Row> {
    let mut exact = rows
        .iter()
        .filter(|row| row.is_folder().is_some() && row.label() == name);
    let key = || rows.iter().find(|row| row.kind == RowKind::Key);
    let folder = || rows.iter().find(|row| row.is_folder() == Some(true));
    exact.next().or_else(key).or_else(folder).cloned()
}

/// The next row after `at` whose label begins with the typed text, wrapping around at the end.
pub(crate) fn typeahead(rows: &[Row], at: Option<usize>, typed: &str) -> Option<usize> {
    let wanted = typed.to_lowercase();
    // A single letter starts at the next row; more letters refine the match at the current row.
    let from = at.map_or(0, |at| {
        if typed.chars().count() > 1 {
            at
        } else {
            at + 1
        }
    });
    let begins = |row: &Row| {
        let label = display(row.label()).to_lowercase();
        label.starts_with(&wanted)
            || label
                .strip_prefix('/')
                .is_some_and(|label| label.starts_with(&wanted))
    };
    (0..rows.len())
        .map(|by| (from + by) % rows.len())
        .find(|at| begins(&rows[*at]))
}
