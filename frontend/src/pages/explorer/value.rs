//! A value through its lenses.

use std::sync::Arc;

use leptos::prelude::*;
use shared::Bytes;

use super::text::Text;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::code::CodeRows;
use crate::model::format;
use crate::model::value::{Lens, detect, lenses, show};
use crate::ui::clipboard::copier;
use crate::ui::code::CodeView;
use crate::ui::{Button, ButtonKind, Icon, Segmented};

fn name(lens: Lens) -> Text {
    match lens {
        Lens::Json => Text::LensJson,
        Lens::Text => Text::LensPlain,
        Lens::Hex => Text::LensHex,
        Lens::Base64 => Text::LensBase64,
    }
}

/// A card with a value. The lens that fits is chosen until somebody chooses another.
#[component]
pub(crate) fn ValueCard(#[prop(into)] value: Signal<Bytes>) -> impl IntoView {
    let i18n = use_i18n();
    let copy = copier();
    let detected = Memo::new(move |_| value.with(|value| detect(&value.0)));
    let chosen = RwSignal::new(None::<Lens>);
    let lens = Memo::new(move |_| {
        let detected = detected.get();
        chosen
            .get()
            .filter(|lens| lenses(detected).contains(lens))
            .unwrap_or(detected.best)
    });
    let code = Memo::new(move |_| Arc::new(value.with(|value| show(&value.0, lens.get()))));
    let options = Signal::derive(move || {
        lenses(detected.get())
            .into_iter()
            .map(|lens| (lens, i18n.t(name(lens)).to_owned()))
            .collect::<Vec<_>>()
    });
    let note = move || {
        let detected = detected.get();
        let kind = match (detected.json, detected.text) {
            (true, _) => Text::ValidJson,
            (false, true) => Text::Utf8,
            (false, false) => Text::Binary,
        };
        let lines = code.with(|code| code.lines()) as i64;
        let size = format::size(value.with(Bytes::len) as i64);
        match lens.get() {
            Lens::Json | Lens::Text => {
                format!(
                    "{} · {} · {size}",
                    i18n.t(kind),
                    i18n.plural(lines, Text::OneLine, Text::ManyLines)
                )
            }
            Lens::Hex | Lens::Base64 => format!("{} · {size}", i18n.t(kind)),
        }
    };
    let copy_value = move || {
        // What is in view is what is copied: a value that is no text only exists as hex or base64.
        let text = match lens.get_untracked() {
            Lens::Json | Lens::Text => value.with_untracked(|value| value.to_lossy().into_owned()),
            Lens::Hex => value.with_untracked(|value| {
                crate::model::value::encode(&value.0, crate::model::value::Encoding::Hex)
            }),
            Lens::Base64 => value.with_untracked(|value| {
                crate::model::value::encode(&value.0, crate::model::value::Encoding::Base64)
            }),
        };
        copy(text);
    };
    let empty = Memo::new(move |_| value.with(Bytes::is_empty));
    let body = move || {
        if empty.get() {
            view! { <p class="x-value-empty">{tr(Text::EmptyValue)}</p> }.into_any()
        } else {
            view! {
                <CodeView
                    code=Signal::derive(move || -> Arc<CodeRows> { code.get() })
                    label=label(Common::Value)
                />
            }
            .into_any()
        }
    };
    view! {
        <section class="card">
            <div class="card-head">
                <Segmented
                    label=label(Text::Lens)
                    value=lens
                    options=options
                    on_choose=move |lens| chosen.set(Some(lens))
                />
                <span class="card-note">{note}</span>
                <Button
                    kind=ButtonKind::Quiet
                    small=true
                    icon=Icon::Copy
                    label=label(Text::CopyValue)
                    on_press=copy_value
                />
            </div>
            {body}
        </section>
    }
}
