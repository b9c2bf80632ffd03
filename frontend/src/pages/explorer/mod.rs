//! The Explorer: the key tree on one side, the selected key or folder on the other.

mod commands;
mod conflict;
mod create;
mod diff_view;
mod draft;
mod editor;
mod facts;
mod folder;
mod folder_rows;
mod history;
mod key;
mod key_head;
mod keyspace;
mod limits;
mod live_key;
mod navigation;
mod path;
mod remove;
mod remove_prefix;
mod search;
mod text;
mod text_area;
mod tree_pane;
mod tree_row;
mod value;

use leptos::prelude::*;

use crate::clock::use_clock;
use crate::i18n::{label, use_i18n};
use crate::state::{Phase, use_connection};
use crate::ui::{EmptyState, Icon, Split};
use navigation::Selected;
use text::Text;

/// The page.
#[component]
pub(crate) fn Explorer() -> impl IntoView {
    let i18n = use_i18n();
    let navigation = navigation::provide();
    let facts = facts::provide();
    let keyspace = keyspace::provide(facts);
    let clock = use_clock();
    // Marks of recent changes expire with the clock.
    Effect::new(move |_| {
        clock.now();
        keyspace.expire_fresh();
    });
    // Retries what failed as soon as the page is live again.
    let connection = use_connection();
    Effect::new(move |_| {
        if connection.phase() == Phase::Live {
            keyspace.retry();
        }
    });
    let selected = navigation.selected;
    let detail = move || match selected.get() {
        Selected::Nothing => view! {
            <EmptyState
                icon=Icon::Tree
                title=label(Text::Nothing)
                detail=label(Text::NothingDetail)
            />
        }
        .into_any(),
        Selected::Key(key) => view! { <key::KeyView key=key/> }.into_any(),
        Selected::Prefix(prefix) => view! { <folder::FolderView prefix=prefix/> }.into_any(),
    };
    view! {
        <h1 class="visually-hidden">{move || i18n.t(crate::i18n::Common::Explorer)}</h1>
        <Split
            name="explorer.split"
            label=label(Text::TreeBorder)
            second_shown=Signal::derive(move || selected.get() != Selected::Nothing)
            first=Box::new(|| view! { <tree_pane::TreePane/> }.into_any())
            second=Box::new(move || view! { <section class="x-detail">{detail}</section> }.into_any())
        />
        <create::CreateDialog/>
    }
}
