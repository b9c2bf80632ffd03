//! A note: a sentence or two in the flow of a page or dialog, with an action where there is one.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// How serious a note is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NoteKind {
    #[default]
    Plain,
    Warning,
    Error,
}

impl NoteKind {
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "note",
            Self::Warning => "note note-warn",
            Self::Error => "note note-bad",
        }
    }

    fn icon(self) -> Option<Icon> {
        match self {
            Self::Plain => None,
            Self::Warning | Self::Error => Some(Icon::Warn),
        }
    }
}

/// A note; its text is the children. Warnings and errors have the warning sign unless `icon` is
/// another one.
#[component]
pub(crate) fn Note(
    #[prop(optional)] kind: NoteKind,
    #[prop(optional)] icon: Option<Icon>,
    /// `alert` or `status`, for a note that appears during use.
    #[prop(optional)]
    role: Option<&'static str>,
    #[prop(optional)] class: &'static str,
    /// A button, after the text.
    #[prop(optional, into)]
    action: ViewFn,
    children: Children,
) -> impl IntoView {
    let icon = icon.or(kind.icon());
    view! {
        <div class=format!("{} {class}", kind.class()) role=role>
            {icon.map(|icon| view! { <Glyph icon=icon/> })}
            <span class="note-text">{children()}</span>
            {action.run()}
        </div>
    }
}
