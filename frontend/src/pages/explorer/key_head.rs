//! The head of a key: path, facts and actions.

use leptos::prelude::*;
use shared::LeaseId;

use super::commands::CommandMenu;
use super::facts::use_facts;
use super::live_key::{KeyState, LiveKey};
use super::navigation::{HISTORY, VALUE, use_navigation};
use super::path::Path;
use super::text::Text;
use crate::clock::use_clock;
use crate::i18n::{label, tr, use_i18n};
use crate::model::command::KeyCommand;
use crate::model::format;
use crate::pages::links::{key_url, watch_key_url};
use crate::ui::clipboard::copier;
use crate::ui::{Button, ButtonKind, Chip, Glyph, Hue, Icon, MenuItem, Tabs, When};

/// The head.
#[component]
pub(crate) fn KeyHead(live_key: LiveKey) -> impl IntoView {
    let (navigation, i18n) = (use_navigation(), use_i18n());
    let copy = copier();
    let LiveKey {
        state,
        editing,
        deleting,
        ..
    } = live_key;
    let key = live_key.key.get_value();
    let present = Memo::new(move |_| state.with(|state| matches!(state, KeyState::Present(_))));
    let has_entry = Memo::new(move |_| state.with(|state| state.entry().is_some()));
    let idle = Signal::derive(move || present.get() && !editing.get());
    let commands = Signal::derive(move || {
        let key = live_key.key.get_value().to_vec();
        let mut commands = vec![
            (Text::DoRead, KeyCommand::Get { key: key.clone() }),
            (Text::DoHistory, KeyCommand::History { key: key.clone() }),
            (
                Text::DoWatch,
                KeyCommand::Watch {
                    key: key.clone(),
                    prefix: false,
                },
            ),
        ];
        if let KeyState::Present(entry) = state.get() {
            commands.push((
                Text::DoDelete,
                KeyCommand::Delete {
                    key,
                    revision: entry.mod_revision,
                },
            ));
        }
        commands
    });
    let tabs = Signal::derive(move || {
        let versions = state.with(|state| state.entry().map(|entry| entry.version));
        vec![
            (VALUE, i18n.t(Text::TabValue).to_owned(), None),
            (
                HISTORY,
                i18n.t(Text::TabHistory).to_owned(),
                versions.map(format::count),
            ),
        ]
    });
    let copy_key = move || live_key.key.with_value(|key| copy(format::key(key)));
    let copy_link = move || live_key.key.with_value(|key| copy(key_url(key)));
    let watch_url = watch_key_url(&key);
    view! {
        <header class="x-head">
            <div class="x-head-line">
                <div class="x-head-what">
                    <Path name=key/>
                </div>
                <div class="x-acts" class:is-hidden=move || editing.get()>
                    <CommandMenu commands=commands>
                        <hr/>
                        <MenuItem icon=Icon::Copy on_press=copy_key>{tr(Text::CopyKey)}</MenuItem>
                        <MenuItem icon=Icon::Link on_press=copy_link>{tr(Text::CopyLink)}</MenuItem>
                    </CommandMenu>
                    <a class="btn" href=watch_url>
                        <Glyph icon=Icon::Eye/>
                        {tr(Text::WatchIt)}
                    </a>
                    <Button
                        kind=ButtonKind::Danger
                        icon=Icon::Trash
                        disabled=Signal::derive(move || !idle.get())
                        on_press=move || deleting.set(true)
                    >
                        {tr(Text::Delete)}
                    </Button>
                    <Button
                        kind=ButtonKind::Primary
                        icon=Icon::Edit
                        disabled=Signal::derive(move || !idle.get())
                        on_press=move || {
                            navigation.open_tab(VALUE);
                            editing.set(true);
                        }
                    >
                        {tr(Text::Edit)}
                    </Button>
                </div>
            </div>
            <When when=move || has_entry.get()>
                <KeyChips state=state/>
            </When>
            <div class="x-head-tabs" class:is-hidden=move || editing.get() || !has_entry.get()>
                <Tabs
                    label=label(Text::Sections)
                    value=navigation.tab
                    options=tabs
                    on_choose=move |tab| navigation.open_tab(tab)
                />
            </div>
        </header>
    }
}

#[component]
fn KeyChips(state: RwSignal<KeyState>) -> impl IntoView {
    let fact = move |read: fn(&shared::Entry) -> i64| {
        move || state.with(|state| state.entry().map_or(0, read))
    };
    let (modified, created, version) = (
        fact(|entry| entry.mod_revision),
        fact(|entry| entry.create_revision),
        fact(|entry| entry.version),
    );
    let size = fact(|entry| entry.value.as_ref().map_or(0, |value| value.len() as i64));
    let lease = Memo::new(move |_| state.with(|state| state.entry().and_then(|entry| entry.lease)));
    let lease_chip = move || match lease.get() {
        Some(id) => view! { <LeaseChip id=id/> }.into_any(),
        None => view! { <Chip>{tr(Text::NoLease)}</Chip> }.into_any(),
    };
    view! {
        <div class="chips">
            <Chip>{tr(Text::ModifiedAt)} <b>{move || format::count(modified())}</b></Chip>
            <Chip>{tr(Text::CreatedAt)} <b>{move || format::count(created())}</b></Chip>
            <Chip>{tr(Text::VersionIs)} <b>{move || format::count(version())}</b></Chip>
            <Chip><b>{move || format::size(size())}</b></Chip>
            {lease_chip}
        </div>
    }
}

/// A lease with its remaining TTL.
#[component]
pub(crate) fn LeaseChip(id: LeaseId) -> impl IntoView {
    let (facts, clock, i18n) = (use_facts(), use_clock(), use_i18n());
    let granted = move || {
        let granted = facts.lease(id)?.granted;
        Some(i18n.fill(Text::LeaseGranted, &[&format::span(granted, i18n.lang())]))
    };
    let left = move || {
        let lang = i18n.lang();
        match facts.lease(id) {
            Some(alive) => Some(i18n.fill(
                Text::LeaseLeft,
                &[&format::span(alive.seconds_left(clock.now()), lang)],
            )),
            None => facts
                .lease_ended(id)
                .then(|| i18n.t(Text::LeaseEnded).to_owned()),
        }
    };
    let keys = move || {
        let keys = facts.lease_keys(id)?;
        Some(i18n.plural(keys, Text::OnLeaseOne, Text::OnLeaseMany))
    };
    view! {
        <Chip hue=Hue::Lease title=Signal::derive(granted)>
            <Glyph icon=Icon::Lease/>
            {tr(Text::LeaseIs)}
            <b class="mono x-chip-id">{id.to_string()}</b>
            <span>{left}</span>
            <span>{keys}</span>
        </Chip>
    }
}
