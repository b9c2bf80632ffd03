//! The diff of two values.

use leptos::prelude::*;

use super::text::Text;
use crate::i18n::{tr, use_i18n};
use crate::model::diff::{Change, Compared, compare, tally};
use crate::model::format;
use crate::ui::diff_line::DiffLine;

/// Limit of drawn rows: more would make the browser slow, and are not read.
const MOST: usize = 600;

/// Shows the diff between an old value and a new one.
#[component]
pub(crate) fn DiffView(old: Vec<u8>, new: Vec<u8>) -> impl IntoView {
    let i18n = use_i18n();
    let (changes, compared) = compare(&old, &new);
    let (added, removed) = tally(&changes);
    if changes.is_empty() {
        return view! { <p class="x-diff-none">{tr(Text::SameAsBefore)}</p> }.into_any();
    }
    let more = changes.len().saturating_sub(MOST);
    let more = (more > 0).then(|| {
        let more = format::count(more as i64);
        view! { <div class="x-diff-skip">{move || i18n.fill(Text::LinesOmitted, &[&more])}</div> }
    });
    let rows = changes
        .into_iter()
        .take(MOST)
        .map(|change| {
            let (class, mark, line) = match change {
                Change::Same(line) => ("x-diff-row", " ", line),
                Change::Removed(line) => ("x-diff-row x-diff-row-removed", "−", line),
                Change::Added(line) => ("x-diff-row x-diff-row-added", "+", line),
                Change::Skipped(count) => {
                    let count = format::count(count as i64);
                    return view! { <div class="x-diff-skip">{move || i18n.fill(Text::LinesSame, &[&count])}</div> }.into_any();
                }
            };
            view! {
                <div class=class><span class="x-diff-mark">{mark}</span><DiffLine line=line/></div>
            }
            .into_any()
        })
        .collect_view();
    let how = match compared {
        Compared::AsTheyAre => None,
        Compared::Formatted => Some(Text::Formatted),
        Compared::Hex => Some(Text::ComparedHex),
    };
    view! {
        <div class="x-diff">
            <div class="x-diff-head">
                <span class="x-diff-added">{format!("+{}", format::count(added as i64))}</span>
                <span class="x-diff-removed">{format!("−{}", format::count(removed as i64))}</span>
                <span class="mute">{how.map(tr)}</span>
            </div>
            <div class="x-diff-rows" tabindex="0">{rows}{more}</div>
        </div>
    }
    .into_any()
}
