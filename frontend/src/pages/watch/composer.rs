//! The bar for a new watch: the range, the first revision and the kinds of events.

use leptos::html;
use leptos::prelude::*;
use shared::EventType;

use super::kept::KeptEvents;
use super::text::Text;
use crate::i18n::{label, tr, use_i18n};
use crate::model::key_text;
use crate::model::stream::spec::PanelSpec;
use crate::ui::{Button, ButtonKind, Icon, KeyNote, SearchField, Segmented, SelectField, focus};

/// The bar; `on_watch` receives the new watch.
#[component]
pub(super) fn Composer(on_watch: Callback<PanelSpec>) -> impl IntoView {
    let i18n = use_i18n();
    let field = NodeRef::<html::Input>::new();
    let text = RwSignal::new(String::new());
    let is_prefix = RwSignal::new(true);
    let start = RwSignal::new("now".to_owned());
    let revision = RwSignal::new(String::new());
    let kinds = RwSignal::new("both".to_owned());
    let tried = RwSignal::new(false);

    let first = move || match start.get().as_str() {
        "revision" => match revision.get().trim().replace([',', ' '], "").parse::<i64>() {
            Ok(revision) if revision > 0 => Ok(Some(revision)),
            _ => Err(()),
        },
        _ => Ok(None),
    };
    let wrong = Memo::new(move |_| tried.get() && first().is_err());
    let watch = move || {
        tried.set(true);
        let Ok(revision) = untrack(first) else {
            return;
        };
        let is_prefix = is_prefix.get_untracked();
        // The note below names an invalid escape.
        let bytes = key_text::parse(&text.get_untracked()).ok();
        let Some(bytes) = bytes.filter(|bytes| is_prefix || !bytes.is_empty()) else {
            if let Some(field) = field.get_untracked() {
                focus(&field);
            }
            return;
        };
        let only = match kinds.get_untracked().as_str() {
            "put" => Some(EventType::Put),
            "delete" => Some(EventType::Delete),
            _ => None,
        };
        on_watch.run(PanelSpec {
            is_prefix,
            bytes,
            revision,
            only,
        });
        tried.set(false);
        text.set(String::new());
    };
    let on_key = Callback::new(move |event: web_sys::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            watch();
        }
    });
    let range_options = Signal::derive(move || {
        vec![
            (true, i18n.t(Text::Prefix).to_owned()),
            (false, i18n.t(Text::Key).to_owned()),
        ]
    });
    let start_options = Signal::derive(move || {
        vec![
            ("now", i18n.t(Text::FromNow).to_owned()),
            ("revision", i18n.t(Text::FromRevision).to_owned()),
        ]
    });
    let kind_options = Signal::derive(move || {
        vec![
            ("both", i18n.t(Text::Both).to_owned()),
            ("put", i18n.t(Text::PutsOnly).to_owned()),
            ("delete", i18n.t(Text::DeletesOnly).to_owned()),
        ]
    });
    view! {
        <div class="composer">
            <div class="composer-field">
                <SearchField label=label(Text::Field) value=text icon=Icon::Plus hint="/" node_ref=field on_key=on_key/>
            </div>
            <Segmented
                label=label(Text::RangeKind)
                value=is_prefix
                options=range_options
                on_choose=Callback::new(move |choice| is_prefix.set(choice))
            />
            <SelectField label=label(Text::Start) value=start options=start_options bare=true/>
            <Show when=move || start.get() == "revision">
                <input
                    class="input composer-revision num"
                    type="text"
                    inputmode="numeric"
                    autocomplete="off"
                    aria-label=move || i18n.t(Text::Revision)
                    placeholder=move || i18n.t(Text::Revision)
                    title=move || wrong.get().then(|| i18n.t(Text::RevisionWrong))
                    aria-invalid=move || wrong.get().then_some("true")
                    prop:value=move || revision.get()
                    on:input=move |event| revision.set(event_target_value(&event))
                    on:keydown=move |event| on_key.run(event)
                />
            </Show>
            <SelectField label=label(Text::Kinds) value=kinds options=kind_options bare=true/>
            <Button kind=ButtonKind::Primary on_press=watch>{tr(Text::Watch)}</Button>
            <KeptCount/>
            <div class="composer-note"><KeyNote text=text/></div>
        </div>
    }
}

/// The number of events kept in all panels.
#[component]
fn KeptCount() -> impl IntoView {
    let (i18n, kept) = (use_i18n(), expect_context::<KeptEvents>());
    view! {
        <span class="composer-kept num" title=move || i18n.t(Text::KeptTitle)>
            {move || kept.total().map(|total| i18n.plural(total as i64, Text::KeptOne, Text::KeptMany))}
        </span>
    }
}
