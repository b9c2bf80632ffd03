//! One event as a row; expanded, with its diff below.

use std::sync::Arc;

use leptos::prelude::*;
use shared::{Bytes, Event};

use super::detail::{Detail, OpenEvent};
use super::text::Text;
use crate::clock::{now_ms, use_clock, zone_offset};
use crate::i18n::use_i18n;
use crate::model::format;
use crate::model::key_text;
use crate::model::stream::{When, one_line, relative};
use crate::ui::{Hue, Tag};

/// Characters shown of a value.
const VALUE_CHARS: usize = 160;

/// A newer row flashes once.
const NEW_MS: f64 = 800.0;

/// An event. `detail` is shown below it while it is expanded.
#[component]
pub(super) fn EventRow(
    seq: u64,
    id: String,
    event: Event,
    when: When,
    prefix: Vec<u8>,
    #[prop(into)] detail: Signal<Option<Arc<OpenEvent>>>,
    #[prop(into)] active: Signal<bool>,
    on_press: Callback<u64>,
) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let (is_put, hue) = match event {
        Event::Put { .. } => (true, Hue::Put),
        Event::Delete { .. } => (false, Hue::Delete),
    };
    let value = match &event {
        Event::Put { entry, .. } => entry.value.as_ref(),
        Event::Delete { .. } => event.prev().and_then(|prev| prev.value.as_ref()),
    };
    let value = value
        .map(|value: &Bytes| one_line(&value.0, VALUE_CHARS))
        .unwrap_or_default();
    let key = format::key(relative(&event.key().0, &prefix));
    let whole_key = key_text::in_sentence(&event.key().0);
    let revision = format::count(event.mod_revision());
    let time = move || match when {
        When::Received(at) => format::clock(clock.by_gateway(at), zone_offset()),
        When::History | When::Pending(_) => i18n.t(Text::History).to_owned(),
    };
    let time_title = move || match when {
        When::Received(_) => i18n.t(Text::TimeTitle),
        When::History | When::Pending(_) => i18n.t(Text::HistoryTitle),
    };
    let is_new = matches!(when, When::Received(at) if now_ms() - at < NEW_MS);
    let event = StoredValue::new(event);
    let opened = move || {
        let shown = detail.get()?;
        let height = shown.height;
        let event = event.get_value();
        Some(view! {
            <div class="detail" role="row" attr:aria-level="2" style:height=format!("{height}px")>
                <div class="detail-cell" role="gridcell" aria-colspan="5"><Detail event=event shown=shown/></div>
            </div>
        })
    };
    view! {
        <div class="ev-item" role="presentation">
            <div
                class="ev"
                class:is-active=move || active.get()
                class:is-open=move || detail.with(Option::is_some)
                class:is-fresh=is_new
                role="row"
                attr:aria-level="1"
                id=id
                aria-expanded=move || detail.with(Option::is_some).to_string()
                on:click=move |_| on_press.run(seq)
            >
                <span class="ev-time num" role="gridcell" title=time_title>{time}</span>
                <span class="ev-rev mono num" role="gridcell">{revision}</span>
                <span class="ev-kind" role="gridcell">
                    <Tag hue=hue>{move || i18n.t(if is_put { Text::Put } else { Text::Delete })}</Tag>
                </span>
                <span class="ev-key mono cut" role="gridcell" title=whole_key>{key}</span>
                <span class="ev-value mono cut" class:is-gone=!is_put role="gridcell">{value}</span>
            </div>
            {opened}
        </div>
    }
}
