//! The fields of a get; the less common ones are folded.

use leptos::prelude::*;
use shared::SortOrder;

use super::choices::SortField;
use super::fields::{RangeField, RangeFields};
use super::op_row::range_fault;
use super::store::{fault_text, use_store};
use super::text::Text;
use crate::i18n::{label, tr, use_i18n};
use crate::model::txn::{GetForm, OpForm, RowId};
use crate::ui::{CheckField, SelectField, TextField};

/// The members of a get in the JSON, for the faults of its fields.
const BOUNDS: [(&str, Text); 4] = [
    ("get.min_create_revision", Text::MinCreate),
    ("get.max_create_revision", Text::MaxCreate),
    ("get.min_mod_revision", Text::MinMod),
    ("get.max_mod_revision", Text::MaxMod),
];

/// A get's fields.
#[component]
pub(super) fn GetFields(id: RowId, form: GetForm) -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let unfolded = form
        != GetForm {
            range: form.range.clone(),
            ..GetForm::default()
        };
    let range = RangeFields::new(&form.range);
    let limit = RwSignal::new(form.limit);
    let revision = RwSignal::new(form.revision);
    let keys_only = RwSignal::new(form.keys_only);
    let count_only = RwSignal::new(form.count_only);
    let serializable = RwSignal::new(form.serializable);
    let sort = SortField::new(form.sort);
    let order = RwSignal::new(
        match form.order {
            None => "",
            Some(SortOrder::Asc) => "asc",
            Some(SortOrder::Desc) => "desc",
        }
        .to_owned(),
    );
    let bounds = form.bounds.map(RwSignal::new);
    Effect::new(move |before: Option<GetForm>| {
        let form = GetForm {
            range: range.form(),
            limit: limit.get(),
            revision: revision.get(),
            keys_only: keys_only.get(),
            count_only: count_only.get(),
            serializable: serializable.get(),
            sort: sort.get(),
            order: match order.get().as_str() {
                "asc" => Some(SortOrder::Asc),
                "desc" => Some(SortOrder::Desc),
                _ => None,
            },
            bounds: bounds.map(|bound| bound.get()),
        };
        if before.is_some_and(|before| before != form) {
            store.edit(|document| document.set_op(id, OpForm::Get(form.clone())));
        }
        form
    });
    let orders = Signal::derive(move || {
        vec![
            ("", i18n.t(Text::Ascending).to_owned()),
            ("asc", i18n.t(Text::Ascending).to_owned()),
            ("desc", i18n.t(Text::Descending).to_owned()),
        ]
    });
    // An order that is not given is the ascending one; it is listed only where it is given.
    let orders = Signal::derive(move || {
        let chosen = order.get();
        let mut orders = orders.get();
        orders.retain(|(name, _)| *name != "asc" || chosen == "asc");
        orders.retain(|(name, _)| !name.is_empty() || chosen != "asc");
        orders
    });
    let bound_fields = BOUNDS
        .into_iter()
        .zip(bounds)
        .map(|((member, text), value)| {
            view! { <TextField label=label(text) value=value error=fault_text(store, id, member)/> }
        })
        .collect_view();
    view! {
        <div class="txn-fields">
            <RangeField fields=range fault=range_fault(store, id, "get")/>
            <details class="txn-more" open=unfolded>
                <summary>{tr(Text::Options)}</summary>
                <div class="txn-grid">
                    <TextField label=label(Text::Limit) value=limit error=fault_text(store, id, "get.limit")/>
                    <TextField label=label(Text::AtRevision) value=revision error=fault_text(store, id, "get.revision")/>
                    {sort.view()}
                    <SelectField label=label(Text::Order) value=order options=orders/>
                    {bound_fields}
                </div>
                <div class="txn-options">
                    <CheckField label=label(Text::KeysOnly) value=keys_only/>
                    <CheckField label=label(Text::CountOnly) value=count_only/>
                    <CheckField label=label(Text::Serializable) value=serializable/>
                </div>
            </details>
        </div>
    }
}
