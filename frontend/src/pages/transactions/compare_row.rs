//! A comparison, and whether it holds now.

use leptos::prelude::*;
use shared::{CompareTarget, Entry, ExplainedCompare};

use super::choices::{SignField, TargetField};
use super::fields::{Line, RangeField, RangeFields, ValueField};
use super::row::RowTools;
use super::store::{fault_text, use_store};
use super::text::Text;
use crate::i18n::{I18n, label, use_i18n};
use crate::model::txn::{CompareForm, RowId};
use crate::model::{format, key_text, stream};
use crate::ui::{Glyph, Icon};

/// Keys named for a comparison of a range.
const MAX_NAMED: usize = 3;

/// A comparison's fields.
#[component]
pub(super) fn CompareRow(id: RowId) -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let initial = store
        .document
        .with_untracked(|document| document.compare(id).cloned());
    let initial = initial.unwrap_or_default();
    let range = RangeFields::new(&initial.range);
    let target = TargetField::new(initial.target);
    let sign = SignField::new(initial.op);
    let operand = RwSignal::new(initial.operand);
    let value = RwSignal::new(initial.value);
    Effect::new(move |before: Option<CompareForm>| {
        let form = CompareForm {
            range: range.form(),
            target: target.get(),
            op: sign.get(),
            operand: operand.get(),
            value: value.get(),
        };
        if before.is_some_and(|before| before != form) {
            store.edit(|document| document.set_compare(id, form.clone()));
        }
        form
    });
    let operand_label = Signal::derive(move || {
        let text = match target.get() {
            CompareTarget::Lease => Text::OperandLease,
            _ => Text::Operand,
        };
        i18n.t(text).to_owned()
    });
    let is_value = Memo::new(move |_| target.get() == CompareTarget::Value);
    let error = fault_text(store, id, "value");
    let range_fault = Callback::new(move |member| {
        store
            .fault(id, member)
            .map(|wrong| super::store::wrong_text(&wrong, i18n))
    });
    view! {
        <div class="txn-row txn-compare" class:is-refused=move || store.refused_at(id).is_some()>
            <RowTools id=id/>
            <div class="txn-fields">
                <RangeField fields=range fault=range_fault/>
                <div class="txn-operand">
                    {target.view()}
                    {sign.view()}
                    <Show
                        when=move || is_value.get()
                        fallback=move || view! { <Line label=operand_label value=operand error=error numeric=true/> }
                    >
                        <ValueField value=value label=label(Text::Operand) error=error/>
                    </Show>
                </div>
                <Verdict id=id target=Signal::derive(move || target.get())/>
            </div>
        </div>
    }
}

/// Whether the comparison holds now, and why not.
#[component]
fn Verdict(id: RowId, target: Signal<CompareTarget>) -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let explained = Memo::new(move |_| store.explained(id));
    move || {
        let compare = explained.get()?;
        let (class, icon, text) = match (compare.reached, compare.holds) {
            (false, _) => ("is-unreached", Icon::Right, Text::NotReached),
            (true, true) => ("is-held", Icon::Check, Text::Holds),
            (true, false) => ("is-failed", Icon::Close, Text::Fails),
        };
        let why = (compare.reached && !compare.holds).then(|| reason(&compare, target.get(), i18n));
        Some(view! {
            <p class=format!("txn-verdict {class}")>
                <Glyph icon=icon/>
                <span>{i18n.t(text)}</span>
                {why.map(|why| view! { <span class="txn-why">{why}</span> })}
            </p>
        })
    }
}

/// Why a comparison does not hold: the current state of its key, or the keys of the range that fail.
pub(super) fn reason(compare: &ExplainedCompare, target: CompareTarget, i18n: I18n) -> String {
    match &compare.entries[..] {
        [] if target == CompareTarget::Value => i18n.t(Text::NowAbsentValue).to_owned(),
        [] => i18n.t(Text::NowAbsent).to_owned(),
        [entry] if !compare.more => now(entry, target, i18n),
        entries => {
            let keys: Vec<_> = entries
                .iter()
                .take(MAX_NAMED)
                .map(|entry| now(entry, target, i18n))
                .collect();
            let more = compare.more || entries.len() > MAX_NAMED;
            let text = if more {
                Text::FailingMore
            } else {
                Text::FailingKeys
            };
            i18n.fill(text, &[&keys.join(", ")])
        }
    }
}

/// The current value of the compared field: `/a: version is now 3`.
fn now(entry: &Entry, target: CompareTarget, i18n: I18n) -> String {
    let (field, value) = match target {
        CompareTarget::Value => {
            let value = entry.value.as_ref().map_or(&[][..], |value| &value.0);
            let line = key_text::isolate(&stream::one_line(value, 60));
            (Text::TargetValue, format!("“{line}”"))
        }
        CompareTarget::Version => (Text::TargetVersion, format::count(entry.version)),
        CompareTarget::CreateRevision => (Text::TargetCreate, format::count(entry.create_revision)),
        CompareTarget::ModRevision => (Text::TargetMod, format::count(entry.mod_revision)),
        CompareTarget::Lease => {
            let lease = entry.lease.map(|lease| lease.to_string());
            let none = || i18n.t(Text::NowNoLease).to_owned();
            (Text::TargetLease, lease.unwrap_or_else(none))
        }
    };
    let what = i18n.fill(Text::NowIs, &[i18n.t(field), &value]);
    i18n.fill(Text::At, &[&key_text::in_sentence(&entry.key.0), &what])
}
