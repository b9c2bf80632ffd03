//! The results of a search of the server, as they arrive.

use std::sync::Arc;

use leptos::prelude::*;
use shared::{Bytes, SearchLimit, SearchMatch, SearchPlace};

use super::text::Text;
use super::{ServerSearch, prefix_name};
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::command::KeyCommand;
use crate::model::format;
use crate::model::search::{Part, Phase, Search, Spec, key_parts, preview_parts};
use crate::pages::explorer::commands::CommandDialog;
use crate::pages::explorer::navigation::{Selected, use_navigation};
use crate::pages::explorer::text as explorer;
use crate::pages::links::found_url;
use crate::ui::{
    Button, ButtonKind, EmptyState, ErrorState, Icon, Note, NoteKind, Skeleton, VirtualList, When,
};

/// A key that matches.
type Found = Arc<SearchMatch>;

/// Height of a result; `results.css` agrees.
const ROW: f64 = 48.0;

/// The results, with the progress above them.
#[component]
pub(in crate::pages::explorer) fn SearchResults(search: ServerSearch) -> impl IntoView {
    let i18n = use_i18n();
    let found = Memo::new(move |_| search.get(|state| Arc::clone(&state.found)));
    let phase = Memo::new(move |_| {
        search
            .state
            .with(|state| state.as_ref().map(|state| state.phase))
    });
    let none = Memo::new(move |_| found.with(|found| found.is_empty()));
    let error = Signal::derive(move || {
        search
            .error
            .get()
            .unwrap_or(crate::api::ApiError::Unreachable)
    });
    let text = Memo::new(move |_| search.get(|state| state.spec.text.clone()));
    let nothing_detail = move || {
        let revision = search.get(|state| state.end.as_ref().map(|end| end.header.revision));
        match revision {
            Some(revision)
                if phase.get() == Some(Phase::Ended)
                    && search.get(|state| state.next().is_none()) =>
            {
                i18n.fill(Text::NoMatchDetail, &[&format::count(revision)])
            }
            _ => i18n.t(Text::NoMatchYet).to_owned(),
        }
    };
    let body = move || match (phase.get(), none.get()) {
        (Some(Phase::Failed), true) => {
            view! { <ErrorState error=error on_retry=move || search.retry()/> }.into_any()
        }
        (Some(Phase::Running), true) => view! { <Skeleton rows=5/> }.into_any(),
        (_, true) => view! {
            <EmptyState
                icon=Icon::Find
                title=Signal::derive(move || i18n.fill(Text::NoMatch, &[&text.get()]))
                detail=Signal::derive(nothing_detail)
            />
        }
        .into_any(),
        (_, false) => view! {
            <VirtualList
                rows=Signal::derive(move || found.get())
                row_height=Signal::stored(ROW)
                key=|found: &Found| found.key.clone()
                render=move |_, found: Found| view! { <ResultRow found=found search=search/> }
                class="x-found-list"
            />
        }
        .into_any(),
    };
    let failed_late = Memo::new(move |_| phase.get() == Some(Phase::Failed) && !none.get());
    view! {
        <section class="x-search" aria-label=tr(Text::Results)>
            <Head search=search/>
            <When when=move || failed_late.get()>
                <Note
                    kind=NoteKind::Error
                    role="alert"
                    action=move || view! { <Button small=true on_press=move || search.retry()>{tr(Text::Again)}</Button> }
                >
                    {move || error.with(|error| error.in_full(i18n.lang()))}
                </Note>
            </When>
            {body}
        </section>
    }
}

