//! The rows of a folder's table.

use leptos::prelude::*;

use super::facts::use_facts;
use super::keyspace::use_keyspace;
use super::navigation::use_navigation;
use super::text::Text;
use crate::i18n::{Common, use_i18n};
use crate::model::format;
use crate::model::tree::{Name, SEPARATOR};
use crate::pages::links::{key_url, prefix_url};
use crate::ui::{Glyph, Icon, TtlBar};

/// The part of a name after the folder's prefix.
fn below(name: &[u8], prefix: StoredValue<Name>) -> String {
    let label = &name[prefix.with_value(|prefix| prefix.len()).min(name.len())..];
    match label {
        [rest @ .., SEPARATOR] if !rest.is_empty() => format::key(rest),
        _ => format::key(label),
    }
}

/// A folder, with its number of keys.
#[component]
pub(super) fn FolderRow(name: Name, prefix: StoredValue<Name>) -> impl IntoView {
    let (keyspace, navigation) = (use_keyspace(), use_navigation());
    keyspace.count(&name);
    let label = below(&name, prefix);
    let whole = format::key(&name);
    let name = StoredValue::new(name);
    let i18n = use_i18n();
    let fresh = Memo::new(move |_| name.with_value(|name| keyspace.is_fresh(true, name)));
    let count = move || {
        let count = keyspace
            .tree()
            .with(|tree| name.with_value(|name| tree.count(name)));
        count.map(|count| i18n.plural(count, Text::OneKey, Text::ManyKeys))
    };
    let open = move |_| navigation.open_prefix(&name.get_value());
    view! {
        <div class="x-grid-row" role="row" class:is-fresh=move || fresh.get() on:click=open>
            <span role="cell" class="x-grid-name">
                <Glyph icon=Icon::Folder/>
                <a href=name.with_value(|name| prefix_url(name)) class="mono cut" title=whole>{label}</a>
            </span>
            <span role="cell" class="x-grid-rest mute">{count}</span>
        </div>
    }
}

/// A key, with what is known without its value.
#[component]
pub(super) fn KeyRow(name: Name, prefix: StoredValue<Name>) -> impl IntoView {
    let (keyspace, facts, navigation, i18n) =
        (use_keyspace(), use_facts(), use_navigation(), use_i18n());
    let label = below(&name, prefix);
    let whole = format::key(&name);
    let nameless = label.is_empty();
    let href = key_url(&name);
    let name = StoredValue::new(name);
    let fresh = Memo::new(move |_| name.with_value(|name| keyspace.is_fresh(false, name)));
    let meta = Memo::new(move |_| {
        keyspace.tree().with(|tree| {
            let level = prefix.with_value(|prefix| tree.level(prefix))?;
            name.with_value(|name| level.meta(name))
        })
    });
    let known = Memo::new(move |_| facts.key(&name.get_value(), meta.get()?.mod_revision));
    let size = move || known.get().map(|facts| format::size(facts.size));
    let alive = Memo::new(move |_| facts.lease(known.get()?.lease?));
    let has_lease = Memo::new(move |_| alive.get().is_some());
    let no_lease = Memo::new(move |_| known.get().is_some_and(|facts| facts.lease.is_none()));
    let lease = move || {
        if has_lease.get() {
            let deadline = move || alive.get().map_or(0.0, |alive| alive.deadline);
            let granted = move || alive.get().map_or(0, |alive| alive.granted);
            return Some(view! { <TtlBar deadline=Signal::derive(deadline) granted=Signal::derive(granted)/> }.into_any());
        }
        no_lease
            .get()
            .then(|| view! { <span class="mute">{move || i18n.t(Common::None)}</span> }.into_any())
    };
    let open = move |_| navigation.open_key(&name.get_value());
    view! {
        <div class="x-grid-row" role="row" class:is-fresh=move || fresh.get() on:click=open>
            <span role="cell" class="x-grid-name">
                <Glyph icon=Icon::File/>
                <a href=href class="mono cut" title=whole>
                    {label}
                    {nameless.then(|| view! { <span class="mute">{move || i18n.t(Common::EmptyKey)}</span> })}
                </a>
            </span>
            <span role="cell" class="cell-num x-grid-size">{size}</span>
            <span role="cell" class="cell-num x-grid-version">{move || meta.get().map(|meta| format::count(meta.version))}</span>
            <span role="cell" class="cell-num x-grid-modified">
                <span class="x-grid-unit">{move || i18n.t(Text::ColModified)} " "</span>
                <span class="mono">{move || meta.get().map(|meta| format::count(meta.mod_revision))}</span>
            </span>
            <span role="cell" class="x-grid-lease">{lease}</span>
        </div>
    }
}
