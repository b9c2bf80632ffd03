//! A key's stored revisions, with the value and the change at each.

use leptos::prelude::*;
use shared::{Bytes, Entry, HistoryEnd};

use super::diff_view::DiffView;
use super::live_key::LiveKey;
use super::text::Text;
use super::value::ValueCard;
use crate::api::{self, ApiError};
use crate::i18n::{label, tr, use_i18n};
use crate::model::format;
use crate::state::Scope;
use crate::ui::{
    Button, ButtonKind, EmptyState, ErrorState, Glyph, Icon, Note, Segmented, Skeleton, When,
};

/// The pages loaded so far.
#[derive(Clone, Debug, PartialEq)]
struct Pages {
    entries: Vec<Entry>,
    ended_by: HistoryEnd,
    compacted: Option<i64>,
    next: Option<String>,
}

#[derive(Clone, Copy)]
struct Store {
    pages: RwSignal<Option<Pages>>,
    error: RwSignal<Option<ApiError>>,
    busy: RwSignal<bool>,
    scope: Scope,
    live_key: LiveKey,
}

impl Store {
    fn load(self, older: bool) {
        let cursor = if older {
            self.pages
                .with_untracked(|pages| pages.as_ref().and_then(|pages| pages.next.clone()))
        } else {
            None
        };
        if self.busy.get_untracked() || (older && cursor.is_none()) {
            return;
        }
        self.busy.set(true);
        self.scope.spawn(async move {
            let Some(key) = self.live_key.key.try_get_value() else {
                return;
            };
            let response = api::kv::history(&key, cursor.as_deref()).await;
            self.busy.try_set(false);
            match response {
                Ok(response) => {
                    self.error.try_set(None);
                    self.pages.try_update(|pages| {
                        let mut entries = match pages.take() {
                            Some(pages) if older => pages.entries,
                            _ => Vec::new(),
                        };
                        entries.extend(response.entries);
                        *pages = Some(Pages {
                            entries,
                            ended_by: response.ended_by,
                            compacted: response.compacted_revision,
                            next: response.next,
                        });
                    });
                }
                Err(error) => {
                    self.error.try_set(Some(error));
                }
            }
        });
    }
}

/// The list of revisions, and the chosen one.
#[component]
pub(crate) fn HistoryCard(live_key: LiveKey) -> impl IntoView {
    let i18n = use_i18n();
    let store = Store {
        pages: RwSignal::new(None),
        error: RwSignal::new(None),
        busy: RwSignal::new(false),
        scope: Scope::here(),
        live_key,
    };
    store.load(false);
    let chosen = RwSignal::new(None::<i64>);
    let newest = Memo::new(move |_| {
        store
            .pages
            .with(|pages| Some(pages.as_ref()?.entries.first()?.mod_revision))
    });
    let current = Memo::new(move |_| {
        live_key
            .state
            .with(|state| state.entry().map(|entry| entry.mod_revision))
    });
    let moved = move || matches!((newest.get(), current.get()), (Some(newest), Some(current)) if current > newest);
    let at = Memo::new(move |_| chosen.get().or_else(|| newest.get()));

    let rows = move || {
        let pages = store.pages.get()?;
        let rows = pages
            .entries
            .into_iter()
            .map(|entry| view! { <HistoryRow entry=entry at=at current=current on_choose=move |revision| chosen.set(Some(revision))/> })
            .collect_view();
        Some(rows)
    };
    let refresh = move || {
        let press = move || {
            chosen.set(None);
            store.load(false);
        };
        view! { <Button small=true on_press=press>{tr(Text::Refresh)}</Button> }
    };
    let end = move || {
        let pages = store.pages.get()?;
        Some(match (pages.ended_by, pages.compacted) {
            (HistoryEnd::Creation, _) => i18n.t(Text::EndCreation).to_owned(),
            (HistoryEnd::Compaction, Some(at)) => {
                i18n.fill(Text::EndCompactionAt, &[&format::count(at)])
            }
            (HistoryEnd::Compaction, None) => i18n.t(Text::EndCompaction).to_owned(),
            (HistoryEnd::Limit, _) => String::new(),
        })
    };
    let more = move || {
        store
            .pages
            .with(|pages| pages.as_ref().is_some_and(|pages| pages.next.is_some()))
    };
    let failed = Memo::new(move |_| {
        store
            .pages
            .with(Option::is_none)
            .then(|| store.error.get())
            .flatten()
    });
    let loading =
        Memo::new(move |_| store.pages.with(Option::is_none) && store.error.with(Option::is_none));
    let none = Memo::new(move |_| {
        store
            .pages
            .with(|pages| pages.as_ref().is_some_and(|pages| pages.entries.is_empty()))
    });
    view! {
        <When when=move || loading.get()><div class="x-appears"><Skeleton rows=5/></div></When>
        {move || failed.get().map(|error| view! { <ErrorState error=Signal::stored(error) on_retry=move || store.load(false)/> })}
        <When when=move || none.get()>
            <EmptyState icon=Icon::History title=label(Text::EndCompaction)/>
        </When>
        <When when=move || newest.get().is_some()>
            <div class="x-history">
                <section class="card">
                    <div class="card-head">{tr(Text::HistoryTitle)}</div>
                    <When when=moved>
                        <Note action=refresh>{tr(Text::HistoryMoved)}</Note>
                    </When>
                    <div class="x-history-list" role="listbox" aria-label=tr(Text::HistoryTitle)>{rows}</div>
                    <div class="x-history-end">
                        <span class="note-text">{end}</span>
                        <When when=more>
                            <Button small=true kind=ButtonKind::Quiet pending=store.busy on_press=move || store.load(true)>{tr(Text::LoadOlder)}</Button>
                        </When>
                    </div>
                </section>
                <Revision store=store at=at/>
            </div>
        </When>
    }
}

