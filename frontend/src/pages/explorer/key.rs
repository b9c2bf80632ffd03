//! A key: what it is now, live.

use leptos::prelude::*;
use shared::{Bytes, Entry, Event, RangeSpec, WatchRequest};

use super::drafts::use_drafts;
use super::editor::Editor;
use super::history::HistoryCard;
use super::key_head::KeyHead;
use super::place::{HISTORY, use_place};
use super::remove::DeleteKey;
use super::text::Text;
use super::value::ValueCard;
use crate::api::{self, ApiError};
use crate::i18n::{label, tr, use_i18n};
use crate::live::use_live;
use crate::model::format;
use crate::model::key_text;
use crate::model::live::WatchUpdate;
use crate::model::tree::Name;
use crate::state::{Phase, Scope, use_connection};
use crate::ui::tabs::tab_id;
use crate::ui::{Button, ButtonKind, EmptyState, ErrorState, Glyph, Icon, Skeleton};

/// What is known of the key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// Nothing yet.
    Loading,
    /// The question failed.
    Failed(ApiError),
    /// It is there.
    Present(Entry),
    /// It is not there; with what it was last and when it went, where the page saw that.
    Absent { last: Option<(Entry, i64)> },
}

impl Known {
    /// The entry, as it is or as it was last.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Present(entry)
            | Self::Absent {
                last: Some((entry, _)),
            } => Some(entry),
            _ => None,
        }
    }
}

/// A key as the page follows it.
#[derive(Clone, Copy)]
pub(crate) struct Followed {
    pub(crate) key: StoredValue<Name>,
    pub(crate) known: RwSignal<Known>,
    pub(crate) editing: RwSignal<bool>,
    pub(crate) deleting: RwSignal<bool>,
    scope: Scope,
    followed: StoredValue<bool>,
}

impl Followed {
    fn new(key: Name) -> Self {
        let kept = use_drafts().has(&key);
        let followed = Self {
            key: StoredValue::new(key),
            known: RwSignal::new(Known::Loading),
            editing: RwSignal::new(kept),
            deleting: RwSignal::new(false),
            scope: Scope::here(),
            followed: StoredValue::new(false),
        };
        followed.load();
        // What failed is asked for again as soon as the page is live again.
        let connection = use_connection();
        Effect::new(move |_| {
            if connection.phase() == Phase::Live
                && followed
                    .known
                    .with_untracked(|known| matches!(known, Known::Failed(_)))
            {
                followed.load();
            }
        });
        followed
    }

    /// Asks for the key.
    pub(crate) fn load(self) {
        self.scope.spawn(async move {
            let Some(key) = self.key.try_get_value() else {
                return;
            };
            match api::kv::find(&key).await {
                Ok((revision, Some(entry))) => {
                    self.know(Known::Present(entry));
                    self.follow(revision + 1);
                }
                Ok((revision, None)) => {
                    self.vanish(revision);
                    self.follow(revision + 1);
                }
                Err(error) => self.know(Known::Failed(error)),
            }
        });
    }

    /// News never go back in time: an answer may be older than an event. A failed question takes
    /// nothing away that is known already.
    fn know(self, news: Known) {
        let newer = self.known.try_with_untracked(|known| match (known, &news) {
            (Known::Present(old), Known::Present(new)) => new.mod_revision > old.mod_revision,
            (
                Known::Absent {
                    last: Some((_, gone)),
                },
                Known::Present(new),
            ) => new.mod_revision > *gone,
            (Known::Present(_) | Known::Absent { .. }, Known::Failed(_)) => false,
            _ => *known != news,
        });
        if newer == Some(true) {
            self.known.try_set(news);
        }
    }

    /// The key was not there at a revision; what it was last stays in view.
    fn vanish(self, revision: i64) {
        let last = self.known.try_with_untracked(|known| match known {
            Known::Present(entry) if entry.mod_revision <= revision => {
                Some(Some((entry.clone(), revision)))
            }
            Known::Present(_) | Known::Absent { .. } => None,
            Known::Loading | Known::Failed(_) => Some(None),
        });
        if let Some(Some(last)) = last {
            self.known.try_set(Known::Absent { last });
        }
    }