/// What is searched, how far, and what can be done about it.
#[component]
fn Head(search: ServerSearch) -> impl IntoView {
    let (navigation, i18n) = (use_navigation(), use_i18n());
    let spec = Memo::new(move |_| {
        search
            .state
            .with(|state| state.as_ref().map(|state| state.spec.clone()))
    });
    let within = move || match spec.get() {
        Some(spec) if !spec.within.is_empty() => {
            i18n.fill(Text::InPrefix, &[&prefix_name(&spec.within)])
        }
        _ => i18n.t(Text::InAll).to_owned(),
    };
    let regex = Memo::new(move |_| spec.with(|spec| spec.as_ref().is_some_and(|spec| spec.regex)));
    let toggle_regex = move || {
        if let Some(spec) = spec.get_untracked() {
            navigation.open_search(&Spec {
                regex: !spec.regex,
                ..spec
            });
        }
    };
    let command = RwSignal::new(None);
    let show_command = move || {
        let path = spec.with_untracked(|spec| spec.as_ref().and_then(|spec| spec.path().ok()));
        command.set(path.map(|path| (explorer::Text::DoSearch, KeyCommand::Search { path })));
    };
    let phase = Memo::new(move |_| {
        search
            .state
            .with(|state| state.as_ref().map(|state| state.phase))
    });
    let has_next = Memo::new(move |_| search.get(|state| state.next().is_some()));
    let act = move || {
        match phase.get() {
        Some(Phase::Running) => Some(
            view! { <Button small=true icon=Icon::Pause on_press=move || search.stop()>{tr(Text::Stop)}</Button> }
                .into_any(),
        ),
        Some(Phase::Ended) if has_next.get() => Some(
            view! { <Button small=true icon=Icon::Find on_press=move || search.resume()>{tr(Text::Continue)}</Button> }
                .into_any(),
        ),
        Some(Phase::Stopped) => Some(
            view! { <Button small=true icon=Icon::Refresh on_press=move || search.retry()>{tr(Text::Again)}</Button> }
                .into_any(),
        ),
        _ => None,
    }
    };
    let matches = move || {
        let count = search.get(|state| state.found.len()) as i64;
        i18n.plural(count, Text::OneMatch, Text::ManyMatches)
    };
    let progress = move || {
        let (keys, of_keys) = search.get(Search::keys);
        if of_keys == 0 && phase.get() == Some(Phase::Running) {
            return i18n.t(Text::Starting).to_owned();
        }
        let bytes = format::size(search.get(Search::bytes) as i64);
        let counts = [format::count(keys as i64), format::count(of_keys as i64)];
        i18n.fill(Text::Progress, &[&counts[0], &counts[1], &bytes])
    };
    let why = move || {
        let limit = search.get(|state| state.end.as_ref().and_then(|end| end.stopped_by));
        let text = match (phase.get()?, limit) {
            (Phase::Stopped, _) => Text::StoppedByUser,
            (Phase::Ended, Some(SearchLimit::Matches)) => {
                let count = search.get(|state| state.found.len()) as i64;
                return Some(i18n.fill(Text::StoppedAtMatches, &[&format::count(count)]));
            }
            (Phase::Ended, Some(SearchLimit::Time)) => Text::StoppedAtTime,
            (Phase::Ended, Some(SearchLimit::Bytes)) => Text::StoppedAtBytes,
            _ => return None,
        };
        Some(i18n.t(text).to_owned())
    };
    let readable_only = Memo::new(move |_| {
        search.get(|state| state.end.as_ref().is_some_and(|end| end.readable_only))
    });
    let done = move || format!("{:.1}%", search.get(Search::done) * 100.0);
    view! {
        <div class="x-search-head">
            <div class="x-search-line">
                <span class="x-search-within cut">{within}</span>
                <Button small=true pressed=Signal::derive(move || regex.get()) label=label(Text::Regex) on_press=toggle_regex>
                    <span class="mono" aria-hidden="true">".*"</span>
                </Button>
                {act}
                <Button small=true kind=ButtonKind::Quiet icon=Icon::Terminal label=label(Common::CopyCommand) on_press=show_command/>
                <Button small=true kind=ButtonKind::Quiet icon=Icon::Close label=label(Text::Close) on_press=move || navigation.close_search()/>
                <CommandDialog shown=command/>
            </div>
            <p class="x-search-status">
                <b role="status">{matches}</b>
                <span>{progress}</span>
                <span>{why}</span>
            </p>
            <When when=move || readable_only.get()>
                <p class="x-search-status">{tr(Text::ReadableOnly)}</p>
            </When>
            <div class="x-search-bar" aria-hidden="true"><i style:width=done></i></div>
        </div>
    }
}

/// A key that matches.
#[component]
fn ResultRow(found: Found, search: ServerSearch) -> impl IntoView {
    let navigation = use_navigation();
    let href = search.state.with_untracked(|state| {
        state
            .as_ref()
            .map(|state| found_url(&found.key.0, &state.spec))
    });
    let ranges = |place: SearchPlace| {
        if found.place == place {
            &found.ranges[..]
        } else {
            &[]
        }
    };
    let whole = format::key(&found.key.0);
    let key = key_parts(&found.key.0, ranges(SearchPlace::Key));
    let empty = Bytes::default();
    let preview = found.preview.as_ref().unwrap_or(&empty);
    let mut preview_parts = preview_parts(&preview.0, ranges(SearchPlace::Value));
    let offset = found.offset.unwrap_or(0);
    let cut = |text: &str| Part {
        text: text.to_owned(),
        hit: false,
    };
    if offset > 0 {
        preview_parts.insert(0, cut("…"));
    }
    if found.size.is_some_and(|size| offset + preview.len() < size) {
        preview_parts.push(cut("…"));
    }
    let name = StoredValue::new(found.key.0.clone());
    let selected = Memo::new(move |_| {
        navigation.selected.with(|selected| match selected {
            Selected::Key(key) => name.with_value(|name| **name == **key),
            Selected::Prefix(_) | Selected::Nothing => false,
        })
    });
    view! {
        <a
            class="x-found"
            href=href
            title=whole
            aria-current=move || selected.get().then_some("true")
        >
            <span class="x-found-key mono cut">{parts(key)}</span>
            <span class="x-found-preview mono cut">{parts(preview_parts)}</span>
        </a>
    }
}

fn parts(parts: Vec<Part>) -> impl IntoView {
    parts
        .into_iter()
        .map(|part| {
            if part.hit {
                view! { <mark class="x-found-hit">{part.text}</mark> }.into_any()
            } else {
                part.text.into_any()
            }
        })
        .collect_view()
}
