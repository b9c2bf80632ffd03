//! The fields of a row: each holds its own text while it is typed; the row passes it on to the document.

use leptos::prelude::*;

use super::choices::{name_of, named, options};
use super::text::Text;
use crate::i18n::{label, use_i18n};
use crate::model::txn::{RangeForm, RangeKind, ValueForm};
use crate::model::value::Encoding;
use crate::ui::{KeyNote, Segmented, SelectField};

/// A line of text; its label is announced and shown as a placeholder.
#[component]
pub(super) fn Line(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(into)] error: Signal<Option<String>>,
    #[prop(optional)] numeric: bool,
) -> impl IntoView {
    view! {
        <span class="txn-line">
            <input
                class="input mono"
                type="text"
                inputmode=numeric.then_some("numeric")
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                aria-label=move || label.get()
                placeholder=move || label.get()
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
            <span class="field-error" role="alert">{move || error.get()}</span>
        </span>
    }
}

/// The signals of a range.
#[derive(Clone, Copy)]
pub(super) struct RangeFields {
    kind: RwSignal<String>,
    first: RwSignal<String>,
    end: RwSignal<String>,
}

const RANGE_KINDS: [(&str, RangeKind, Text); 4] = [
    ("key", RangeKind::Key, Text::RangeKey),
    ("prefix", RangeKind::Prefix, Text::RangePrefix),
    ("between", RangeKind::Between, Text::RangeBetween),
    ("from", RangeKind::From, Text::RangeFrom),
];

impl RangeFields {
    pub(super) fn new(form: &RangeForm) -> Self {
        Self {
            kind: RwSignal::new(name_of(&RANGE_KINDS, form.kind)),
            first: RwSignal::new(form.first.clone()),
            end: RwSignal::new(form.end.clone()),
        }
    }

    fn kind(self) -> RangeKind {
        self.kind
            .with(|kind| named(&RANGE_KINDS, kind, RangeKind::Key))
    }

    /// What is typed; tracked.
    pub(super) fn form(self) -> RangeForm {
        RangeForm {
            kind: self.kind(),
            first: self.first.get(),
            end: self.end.get(),
        }
    }
}

/// A range. `fault` returns the fault of one of its members.
#[component]
pub(super) fn RangeField(
    fields: RangeFields,
    fault: Callback<&'static str, Option<String>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let kind = Memo::new(move |_| fields.kind());
    let first_label = Signal::derive(move || {
        let text = match kind.get() {
            RangeKind::Key => Text::Key,
            RangeKind::Prefix => Text::Prefix,
            RangeKind::Between => Text::Start,
            RangeKind::From => Text::From,
        };
        i18n.t(text).to_owned()
    });
    let first_fault = Signal::derive(move || {
        fault.run(match kind.get() {
            RangeKind::Key => "key",
            RangeKind::Prefix => "prefix",
            RangeKind::Between => "start",
            RangeKind::From => "from",
        })
    });
    let end_fault = Signal::derive(move || fault.run("end"));
    let first_note = Signal::derive(move || note(fields.first, first_fault));
    let end_note = Signal::derive(move || note(fields.end, end_fault));
    view! {
        <div class="txn-range">
            <SelectField label=label(Text::RangeKind) value=fields.kind options=options(&RANGE_KINDS) bare=true/>
            <Line label=first_label value=fields.first error=first_fault/>
            <Show when=move || kind.get() == RangeKind::Between>
                <Line label=label(Text::End) value=fields.end error=end_fault/>
            </Show>
            <KeyNote text=first_note/>
            <Show when=move || kind.get() == RangeKind::Between><KeyNote text=end_note/></Show>
        </div>
    }
}

/// The text for the note below a key's field; a fault is shown in its place.
fn note(text: RwSignal<String>, fault: Signal<Option<String>>) -> String {
    if fault.with(Option::is_some) {
        String::new()
    } else {
        text.get()
    }
}

/// A key.
#[component]
pub(super) fn KeyField(value: RwSignal<String>, error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <div class="txn-key">
            <Line label=label(Text::Key) value=value error=error/>
            <KeyNote text=Signal::derive(move || note(value, error))/>
        </div>
    }
}

/// A value as text or base64. Values that a text field would change are base64 from the start.
#[component]
pub(super) fn ValueField(
    value: RwSignal<ValueForm>,
    #[prop(into)] label: Signal<String>,
    error: Signal<Option<String>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let encoding = Signal::derive(move || value.with(|value| value.encoding));
    let choices = Signal::derive(move || {
        vec![
            (Encoding::Text, i18n.t(Text::EncodingUtf8).to_owned()),
            (Encoding::Base64, i18n.t(Text::EncodingBase64).to_owned()),
        ]
    });
    let choose =
        Callback::new(move |encoding| value.update(|value| *value = value.converted(encoding)));
    view! {
        <div class="txn-value">
            <textarea
                class="input mono txn-value-text"
                rows="1"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                aria-label=move || label.get()
                placeholder=move || label.get()
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                prop:value=move || value.with(|value| value.text.clone())
                on:input=move |event| value.update(|value| value.text = event_target_value(&event))
            ></textarea>
            <Segmented label=label_of(Text::Encoding) value=encoding options=choices on_choose=choose/>
            <span class="field-error" role="alert">{move || error.get()}</span>
        </div>
    }
}

/// For components whose property hides the function's name.
fn label_of(text: Text) -> Signal<String> {
    label(text)
}
