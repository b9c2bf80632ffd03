//! Before a transaction runs that deletes ranges: what it may delete, counted.

use leptos::prelude::*;
use shared::RangeSpec;

use super::store::use_store;
use super::text::Text;
use crate::api::{self, ApiError};
use crate::i18n::{I18n, label, tr, use_i18n};
use crate::model::txn::{Body, deleted_ranges};
use crate::model::{format, key_text};
use crate::state::Scope;
use crate::ui::confirm_dialog::UNTYPED_AT_MOST;
use crate::ui::{ConfirmDialog, Icon, TextField, When};

/// A range in words.
fn range_text(range: &RangeSpec, i18n: I18n) -> String {
    let name = |bytes: &shared::Bytes| key_text::in_sentence(&bytes.0);
    match (&range.prefix, &range.start, &range.end, &range.from) {
        (Some(prefix), ..) if !prefix.is_empty() => format!("{}*", name(prefix)),
        (_, Some(start), Some(end), _) => i18n.fill(Text::RangeWords, &[&name(start), &name(end)]),
        (.., Some(from)) if !from.is_empty() => i18n.fill(Text::FromWords, &[&name(from)]),
        _ => i18n.t(Text::WholeKeyspace).to_owned(),
    }
}

/// Open while there is a body to confirm.
#[component]
pub(super) fn ConfirmRun(asking: RwSignal<Option<Body>>) -> impl IntoView {
    let (i18n, store, scope) = (use_i18n(), use_store(), Scope::here());
    let ranges = Memo::new(move |_| {
        asking
            .with(|body| body.as_ref().map(deleted_ranges))
            .unwrap_or_default()
    });
    let counts = RwSignal::new(None::<Result<Vec<i64>, ApiError>>);
    let typed = RwSignal::new(String::new());
    Effect::new(move |_| {
        let ranges = ranges.get();
        counts.set(None);
        typed.set(String::new());
        if ranges.is_empty() {
            return;
        }
        scope.spawn(async move {
            let mut found = Vec::with_capacity(ranges.len());
            for range in ranges {
                match api::transactions::count(range).await {
                    Ok(count) => found.push(count),
                    Err(error) => {
                        counts.try_set(Some(Err(error)));
                        return;
                    }
                }
            }
            counts.try_set(Some(Ok(found)));
        });
    });
    let total = Memo::new(move |_| {
        counts.with(|counts| match counts {
            Some(Ok(counts)) => Some(counts.iter().sum::<i64>()),
            _ => None,
        })
    });
    let must_type = Memo::new(move |_| total.get().is_some_and(|total| total > UNTYPED_AT_MOST));
    let blocked = Signal::derive(move || match total.get() {
        None => true,
        Some(total) => {
            must_type.get()
                && typed.with(|typed| typed.trim().replace(',', "") != total.to_string())
        }
    });
    let action = Signal::derive(move || match total.get() {
        Some(total) => i18n.fill(Text::ConfirmRun, &[&format::count(total)]),
        None => i18n.t(Text::ConfirmCounting).to_owned(),
    });
    let error = Signal::derive(move || {
        counts.with(|counts| match counts {
            Some(Err(error)) => Some(error.in_full(i18n.lang())),
            _ => None,
        })
    });
    let rows = move || {
        let counts = counts.get().and_then(Result::ok).unwrap_or_default();
        ranges
            .get()
            .iter()
            .enumerate()
            .map(|(n, range)| {
                let count = counts
                    .get(n)
                    .map(|count| i18n.fill(Text::ConfirmNow, &[&format::count(*count)]));
                view! {
                    <li class="txn-deleted">
                        <span class="mono cut">{range_text(range, i18n)}</span>
                        <span class="mute num">{count}</span>
                    </li>
                }
            })
            .collect_view()
    };
    let type_label = Signal::derive(move || {
        i18n.fill(
            Text::ConfirmType,
            &[&total.get().unwrap_or_default().to_string()],
        )
    });
    let run = move || {
        if let Some(body) = asking.get_untracked() {
            asking.set(None);
            store.run(body);
        }
    };
    view! {
        <ConfirmDialog
            open=Signal::derive(move || asking.with(Option::is_some))
            title=label(Text::ConfirmTitle)
            action=action
            icon=Icon::Trash
            pending=store.pending
            disabled=blocked
            error=error
            on_confirm=run
            on_close=move |()| asking.set(None)
        >
            <p>{tr(Text::ConfirmDetail)}</p>
            <ul class="txn-deleted-list">{rows}</ul>
            <When when=move || must_type.get()>
                <TextField label=type_label value=typed mono=true/>
            </When>
        </ConfirmDialog>
    }
}
