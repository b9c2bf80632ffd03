//! Brand and navigation; on narrow screens the navigation is a bar at the bottom.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::api::base::page_url;
use crate::i18n::{texts, tr};
use crate::pages::Page;
use crate::state::use_overlays;
use crate::ui::{Glyph, Icon, Kbd};

texts! {
    enum Text {
        Pages: "Pages", "页面";
        Help: "Shortcuts", "快捷键";
    }
}

/// The product's name, which links to the start page.
#[component]
pub(crate) fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href=page_url("explorer") aria-label="Watchgate">
            <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
                <path d="M3 17V8l7-5 7 5v9M6.500 17v-6M13.500 17v-6M10 17v-6"></path>
            </svg>
            <span class="brand-name">"Watchgate"</span>
        </a>
    }
}

/// The pages.
#[component]
pub(crate) fn Rail() -> impl IntoView {
    let pathname = use_location().pathname;
    let here = Memo::new(move |_| Page::of_path(&pathname.get()));
    let overlays = use_overlays();
    let links = Page::ALL
        .into_iter()
        .map(|page| {
            view! {
                <a href=page_url(page.path()) aria-current=move || (here.get() == Some(page)).then_some("page")>
                    <Glyph icon=page.icon()/>
                    <span class="rail-text">{tr(page.name())}</span>
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="rail" aria-label=tr(Text::Pages)>
            {links}
            <button type="button" class="rail-end" on:click=move |_| overlays.help.set(true)>
                <Glyph icon=Icon::Help/>
                <span class="rail-text">{tr(Text::Help)}</span>
                <Kbd keys="?"/>
            </button>
        </nav>
    }
}
