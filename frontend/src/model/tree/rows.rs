//! The rows that show the tree.

use super::{Item, Loading, Name, SEPARATOR, Tree};
use crate::model::key_text::{KeyFilter, shown};

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RowKind {
    Folder {
        open: bool,
    },
    Key,
    /// A page of the level is still to come.
    More,
    /// A page of the level did not come.
    Failed,
}

/// A row of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) kind: RowKind,
    /// The key, the folder's prefix, or the level that [`RowKind::More`] and `Failed` speak of.
    pub(crate) name: Name,
    /// Where in `name` the label begins.
    pub(crate) label: usize,
    /// Folders above it that are drawn.
    pub(crate) depth: usize,
}

impl Row {
    /// The bytes of the label: a folder's without its separator, unless there is nothing else.
    pub(crate) fn label(&self) -> &[u8] {
        let label = &self.name[self.label..];
        match (self.kind, label) {
            (RowKind::Folder { .. }, [rest @ .., SEPARATOR]) if !rest.is_empty() => rest,
            _ => label,
        }
    }
}

impl Tree {
    /// The rows, in order. With a `filter`, the text of a part of a key, only what contains it, letter
    /// case aside, and the folders above; then every folder that is loaded counts as open.
    ///
    /// A root folder `/` is not drawn: its children stand in its place as `/config`.
    pub(crate) fn rows(&self, filter: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        let filter = KeyFilter::new(filter);
        self.push_level(&[], 0, 0, &filter, &mut rows);
        rows
    }

    /// Rows of a level; whether there are any.
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
            let own = Row {
                kind: RowKind::Key,
                name: Name::clone(name),
                label,
                depth,
            };
            match item {
                Item::Key(_) => {
                    if filter.matches(own.label()) {
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
                    let found = filter.matches(row.label());
                    rows.push(row);
                    let inside = open && self.push_level(name, name.len(), depth + 1, filter, rows);
                    if !found && !inside {
                        rows.truncate(at);
                    }
                }
            }
        }
        let filtered_out = !filter.is_empty() && rows.len() == before;
        let kind = match level.loading() {
            Loading::Failed => Some(RowKind::Failed),
            Loading::Asked if !level.loaded() => Some(RowKind::More),
            _ if !level.complete() && !level.stale => Some(RowKind::More),
            _ => None,
        };
        if let Some(kind) = kind
            && !filtered_out
        {
            rows.push(Row {
                kind,
                name: prefix.into(),
                label: prefix.len(),
                depth,
            });
        }
        rows.len() > before
    }
}

/// Where a key press leads from a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Next,
    Previous,
    First,
    Last,
    Parent,
}

/// The index that a move from `at` leads to; `None` where there is nothing.
pub(crate) fn step(rows: &[Row], at: Option<usize>, by: Move) -> Option<usize> {
    let last = rows.len().checked_sub(1)?;
    let Some(at) = at.filter(|at| *at <= last) else {
        return Some(if by == Move::Last { last } else { 0 });
    };
    Some(match by {
        Move::Next => (at + 1).min(last),
        Move::Previous => at.saturating_sub(1),
        Move::First => 0,
        Move::Last => last,
        Move::Parent => rows[..at]
            .iter()
            .rposition(|row| row.depth < rows[at].depth)?,
    })
}

/// The next row after `at`, around the end, whose label begins with what was typed.
pub(crate) fn typeahead(rows: &[Row], at: Option<usize>, typed: &str) -> Option<usize> {
    let wanted = typed.to_lowercase();
    // A single letter goes on from the row; more letters narrow down where it stands.
    let from = at.map_or(0, |at| {
        if typed.chars().count() > 1 {
            at
        } else {
            at + 1
        }
    });
    let begins = |row: &Row| {
        let label = shown(row.label()).to_lowercase();
        label.starts_with(&wanted)
            || label
                .strip_prefix('/')
                .is_some_and(|label| label.starts_with(&wanted))
    };
    (0..rows.len())
        .map(|by| (from + by) % rows.len())
        .find(|at| begins(&rows[*at]))
}
