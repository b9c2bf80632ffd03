//! A key's head: path, what it is, what can be done with it.

use leptos::prelude::*;
use shared::LeaseId;

use super::commands::CommandMenu;
use super::facts::use_facts;
use super::key::{Followed, Known};
use super::path::Path;
use super::place::{HISTORY, VALUE, key_url, use_place};
use super::text::Text;
use crate::i18n::{label, tr, use_i18n};
use crate::model::command::KeyCommand;
use crate::model::format;
use crate::model::percent;
use crate::state::use_clock;
use crate::ui::clipboard::copier;
use crate::ui::{Button, ButtonKind, Chip, Glyph, Hue, Icon, MenuItem, Tabs, When};

/// The head.
#[component]
pub(crate) fn KeyHead(followed: Followed) -> impl IntoView {
    let (place, i18n) = (use_place(), use_i18n());
    let copy = copier();
    let Followed {
        known,
        editing,
        deleting,
        ..
    } = followed;
    let key = followed.key.get_value();
    let present = Memo::new(move |_| known.with(|known| matches!(known, Known::Present(_))));
    let has_entry = Memo::new(move |_| known.with(|known| known.entry().is_some()));
    let idle = Signal::derive(move || present.get() && !editing.get());
    let deeds = Signal::derive(move || {
        let key = followed.key.get_value().to_vec();
        let mut deeds = vec![
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
        if let Known::Present(entry) = known.get() {
            deeds.push((
                Text::DoDelete,
                KeyCommand::Delete {
                    key,
                    revision: entry.mod_revision,
                },
            ));
        }
        deeds
    });
    let tabs = Signal::derive(move || {
        let versions = known.with(|known| known.entry().map(|entry| entry.version));
        vec![
            (VALUE, i18n.t(Text::TabValue).to_owned(), None),
            (
                HISTORY,
                i18n.t(Text::TabHistory).to_owned(),
                versions.map(format::count),
            ),
        ]
    });
    let copy_key = move || followed.key.with_value(|key| copy(format::key(key)));
    let copy_link = move || followed.key.with_value(|key| copy(key_url(key)));
    let watch_url =
        crate::api::base::page_url(&format!("watch{}", percent::query(&[("key", &key)])));
    view! {
        <header class="x-head">
            <div class="x-head-line">
                <div class="x-head-what">
                    <Path name=key/>
                </div>
                <div class="x-acts" class:is-hidden=move || editing.get()>
                    <CommandMenu deeds=deeds>
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
                            place.open_tab(VALUE);
                            editing.set(true);
                        }
                    >
                        {tr(Text::Edit)}
                    </Button>
                </div>
            </div>
            <When when=move || has_entry.get()>
                <KeyChips known=known/>
            </When>
            <div class="x-head-tabs" class:is-hidden=move || editing.get() || !has_entry.get()>
                <Tabs
                    label=label(Text::Sections)
                    value=place.tab
                    options=tabs
                    on_choose=move |tab| place.open_tab(tab)
                />
            </div>
        </header>
    }
}

#[component]
fn KeyChips(known: RwSignal<Known>) -> impl IntoView {
    let fact = move |read: fn(&shared::Entry) -> i64| {
        move || known.with(|known| known.entry().map_or(0, read))
    };
    let (modified, created, version) = (
        fact(|entry| entry.mod_revision),
        fact(|entry| entry.create_revision),
        fact(|entry| entry.version),
    );
    let size = fact(|entry| entry.value.as_ref().map_or(0, |value| value.len() as i64));
    let lease = Memo::new(move |_| known.with(|known| known.entry().and_then(|entry| entry.lease)));
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

/// A lease with what is left of it.
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
            Some(draining) => {
                let left = ((draining.deadline - clock.now()) / 1000.0).ceil().max(0.0) as i64;
                Some(i18n.fill(Text::LeaseLeft, &[&format::span(left, lang)]))
            }
            None => facts
                .lease_gone(id)
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
