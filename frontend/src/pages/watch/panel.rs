//! One watch: its head, its state, its events and the revision from which they are complete.

use leptos::prelude::*;

use super::address::name_of;
use super::events::Events;
use super::head::Head;
use super::kept::KeptEvents;
use super::quiet::Quiet;
use super::store::PanelStore;
use super::text::Text;
use crate::api::ApiError;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::format;
use crate::model::sentence::sentences;
use crate::model::stream::spec::PanelSpec;
use crate::model::stream::{Status, Stream};
use crate::ui::{Button, Note, NoteKind, SearchField, Skeleton};

/// A panel. States: opening, live without events, live with events, paused, connection lost, ended.
#[component]
pub(super) fn Panel(spec: PanelSpec, on_close: Callback<PanelSpec>) -> impl IntoView {
    let i18n = use_i18n();
    let store = PanelStore::open(&spec);
    let kept = expect_context::<KeptEvents>();
    Effect::new(move |_| {
        kept.set(store.id, store.read(Stream::kept_count).unwrap_or_default());
    });
    on_cleanup(move || kept.remove(store.id));

    let filter = RwSignal::new(String::new());
    let filtering = RwSignal::new(false);
    Effect::new(move |before: Option<String>| {
        let text = filter.get();
        if before.is_some_and(|before| before != text) {
            store.change(|stream| stream.set_filter(&text));
        }
        text
    });
    let status = Memo::new(move |_| {
        store
            .read(|stream| stream.status().clone())
            .unwrap_or_default()
    });
    let has_rows = Memo::new(move |_| {
        store.read(|stream| stream.visible_rows().next().is_some()) == Some(true)
    });
    let kept_any = Memo::new(move |_| store.read(|stream| stream.kept_count() > 0) == Some(true));
    let prefix = spec.prefix().to_vec();
    let stored = StoredValue::new(spec);
    let name = Signal::derive(move || stored.with_value(|spec| name_of(spec, i18n)));
    let body = move || {
        if has_rows.get() {
            return view! { <Events store=store prefix=prefix.clone() name=name/> }.into_any();
        }
        if kept_any.get() {
            let clear = move || filter.set(String::new());
            return view! {
                <div class="state">
                    <p class="state-title">{move || i18n.fill(Text::NoMatch, &[filter.get().trim()])}</p>
                    <div class="state-acts"><Button on_press=clear>{tr(Text::ClearFilter)}</Button></div>
                </div>
            }
            .into_any();
        }
        match status.get() {
            Status::Opening => view! { <Skeleton/> }.into_any(),
            Status::Closed { .. } => ().into_any(),
            Status::Live | Status::Lost => view! { <Quiet spec=stored.get_value()/> }.into_any(),
        }
    };
    view! {
        <section class="panel" aria-label=move || name.get()>
            <Head store=store spec=stored status=status name=name filter=filter filtering=filtering on_close=on_close/>
            <Show when=move || filtering.get()>
                <div class="panel-filter">
                    <SearchField label=label(Text::FilterField) value=filter/>
                </div>
            </Show>
            <Ended store=store status=status/>
            <div class="panel-body">{body}</div>
            <Foot store=store status=status filter=filter/>
        </section>
    }
}

/// Why the gateway ended the watch, with a button to retry.
#[component]
fn Ended(store: PanelStore, status: Memo<Status>) -> impl IntoView {
    let i18n = use_i18n();
    let detail = move || match status.get() {
        Status::Closed { code, detail } => {
            Some(ApiError::watch_detail(&code, &detail, i18n.lang()))
        }
        _ => None,
    };
    let message = move || sentences(&[i18n.t(Text::Ended), &detail().unwrap_or_default()]);
    view! {
        <Show when=move || detail().is_some()>
            <Note
                kind=NoteKind::Error
                role="alert"
                action=move || view! { <Button small=true on_press=move || store.reopen()>{tr(Common::Retry)}</Button> }
            >
                {message}
            </Note>
        </Show>
    }
}

/// The revision from which nothing is missing.
#[component]
fn Foot(store: PanelStore, status: Memo<Status>, filter: RwSignal<String>) -> impl IntoView {
    let i18n = use_i18n();
    let message = move || match status.get() {
        Status::Lost => i18n.t(Text::Reconnecting).to_owned(),
        Status::Opening => i18n.t(Text::Opening).to_owned(),
        _ => {
            let facts = store.read(|stream| {
                stream
                    .complete_from()
                    .map(|from| (from, stream.kept_count()))
            });
            facts.flatten().map_or_else(String::new, |(from, kept)| {
                let text = if kept == 1 {
                    Text::CompleteOne
                } else {
                    Text::CompleteMany
                };
                i18n.fill(text, &[&format::count(from), &format::count(kept as i64)])
            })
        }
    };
    let matching = move || {
        (!filter.get().trim().is_empty()).then(|| {
            let shown = store.read(|stream| {
                stream
                    .visible_rows()
                    .filter(|row| row.event().is_some())
                    .count()
            });
            i18n.fill(
                Text::Matching,
                &[&format::count(shown.unwrap_or_default() as i64)],
            )
        })
    };
    view! {
        <footer class="panel-foot num">
            <span class="cut">{message}</span>
            <span class="push">{matching}</span>
        </footer>
    }
}
