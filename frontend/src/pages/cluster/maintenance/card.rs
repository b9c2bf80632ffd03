//! What the cards share: the frame, and a button that says why it cannot be pressed.

use leptos::prelude::*;

use super::text::Text;
use crate::i18n::tr;
use crate::ui::button::Press;
use crate::ui::{Button, ButtonKind};

/// A task: its name, what it does, and its form as children.
#[component]
pub(super) fn Card(title: Text, help: Text, children: Children) -> impl IntoView {
    view! {
        <section class="card task">
            <h2 class="card-head">{tr(title)}</h2>
            <div class="task-body">
                <p class="soft">{tr(help)}</p>
                {children()}
            </div>
        </section>
    }
}

/// A button that is disabled while there is a reason, which is its tooltip.
#[component]
pub(super) fn TaskButton(
    text: Text,
    #[prop(into)] reason: Signal<Option<String>>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] pending: Signal<bool>,
    #[prop(optional)] kind: ButtonKind,
    #[prop(into)] on_press: Press,
) -> impl IntoView {
    let name = tr(text);
    view! {
        <Button
            kind=kind
            pending=pending
            label=Signal::derive(move || reason.get().unwrap_or_else(|| name().to_owned()))
            disabled=Signal::derive(move || disabled.get() || reason.get().is_some())
            on_press=on_press
        >
            {name}
        </Button>
    }
}
