//! An expanded event: its diff, facts about the key, and actions.

use std::sync::Arc;

use leptos::prelude::*;
use shared::{Bytes, Event};

use super::text::Text;
use crate::i18n::{Common, I18n, label, tr, use_i18n};
use crate::model::diff::{Change, Line};
use crate::model::format;
use crate::model::stream::event_diff::{EventDiff, Heading, event_diff};
use crate::pages::links::key_url;
use crate::ui::clipboard::copier;
use crate::ui::diff_line::DiffLine;
use crate::ui::{Button, ButtonKind, Icon};

const LINE: f64 = 20.0;
const MOST_LINES: f64 = 16.0;
/// Height of facts and actions; on narrow panels they take two lines.
const HEAD: [f64; 2] = [36.0, 76.0];
const EDGES: f64 = 17.0;

/// An expanded event with its diff, computed once.
pub(super) struct OpenEvent {
    diff: EventDiff,
    /// Pixels below its row. The style sheet agrees.
    pub(super) height: f64,
}

impl OpenEvent {
    pub(super) fn new(event: &Event, narrow: bool) -> Self {
        let diff = event_diff(event);
        let height = HEAD[usize::from(narrow)] + body_height(&diff) + EDGES;
        Self { diff, height }
    }
}

fn body_height(diff: &EventDiff) -> f64 {
    let heading = u8::from(has_heading(diff));
    let more = u8::from(diff.more > 0);
    (diff.lines.len() as f64).min(MOST_LINES) * LINE + f64::from(heading + more) * LINE
}

fn has_heading(diff: &EventDiff) -> bool {
    diff.heading != Heading::Changed || diff.hex
}

/// The expanded event.
#[component]
pub(super) fn Detail(event: Event, shown: Arc<OpenEvent>) -> impl IntoView {
    let (i18n, copy) = (use_i18n(), copier());
    let diff = &shown.diff;
    let key = event.key().clone();
    let href = key_url(&key.0);
    let key_text = format::key(&key.0);
    let value = match &event {
        Event::Put { entry, .. } => entry.value.clone(),
        Event::Delete { .. } => event.prev().and_then(|prev| prev.value.clone()),
    };
    let value_text = value.as_ref().and_then(Bytes::as_str).map(str::to_owned);
    let is_delete = matches!(event, Event::Delete { .. });
    let facts = StoredValue::new(facts_of(&event));
    let text = move || facts.with_value(|facts| facts.text(i18n));
    let heading = has_heading(diff).then(|| {
        let (heading, hex) = (diff.heading, diff.hex);
        view! { <p class="detail-note">{move || heading_text(i18n, heading, hex)}</p> }
    });
    let more = (diff.more > 0).then(|| {
        let more = format::count(diff.more as i64);
        view! { <p class="detail-note">{move || i18n.fill(Text::MoreLines, &[&more])}</p> }
    });
    let lines = diff
        .lines
        .iter()
        .map(|change| line(i18n, change.clone()))
        .collect_view();
    let copy_value = value_text.map(|text| {
        view! {
            <Button small=true kind=ButtonKind::Quiet icon=Icon::Copy label=label(Text::CopyValue) on_press=move || copy(text.clone())>
                {tr(Common::Value)}
            </Button>
        }
    });
    view! {
        <div class="detail-head">
            <span class="detail-facts cut num" title=text>{text}</span>
            <span class="detail-acts">
                {(!is_delete).then(|| view! { <a class="btn btn-small btn-quiet" href=href>{tr(Text::ShowKey)}</a> })}
                <Button small=true kind=ButtonKind::Quiet icon=Icon::Copy label=label(Text::CopyKey) on_press=move || copy(key_text.clone())>
                    {tr(Common::Key)}
                </Button>
                {copy_value}
            </span>
        </div>
        {heading}
        <div class="detail-lines mono" tabindex="0">{lines}</div>
        {more}
    }
}

fn line(i18n: I18n, change: Change) -> impl IntoView {
    let (class, sign, line) = match change {
        Change::Same(line) => ("dl", " ", line),
        Change::Removed(line) => ("dl is-gone", "−", line),
        Change::Added(line) => ("dl is-new", "+", line),
        Change::Skipped(count) => {
            let count = format::count(count as i64);
            let text = untrack(|| i18n.fill(Text::EqualLines, &[&count]));
            ("dl is-skipped", "⋯", Line::unmarked(text))
        }
    };
    view! { <div class=class><span class="dl-sign">{sign}</span><DiffLine line=line/></div> }
}

fn heading_text(i18n: I18n, heading: Heading, hex: bool) -> String {
    let text = match heading {
        Heading::Changed => return i18n.t(Text::Binary).to_owned(),
        Heading::Created => Text::Created,
        Heading::Same => Text::SameValue,
        Heading::PrevUnknown => Text::PrevUnknown,
        Heading::Deleted => Text::LastValue,
        Heading::DeletedUnknown => Text::NoLastValue,
        Heading::Empty => Text::EmptyValue,
    };
    if hex {
        format!("{} · {}", i18n.t(text), i18n.t(Text::Binary))
    } else {
        i18n.t(text).to_owned()
    }
}

struct Facts {
    version: i64,
    created: i64,
    lease: Option<String>,
}

impl Facts {
    fn text(&self, i18n: I18n) -> String {
        let mut facts = Vec::with_capacity(3);
        if let Some(lease) = &self.lease {
            facts.push(format!("{} {lease}", i18n.t(Text::Lease)));
        }
        if self.version > 0 {
            facts.push(i18n.fill(Text::Version, &[&format::count(self.version)]));
        }
        if self.version > 1 {
            facts.push(i18n.fill(Text::CreatedAt, &[&format::count(self.created)]));
        }
        facts.join(" · ")
    }
}

fn facts_of(event: &Event) -> Facts {
    let entry = match event {
        Event::Put { entry, .. } => Some(entry),
        Event::Delete { .. } => event.prev(),
    };
    Facts {
        version: entry.map_or(0, |entry| entry.version),
        created: entry.map_or(0, |entry| entry.create_revision),
        lease: entry
            .and_then(|entry| entry.lease)
            .map(|lease| lease.to_string()),
    }
}
