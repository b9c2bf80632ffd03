//! The difference of two values.

use leptos::prelude::*;

use super::text::Text;
use crate::i18n::{tr, use_i18n};
use crate::model::diff::{Change, brief, tally};
use crate::model::format;
use crate::model::value::{Script, nature, write};

/// Equal lines shown around what changed.
const CONTEXT: usize = 3;

/// Changed lines that are drawn; more nobody reads, and a browser would suffer.
const MOST: usize = 600;

/// Longer lines are cut.
const LONGEST: usize = 2000;

/// How two values were made comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    AsTheyAre,
    Formatted,
    Hex,
}

/// The lines that differ between two values, and how they were compared.
pub(crate) fn compare(old: &[u8], new: &[u8]) -> (Vec<Change>, Compared) {
    let (Ok(old_text), Ok(new_text)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else {
        return (
            brief(&write(old, Script::Hex), &write(new, Script::Hex), CONTEXT),
            Compared::Hex,
        );
    };
    // JSON on one line differs in one line, which says little: but formatting must not hide a change.
    let one_line = !old_text.trim().contains('\n') || !new_text.trim().contains('\n');
    if one_line && nature(old).json && nature(new).json {
        let pretty = |text| {
            crate::model::json::pretty(text)
                .map(|(text, _)| text)
                .unwrap_or_default()
        };
        let changes = brief(&pretty(old_text), &pretty(new_text), CONTEXT);
        if !changes.is_empty() {
            return (changes, Compared::Formatted);
        }
    }
    (brief(old_text, new_text, CONTEXT), Compared::AsTheyAre)
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

/// Shows what differs between an old value and a new one.
#[component]
pub(crate) fn DiffView(old: Vec<u8>, new: Vec<u8>) -> impl IntoView {
    let i18n = use_i18n();
    let (changes, compared) = compare(&old, &new);
    let (added, gone) = tally(&changes);
    if changes.is_empty() {
        return view! { <p class="x-diff-none">{tr(Text::SameAsBefore)}</p> }.into_any();
    }
    let rows = changes
        .into_iter()
        .take(MOST)
        .map(|change| {
            let (class, mark, text) = match change {
                Change::Same(line) => ("x-diff-row", " ", cut(&line)),
                Change::Gone(line) => ("x-diff-row x-diff-gone", "−", cut(&line)),
                Change::New(line) => ("x-diff-row x-diff-new", "+", cut(&line)),
                Change::Skipped(count) => {
                    let count = format::count(count as i64);
                    return view! { <div class="x-diff-skip">{move || i18n.fill(Text::LinesSame, &[&count])}</div> }.into_any();
                }
            };
            view! {
                <div class=class><span class="x-diff-mark">{mark}</span><span>{text}</span></div>
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
                <span class="x-diff-removed">{format!("−{}", format::count(gone as i64))}</span>
                <span class="mute">{how.map(tr)}</span>
            </div>
            <div class="x-diff-rows" tabindex="0">{rows}</div>
        </div>
    }
    .into_any()
}
