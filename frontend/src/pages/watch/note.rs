//! Notes between events: a resumed connection, a compaction, replaced data.

use leptos::prelude::*;

use super::text::Text;
use crate::i18n::{I18n, use_i18n};
use crate::model::format;
use crate::model::sentence::sentences;
use crate::model::stream::Note;
use crate::ui::{Glyph, Icon};

/// A note, as a row.
#[component]
pub(super) fn NoteRow(note: Note) -> impl IntoView {
    let i18n = use_i18n();
    let lossy = matches!(note, Note::Compacted { .. } | Note::Reset { .. });
    let note = StoredValue::new(note);
    let message = move || note.with_value(|note| note_text(i18n, note));
    view! {
        <div class="ev-note" class:is-loss=lossy role="row" attr:aria-level="1" title=message>
            <Glyph icon=Icon::Warn/>
            <span class="cut" role="gridcell" aria-colspan="5">{message}</span>
        </div>
    }
}

fn note_text(i18n: I18n, note: &Note) -> String {
    match note {
        Note::Resumed {
            from,
            outage,
            complete,
        } => {
            let text = if *complete {
                Text::Resumed
            } else {
                Text::ResumedGap
            };
            i18n.fill(text, &[&seconds(i18n, *outage), &format::count(*from)])
        }
        Note::Compacted { from, to } => i18n.fill(
            Text::Compacted,
            &[&format::count(*from), &format::count(to - 1)],
        ),
        Note::Reset { revision, .. } => i18n.fill(Text::Reset, &[&format::count(revision + 1)]),
        Note::Lagged { from } => i18n.fill(Text::Lagged, &[&format::count(*from)]),
        Note::Error { detail } => sentences(&[detail, i18n.t(Text::Retrying)]),
    }
}

/// A duration; under a minute with tenths of a second.
fn seconds(i18n: I18n, millis: f64) -> String {
    let whole = format::span((millis / 1000.0).round() as i64, i18n.lang());
    if millis >= 60_000.0 {
        return whole;
    }
    // The unit of the language is after the number.
    let unit = whole.split(' ').next_back().unwrap_or("s").to_owned();
    format!("{:.1} {unit}", (millis / 1000.0).max(0.1))
}
