//! The primitives that pages are made of, each a `.rs` with its `.css` beside it. They know no page
//! and no API; texts are passed in, except for the few that all share.

pub(crate) mod button;
pub(crate) mod check_field;
pub(crate) mod chip;
pub(crate) mod clipboard;
pub(crate) mod code;
pub(crate) mod confirm_dialog;
pub(crate) mod dialog;
pub(crate) mod diff_line;
pub(crate) mod element_id;
pub(crate) mod focus;
pub(crate) mod icon;
pub(crate) mod input;
pub(crate) mod kbd;
pub(crate) mod key_note;
pub(crate) mod menu;
pub(crate) mod note;
pub(crate) mod segmented;
pub(crate) mod size;
pub(crate) mod split;
pub(crate) mod states;
pub(crate) mod tabs;
pub(crate) mod toast;
pub(crate) mod ttl;
pub(crate) mod virtual_list;
pub(crate) mod when;

pub(crate) use button::{Button, ButtonKind};
pub(crate) use check_field::CheckField;
pub(crate) use chip::{Chip, Hue, Tag};
pub(crate) use confirm_dialog::ConfirmDialog;
pub(crate) use dialog::Dialog;
pub(crate) use element_id::element_id;
pub(crate) use focus::focus;
pub(crate) use icon::{Glyph, Icon};
pub(crate) use input::{SearchField, SelectField, TextField};
pub(crate) use kbd::Kbd;
pub(crate) use key_note::KeyNote;
pub(crate) use menu::{Menu, MenuItem};
pub(crate) use note::{Note, NoteKind};
pub(crate) use segmented::Segmented;
pub(crate) use split::Split;
pub(crate) use states::{EmptyState, ErrorState, Skeleton};
pub(crate) use tabs::Tabs;
pub(crate) use ttl::TtlBar;
pub(crate) use virtual_list::VirtualList;
pub(crate) use when::When;
