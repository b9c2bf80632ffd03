//! Selections of a row: the compared field, the operator, the order.

use leptos::prelude::*;
use shared::{CompareOp, CompareTarget, SortTarget};

use super::text::Text;
use crate::i18n::{label, use_i18n};
use crate::ui::SelectField;

/// The value of a list's name.
pub(super) fn named<T: Copy>(list: &[(&'static str, T, Text)], name: &str, default: T) -> T {
    let found = list.iter().find(|(other, ..)| *other == name);
    found.map_or(default, |(_, value, _)| *value)
}

/// The name of a list's value.
pub(super) fn name_of<T: Copy + PartialEq>(list: &[(&'static str, T, Text)], value: T) -> String {
    let found = list.iter().find(|(_, other, _)| *other == value);
    found.map_or("", |(name, ..)| *name).to_owned()
}

/// The options of a list, in the language in use.
pub(super) fn options<T: Copy + Send + Sync + 'static>(
    list: &'static [(&'static str, T, Text)],
) -> Signal<Vec<(&'static str, String)>> {
    let i18n = use_i18n();
    Signal::derive(move || {
        let list = list.iter();
        list.map(|(name, _, text)| (*name, i18n.t(*text).to_owned()))
            .collect()
    })
}

const TARGETS: [(&str, CompareTarget, Text); 5] = [
    ("mod_revision", CompareTarget::ModRevision, Text::TargetMod),
    (
        "create_revision",
        CompareTarget::CreateRevision,
        Text::TargetCreate,
    ),
    ("version", CompareTarget::Version, Text::TargetVersion),
    ("value", CompareTarget::Value, Text::TargetValue),
    ("lease", CompareTarget::Lease, Text::TargetLease),
];

/// The field that is compared, as a selection.
#[derive(Clone, Copy)]
pub(super) struct TargetField(RwSignal<String>);

impl TargetField {
    pub(super) fn new(target: CompareTarget) -> Self {
        Self(RwSignal::new(name_of(&TARGETS, target)))
    }

    /// What is chosen; tracked.
    pub(super) fn get(self) -> CompareTarget {
        self.0
            .with(|name| named(&TARGETS, name, CompareTarget::ModRevision))
    }

    pub(super) fn view(self) -> impl IntoView {
        view! { <SelectField label=label(Text::Target) value=self.0 options=options(&TARGETS) bare=true/> }
    }
}

const SIGNS: [(&str, CompareOp); 4] = [
    ("=", CompareOp::Equal),
    ("!=", CompareOp::NotEqual),
    ("<", CompareOp::Less),
    (">", CompareOp::Greater),
];

/// The operator, as a selection.
#[derive(Clone, Copy)]
pub(super) struct SignField(RwSignal<String>);

impl SignField {
    pub(super) fn new(op: CompareOp) -> Self {
        let sign = SIGNS.iter().find(|(_, other)| *other == op);
        Self(RwSignal::new(
            sign.map_or("=", |(sign, _)| *sign).to_owned(),
        ))
    }

    /// What is chosen; tracked.
    pub(super) fn get(self) -> CompareOp {
        self.0.with(|name| {
            let sign = SIGNS.iter().find(|(sign, _)| sign == name);
            sign.map_or(CompareOp::Equal, |(_, op)| *op)
        })
    }

    pub(super) fn view(self) -> impl IntoView {
        let options = Signal::stored(
            SIGNS
                .map(|(sign, _)| (sign, sign.replace("!=", "≠")))
                .to_vec(),
        );
        view! { <SelectField label=label(Text::Operator) value=self.0 options=options bare=true/> }
    }
}

const SORTS: [(&str, Option<SortTarget>, Text); 6] = [
    ("", None, Text::SortNone),
    ("key", Some(SortTarget::Key), Text::SortKey),
    ("version", Some(SortTarget::Version), Text::TargetVersion),
    (
        "create_revision",
        Some(SortTarget::CreateRevision),
        Text::TargetCreate,
    ),
    (
        "mod_revision",
        Some(SortTarget::ModRevision),
        Text::TargetMod,
    ),
    ("value", Some(SortTarget::Value), Text::TargetValue),
];

/// The order of a get, as a selection.
#[derive(Clone, Copy)]
pub(super) struct SortField(RwSignal<String>);

impl SortField {
    pub(super) fn new(sort: Option<SortTarget>) -> Self {
        Self(RwSignal::new(name_of(&SORTS, sort)))
    }

    /// What is chosen; tracked.
    pub(super) fn get(self) -> Option<SortTarget> {
        self.0.with(|name| named(&SORTS, name, None))
    }

    pub(super) fn view(self) -> impl IntoView {
        view! { <SelectField label=label(Text::Sort) value=self.0 options=options(&SORTS)/> }
    }
}
