//! An op: a put, a get, a delete, or a nested transaction.

use leptos::prelude::*;

use super::builder::Sections;
use super::fields::{KeyField, Line, RangeField, RangeFields, ValueField};
use super::get_fields::GetFields;
use super::row::RowTools;
use super::store::{Store, fault_text, use_store, wrong_text};
use super::text::Text;
use crate::i18n::{label, use_i18n};
use crate::model::txn::{DeleteForm, LeaseForm, OpForm, OpKind, PutForm, RowId};
use crate::ui::{CheckField, SelectField};

/// The kinds, as a selection.
const KINDS: [(&str, OpKind, Text); 4] = [
    ("put", OpKind::Put, Text::Put),
    ("get", OpKind::Get, Text::Get),
    ("delete", OpKind::Delete, Text::Delete),
    ("txn", OpKind::Txn, Text::Nested),
];

/// The op of a row.
#[component]
pub(super) fn OpRow(id: RowId, #[prop(optional)] alone: bool) -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let op = store
        .document
        .with_untracked(|document| document.op(id).cloned());
    let op = op.unwrap_or(OpForm::Put(PutForm::default()));
    let before = op.kind();
    let name = KINDS.iter().find(|(_, kind, _)| *kind == before);
    let kind = RwSignal::new(name.map_or("put", |(name, ..)| *name).to_owned());
    Effect::new(move |_| {
        let chosen = kind.with(|name| KINDS.iter().find(|(other, ..)| other == name));
        if let Some((_, chosen, _)) = chosen
            && *chosen != before
        {
            store.edit(|document| document.set_kind(id, *chosen));
        }
    });
    let kinds = Signal::derive(move || {
        let kinds = KINDS.iter();
        kinds
            .map(|(name, _, text)| (*name, i18n.t(*text).to_owned()))
            .collect()
    });
    let kind_label = Signal::derive(move || {
        let place = store
            .places
            .with(|places| places.get(id).map(str::to_owned));
        i18n.fill(Text::OpKinds, &[&place.unwrap_or_default()])
    });
    let class = match before {
        OpKind::Put => "txn-row txn-op-put",
        OpKind::Get => "txn-row txn-op-get",
        OpKind::Delete => "txn-row txn-op-delete",
        OpKind::Txn => "txn-row txn-op-txn",
    };
    let fields = match op {
        OpForm::Put(form) => view! { <PutFields id=id form=form/> }.into_any(),
        OpForm::Get(form) => view! { <GetFields id=id form=form/> }.into_any(),
        OpForm::Delete(form) => view! { <DeleteFields id=id form=form/> }.into_any(),
        OpForm::Txn(_) => {
            view! { <div class="txn-nested"><Sections owner=Some(id)/></div> }.into_any()
        }
    };
    view! {
        <div class=class class:is-refused=move || store.refused_at(id).is_some()>
            <RowTools id=id alone=alone>
                <SelectField label=kind_label value=kind options=kinds bare=true/>
            </RowTools>
            {fields}
        </div>
    }
}

/// The fault of a range's member.
pub(super) fn range_fault(
    store: Store,
    id: RowId,
    op: &'static str,
) -> Callback<&'static str, Option<String>> {
    let i18n = use_i18n();
    Callback::new(move |member: &'static str| {
        let wrong = store.fault(id, &format!("{op}.{member}"));
        wrong.map(|wrong| wrong_text(&wrong, i18n))
    })
}

#[component]
fn PutFields(id: RowId, form: PutForm) -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let key = RwSignal::new(form.key);
    let value = RwSignal::new(form.value);
    let prev = RwSignal::new(form.prev);
    let (choice, lease_id) = match form.lease {
        LeaseForm::None => ("none", String::new()),
        LeaseForm::Keep => ("keep", String::new()),
        LeaseForm::Id(id) => ("id", id),
    };
    let choice = RwSignal::new(choice.to_owned());
    let lease_id = RwSignal::new(lease_id);
    Effect::new(move |before: Option<PutForm>| {
        let form = PutForm {
            key: key.get(),
            value: value.get(),
            lease: match choice.get().as_str() {
                "keep" => LeaseForm::Keep,
                "id" => LeaseForm::Id(lease_id.get()),
                _ => LeaseForm::None,
            },
            prev: prev.get(),
        };
        if before.is_some_and(|before| before != form) {
            store.edit(|document| document.set_op(id, OpForm::Put(form.clone())));
        }
        form
    });
    let leases = Signal::derive(move || {
        vec![
            ("none", i18n.t(Text::LeaseNone).to_owned()),
            ("keep", i18n.t(Text::LeaseKeep).to_owned()),
            ("id", i18n.t(Text::LeaseId).to_owned()),
        ]
    });
    let lease_fault = fault_text(store, id, "put.lease");
    view! {
        <div class="txn-fields">
            <KeyField value=key error=fault_text(store, id, "put.key")/>
            <ValueField value=value label=label(Text::Value) error=fault_text(store, id, "put.value")/>
            <div class="txn-options">
                <SelectField label=label(Text::LeaseChoice) value=choice options=leases bare=true/>
                <Show when=move || choice.get() == "id">
                    <Line label=label(Text::LeaseIdField) value=lease_id error=lease_fault/>
                </Show>
                <CheckField label=label(Text::Prev) value=prev/>
            </div>
        </div>
    }
}

#[component]
fn DeleteFields(id: RowId, form: DeleteForm) -> impl IntoView {
    let store = use_store();
    let range = RangeFields::new(&form.range);
    let prev = RwSignal::new(form.prev);
    Effect::new(move |before: Option<DeleteForm>| {
        let form = DeleteForm {
            range: range.form(),
            prev: prev.get(),
        };
        if before.is_some_and(|before| before != form) {
            store.edit(|document| document.set_op(id, OpForm::Delete(form.clone())));
        }
        form
    });
    view! {
        <div class="txn-fields">
            <RangeField fields=range fault=range_fault(store, id, "delete")/>
            <div class="txn-options"><CheckField label=label(Text::Prev) value=prev/></div>
        </div>
    }
}