#[component]
fn HistoryRow(
    entry: Entry,
    at: Memo<Option<i64>>,
    current: Memo<Option<i64>>,
    on_choose: impl Fn(i64) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let revision = entry.mod_revision;
    let chosen = Memo::new(move |_| at.get() == Some(revision));
    let size = entry.value.as_ref().map_or(0, |value| value.len() as i64);
    view! {
        <button
            type="button"
            class="x-history-row"
            role="option"
            aria-selected=move || chosen.get().to_string()
            on:click=move |_| on_choose(revision)
        >
            <span class="mono num">{format::count(revision)}</span>
            <span class="num soft">{tr(Text::VersionIs)} " " {format::count(entry.version)}</span>
            <span class="num mute">{format::size(size)}</span>
            {entry.lease.map(|_| view! { <span class="x-history-lease"><Glyph icon=Icon::Lease/></span> })}
            <When when=move || current.get() == Some(revision)>
                <span class="x-history-now">{tr(Text::Current)}</span>
            </When>
        </button>
    }
}

/// The chosen revision: its change, or its whole value.
#[component]
fn Revision(store: Store, at: Memo<Option<i64>>) -> impl IntoView {
    let i18n = use_i18n();
    let whole = RwSignal::new(false);
    // The entry and the one before it, if that is loaded.
    let pair = Memo::new(move |_| {
        let at = at.get()?;
        store.pages.with(|pages| {
            let entries = &pages.as_ref()?.entries;
            let index = entries.iter().position(|entry| entry.mod_revision == at)?;
            Some((entries[index].clone(), entries.get(index + 1).cloned()))
        })
    });
    let has_before = Memo::new(move |_| {
        pair.with(|pair| pair.as_ref().is_some_and(|(_, before)| before.is_some()))
    });
    let shows_change = move || has_before.get() && !whole.get();
    let title = move || {
        let at = format::count(at.get().unwrap_or(0));
        i18n.fill(
            if shows_change() {
                Text::ChangedBy
            } else {
                Text::ValueAt
            },
            &[&at],
        )
    };
    let options = Signal::derive(move || {
        vec![
            (false, i18n.t(Text::ShowChange).to_owned()),
            (true, i18n.t(Text::ShowValue).to_owned()),
        ]
    });
    let bytes = |entry: &Entry| entry.value.clone().unwrap_or_default();
    let value = Signal::derive(move || {
        pair.with(|pair| {
            pair.as_ref()
                .map(|(entry, _)| bytes(entry))
                .unwrap_or_default()
        })
    });
    let body = move || {
        if !shows_change() {
            return view! { <ValueCard value=value/> }.into_any();
        }
        let (new, old): (Bytes, Bytes) = pair.with(|pair| match pair {
            Some((entry, Some(before))) => (bytes(entry), bytes(before)),
            _ => (Bytes::default(), Bytes::default()),
        });
        view! { <section class="card"><DiffView old=old.0 new=new.0/></section> }.into_any()
    };
    view! {
        <div class="x-history-at">
            <div class="x-history-head">
                <h3>{title}</h3>
                <When when=move || has_before.get()>
                    <Segmented
                        label=label(Text::Lens)
                        value=whole
                        options=options
                        on_choose=move |choice| whole.set(choice)
                    />
                </When>
            </div>
            {body}
        </div>
    }
}
