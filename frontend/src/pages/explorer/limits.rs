//! The note about keys that the tree omits because the account may not read them.

use leptos::prelude::*;
use shared::RangeSpec;

use super::keyspace::use_keyspace;
use super::text::Text;
use crate::i18n::use_i18n;
use crate::model::format;
use crate::state::use_account;

/// A line below the tree; nothing where the account may read every key.
#[component]
pub(crate) fn Limits() -> impl IntoView {
    let (keyspace, account, i18n) = (use_keyspace(), use_account(), use_i18n());
    let others = Memo::new(move |_| {
        keyspace.tree().with(|tree| {
            let roots = tree.roots()?;
            Some(
                roots
                    .others
                    .iter()
                    .map(between)
                    .collect::<Vec<_>>()
                    .join(", "),
            )
        })
    });
    let message = move |others: &str| {
        let hidden = i18n.fill_name(
            account.name(),
            Text::OthersHidden,
            Text::OthersHiddenNameless,
        );
        if others.is_empty() {
            return hidden;
        }
        format!("{hidden} {}", i18n.fill(Text::NotInTree, &[others]))
    };
    move || {
        let others = others.get()?;
        Some(view! { <p class="x-pane-note">{move || message(&others)}</p> })
    }
}

/// A range by its ends.
fn between(range: &RangeSpec) -> String {
    let first = range.start.as_ref().or(range.from.as_ref());
    let first = first.map_or_else(String::new, |key| format::key(&key.0));
    let end = range.end.as_ref();
    let end = end.map_or_else(String::new, |key| format!(" {}", format::key(&key.0)));
    format!("{first} …{end}")
}
