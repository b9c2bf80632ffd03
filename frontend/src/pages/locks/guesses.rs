//! Rows of keys that may be locks: their heading, and the groups they are folded into.

use leptos::prelude::*;

use super::text::Text;
use crate::i18n::{tr, use_i18n};
use crate::model::format;
use crate::ui::{Glyph, Icon, element_id};

/// Shows their number, and why they are listed separately.
#[component]
pub(super) fn GuessHeading(count: usize) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <div class="lock-row lock-heading" role="row" attr:aria-level="1">
            <span role="gridcell" aria-colspan="6">
                <b>{move || i18n.plural(count as i64, Text::GuessOne, Text::GuessMany)}</b>
                " "
                <span class="soft">{tr(Text::GuessTitle)}</span>
            </span>
        </div>
    }
}

/// The element id of a group's row.
pub(super) fn group_id(prefix: &[u8]) -> String {
    element_id("guesses-", prefix)
}

/// A prefix with its keys, folded or open.
#[component]
pub(super) fn GroupRow(
    prefix: Vec<u8>,
    keys: usize,
    open: bool,
    #[prop(into)] active: Signal<bool>,
    on_toggle_group: Callback<Vec<u8>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let shown = format::key(&prefix);
    let id = group_id(&prefix);
    let icon = if open { Icon::Down } else { Icon::Right };
    view! {
        <div
            class="lock-row lock-group"
            class:is-active=move || active.get()
            role="row"
            id=id
            attr:aria-level="1"
            aria-expanded=open.to_string()
            on:click=move |_| on_toggle_group.run(prefix.clone())
        >
            <span class="lock-group-name" role="gridcell" aria-colspan="6">
                <Glyph icon=icon/>
                <span class="mono cut" title=shown.clone()>{shown.clone()}</span>
                <span class="lock-group-count num mute">{move || i18n.plural(keys as i64, Text::KeyOne, Text::KeyMany)}</span>
            </span>
        </div>
    }
}
