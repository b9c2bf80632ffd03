//! Chips show a fact about the item above them; tags show the kind of a row.

use leptos::prelude::*;

/// The meaning of a colour, the same everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hue {
    #[default]
    Plain,
    Put,
    Delete,
    Lock,
    Lease,
}

impl Hue {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Plain => "hue-plain",
            Self::Put => "hue-put",
            Self::Delete => "hue-del",
            Self::Lock => "hue-lock",
            Self::Lease => "hue-lease",
        }
    }
}

/// A fact: a label, with the value as children.
#[component]
pub(crate) fn Chip(
    #[prop(optional)] hue: Hue,
    #[prop(optional, into)] title: MaybeProp<String>,
    children: Children,
) -> impl IntoView {
    view! { <span class=format!("chip {}", hue.class()) title=move || title.get()>{children()}</span> }
}

/// The kind of a row: `PUT`, `mutex`.
#[component]
pub(crate) fn Tag(#[prop(optional, into)] hue: Signal<Hue>, children: Children) -> impl IntoView {
    view! { <span class=move || format!("tag {}", hue.get().class())>{children()}</span> }
}
