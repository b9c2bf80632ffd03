//! The head of a panel.

use leptos::prelude::*;
use shared::EventType;

use super::spark::Spark;
use super::store::PanelStore;
use super::text::Text;
use crate::i18n::{label, tr, use_i18n};
use crate::model::format;
use crate::model::stream::spec::PanelSpec;
use crate::model::stream::{Status, Stream};
use crate::ui::{Button, ButtonKind, Chip, Hue, Icon, Tag};

/// The watched range, its event rate, and the actions.
#[component]
pub(super) fn Head(
    store: PanelStore,
    spec: StoredValue<PanelSpec>,
    status: Memo<Status>,
    name: Signal<String>,
    filter: RwSignal<String>,
    filtering: RwSignal<bool>,
    on_close: Callback<PanelSpec>,
) -> impl IntoView {
    let i18n = use_i18n();
    // Without the characters that isolate the name in sentences, since it may be selected and
    // copied.
    let heading = move || {
        let key = spec.with_value(|spec| format::key(&spec.bytes));
        if key.is_empty() { name.get() } else { key }
    };
    let paused = Memo::new(move |_| store.read(Stream::paused) == Some(true));
    let held = move || {
        let (held, full) = store
            .read(|stream| (stream.held_count(), stream.full()))
            .unwrap_or_default();
        let text = if full {
            Text::PausedFull
        } else {
            Text::PausedHeld
        };
        i18n.fill(text, &[&format::count(held as i64)])
    };
    let toggle_filter = move || {
        filtering.update(|shown| *shown = !*shown);
        if !filtering.get_untracked() {
            filter.set(String::new());
        }
    };
    let only = spec.with_value(|spec| spec.only).map(|only| {
        let (hue, text) = match only {
            EventType::Put => (Hue::Put, Text::PutsOnly),
            EventType::Delete => (Hue::Delete, Text::DeletesOnly),
        };
        view! { <Chip hue=hue>{tr(text)}</Chip> }
    });
    let state = move || match status.get() {
        Status::Opening => i18n.t(Text::Opening),
        Status::Lost => i18n.t(Text::Reconnecting),
        Status::Closed { .. } => i18n.t(Text::Ended),
        Status::Live => "",
    };
    view! {
        <header class="panel-head">
            <span
                class="dot"
                class:dot-wait=move || status.get() == Status::Opening
                class:dot-off=move || matches!(status.get(), Status::Lost | Status::Closed { .. })
                title=state
            ></span>
            <h2 class="panel-name mono cut" title=move || name.get()>{heading}</h2>
            {only}
            <span class="push"></span>
            <Spark store=store/>
            <Show
                when=move || paused.get()
                fallback=move || view! {
                    <Button kind=ButtonKind::Quiet icon=Icon::Filter label=label(Text::Filter) pressed=filtering on_press=toggle_filter/>
                    <Button kind=ButtonKind::Quiet icon=Icon::Clear label=label(Text::Clear) on_press=move || store.change(Stream::clear)/>
                    <Button kind=ButtonKind::Quiet icon=Icon::Pause label=label(Text::Pause) on_press=move || store.pause()/>
                }
            >
                <span class="panel-held"><Tag hue=Hue::Lock>{held}</Tag></span>
                <Button kind=ButtonKind::Primary on_press=move || store.resume()>{tr(Text::Resume)}</Button>
            </Show>
            <Button
                kind=ButtonKind::Quiet
                icon=Icon::Close
                label=Signal::derive(move || i18n.fill(Text::Close, &[&name.get()]))
                on_press=move || on_close.run(spec.get_value())
            />
        </header>
    }
}