    /// Follows the key from a revision on, once.
    fn follow(self, revision: i64) {
        if self
            .followed
            .try_update_value(|followed| std::mem::replace(followed, true))
            != Some(false)
        {
            return;
        }
        let key = self.key.get_value();
        let request = WatchRequest {
            range: RangeSpec {
                key: Some(Bytes::from(&*key)),
                ..RangeSpec::default()
            },
            revision: Some(revision),
            snapshot: true,
            ..WatchRequest::default()
        };
        self.scope
            .with(|| use_live().watch(request, move |update| self.hear(update)));
    }

    fn hear(self, update: WatchUpdate) {
        match update {
            WatchUpdate::Events { events, .. } => {
                for event in events {
                    match event {
                        Event::Put { entry, .. } => self.know(Known::Present(entry)),
                        Event::Delete { mod_revision, .. } => self.vanish(mod_revision),
                    }
                }
            }
            WatchUpdate::Snapshot {
                entries,
                last: true,
                ..
            } => match entries.into_iter().next() {
                // The data may be others now: what a snapshot says holds, whatever was known.
                Some(entry) => {
                    self.known.try_set(Known::Present(entry));
                }
                None => {
                    if !matches!(self.known.try_get_untracked(), Some(Known::Absent { .. })) {
                        self.known.try_set(Known::Absent { last: None });
                    }
                }
            },
            _ => {}
        }
    }
}

/// The key's view.
#[component]
pub(crate) fn KeyView(key: Name) -> impl IntoView {
    let (place, i18n) = (use_place(), use_i18n());
    let followed = Followed::new(key);
    let Followed { known, editing, .. } = followed;
    let value = Signal::derive(move || {
        known.with(|known| {
            known
                .entry()
                .and_then(|entry| entry.value.clone())
                .unwrap_or_default()
        })
    });
    let shown = Memo::new(move |_| match known.get() {
        Known::Loading => Shown::Loading,
        Known::Failed(_) => Shown::Failed,
        Known::Absent { last: None } if !editing.get() => Shown::Absent,
        _ if editing.get() => Shown::Editor,
        _ if place.tab.get() == HISTORY => Shown::History,
        _ => Shown::Value,
    });
    let name = move || followed.key.with_value(|key| key_text::in_sentence(key));
    let gone = move || match known.get() {
        Known::Absent {
            last: Some((_, revision)),
        } if !editing.get() => Some(view! {
            <div class="note note-bad x-gone" role="status">
                <Glyph icon=Icon::Trash/>
                <span class="note-text">{move || i18n.fill(Text::DeletedHere, &[&format::count(revision)])}</span>
                <Button small=true on_press=move || place.open_new(&followed.key.get_value())>{tr(Text::CreateIt)}</Button>
            </div>
        }),
        _ => None,
    };
    let body = move || {
        match shown.get() {
        Shown::Loading => view! { <div class="x-appears"><Skeleton rows=5/></div> }.into_any(),
        Shown::Failed => view! {
            <ErrorState
                error=Signal::derive(move || match known.get() {
                    Known::Failed(error) => error,
                    _ => ApiError::Unreachable,
                })
                on_retry=move || followed.load()
            />
        }
        .into_any(),
        Shown::Absent => view! {
            <EmptyState
                icon=Icon::File
                title=Signal::derive(move || i18n.fill(Text::Absent, &[&name()]))
                detail=label(Text::AbsentDetail)
            >
                <Button kind=ButtonKind::Primary icon=Icon::Plus on_press=move || place.open_new(&followed.key.get_value())>
                    {tr(Text::CreateIt)}
                </Button>
            </EmptyState>
        }
        .into_any(),
        Shown::Editor => view! { <Editor followed=followed/> }.into_any(),
        Shown::History => view! {
            <div role="tabpanel" aria-labelledby=tab_id(HISTORY)><HistoryCard followed=followed/></div>
        }
        .into_any(),
        Shown::Value => view! {
            <div role="tabpanel" aria-labelledby=tab_id(super::place::VALUE)><ValueCard value=value/></div>
        }
        .into_any(),
    }
    };
    view! {
        <KeyHead followed=followed/>
        {gone}
        <div class="x-detail-body">{body}</div>
        <DeleteKey followed=followed/>
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Loading,
    Failed,
    Absent,
    Editor,
    History,
    Value,
}
